"""Makes ttest.json: intervals of differences of means as SciPy finds them, quantiles of Student's t, rank correlations.

usage: ttest.py [FILE]
"""
import json
import pathlib
import sys

import numpy as np
from scipy import special, stats

FREEDOMS = [0.5, 1, 1.7, 2, 3, 4.25, 9, 30, 200.5, 1e5]
SHARES = [0.001, 0.025, 0.3, 0.5, 0.9, 0.975, 0.9995]
BETAS = [(0.5, 0.5, 0.3), (1, 3, 0.2), (5, 0.5, 0.99), (40, 60, 0.35), (2.5, 100, 0.01), (1e4, 0.5, 0.9999)]
RANKS = [(3, 0), (12, 0), (12, 1), (16, 2), (15, 0.5), (16, 0)]  # points; levels a unit, 0: no ties
SIZES = [(2, 2), (3, 3), (5, 5), (3, 7), (10, 2)]


def samples(seed, count_a, count_b):
    random = np.random.default_rng(seed)
    a = np.round(1.5 + 0.02 * random.normal(size=count_a), 5)
    b = np.round(1.48 + 0.05 * random.normal(size=count_b), 5)
    welch = stats.ttest_ind(b, a, equal_var=False)
    low, high = welch.confidence_interval(0.95)
    case = {"a": a.tolist(), "b": b.tolist(), "welch": {"low": low, "high": high, "freedom": float(welch.df)}}
    if count_a == count_b:
        paired = stats.ttest_rel(b, a)
        low, high = paired.confidence_interval(0.95)
        case["paired"] = {"low": low, "high": high, "freedom": float(paired.df)}
    return case


def ranks(seed, count, levels):
    random = np.random.default_rng(100 + seed)
    x = np.round(random.normal(size=count), 5)
    y = np.round(0.7 * x + random.normal(size=count), 5)
    if levels:  # ties
        x, y = np.floor(x * levels), np.floor(y * levels)
    return {"x": x.tolist(), "y": y.tolist(), "spearman": float(stats.spearmanr(x, y).statistic)}


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).with_suffix(".json")
    vectors = {
        "quantiles": [[p, df, float(stats.t.ppf(p, df))] for df in FREEDOMS for p in SHARES],
        "betas": [[a, b, x, float(special.betainc(a, b, x))] for a, b, x in BETAS],
        "samples": [samples(seed, *sizes) for seed, sizes in enumerate(SIZES)],
        "ranks": [ranks(seed, *kind) for seed, kind in enumerate(RANKS)],
    }
    path.write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()
