"""scikit-learn's logistic regression on the features that `scanline features` wrote.

usage: sklearn_probe.py FOLDER

For each layer: features standardised by the training images, the strength of L2 of the best accuracy on validation, and with
it the accuracy on the test images. Prints a JSON object: layer to accuracy.
"""
import json
import pathlib
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

TRAIN, VALIDATION, TEST = 0, 1, 2
STRENGTHS = [1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2]  # scikit-learn's C


def accuracy(features, labels, splits):
    standardised = StandardScaler().fit(features[splits == TRAIN]).transform(features)

    def fit(strength):
        model = LogisticRegression(C=strength, max_iter=1000)
        return model.fit(standardised[splits == TRAIN], labels[splits == TRAIN])

    def score(model, split):
        return model.score(standardised[splits == split], labels[splits == split])

    best = max((fit(strength) for strength in STRENGTHS), key=lambda model: score(model, VALIDATION))
    return score(best, TEST)


def main(folder):
    folder = pathlib.Path(folder)
    labels, splits = np.load(folder / "labels.npy"), np.load(folder / "splits.npy")
    files = sorted(folder.glob("feature.*.npy"), key=lambda path: int(path.name.split(".")[1]))
    print(json.dumps({path.name.split(".")[1]: accuracy(np.load(path), labels, splits) for path in files}))


if __name__ == "__main__":
    main(sys.argv[1])
