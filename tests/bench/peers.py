"""scanline and PyTorch (and JAX) in turn, rung by rung. Run by peers.sh, which sets up what it needs.

usage: peers.py --build FOLDER --torch PYTHON [--jax PYTHON] [--modes eager,compile] [--turns N] [--out FILE] RUNGS DTYPES
"""
import argparse
import json
import math
import pathlib
import platform
import sys
import tempfile
import time

from rungs import RUNGS
from sides import Others, Side, SideError, load_warning, median

HERE = pathlib.Path(__file__).resolve().parent
PAUSE = 0.05  # seconds between two turns: idle threads stop to spin
OURS = "scanline"


def commands(options, rung, dtype):
    """What each side is started by."""
    precision = {"f32": "fp32"}.get(dtype, dtype)
    yield OURS, [f"{options.build}/tests/bench_step", f"{HERE}/rungs/{rung}.scan", f"train.precision={precision}"]
    for mode in options.modes.split(","):
        yield f"pytorch {mode}", [options.torch, f"{HERE}/torch_step.py", rung, mode, dtype]
    if options.jax:
        yield "jax", [options.jax, f"{HERE}/jax_step.py", rung, dtype]


def start(options, rung, dtype, folder):
    """The sides that there are, one started after the other, and why the others are not there. Nothing is taken from a cache."""
    sides, missing = [], {}
    caches = {"SCANLINE_CACHE": "off", "TORCHINDUCTOR_CACHE_DIR": f"{folder}/inductor", "TRITON_CACHE_DIR": f"{folder}/triton"}
    for name, command in commands(options, rung, dtype):
        try:
            sides.append(Side(name, command, f"{folder}/{name}.log", caches))
        except SideError as error:
            missing[name] = str(error)
            print(f"  {name}: not available: {error}", flush=True)
            if not error.refused:
                options.failed.append(f"{rung} {dtype}: {error}")
    return sides, missing


def check(sides, name):
    """Whether all do the same work, as far as they can tell."""
    rung = RUNGS[name]
    for side in sides:
        if side.ready["flops"] != rung.flops():
            raise SystemExit(f"{side.name} counts {side.ready['flops']:.0f} FLOP in a step of {name}, rungs.py {rung.flops()}: "
                             f"rungs/{name}.scan and rungs.py must say the same")
        if side.ready["parameters"] != sides[0].ready["parameters"]:
            raise SystemExit(f"{side.name} has {side.ready['parameters']} parameters, {sides[0].name} {sides[0].ready['parameters']}")
        if abs(side.ready["loss"] - math.log(rung.v)) > (0.01 if side.name == OURS else 1):  # a zero head; a random one
            raise SystemExit(f"the first loss of {side.name} is {side.ready['loss']:.3f}, which is far from ln {rung.v}: it does other work")


def alternate(sides, peak, rung, turns):
    """Seconds of the steps by side, a list a turn; and the peaks between the turns."""
    seconds, peaks = {side.name: [] for side in sides}, []
    for _ in range(turns):
        peaks.append(peak.ask("peak"))
        for side in sides:
            time.sleep(PAUSE)
            if rung.warm:
                side.ask(rung.warm)
            seconds[side.name].append(side.ask(rung.steps)["seconds"])
    return seconds, peaks


def figures(side, turns, rung, peak):
    steps = [second for turn in turns for second in turn]
    middle, best = median(steps), min(steps)
    rate = rung.flops() / middle
    resident, anonymous = side.memory()
    return {
        "median_ms": middle * 1e3, "minimum_ms": best * 1e3, "turns_ms": [median(turn) * 1e3 for turn in turns],
        "gflops": rate / 1e9, "share": rate / peak["fma"], "share_bf16": rate / peak["bf16"] if peak["bf16"] else None,
        "tokens_per_second": rung.tokens() / middle, "peak_rss_mib": resident, "anonymous_mib": anonymous,
        "first_step_s": side.first, "compile_s": side.ready.get("compile"), "first_loss": side.ready["loss"],
        "version": side.ready.get("version"),
    }


def compare(result):
    """Against the faster of PyTorch's ways; adds the ratios."""
    sides = result["sides"]
    peers = [name for name in sides if name.startswith("pytorch")]
    if OURS not in sides or not peers:
        return
    best = min(peers, key=lambda name: sides[name]["median_ms"])
    ours, theirs = sides[OURS], sides[best]
    by_turn = sorted(b / a for a, b in zip(ours["turns_ms"], theirs["turns_ms"]))
    result |= {"best": best, "ratio": theirs["median_ms"] / ours["median_ms"], "ratio_low": by_turn[0], "ratio_high": by_turn[-1],
               "ratio_minimum": min(sides[name]["minimum_ms"] for name in peers) / ours["minimum_ms"]}


