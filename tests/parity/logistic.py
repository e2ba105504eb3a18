"""Makes logistic.json: what scikit-learn's LogisticRegression finds for small problems.

usage: logistic.py [FILE]

The objective is the mean cross-entropy plus l2 / 2 of the squared weights, so C = 1 / (l2 n).
"""
import json
import pathlib
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression

PROBLEMS = [(60, 5, 3, 1e-2), (40, 8, 2, 1e-1), (90, 3, 6, 1e-3)]  # images, width, classes, l2
HELD_OUT = 50


def problem(seed, count, width, classes, l2):
    random = np.random.default_rng(seed)
    centres = random.normal(size=(classes, width))
    labels = np.arange(count + HELD_OUT) % classes
    features = np.round(centres[labels] + random.normal(size=(len(labels), width)), 4)
    train, test = slice(0, count), slice(count, None)
    # Two classes are fitted here as a softmax of two columns of weights, -w/2 and w/2, whose squares add up to half
    # of w's: so scikit-learn's model of one column, w, is the same at half the strength.
    strength = l2 / 2 if classes == 2 else l2
    model = LogisticRegression(C=1 / (strength * count), solver="newton-cg", tol=1e-12, max_iter=10000)
    model.fit(features[train], labels[train])
    if classes == 2:
        coefficients, intercepts = np.outer([-0.5, 0.5], model.coef_[0]), np.array([-0.5, 0.5]) * model.intercept_[0]
    else:
        coefficients, intercepts = model.coef_, model.intercept_ - model.intercept_.mean()
    return {
        "count": count, "held_out": HELD_OUT, "width": width, "classes": classes, "l2": l2,
        "features": features.ravel().tolist(), "labels": labels.tolist(),
        "coefficients": np.round(coefficients, 9).ravel().tolist(),  # [classes, width]
        "intercepts": np.round(intercepts, 9).tolist(),
        "correct": int((model.predict(features[test]) == labels[test]).sum()),
    }


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).with_suffix(".json")
    problems = [problem(seed, *sizes) for seed, sizes in enumerate(PROBLEMS)]
    path.write_text(json.dumps(problems) + "\n")


if __name__ == "__main__":
    main()
