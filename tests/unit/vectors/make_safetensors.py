"""Makes plain.safetensors, a file by the safetensors package that tests/unit/runtime_safetensors.c reads.

usage: python3 make_safetensors.py      (needs numpy and safetensors)
"""
import numpy
from safetensors.numpy import save_file

save_file(
    {
        "block.0.wq": (numpy.arange(24, dtype=numpy.float32) / 8 - 1).reshape(2, 3, 4),
        "scalar": numpy.array(0.1, dtype=numpy.float64),
        "tokens": numpy.array([[-1, 2], [3, 4]], dtype=numpy.int32),
        "mask": numpy.array([True, False, True]),
        "half": numpy.array([1.5, -2], dtype=numpy.float16),
        "long": numpy.array([2**40], dtype=numpy.int64),
        "bytes": numpy.arange(5, dtype=numpy.uint8),
        "empty": numpy.zeros((0, 3), dtype=numpy.float32),
    },
    "plain.safetensors",
    metadata={"spec": "dim n = 64\n# \u00e9", "step": "12"},
)
