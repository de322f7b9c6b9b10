"""The device, its SGEMM and DGEMM, and that float32 products are made in float32."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import torch

from benchmarks.__main__ import environment
from benchmarks.gpu.settings import Run
from benchmarks.gpu.timing import product_rate, square_rate
from benchmarks.results import Finding
from geoscope.torch_state import full_precision

BATCH = 2**15
"""Rows of a batch, as a forward pass on a GPU hands over."""


def run(run: Run) -> Iterator[Finding | str]:
    sizes = run.sizes
    yield _device(run.device)
    yield ", ".join(f"{name} {value}" for name, value in environment().items() if name != "device")
    for name, dtype in (("SGEMM", torch.float32), ("DGEMM", torch.float64)):
        square = square_rate(run.device, dtype, sizes.product)
        yield Finding(f"{name} of {sizes.product:,} cubed", square / 1e12, "TFLOP/s")
        rows = min(BATCH, sizes.summed)
        shapes = {
            "distances": (sizes.product, sizes.width, sizes.product),
            "sums": (sizes.width, rows, sizes.width),
        }
        for what, (left, inner, right) in shapes.items():
            rate = product_rate(run.device, dtype, left, inner, right)
            yield Finding(f"{name} in the shape of {what}, {left:,} x {inner:,} x {right:,}", rate / 1e12, "TFLOP/s")
    yield Finding("largest error of an SGEMM's entry, of the largest entry", _error(run.device), "", at_most=1e-5)
    yield "TF32, whose error would be about 1e-3, is switched off for these products and for geoscope's"


def _device(device: str) -> str:
    if torch.device(device).type != "cuda":
        return f"{device}: no GPU"
    about = torch.cuda.get_device_properties(device)
    return (
        f"{about.name}, {about.total_memory / 2**30:.0f} GiB, {about.multi_processor_count} multiprocessors, compute "
        f"capability {about.major}.{about.minor}, CUDA {torch.version.cuda}, driver {_driver()}"
    )


def _driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return told.strip().partition("\n")[0]


def _error(device: str) -> float:
    rows = torch.randn(512, 1024, generator=torch.Generator().manual_seed(0))
    exact = rows.double() @ rows.double().T
    there = rows.to(device)
    with full_precision():
        found = (there @ there.T).cpu().double()
    return float((found - exact).abs().max() / exact.abs().max())
