"""A sweep in PyTorch, a process a trial, so many at a time: what tests/bench/sweep.sh holds scanline's against.

usage: torch_sweep.py eager|compile TRIALS STEPS AT_A_TIME      all trials; prints the seconds that they took together
       torch_sweep.py --trial eager|compile STEPS RATE SEED     one of them; prints its loss on validation

A trial is what a trial of the sweep is there: the model, batch and Adam of the rung `digits` (torch_step.py), with warm-up
and cosine, on the images of models/digits, evaluated on validation at the beginning, every 50 steps, and at the end.
"""
import gzip
import itertools
import math
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

EVALUATE, WARMUP = 50, 100
RATES = (0.01, 0.006, 0.003, 0.002, 0.001, 0.0006)


def trials_of(count):
    """Rates, and seeds as many as it takes."""
    seeds = range(1, math.ceil(count / len(RATES)) + 1)
    return list(itertools.product(RATES, seeds))[:count]


def images():
    """[count, 64] tokens of models/digits/digits-images-idx3-ubyte."""
    import torch

    path = Path(__file__).parents[2] / "models/digits/digits-images-idx3-ubyte"
    data = path.read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    count, height, width = struct.unpack(">III", data[4:16])
    return torch.frombuffer(bytearray(data[16:]), dtype=torch.uint8).view(count, height * width).long()


def trial(mode, steps, rate, seed):
    import torch

    from rungs import RUNGS
    from torch_step import ImageGPT

    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // int(os.environ.get("AT_A_TIME", "1"))))
    torch.manual_seed(seed)
    rung = RUNGS["digits"]
    tokens = images().clamp(max=rung.v - 1)
    order = torch.randperm(len(tokens))
    validation, training = tokens[order[: len(tokens) // 10]], tokens[order[len(tokens) * 3 // 10 :]]
    model = ImageGPT(rung.layers, rung.d, rung.heads, rung.n, rung.v)
    adam = torch.optim.Adam(model.parameters(), rate, betas=(0.9, 0.95), fused=True)
    loss_of = torch.compile(model) if mode == "compile" else model

    def evaluate():
        with torch.no_grad():
            return sum(loss_of(part).item() * len(part) for part in validation.split(rung.batch)) / len(validation)

    loss = evaluate()
    for step in range(1, steps + 1):
        for group in adam.param_groups:
            group["lr"] = rate * min(1, step / WARMUP) * (1 + math.cos(math.pi * (step - 1) / steps)) / 2
        batch = training[torch.randint(len(training), (rung.batch,))]
        loss_of(batch).backward()
        adam.step()
        adam.zero_grad(set_to_none=True)
        if step % EVALUATE == 0 or step == steps:
            loss = evaluate()
    print(f"{loss:.4f}", flush=True)


def sweep(mode, count, steps, at_a_time):
    environment = {**os.environ, "AT_A_TIME": str(at_a_time)}
    left, running, failed = trials_of(count), [], 0
    start = time.perf_counter()
    while left or running:
        while left and len(running) < at_a_time:
            rate, seed = left.pop(0)
            words = [sys.executable, __file__, "--trial", mode, str(steps), str(rate), str(seed)]
            running.append(subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL))
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        for process in [p for p in running if p.poll() is not None]:
            running.remove(process)
            failed += process.returncode != 0
    if failed:
        sys.exit(f"{failed} of {count} trials failed")
    print(f"{time.perf_counter() - start:.2f}")


if __name__ == "__main__":
    if sys.argv[1] == "--trial":
        trial(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
    else:
        sweep(sys.argv[1], *map(int, sys.argv[2:5]))