def show(result):
    peak = result["peak"]
    print(f"  {'':16}{'median':>10}{'minimum':>10}{'GFLOP/s':>9}{'of fp32':>9}{'of bf16':>9}{'tokens/s':>10}"
          f"{'RSS MiB':>9}{'anon MiB':>10}{'first step':>12}")
    for name, of in result["sides"].items():
        bf16 = f"{of['share_bf16']:9.1%}" if of["share_bf16"] and result["dtype"] == "bf16" else f"{'-':>9}"
        print(f"  {name:16}{of['median_ms']:7.2f} ms{of['minimum_ms']:7.2f} ms{of['gflops']:9.1f}{of['share']:9.1%}{bf16}"
              f"{of['tokens_per_second']:10.0f}{of['peak_rss_mib']:9.0f}{of['anonymous_mib']:10.0f}{of['first_step_s']:10.2f} s")
    print(f"  peak: fp32 {peak['fma'] / 1e9:.0f} GFLOP/s, bf16 {peak['bf16'] / 1e9:.0f} GFLOP/s, reading {peak['read'] / 1e9:.1f} GB/s; "
          f"other work took {result['others']:.1%} of the CPUs")
    if result["others"] > 0.03:
        print("  warning: that is too much for figures to be trusted; run it again on an idle machine")
    if "ratio" in result:
        print(f"  {result['best']} / {OURS}: {result['ratio']:.2f} (by turn {result['ratio_low']:.2f} to {result['ratio_high']:.2f}; "
              f"of the minima {result['ratio_minimum']:.2f})", flush=True)


def measure(options, name, dtype, peak):
    rung = RUNGS[name]
    turns = options.turns or rung.turns
    result = {"rung": name, "dtype": dtype, "flops": rung.flops(), "sides": {}}
    print(f"{name} {dtype}: {rung.layers} layers, d {rung.d}, {rung.heads} heads, n {rung.n}, v {rung.v}, batch {rung.batch}; "
          f"{rung.flops() / 1e9:.1f} GFLOP a step; {turns} turns of {rung.steps}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        sides, result["missing"] = start(options, name, dtype, folder)
        try:
            check(sides, name)
            if sides:
                others = Others([*sides, peak])
                seconds, peaks = alternate(sides, peak, rung, turns)
                result |= {"peak": {key: median([p[key] for p in peaks]) for key in peaks[0]}, "others": others.share()}
                result["sides"] = {side.name: figures(side, seconds[side.name], rung, result["peak"]) for side in sides}
                compare(result)
                show(result)
        except SideError as error:
            result["missing"]["measuring"] = str(error)
            options.failed.append(f"{name} {dtype}: {error}")
            print(f"  {error}", flush=True)
        finally:
            for side in sides:
                side.close()
    return result


def summary(result):
    """RATIO digits f32 2.10 SHARE 0.63. SHARE is of the fp32 peak; in bf16 OF_BF16 is of its own."""
    ours = result["sides"].get(OURS)
    ratio = f"{result['ratio']:.2f}" if "ratio" in result else "-"
    line = f"RATIO {result['rung']} {result['dtype']} {ratio} SHARE {ours['share']:.2f}" if ours else \
           f"RATIO {result['rung']} {result['dtype']} - SHARE -"
    if ours and result["dtype"] == "bf16" and ours["share_bf16"]:
        line += f" OF_BF16 {ours['share_bf16']:.2f}"
    return line if ours else f"{line} (not available: {next(iter(result['missing'].values()), 'it failed')})"


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--torch", required=True)
    parser.add_argument("--jax")
    parser.add_argument("--modes", default="eager,compile")
    parser.add_argument("--turns", type=int, default=0)
    parser.add_argument("--out")
    parser.add_argument("rungs")
    parser.add_argument("dtypes")
    options = parser.parse_args()
    options.failed = []
    unknown = [r for r in options.rungs.split(",") if r not in RUNGS] + [d for d in options.dtypes.split(",") if d not in ("f32", "bf16")]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; rungs are {', '.join(RUNGS)}, dtypes f32 and bf16")
    return options


def main():
    options = parse()
    warning = load_warning()
    if warning:
        print(warning)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        peak = Side("peak", [f"{options.build}/tests/bench_peak"], f"{folder}/peak.log", announces=False)
        for name in options.rungs.split(","):
            for dtype in options.dtypes.split(","):
                results.append(measure(options, name, dtype, peak))
        peak.close()
    if options.out:
        with open(options.out, "w") as file:
            json.dump({"machine": platform.processor() or platform.machine(), "time": time.strftime("%FT%TZ", time.gmtime()),
                       "warning": warning, "results": results}, file, indent=2)
        print(f"written to {options.out}")
    for result in results:
        print(summary(result))
    sys.exit(1 if options.failed else 0)


if __name__ == "__main__":
    main()
