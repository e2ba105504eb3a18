"""models/cifar10-16.scan trained in PyTorch, on the tokens that bench_tokens wrote.

usage: torch_recipe.py TOKENS eager|compile SEED

Prints the mean loss of the validation images, in nats a pixel, at steps 250, 500, 750 and 1,000. Initialisation and the
schedule are those of the spec; the seeds are not the same numbers, so neither are the weights nor the order of images.
"""
import math
import sys
import time

import numpy as np
import torch

from torch_step import ImageGPT

LAYERS, WIDTH, HEADS, POSITIONS, COLOURS = 8, 128, 4, 256, 512
BATCH, STEPS, EVERY, RATE, WARMUP = 64, 1000, 250, 3e-3, 100
EVALUATED = 100  # images at a time


def initialise(model):
    """igpt.scan's `init' of each parameter."""
    with torch.no_grad():
        model.wte.weight.normal_(0, 0.02)
        model.sos.normal_(0, 0.02)
        model.wpe.normal_(0, 0.01)
        model.head.weight.zero_()
        for block in model.blocks:
            block.qkv.weight.normal_(0, WIDTH**-0.5)
            block.out.weight.normal_(0, (WIDTH * LAYERS) ** -0.5)
            block.fc.weight.normal_(0, 0.02)
            block.proj.weight.normal_(0, 0.02)


def tokens_of(folder, split):
    return torch.from_numpy(np.fromfile(f"{folder}/{split}.i32", np.int32).reshape(-1, POSITIONS).astype(np.int64))


def batches(images):
    """Epoch after epoch, each in an order of its own; what does not fill a batch is left out."""
    while True:
        for chosen in torch.randperm(len(images))[: len(images) // BATCH * BATCH].view(-1, BATCH):
            yield images[chosen]


def rate_at(step):
    return RATE * min(1, step / WARMUP) * (1 + math.cos(math.pi * (step - 1) / STEPS)) / 2


@torch.no_grad()
def evaluate(model, images):
    parts = images.split(EVALUATED)
    return sum(model(part).item() * len(part) for part in parts) / len(images)


def main(folder, mode, seed):
    torch.manual_seed(int(seed))
    train, validation = tokens_of(folder, "train"), tokens_of(folder, "validation")
    model = ImageGPT(LAYERS, WIDTH, HEADS, POSITIONS, COLOURS)
    initialise(model)
    loss_of = torch.compile(model, dynamic=False) if mode == "compile" else model
    adam = torch.optim.Adam(model.parameters(), RATE, betas=(0.9, 0.95), eps=1e-8, fused=True)
    start = time.time()
    for step, batch in zip(range(1, STEPS + 1), batches(train)):
        for group in adam.param_groups:
            group["lr"] = rate_at(step)
        loss = loss_of(batch)
        loss.backward()
        adam.step()
        adam.zero_grad(set_to_none=True)
        if step % EVERY == 0:
            print(f"step {step} validation {evaluate(loss_of, validation):.4f} seconds {time.time() - start:.0f}", flush=True)
        elif step % 25 == 0:
            print(f"step {step} train {loss.item():.4f} seconds {time.time() - start:.0f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])
