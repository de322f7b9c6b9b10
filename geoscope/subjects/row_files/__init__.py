"""Row files: matrices of numbers in files, read a block of rows at a time."""

from geoscope.requirements import require

require("numpy", "pyarrow", "safetensors")
