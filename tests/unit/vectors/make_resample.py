"""Makes resample.json beside it: area averages by others, for tests/unit/runtime_resample.c.

usage: python3 make_resample.py      (NumPy 2, Pillow 12, PyTorch 2.13, OpenCV 4.12 or later)

Pillow and PyTorch's area take whole pixels, so they say what is right at whole ratios alone (Pillow's BOX rounds twice,
rows and then columns, and may be one off; its reduce is exact at powers of two); OpenCV's INTER_AREA covers fractions too, in float; boxes
that begin within a pixel are averaged here in exact fractions.
"""
import json
import os
from fractions import Fraction

import cv2
import numpy as np
import torch
from PIL import Image

folder = os.path.dirname(os.path.abspath(__file__))
random = np.random.default_rng(5)
cases = []


def image(height, width, channels):
    return random.integers(0, 256, (height, width, channels), dtype=np.uint8)


def reflected(pixels, box):
    """An image in which a box that goes beyond `pixels` lies within, and that box."""
    larger = torch.nn.functional.pad(torch.tensor(pixels.transpose(2, 0, 1)[None], dtype=torch.float64),
                                     (pixels.shape[1] - 1,) * 2 + (pixels.shape[0] - 1,) * 2, mode="reflect")
    larger = larger[0].numpy().astype(np.uint8).transpose(1, 2, 0)
    return larger, [box[0] + 256 * (pixels.shape[0] - 1), box[1] + 256 * (pixels.shape[1] - 1), box[2], box[3]]


def case(by, pixels, box, resolution, result, within=0):
    """box: top, left, height, width in 256ths of a pixel"""
    cases.append({
        "by": by, "height": pixels.shape[0], "width": pixels.shape[1], "channels": pixels.shape[2],
        "pixels": pixels.reshape(-1).tolist(), "box": [int(b) for b in box], "resolution": resolution,
        "within": within, "expected": np.asarray(result).reshape(-1).tolist()})


def whole(pixels):
    return [0, 0, 256 * pixels.shape[0], 256 * pixels.shape[1]]


def covered(first, end, pixel):
    return max(Fraction(0), min(end, Fraction(pixel + 1)) - max(first, Fraction(pixel)))


def exactly(pixels, box, resolution):
    top, left, height, width = (Fraction(b, 256) for b in box)
    result = np.zeros((resolution, resolution, pixels.shape[2]), dtype=int)
    for row in range(resolution):
        down = [covered(top + row * height / resolution, top + (row + 1) * height / resolution, y)
                for y in range(pixels.shape[0])]
        for column in range(resolution):
            across = [covered(left + column * width / resolution, left + (column + 1) * width / resolution, x)
                      for x in range(pixels.shape[1])]
            for channel in range(pixels.shape[2]):
                total = sum(down[y] * across[x] * int(pixels[y, x, channel])
                            for y in range(pixels.shape[0]) if down[y]
                            for x in range(pixels.shape[1]) if across[x])
                result[row, column, channel] = int(total / (sum(down) * sum(across)) + Fraction(1, 2))
    return result


for side, resolution in ((16, 8), (18, 6), (8, 8)):
    pixels = image(side, side, 3)
    case("Pillow", pixels, whole(pixels), resolution,
         np.asarray(Image.fromarray(pixels).resize((resolution, resolution), Image.Resampling.BOX)), within=1)
for factor in (2, 4):
    pixels = image(16, 16, 3)
    case("Pillow's reduce", pixels, whole(pixels), 16 // factor, np.asarray(Image.fromarray(pixels).reduce(factor)))
pixels = image(11, 14, 3)
case("Pillow", pixels, [2 * 256, 3 * 256, 9 * 256, 9 * 256], 3,
     np.asarray(Image.fromarray(pixels).resize((3, 3), Image.Resampling.BOX, box=(3, 2, 12, 11))), within=1)
pixels = image(20, 20, 1)
area = torch.nn.functional.interpolate(torch.tensor(pixels[None, None, :, :, 0], dtype=torch.float64), size=5, mode="area")
case("PyTorch", pixels, whole(pixels), 5, np.floor(area.numpy() + 0.5).astype(int))
for side, resolution in ((25, 8), (11, 7)):
    pixels = image(side, side, 3)
    case("OpenCV", pixels, whole(pixels), resolution,
         cv2.resize(pixels, (resolution, resolution), interpolation=cv2.INTER_AREA), within=1)
for height, width, channels, box, resolution in (
        (13, 10, 3, [300, 77, 2100, 2203], 4),
        (13, 10, 3, [384, 0, 2560, 2560], 6),
        (9, 9, 1, [1, 1, 2302, 2302], 5),
        (3, 3, 3, [130, 131, 100, 100], 3),
        (2, 3, 3, [0, 128, 512, 512], 5)):
    pixels = image(height, width, channels)
    case("exact fractions", pixels, box, resolution, exactly(pixels, box, resolution))
for height, width, box, resolution in ((8, 8, [-3 * 256, 4 * 256, 2048, 2048], 4), (5, 7, [-1024, -1000, 3328, 4000], 6)):
    pixels = image(height, width, 3)
    case("PyTorch's reflection", pixels, box, resolution, exactly(*reflected(pixels, box), resolution))

with open(f"{folder}/resample.json", "w") as out:
    out.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
