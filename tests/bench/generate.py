"""Drawing whole images by scanline and by transformers' ImageGPT in turn. Run by generate.sh, which sets up what it needs.

usage: generate.py --build FOLDER --torch PYTHON [--turns N] [--positions N] [--out FILE] RUNG IMAGES DTYPES
"""
import argparse
import json
import pathlib
import tempfile
import time

from rungs import RUNGS
from sides import Others, Side, SideError, load_warning, median

HERE = pathlib.Path(__file__).resolve().parent
OURS, THEIRS = "scanline", "transformers"
PAUSE = 0.05  # seconds between two turns: idle threads stop to spin


def start(options, images, dtype, folder):
    precision = {"f32": "fp32"}.get(dtype, dtype)
    spec = f"{HERE}/rungs/{options.rung}.scan"
    commands = {OURS: [f"{options.build}/tests/bench_generate", spec, str(images), f"train.precision={precision}"],
                THEIRS: [options.torch, f"{HERE}/torch_generate.py", options.rung, dtype, str(images)]}
    return {name: Side(name, command, f"{folder}/{name}.log", {"SCANLINE_CACHE": "off"}) for name, command in commands.items()}


def alternate(options, sides, peak, positions):
    """Answers by side, and the rates of reading before each of scanline's turns and after the last."""
    answers, rates = {name: [] for name in sides}, []
    for side in sides.values():
        side.ask(min(8, positions))  # not counted
    for _ in range(options.turns):
        rates.append(peak.ask("peak")["read"])
        for name, side in sides.items():
            time.sleep(PAUSE)
            answers[name].append(side.ask(positions))
    rates.append(peak.ask("peak")["read"])
    return answers, rates


def measure(options, images, dtype, peak):
    rung = RUNGS[options.rung]
    positions = options.positions or rung.n
    with tempfile.TemporaryDirectory() as folder:
        sides = start(options, images, dtype, folder)
        others = Others([*sides.values(), peak])
        answers, rates = alternate(options, sides, peak, positions)
        result = {"images": images, "dtype": dtype, "positions": positions, "read": median(rates), "others": others.share(), "sides": {}}
        for name, side in sides.items():
            seconds = [answer["seconds"] for answer in answers[name]]
            result["sides"][name] = {
                "median_s": median(seconds), "minimum_s": min(seconds), "seconds": seconds, "peak_rss_mib": side.memory()[0],
                "tokens_per_second": images * positions / median(seconds), "ready": side.ready}
            side.close()
    ours, theirs = result["sides"][OURS], result["sides"][THEIRS]
    ours["bandwidth"] = answers[OURS][0]["bytes"] / ours["median_s"]
    result["ratio"] = theirs["median_s"] / ours["median_s"]
    result["ratio_minimum"] = theirs["minimum_s"] / ours["minimum_s"]
    result["share"] = ours["bandwidth"] / result["read"]
    plain = rung.drawing_bytes(images, positions, {"f32": 4, "bf16": 2}[dtype])
    result["plain"] = plain / ours["median_s"] / result["read"]
    return result


def show(result):
    print(f"{result['dtype']}, {result['images']} side by side, {result['positions']} positions")
    for name, of in result["sides"].items():
        print(f"  {name:14}{of['median_s']:9.2f} s{of['minimum_s']:9.2f} s at least{of['tokens_per_second']:10.1f} tokens/s"
              f"{of['peak_rss_mib']:8.0f} MiB")
    print(f"  reading {result['sides'][OURS]['bandwidth'] / 1e9:.1f} GB/s of weights and caches, of {result['read'] / 1e9:.1f} that can be read; "
          f"other work took {result['others']:.1%} of the CPUs", flush=True)


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--torch", required=True)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--positions", type=int, default=0)
    parser.add_argument("--out")
    parser.add_argument("rung", choices=RUNGS)
    parser.add_argument("images")
    parser.add_argument("dtypes")
    return parser.parse_args()


def main():
    options = parse()
    warning = load_warning()
    if warning:
        print(warning)
    results, failed = [], []
    with tempfile.TemporaryDirectory() as folder:
        peak = Side("peak", [f"{options.build}/tests/bench_peak"], f"{folder}/peak.log", announces=False)
        for dtype in options.dtypes.split(","):
            for images in options.images.split(","):
                try:
                    results.append(measure(options, int(images), dtype, peak))
                    show(results[-1])
                except SideError as error:
                    failed.append(f"{dtype}, {images} side by side: {error}")
                    print(failed[-1], flush=True)
        peak.close()
    if options.out:
        with open(options.out, "w") as file:
            json.dump({"time": time.strftime("%FT%TZ", time.gmtime()), "warning": warning, "rung": options.rung, "results": results},
                      file, indent=2)
        print(f"written to {options.out}")
    for of in results:
        print(f"RATIO {options.rung} {of['dtype']} {of['images']} {of['ratio']:.2f} SHARE {of['share']:.2f} PLAIN {of['plain']:.2f}")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
