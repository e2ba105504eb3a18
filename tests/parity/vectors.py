"""Makes the reference vectors of a training: ar.safetensors (transformers' image GPT), bert.safetensors and
gpt2.safetensors (plain modules).

usage: vectors.py [FOLDER]      needs torch, transformers, safetensors, numpy

Each file holds, for a small model whose parameters are all random (the head and the gains of the norms too):
    tokens i32 [steps, batch, n], image i32 [steps, batch], for BERT hidden u8 [steps, batch, n]
    loss f64 [steps]                            before each step
    param:PATH, grad:PATH, final:PATH f32       at the start; the gradient of the first step; after all steps
PATH and the order of the axes are those of models/igpt.scan and models/gpt2.scan. ar and bert are trained by Adam, gpt2
by AdamW with decay and clipping as models/adamw.scan has them. Everything is computed in double precision from
parameters that are exact in single precision.
"""
import math
import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from transformers import ImageGPTConfig, ImageGPTForCausalImageModeling

LAYERS, D, HEADS, N, V = 2, 32, 2, 16, 24
E, F = D // HEADS, 4 * D
BATCH, STEPS, RATE, HIDE, SEED = 4, 10, 1e-3, 0.15, 7
MASK = 0xFFFFFFFF
# XXH64 of the call's path, "random", with the seed XXH64("random"): what frontend/lower_parameter.c gives a draw.
HIDDEN_KEY = 0x857A16461303B245


# --- the draws of random[n], as ir/philox.h defines them ---

