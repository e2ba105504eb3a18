"""Makes palette*.npy beside it: a palette and tokens by brute force in NumPy, for tests/unit/runtime_palette.c.

usage: python3 make_palette.py      (NumPy 2)
"""
import os

import numpy as np

folder = os.path.dirname(os.path.abspath(__file__))
random = np.random.default_rng(6)
centres = random.normal(0, 0.4, (64, 3)).astype("<f4")
centres[7] = centres[3]           # the lower one is taken
centres[20] = [3, -0.1, 0.2]      # beyond any colour
pixels = np.concatenate([random.integers(0, 256, (500, 3), dtype="u1"), np.eye(3, dtype="u1") * 255])
distances = (((2.0 * pixels - 255)[:, None] - 255 * centres.astype("f8")) ** 2)
tokens = (distances[..., 0] + distances[..., 1] + distances[..., 2]).argmin(1)
np.save(f"{folder}/palette.npy", centres)
np.save(f"{folder}/palette_pixels.npy", pixels)
np.save(f"{folder}/palette_tokens.npy", tokens.astype("u1"))
np.save(f"{folder}/palette_colours.npy", np.clip(np.rint(127.5 * (centres.astype("f8") + 1)), 0, 255).astype("u1"))
