"""One image GPT training step in PyTorch: models/igpt.scan, its objective ar and its Adam.

usage: torch_step.py RUNG eager|compile f32|bf16

A step is forward, backward and Adam on a batch of random tokens. After the first one it prints a line of JSON; then each
line on standard input is a number of steps to do, and is answered by a line with the seconds that each of them took.
"""
import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

from rungs import RUNGS


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.RMSNorm(d, eps=1e-5), nn.RMSNorm(d, eps=1e-5)
        self.qkv, self.out = nn.Linear(d, 3 * d, bias=False), nn.Linear(d, d, bias=False)
        self.fc, self.proj = nn.Linear(d, 4 * d, bias=False), nn.Linear(4 * d, d, bias=False)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = (t.view(b, n, self.heads, -1).transpose(1, 2) for t in self.qkv(self.ln_1(x)).split(d, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, n, d))
        u = self.fc(self.ln_2(x))
        return x + self.proj(u * torch.sigmoid(1.702 * u))


class ImageGPT(nn.Module):
    def __init__(self, layers, d, heads, n, v):
        super().__init__()
        self.wte = nn.Embedding(v, d)
        self.sos = nn.Parameter(torch.randn(d) * 0.02)
        self.wpe = nn.Parameter(torch.randn(n, d) * 0.01)
        self.blocks = nn.ModuleList(Block(d, heads) for _ in range(layers))
        self.ln_f, self.head = nn.RMSNorm(d, eps=1e-5), nn.Linear(d, v, bias=False)

    def forward(self, tokens):
        e = self.wte(tokens)
        x = torch.cat([self.sos.expand(len(tokens), 1, -1), e[:, :-1]], 1) + self.wpe
        for block in self.blocks:
            x = block(x)
        return F.cross_entropy(self.head(self.ln_f(x)).flatten(0, 1), tokens.flatten())


class Training:
    def __init__(self, rung, mode, dtype):
        torch.manual_seed(0)
        self.model = ImageGPT(rung.layers, rung.d, rung.heads, rung.n, rung.v)
        self.adam = torch.optim.Adam(self.model.parameters(), 1e-4, betas=(0.9, 0.95), fused=True)
        self.loss_of = torch.compile(self.model) if mode == "compile" else self.model
        self.bf16 = dtype == "bf16"
        self.tokens = torch.randint(0, rung.v, (8, rung.batch, rung.n))
        self.done = 0

    def step(self):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            loss = self.loss_of(self.tokens[self.done % 8])
        loss.backward()
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        self.done += 1
        return loss.item()


def main(name, mode, dtype):
    rung = RUNGS[name]
    training = Training(rung, mode, dtype)
    parameters = sum(p.numel() for p in training.model.parameters())
    ready = {"loss": training.step(), "flops": rung.flops(), "parameters": parameters, "version": torch.__version__}
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            loss = training.step()
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"seconds": seconds, "loss": loss}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])