def philox(counter, key):
    """Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011)."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        a, b = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & MASK, (a >> 32) ^ c3 ^ k1, a & MASK
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return c0, c1, c2, c3


def uniform(key, seed, draw, step, image, element):
    key0 = (key & MASK) ^ (seed * 0x85EBCA6B & MASK)
    key1 = (key >> 32) ^ (seed * 0xC2B2AE35 & MASK)
    return (philox((element, image, step, draw), (key0, key1))[0] >> 8) * 2.0**-24


def hidden_positions(images):
    """[steps, batch, n]; steps count from 1, the draw is 0."""
    return np.array([[[uniform(HIDDEN_KEY, SEED, 0, step + 1, int(image), i) < np.float32(HIDE) for i in range(N)]
                      for image in images[step]] for step in range(STEPS)])


# --- parameters by our paths and shapes ---

def igpt_shapes(objective):
    found = {"wte": (V, D), "wpe": (N, D), "head": (V, D), "ln_f.g": (D,)}
    if objective == "ar":
        found["sos"] = (D,)
    for i in range(LAYERS):
        block = f"block.{i}."
        found |= {block + "ln_1.g": (D,), block + "ln_2.g": (D,)}
        found |= {block + f"attn.{name}": (D, HEADS, E) for name in ("wq", "wk", "wv")}
        found |= {block + "attn.wo": (HEADS, E, D), block + "mlp.fc": (D, F), block + "mlp.proj": (F, D)}
    return found


def gpt2_shapes():
    found = {"wte": (V, D), "wpe": (N, D), "sos": (D,), "ln_f.gain": (D,), "ln_f.bias": (D,)}
    for i in range(LAYERS):
        block = f"block.{i}."
        found |= {block + f"{norm}.{name}": (D,) for norm in ("ln_1", "ln_2") for name in ("gain", "bias")}
        found |= {block + f"attn.w{name}": (D, HEADS, E) for name in "qkv"}
        found |= {block + f"attn.b{name}": (HEADS, E) for name in "qkv"}
        found |= {block + "attn.wo": (HEADS, E, D), block + "attn.bo": (D,)}
        found |= {block + "mlp.fc": (D, F), block + "mlp.fc_bias": (F,)}
        found |= {block + "mlp.proj": (F, D), block + "mlp.proj_bias": (D,)}
    return found


def draw_parameters(random, shapes):
    def draw(path, shape):
        values = random.normal(size=shape)
        return 1 + 0.2 * values if path.endswith((".g", ".gain")) else 0.15 * values

    return {path: draw(path, shape).astype(np.float32) for path, shape in shapes.items()}


# --- the models ---

class Reference:
    """transformers' image GPT. Its biases, which ours does not have, stay zero."""

    def __init__(self, parameters):
        config = ImageGPTConfig(vocab_size=V + 1, n_positions=N, n_embd=D, n_layer=LAYERS, n_head=HEADS,
                                activation_function="quick_gelu", layer_norm_epsilon=1e-5, resid_pdrop=0, embd_pdrop=0,
                                attn_pdrop=0, tie_word_embeddings=False, attn_implementation="eager")
        self.model = ImageGPTForCausalImageModeling(config).double().eval()
        for name, tensor in self.model.named_parameters():
            if name.endswith(".bias"):
                nn.init.zeros_(tensor).requires_grad_(False)
        self.write(parameters)

    def parameters(self):
        return [tensor for tensor in self.model.parameters() if tensor.requires_grad]

    def loss(self, tokens, _hidden):
        sos = torch.full((len(tokens), 1), V)
        logits = self.model(input_ids=torch.cat([sos, tokens[:, :-1]], 1)).logits
        return nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten())

    def named(self):
        """(path, tensor of theirs, the part of it that is ours, our shape)"""
        own = dict(self.model.named_parameters())
        every = slice(None)
        yield "wte", own["transformer.wte.weight"], slice(0, V), (V, D)
        yield "sos", own["transformer.wte.weight"], V, (D,)
        yield "wpe", own["transformer.wpe.weight"], every, (N, D)
        yield "head", own["lm_head.weight"], every, (V, D)
        yield "ln_f.g", own["transformer.ln_f.weight"], every, (D,)
        for i in range(LAYERS):
            theirs, ours = f"transformer.h.{i}.", f"block.{i}."
            for norm in ("ln_1", "ln_2"):
                yield f"{ours}{norm}.g", own[f"{theirs}{norm}.weight"], every, (D,)
            for j, name in enumerate(("wq", "wk", "wv")):
                columns = (every, slice(j * D, (j + 1) * D))
                yield f"{ours}attn.{name}", own[theirs + "attn.c_attn.weight"], columns, (D, HEADS, E)
            yield f"{ours}attn.wo", own[theirs + "attn.c_proj.weight"], every, (HEADS, E, D)
            yield f"{ours}mlp.fc", own[theirs + "mlp.c_fc.weight"], every, (D, F)
            yield f"{ours}mlp.proj", own[theirs + "mlp.c_proj.weight"], every, (F, D)

    @torch.no_grad()
    def write(self, parameters):
        for path, tensor, part, _ in self.named():
            tensor[part] = torch.from_numpy(parameters[path]).double().reshape(tensor[part].shape)

    def read(self, of=lambda tensor: tensor):
        return {path: of(tensor).detach()[part].reshape(shape).float().numpy().copy()
                for path, tensor, part, shape in self.named()}


class Plain:
    """A module whose parameters are named and shaped as ours."""

    def __init__(self, parameters):
        self.own = {path: torch.from_numpy(values).double().requires_grad_() for path, values in parameters.items()}

    def parameters(self):
        return list(self.own.values())

    def read(self, of=lambda tensor: tensor):
        return {path: of(tensor).detach().float().numpy().copy() for path, tensor in self.own.items()}

    def attend(self, y, path, see):
        """y [b, n, d]; see [n, m]: which positions m the position n looks at. Biases where the model has them."""
        def project(name):
            bias = self.own.get(f"{path}attn.b{name}")
            values = torch.einsum("bnd,dhe->bhne", y, self.own[f"{path}attn.w{name}"])
            return values if bias is None else values + bias[:, None]

        scores = project("q") @ project("k").transpose(2, 3) / math.sqrt(E)
        weights = scores.masked_fill(~see, -math.inf).softmax(-1)
        return torch.einsum("bhne,hed->bnd", weights @ project("v"), self.own[path + "attn.wo"])


