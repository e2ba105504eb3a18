"""Makes the embedded data set from scikit-learn's copy of the UCI digits. See README.md.

usage: make.py [FOLDER]      writes the two IDX files and the three split lists (default: beside this script)

The split is the one that runtime/data/data_split.c computes for validation = 10%, test = 20%, seed = 0; it is worked out here
once more so that a test can hold the program to the committed lists.
"""
import pathlib
import struct
import sys

import numpy as np
from sklearn.datasets import load_digits

VALIDATION, TEST, SEED = 0.1, 0.2, 0
SPLIT_DOMAIN = 0x53504C54  # "SPLT": sets these draws apart from all others
MASK = 0xFFFFFFFF


def philox(counter, key):
    """Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011)."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        a, b = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & MASK, (a >> 32) ^ c3 ^ k1, a & MASK
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return c0, c1, c2, c3


def split(labels):
    def order(image):
        word = philox((image, 0, 0, SPLIT_DOMAIN), (SEED & MASK, SEED >> 32))
        return word[0], word[1], image

    lists = {"train": [], "validation": [], "test": []}
    for label in sorted(set(labels)):
        images = sorted((i for i, other in enumerate(labels) if other == label), key=order)
        test = int(TEST * len(images) + 0.5)
        validation = int(VALIDATION * len(images) + 0.5)
        lists["test"] += images[:test]
        lists["validation"] += images[test:test + validation]
        lists["train"] += images[test + validation:]
    return {name: sorted(images) for name, images in lists.items()}


def write_idx(path, array):
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    digits = load_digits()
    write_idx(folder / "digits-images-idx3-ubyte", digits.images)
    write_idx(folder / "digits-labels-idx1-ubyte", digits.target)
    for name, images in split(digits.target.tolist()).items():
        (folder / f"{name}.txt").write_text("".join(f"{image}\n" for image in images))


if __name__ == "__main__":
    main()
