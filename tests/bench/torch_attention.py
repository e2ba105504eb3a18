"""The causal attention of a rung in PyTorch: scaled_dot_product_attention, one layer, a whole batch; as bench_attention does it.

usage: torch_attention.py RUNG f32|bf16

Each line on standard input is "forward N" or "backward N", and is answered by the seconds that each of them took.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F

from rungs import RUNGS


def main(name, dtype):
    rung = RUNGS[name]
    torch.manual_seed(0)
    kind = torch.bfloat16 if dtype == "bf16" else torch.float32
    shape = (rung.batch, rung.n, rung.heads, rung.d // rung.heads)  # in memory as the model's products leave it
    q, k, v = (torch.rand(shape, dtype=kind).transpose(1, 2).requires_grad_() for _ in range(3))

    def forward():
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    y = forward()
    dy = torch.rand(shape, dtype=kind).transpose(1, 2)

    def backward():
        return torch.autograd.grad(y, (q, k, v), dy, retain_graph=True)

    backward()
    print(json.dumps({"ready": True, "version": torch.__version__}), flush=True)
    for line in sys.stdin:
        what, count = line.split()
        seconds = []
        for _ in range(int(count)):
            start = time.perf_counter()
            {"forward": forward, "backward": backward}[what]()
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
