"""Time of scanline's training step against width, positions, layers and batch. Run by scaling.sh.

usage: scaling.py --build FOLDER [--out FILE] [KEY=VALUE...]     KEY=VALUE: settings of every point, such as train.precision=bf16
"""
import argparse
import json
import pathlib
import tempfile

from sides import Others, Side, SideError, load_warning, median

SPEC = pathlib.Path(__file__).resolve().parent / "rungs" / "base.scan"
BASE = {"d": 64, "n": 64, "layers": 2, "train.batch": 16}
DOUBLINGS, TURNS, TURN_SECONDS = 3, 5, 0.15


def measure(options, point, peak, folder):
    settings = [f"{key}={value}" for key, value in point.items()]
    side = Side("scanline", [f"{options.build}/tests/bench_step", str(SPEC), *options.settings, *settings], f"{folder}/log")
    try:
        guess = min(side.ask(3)["seconds"])
        count = max(1, min(500, int(TURN_SECONDS / guess)))
        seconds, peaks = [], []
        others = Others([side, peak])
        for _ in range(TURNS):
            peaks.append(peak.ask("peak")["fma"])
            side.ask(1)
            seconds += side.ask(count)["seconds"]
        middle = median(seconds)
        tokens = point["n"] * point["train.batch"]
        return {"median_ms": middle * 1e3, "minimum_ms": min(seconds) * 1e3, "flops": side.ready["flops"],
                "gflops": side.ready["flops"] / middle / 1e9, "share": side.ready["flops"] / middle / median(peaks),
                "tokens_per_second": tokens / middle, "peak_rss_mib": side.memory()[0], "others": others.share()}
    finally:
        side.close()


def show(key, value, now, before):
    growth = f"{now['median_ms'] / before['median_ms']:8.2f}x{now['flops'] / before['flops']:8.2f}x" if before else f"{'':18}"
    busy = f"   other work took {now['others']:.0%} of the CPUs" if now["others"] > 0.03 else ""
    print(f"{key:12}{value:6}{now['median_ms']:10.2f} ms{now['minimum_ms']:10.2f} ms{growth}{now['gflops']:9.1f}{now['share']:9.1%}"
          f"{now['tokens_per_second']:11.0f}{now['peak_rss_mib']:9.0f}{busy}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--out")
    parser.add_argument("settings", nargs="*")
    options = parser.parse_args()
    warning = load_warning()
    if warning:
        print(warning)
    print(f"base: {', '.join(f'{key} = {value}' for key, value in BASE.items())}; 4 heads, 512 colours")
    print(f"{'':18}{'median':>13}{'minimum':>13}{'time':>9}{'FLOP':>9}{'GFLOP/s':>9}{'of peak':>9}{'tokens/s':>11}{'RSS MiB':>9}")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        peak = Side("peak", [f"{options.build}/tests/bench_peak"], f"{folder}/peak.log", announces=False)
        for key in BASE:
            before = None
            for doubling in range(DOUBLINGS + 1):
                point = BASE | {key: BASE[key] << doubling}
                try:
                    now = measure(options, point, peak, folder)
                except SideError as error:
                    print(f"{key:12}{point[key]:6}  not available: {error}", flush=True)
                    continue
                show(key, point[key], now, before)
                results.append({"key": key, "value": point[key], **now})
                before = now
        peak.close()
    if options.out:
        with open(options.out, "w") as file:
            json.dump({"base": BASE, "settings": options.settings, "warning": warning, "results": results}, file, indent=2)
        print(f"written to {options.out}")


if __name__ == "__main__":
    main()
