"""Makes the .npy files beside it: what NumPy writes, for tests/unit/runtime_npy.c.

usage: python3 make_npy.py      (NumPy 2)
"""
import os

import numpy as np

folder = os.path.dirname(os.path.abspath(__file__))
values = np.array([[0, 1, -2], [0.5, 65504, -0.25]])
np.save(f"{folder}/f4.npy", values.astype("<f4"))
np.save(f"{folder}/f2.npy", values.astype("<f2"))
np.save(f"{folder}/i8.npy", np.array([-(2**53), 3], "<i8"))
np.save(f"{folder}/u1.npy", np.arange(24, dtype="u1").reshape(2, 3, 4))
np.save(f"{folder}/fortran.npy", np.asfortranarray(values))
np.save(f"{folder}/scalar.npy", np.float64(7))
