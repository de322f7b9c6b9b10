"""Passes: the shared work over one cloud of rows, from which the measures are formulas."""

from geoscope.requirements import require

require("numpy", "scipy", "numba", "torch", "threadpoolctl", "faiss-cpu")
