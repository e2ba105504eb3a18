"""Makes the checkpoints of interchange/: small models of transformers with random weights, in every form that
`scanline import` reads, and in expected.safetensors what they compute.

usage: interchange.py [FOLDER]      needs torch, transformers, safetensors, numpy

    bias/      ImageGPT with biases: model.safetensors, float32; the palette as OpenAI keeps it
    plain/     without (they are zeros): pytorch_model.bin, float32, of Parameters
    half/      with, and with the masks that older versions kept: pytorch_model.bin, float16; the same palette as
               transformers keeps it
    shards/    with: two safetensors files of bfloat16 and their index
    gpt2/      GPT-2: model.safetensors, float32, without the prefix `transformer.'

images-idx3-ubyte, labels-idx1-ubyte: images of random tokens, in three classes. expected.safetensors: `tokens` i32
[IMAGES, n], the first of them, and for each folder `NAME` f32 [IMAGES, n, v], the logits of feeding
[v, x_0 ... x_(n-2)], by the weights as they are rounded in the files. losses.txt: for each folder the loss over all
images, in nats per token.
"""
import collections
import json
import pathlib
import struct
import sys

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, ImageGPTConfig, ImageGPTForCausalImageModeling

LAYERS, D, HEADS, N, V, SEED = 2, 16, 2, 16, 24, 11
IMAGES, ALL_IMAGES, CLASSES, SIDE = 3, 24, 3, 4


def config_of(kind, **settings):
    return kind(vocab_size=V + 1, n_positions=N, n_embd=D, n_layer=LAYERS, n_head=HEADS, resid_pdrop=0, embd_pdrop=0,
                attn_pdrop=0, **settings)


@torch.no_grad()
def randomise(model, biases, dtype):
    """Gains about 1, all else about 0, as numbers of `dtype`."""
    for name, tensor in model.named_parameters():
        is_gain = name.endswith("weight") and "ln_" in name
        values = torch.randn_like(tensor) * (0.2 if is_gain else 0.15) + (1 if is_gain else 0)
        if name.endswith("bias") and not biases:
            values = torch.zeros_like(tensor)
        tensor.copy_(values.to(dtype).float())
    return model.eval()


def image_gpt(biases, dtype=torch.float32):
    return randomise(ImageGPTForCausalImageModeling(config_of(ImageGPTConfig)), biases, dtype)


def gpt2():
    return randomise(GPT2LMHeadModel(config_of(GPT2Config, bos_token_id=V, eos_token_id=V)), True, torch.float32)


def palette():
    """[V, 3], in [-1, 1]; of the same generator every time."""
    return (torch.rand(V, 3, generator=torch.Generator().manual_seed(SEED)) * 2 - 1).numpy()


def save_config(model, folder):
    folder.mkdir(parents=True, exist_ok=True)
    model.config.architectures = [type(model).__name__]
    (folder / "config.json").write_text(model.config.to_json_string(use_diff=False) + "\n")


def save_bias(model, folder):
    save_config(model, folder)
    save_file(model.state_dict(), folder / "model.safetensors", {"format": "pt"})
    np.save(folder / "kmeans_centers.npy", palette())


def save_plain(model, folder):
    save_config(model, folder)
    parameters = collections.OrderedDict(model.named_parameters())
    torch.save(parameters, folder / "pytorch_model.bin")


def save_half(model, folder):
    """Some tensors are views: transposed, and parts of a larger storage."""
    save_config(model, folder)
    state = collections.OrderedDict((name, tensor.half()) for name, tensor in model.state_dict().items())
    both = torch.stack([state.pop("transformer.ln_f.weight"), state["transformer.h.0.ln_1.weight"]], 1)
    state["transformer.ln_f.weight"], state["transformer.h.0.ln_1.weight"] = both[:, 0], both[:, 1]
    name = "transformer.h.1.mlp.c_fc.weight"
    state[name] = state[name].t().contiguous().t()
    for i in range(LAYERS):
        state[f"transformer.h.{i}.attn.bias"] = torch.ones(N, N, dtype=torch.uint8).tril()[None, None]
        state[f"transformer.h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
    torch.save(state, folder / "pytorch_model.bin")
    processor = {"clusters": palette().tolist(), "image_processor_type": "ImageGPTImageProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=1) + "\n")


def save_shards(model, folder):
    save_config(model, folder)
    state = {name: tensor.bfloat16() for name, tensor in model.state_dict().items()}
    names = sorted(state)
    places = {}
    for i, part in enumerate((names[::2], names[1::2])):
        file = f"model-0000{i + 1}-of-00002.safetensors"
        save_file({name: state[name] for name in part}, folder / file, {"format": "pt"})
        places |= {name: file for name in part}
    index = {"metadata": {"total_size": sum(t.numel() * 2 for t in state.values())}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")


def save_gpt2(model, folder):
    save_config(model, folder)
    state = {name.removeprefix("transformer."): tensor.clone() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "model.safetensors", {"format": "pt"})


@torch.no_grad()
def logits_of(model, tokens):
    start = torch.full((len(tokens), 1), V)
    return model(input_ids=torch.cat([start, tokens[:, :-1]], 1)).logits[..., :V].contiguous()


def save_idx(path, values, kind=8):
    """Unsigned bytes behind their shape."""
    header = struct.pack(f">HBB{values.ndim}I", 0, kind, values.ndim, *values.shape)
    path.write_bytes(header + bytes(values.flatten().tolist()))


def save_images(folder, tokens):
    folder.mkdir(parents=True, exist_ok=True)
    save_idx(folder / "images-idx3-ubyte", tokens.reshape(-1, SIDE, SIDE))
    save_idx(folder / "labels-idx1-ubyte", torch.arange(ALL_IMAGES) % CLASSES)


def main():
    top = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "interchange")
    torch.manual_seed(SEED)
    tokens = torch.randint(0, V, (ALL_IMAGES, N))
    cases = {"bias": (image_gpt(True), save_bias), "plain": (image_gpt(False), save_plain),
             "half": (image_gpt(True, torch.float16), save_half),
             "shards": (image_gpt(True, torch.bfloat16), save_shards), "gpt2": (gpt2(), save_gpt2)}
    expected, losses = {"tokens": tokens[:IMAGES].int()}, []
    save_images(top, tokens)
    for name, (model, save) in cases.items():
        save(model, top / name)
        logits = logits_of(model, tokens)
        expected[name] = logits[:IMAGES].contiguous()
        losses.append(f"{name} {torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten()):.6f}\n")
    save_file(expected, top / "expected.safetensors")
    (top / "losses.txt").write_text("".join(losses))


if __name__ == "__main__":
    main()
