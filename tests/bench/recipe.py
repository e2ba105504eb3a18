"""What recipe.sh found, as tables.

usage: recipe.py FOLDER
"""
import json
import pathlib
import re
import sys

STEPS = [250, 500, 750, 1000]


def losses(run):
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return {line["step"]: line["loss"] for line in lines if line["split"] == "validation"}


def torch_losses(log):
    return {int(step): float(loss) for step, loss in re.findall(r"step (\d+) validation ([\d.]+)", log.read_text())}


def main(folder):
    folder = pathlib.Path(folder)
    fp32, bf16, torch = losses(folder / "fp32"), losses(folder / "bf16"), torch_losses(folder / "torch.log")
    print("validation, nats   fp32     bf16   bf16/fp32   PyTorch   fp32 - PyTorch")
    for step in STEPS:
        difference = fp32[step] - torch[step]
        print(f"step {step:5}      {fp32[step]:.4f}   {bf16[step]:.4f}   {bf16[step] / fp32[step]:9.4f}   {torch[step]:.4f}   {difference:+.4f}")
    peer = json.loads((folder / "sklearn.json").read_text())
    print("\nprobe, % of test   scanline   scikit-learn   points")
    for layer in json.loads((folder / "fp32/probe/probe.json").read_text())["layers"]:
        number = re.search(r"\d+", layer["features"])[0]
        if number not in peer:
            continue
        ours, theirs = 100 * layer["all_labels"]["test"]["accuracy"], 100 * peer[number]
        print(f"layer {number:>5}          {ours:6.2f}         {theirs:6.2f}   {ours - theirs:+.2f}")


if __name__ == "__main__":
    main(sys.argv[1])
