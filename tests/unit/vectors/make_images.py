"""Small JPEG and PNG files of every kind that tools write, and what their pixels are.

usage: python make_images.py FOLDER        (Pillow 13.0 and numpy 2.4 made what is committed)

images.txt has a line a file: its name, height, width, and the FNV-1a (64 bits) of its pixels in three channels, and in one,
by Pillow or, where Pillow does something else (16 bits, transparency, CMYK), by numpy as runtime/images/image_decode.h says.
"""
import io
import os
import struct
import sys
import zlib

import numpy as np
from PIL import Image

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
random = np.random.default_rng(7)
HEIGHT, WIDTH = 19, 23
lines = []


def fnv(pixels):
    value = 0xCBF29CE484222325
    for byte in np.ascontiguousarray(pixels, dtype=np.uint8).tobytes():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def grey_of(rgb):
    r, g, b = (rgb[..., c].astype(np.uint32) for c in range(3))
    return ((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16).astype(np.uint8)


def keep(name, data, rgb, grey=None):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)
    grey = grey_of(rgb) if grey is None else grey
    lines.append(f"{name} {rgb.shape[0]} {rgb.shape[1]} {fnv(rgb)} {fnv(grey)}\n")


def three(grey):
    return np.repeat(grey[..., None], 3, axis=2)


def saved(image, form, **options):
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


def smooth(channels):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [(127 + 100 * np.sin((x * (c + 1) + y * (3 - c)) / 9)) for c in range(channels)]
    return np.stack(planes, axis=2).astype(np.uint8)


def jpeg(name, image, **options):
    data = saved(image, "JPEG", **options)
    read = Image.open(io.BytesIO(data))
    luma = Image.open(io.BytesIO(data))
    luma.draft("L", None)  # as libjpeg gives it
    keep(name, data, np.asarray(read.convert("RGB")), np.asarray(luma.convert("L")))
    return data


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, rows, more=b""):
    """A PNG from rows of bytes, without a filter."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = b"".join(b"\0" + row for row in rows)
    return b"\x89PNG\r\n\x1a\n" + head + more + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


rgb = smooth(3)
photo = Image.fromarray(rgb)
jpeg("baseline.jpg", photo, quality=90)
jpeg("subsampled.jpg", photo, quality=60, subsampling=2)
jpeg("progressive.jpg", photo, quality=80, progressive=True)
jpeg("grey.jpg", Image.fromarray(rgb[..., 0]), quality=85)
exif = Image.Exif()
exif[0x0112] = 6
jpeg("turned.jpg", photo, quality=90, exif=exif)

# CMYK as Adobe writes it, inverted: red = cyan * black / 255 of what is stored
stored = Image.open(io.BytesIO(saved(Image.fromarray(smooth(4), "CMYK"), "JPEG", quality=95)))
cmyk = 255 - np.asarray(stored).astype(np.uint32)  # Pillow has turned it back
from_cmyk = ((cmyk[..., :3] * cmyk[..., 3:] + 127) // 255).astype(np.uint8)
keep("cmyk.jpg", saved(Image.fromarray(smooth(4), "CMYK"), "JPEG", quality=95), from_cmyk)

noise = random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
keep("colour.png", saved(Image.fromarray(noise), "PNG"), noise)
keep("grey.png", saved(Image.fromarray(noise[..., 0]), "PNG"), three(noise[..., 0]), noise[..., 0])
paletted = Image.fromarray(noise).quantize(13)
keep("palette.png", saved(paletted, "PNG"), np.asarray(paletted.convert("RGB")))
bits = Image.fromarray((noise[..., 0] > 127).astype(np.uint8) * 255).convert("1")
keep("bits.png", saved(bits, "PNG"), three(np.asarray(bits.convert("L"))), np.asarray(bits.convert("L")))

deep = random.integers(0, 65536, (HEIGHT, WIDTH, 3), dtype=np.uint16)
eight = ((deep.astype(np.uint64) * 255 + 32895) >> 16).astype(np.uint8)
keep("deep.png", png(WIDTH, HEIGHT, 16, 2, [row.astype(">u2").tobytes() for row in deep]), eight)
keep("deep-grey.png", png(WIDTH, HEIGHT, 16, 0, [row[:, 0].astype(">u2").tobytes() for row in deep]),
     three(eight[..., 0]), eight[..., 0])

# transparent pixels on white: out of 0, 1 and a share only where libpng rounds as (a c + (255 - a) 255 + 127) / 255
alpha = np.where(random.random((HEIGHT, WIDTH)) < 0.5, 0, 255).astype(np.uint8)
on_white = np.where(alpha[..., None] == 0, 255, noise).astype(np.uint8)
keep("alpha.png", saved(Image.fromarray(np.dstack([noise, alpha])), "PNG"), on_white)
grey_white = np.where(alpha == 0, 255, noise[..., 0]).astype(np.uint8)
keep("grey-alpha.png", saved(Image.fromarray(np.dstack([noise[..., 0], alpha]), "LA"), "PNG"), three(grey_white), grey_white)

frames = [Image.fromarray(noise), Image.fromarray(255 - noise)]
keep("animated.png", saved(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=100), noise)

# Adam7, which Pillow reads and does not write
passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
rows = [noise[y, x0::dx].tobytes() for x0, y0, dx, dy in passes for y in range(y0, HEIGHT, dy) if x0 < WIDTH]
body = b"".join(b"\0" + row for row in rows)
interlaced = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 1)) +
              chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b""))
assert (np.asarray(Image.open(io.BytesIO(interlaced))) == noise).all()
keep("interlaced.png", interlaced, noise)

with open(os.path.join(folder, "images.txt"), "w") as file:
    file.writelines(lines)
