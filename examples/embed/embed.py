"""The same from Python, by ctypes and NumPy, without a build.

    scanline compile digits --emit so -o libdigits.so
    python3 embed.py ./libdigits.so models/digits/digits-images-idx3-ubyte 100
"""
import ctypes
import sys

import numpy as np
from numpy.ctypeslib import ndpointer

Tokens = ndpointer(np.int32, flags="C_CONTIGUOUS")
Floats = ndpointer(np.float32, flags="C_CONTIGUOUS")
Int = ctypes.c_int64


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("text", ctypes.c_char * 1024)]


class Options(ctypes.Structure):
    _fields_ = [("settings", ctypes.POINTER(ctypes.c_char_p)), ("setting_count", ctypes.c_size_t),
                ("target", ctypes.c_char_p), ("threads", ctypes.c_int)]


class Shape(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("objective", ctypes.c_char_p), ("target", ctypes.c_char_p)] + [
        (key, Int) for key in ("positions", "colours", "classes", "batch", "parameters", "layers")]


class Sampling(ctypes.Structure):
    _fields_ = [("temperature", ctypes.c_double), ("top_k", Int), ("top_p", ctypes.c_double),
                ("seed", Int), ("given", Int), ("first", Int)]


class Model:
    """A scanline_model; what scanline.h says of each function holds here too."""

    def __init__(self, path, *settings, threads=0):
        self.library = library = ctypes.CDLL(path)
        self.model = ctypes.c_void_p()
        self.error = Error()
        library.scanline_feature_width.restype = library.scanline_steps.restype = Int
        texts = (ctypes.c_char_p * len(settings))(*(text.encode() for text in settings))
        options = Options(texts, len(settings), None, threads)
        self.call("create", ctypes.byref(options), ctypes.byref(self.model), model=False)
        self.shape = Shape()
        library.scanline_describe(self.model, ctypes.byref(self.shape))

    def call(self, name, *arguments, model=True):
        function = getattr(self.library, "scanline_" + name)
        first = (self.model,) if model else ()
        if function(*first, *arguments, ctypes.byref(self.error)):
            raise RuntimeError(self.error.text.decode())

    def step(self, tokens, labels=None):
        loss = ctypes.c_float()
        self.call("step", Tokens.from_param(tokens), labels if labels is None else Tokens.from_param(labels),
                  ctypes.byref(loss))
        return loss.value

    def features(self, layer, tokens):
        width = self.library.scanline_feature_width(self.model, Int(layer))
        found = np.empty((len(tokens), width), np.float32)
        self.call("features", Int(layer), Tokens.from_param(tokens), Int(len(tokens)), Floats.from_param(found))
        return found

    def sample(self, count, **sampling):
        tokens = np.zeros((count, self.shape.positions), np.int32)
        options = Sampling(**{"temperature": 1, "top_p": 1, **sampling})
        self.call("sample", ctypes.byref(options), Tokens.from_param(tokens), Int(count))
        return tokens

    def load(self, path):
        self.call("load", path.encode())

    def save(self, path):
        self.call("save", path.encode())

    def close(self):
        self.library.scanline_destroy(self.model)


def main(library, images, steps):
    model = Model(library)
    positions, batch = model.shape.positions, model.shape.batch
    print(f"{model.shape.name.decode()}, objective {model.shape.objective.decode()}, "
          f"for {model.shape.target.decode()}: {model.shape.parameters} parameters")
    tokens = np.fromfile(images, np.uint8, offset=16).reshape(-1, positions).astype(np.int32)
    for i in range(steps):
        first = i % (len(tokens) // batch) * batch
        loss = model.step(tokens[first:first + batch])
        if i in (0, steps - 1):
            print(f"step {i + 1}: loss {loss:.4f}")
    layer = model.shape.layers // 2
    features = model.features(layer, tokens[:1])
    print(f"layer {layer} of the first image, {features.shape[1]} floats: "
          f"{features[0, 0]:.4f} {features[0, 1]:.4f} {features[0, 2]:.4f} ...")
    for row in model.sample(1, temperature=0.9, seed=1).reshape(-1, 8):
        print("".join(" .:-=+*#%@"[token * 10 // model.shape.colours] for token in row))
    model.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