class Bert(Plain):
    """A hidden position's token embedding is 0, and every position sees all."""

    def norm(self, x, path):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-5) * self.own[path + ".g"]

    def loss(self, tokens, hidden):
        own, see = self.own, torch.ones(N, N, dtype=torch.bool)
        x = own["wte"][tokens].masked_fill(hidden[..., None], 0) + own["wpe"]
        for i in range(LAYERS):
            block = f"block.{i}."
            x = x + self.attend(self.norm(x, block + "ln_1"), block, see)
            u = self.norm(x, block + "ln_2") @ own[block + "mlp.fc"]
            x = x + (u * torch.sigmoid(1.702 * u)) @ own[block + "mlp.proj"]
        logits = self.norm(x, "ln_f") @ own["head"].T
        losses = nn.functional.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")
        return ((losses * hidden).sum(1) / hidden.sum(1).clamp(min=1)).mean()


class Gpt2(Plain):
    """LayerNorm, biases, tanh-GELU, a tied head."""

    def norm(self, x, path):
        return nn.functional.layer_norm(x, (D,), self.own[path + ".gain"], self.own[path + ".bias"], 1e-5)

    def loss(self, tokens, _hidden):
        own, see = self.own, torch.ones(N, N, dtype=torch.bool).tril()
        sos = own["sos"].expand(len(tokens), 1, D)
        x = torch.cat([sos, own["wte"][tokens[:, :-1]]], 1) + own["wpe"]
        for i in range(LAYERS):
            block = f"block.{i}."
            x = x + self.attend(self.norm(x, block + "ln_1"), block, see) + own[block + "attn.bo"]
            u = self.norm(x, block + "ln_2") @ own[block + "mlp.fc"] + own[block + "mlp.fc_bias"]
            u = nn.functional.gelu(u, approximate="tanh") @ own[block + "mlp.proj"] + own[block + "mlp.proj_bias"]
            x = x + u
        logits = self.norm(x, "ln_f") @ own["wte"].T
        return nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten())


# --- training ---

def adam_of(model):
    return torch.optim.Adam(model.parameters(), RATE, betas=(0.9, 0.95), eps=1e-8)


def adamw_of(model):
    """What has two axes or more decays."""
    groups = [{"params": [w for w in model.parameters() if w.ndim >= 2], "weight_decay": 0.1},
              {"params": [w for w in model.parameters() if w.ndim < 2], "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, RATE, betas=(0.9, 0.95), eps=1e-8)


def train(model, optimizer, clip, tokens, hidden):
    losses, gradients = [], None
    for step in range(STEPS):
        loss = model.loss(torch.from_numpy(tokens[step]).long(), torch.from_numpy(hidden[step]))
        optimizer.zero_grad()
        loss.backward()
        if gradients is None:
            gradients = model.read(lambda tensor: tensor.grad)
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return losses, gradients


def make(path, seed, shapes, model_of, optimizer_of, clip=None):
    random = np.random.default_rng(seed)
    parameters = draw_parameters(random, shapes)
    tokens = random.integers(0, V, size=(STEPS, BATCH, N)).astype(np.int32)
    images = np.stack([random.choice(1000, BATCH, replace=False) for _ in range(STEPS)]).astype(np.int32)
    hidden = hidden_positions(images)
    model = model_of(parameters)
    losses, gradients = train(model, optimizer_of(model), clip, tokens, hidden)
    tensors = {"tokens": tokens, "image": images, "loss": np.array(losses)}
    if model_of is Bert:
        tensors["hidden"] = hidden.astype(np.uint8)
    for prefix, values in (("param", parameters), ("grad", gradients), ("final", model.read())):
        tensors |= {f"{prefix}:{name}": value for name, value in values.items()}
    metadata = {"layers": LAYERS, "d": D, "h": HEADS, "n": N, "v": V, "train.seed": SEED, "lr": RATE}
    save_file(tensors, path, {name: str(value) for name, value in metadata.items()})
    print(f"{path.name}: {path.stat().st_size} bytes, loss {losses[0]:.6f} to {losses[-1]:.6f}")


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    make(folder / "ar.safetensors", 1, igpt_shapes("ar"), Reference, adam_of)
    make(folder / "bert.safetensors", 2, igpt_shapes("bert"), Bert, adam_of)
    make(folder / "gpt2.safetensors", 3, gpt2_shapes(), Gpt2, adamw_of, clip=1)


if __name__ == "__main__":
    main()
