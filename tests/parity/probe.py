"""Makes probe.npy and probe.json: features of a trained model, and what scikit-learn finds in them.

usage: probe.py FOLDER LAYER

FOLDER is what `scanline features` wrote of a run on the digits; made here from

    scanline train digits layers=3 d=32 h=2 train.steps=150
    scanline features @last -o FOLDER

The features are kept in a byte each, so that the file is small: as they are standardised, their unit does not matter.
The strength is chosen on validation, from all of the probe's; the objective is logistic.py's.
"""
import json
import pathlib
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

STRENGTHS = [1, 3e-1, 1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6]


def quantised(features):
    low, high = features.min(), features.max()
    return np.round((features - low) / (high - low) * 255).astype(np.uint8)


def best_on_validation(models, x, y, splits):
    """The model with the least cross-entropy on validation; its index."""
    losses = []
    for model in models:
        model.fit(x[splits == 0], y[splits == 0])
        losses.append(log_loss(y[splits == 1], model.predict_proba(x[splits == 1])))
    return int(np.argmin(losses))


def accuracy(model, x, y, splits):
    return float((model.predict(x[splits == 2]) == y[splits == 2]).mean())


def main():
    folder, layer = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    features = quantised(np.load(folder / f"feature.{layer}.npy"))
    labels, splits = np.load(folder / "labels.npy"), np.load(folder / "splits.npy")
    x = StandardScaler().fit(features[splits == 0]).transform(features)
    n = int((splits == 0).sum())
    batch = [LogisticRegression(C=1 / (l2 * n), tol=1e-6, max_iter=5000) for l2 in STRENGTHS]
    sgd = [SGDClassifier("log_loss", alpha=l2, random_state=1, max_iter=200) for l2 in STRENGTHS]
    chosen = best_on_validation(batch, x, labels, splits)
    chosen_sgd = best_on_validation(sgd, x, labels, splits)
    here = pathlib.Path(__file__)
    np.save(here.with_suffix(".npy"), features)
    here.with_suffix(".json").write_text(json.dumps({
        "l2": STRENGTHS[chosen], "accuracy": accuracy(batch[chosen], x, labels, splits),
        "sgd_accuracy": accuracy(sgd[chosen_sgd], x, labels, splits),
        "test_images": int((splits == 2).sum())}) + "\n")


if __name__ == "__main__":
    main()
