"""The attention of the rungs in scanline and in PyTorch, in turn. Run by attention.sh.

usage: attention.py --build FOLDER --torch PYTHON RUNGS DTYPES
"""
import argparse
import pathlib
import tempfile
import time

from rungs import RUNGS
from sides import Side, SideError, load_warning, median

HERE = pathlib.Path(__file__).resolve().parent
TURNS, PAUSE, TURN_SECONDS = 10, 0.02, 0.05
WAYS = {"forward": 2, "backward": 5}  # products of n x n x e halves; the backward pass makes the scores again


def start(options, rung, dtype, folder):
    precision = {"f32": "fp32"}.get(dtype, dtype)
    sides = []
    for name, command in (
        ("scanline", [f"{options.build}/tests/bench_attention", f"{HERE}/rungs/{rung}.scan", f"train.precision={precision}"]),
        ("pytorch", [options.torch, f"{HERE}/torch_attention.py", rung, dtype]),
    ):
        try:
            sides.append(Side(name, command, f"{folder}/{name}.log"))
        except SideError as error:
            print(f"{rung:8}{dtype:6}{name}: not available: {error}", flush=True)
    return sides


def measure(side, way, count):
    """The median of a turn, after one call that is not counted."""
    time.sleep(PAUSE)
    return median(side.ask(f"{way} {count + 1}")["seconds"][1:])


def show(name, dtype, way, times, peak):
    rung = RUNGS[name]
    flops = WAYS[way] * rung.batch * rung.n**2 * rung.d  # of the causal half
    cells = [f"{name:8}{dtype:6}{way:10}"]
    for side, turns in times.items():
        rate = flops / median(turns)
        cells.append(f"{side:>10}{median(turns) * 1e3:9.3f} ms{rate / 1e9:8.1f} GFLOP/s{rate / peak:7.1%}")
    if len(times) == 2:
        ours, theirs = times.values()
        cells.append(f"  ratio {median(theirs) / median(ours):.2f}")
    print("".join(cells), flush=True)


def rung_run(options, name, dtype, peak):
    with tempfile.TemporaryDirectory() as folder:
        sides = start(options, name, dtype, folder)
        try:
            for way in WAYS if sides else ():
                counts = {side: max(1, min(200, int(TURN_SECONDS / max(1e-6, measure(side, way, 2))))) for side in sides}
                times, peaks = {side.name: [] for side in sides}, []
                for _ in range(TURNS):
                    peaks.append(peak.ask("peak")["fma"])
                    for side in sides:
                        times[side.name].append(measure(side, way, counts[side]))
                show(name, dtype, way, times, median(peaks))
        finally:
            for side in sides:
                side.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--torch", required=True)
    parser.add_argument("rungs")
    parser.add_argument("dtypes")
    options = parser.parse_args()
    warning = load_warning()
    if warning:
        print(warning)
    with tempfile.TemporaryDirectory() as folder:
        peak = Side("peak", [f"{options.build}/tests/bench_peak"], f"{folder}/peak.log", announces=False)
        for name in options.rungs.split(","):
            for dtype in options.dtypes.split(","):
                rung_run(options, name, dtype, peak)
        peak.close()


if __name__ == "__main__":
    main()
