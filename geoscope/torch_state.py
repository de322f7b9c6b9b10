"""What torch computes on and with: the device, float32 products in float32, random numbers from a seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

import torch

from geoscope.errors import GeoscopeError


def torch_device(device: str) -> str:
    """The device that --device means: auto is CUDA where torch has it; raises GeoscopeError for what is not there."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise GeoscopeError(
            f"expected a --device of this machine, got '{device}', which cannot be used; pass cpu or leave it out"
        ) from error
    return device


def runs_compiled(device: Any) -> bool:
    """Whether geoscope's compiled routines and numpy's serve rows on a device: on the CPU, where they are faster.

    Elsewhere torch does the same work where the rows are.
    """
    return bool(torch.device(device).type == "cpu")


_FAST_DOUBLES = {(6, 0), (7, 0), (8, 0), (9, 0), (10, 0)}
"""Compute capabilities of the GPUs that multiply float64 at half their rate of float32 or above; others at 1/32 or
below."""


def multiplies_doubles_fast(device: Any) -> bool:
    """Whether products in float64 cost a device no more than some twice those in float32: of GPUs those made for it."""
    there = torch.device(device)
    return bool(there.type == "cuda" and torch.cuda.get_device_capability(there) in _FAST_DOUBLES)


def bytes_on(device: Any) -> int | None:
    """Bytes that are free on a device, those among them that torch keeps for this process; None where nobody knows."""
    there = torch.device(device)
    if there.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(there)
    return int(free) + int(torch.cuda.memory_reserved(there)) - int(torch.cuda.memory_allocated(there))


def leave_room() -> None:
    """Give back what torch keeps of CUDA's memory, before another library takes some."""
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def with_float64(device: Any) -> str:
    """The device, or the CPU in place of MPS, which has no float64."""
    return "cpu" if torch.device(device).type == "mps" else str(device)


class _FloatProducts:
    """How torch may round products of float32: the process's choice, overruled while anybody is inside."""

    def __init__(self) -> None:
        self._lock, self._inside = Lock(), 0
        self._chosen: list[str] = []
        self._older: str | None = None
        self._older_cudnn: bool | None = None
        operations = [(backend, of) for of in ("all", "matmul", "conv", "rnn") for backend in ("cuda", "mkldnn")]
        # not torch.backends.mkldnn itself, whose setter sets the choice for everything instead
        self._settings = [torch.backends._FP32Precision(*each) for each in [("generic", "all"), *operations]]

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._overrule()
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._restore()

    def _overrule(self) -> None:
        self._chosen = [setting.fp32_precision for setting in self._settings]
        try:
            self._older = torch.get_float32_matmul_precision()
        except RuntimeError:  # the process mixes older calls and newer
            self._older = None
        try:
            self._older_cudnn = torch.backends.cudnn.allow_tf32
        except RuntimeError:
            self._older_cudnn = None
        if self._older_cudnn:  # or whoever reads it inside finds it at odds with what follows
            torch.backends.cudnn.allow_tf32 = False
        for setting in self._settings:  # the general ones first: what follows them needs no choice of its own
            if setting.fp32_precision != "ieee":
                setting.fp32_precision = "ieee"
        if self._older not in (None, "highest"):  # or torch finds the two at odds when it compiles a model
            torch.set_float32_matmul_precision("highest")

    def _restore(self) -> None:
        if self._older_cudnn:
            torch.backends.cudnn.allow_tf32 = True
        if self._older not in (None, "highest"):
            torch.set_float32_matmul_precision(self._older)
        for setting, chosen in zip(self._settings, self._chosen, strict=True):
            if setting.fp32_precision != chosen:
                setting.fp32_precision = chosen


_FLOAT_PRODUCTS = _FloatProducts()


@contextmanager
def full_precision() -> Iterator[None]:
    """Products of float32 in float32, whatever the process chose: bounds on rounding hold for nothing less.

    Overrules TF32 and bfloat16 for matrix products, convolutions and recurrent layers, on CUDA and on the CPU, and
    autocast. From the first thread that enters to the last that leaves, the process's settings are float32's, also for
    threads outside; then they are what they were, so that what another thread chooses in between may be lost. Autocast
    is off for the thread that enters alone: other threads have their own. What the environment forces on CUDA's
    libraries (NVIDIA_TF32_OVERRIDE=1) is beyond torch. A decorator too.
    """
    with _FLOAT_PRODUCTS, ExitStack() as autocast_off:
        for kind in ("cpu", "cuda", "xpu"):
            autocast_off.enter_context(torch.autocast(kind, enabled=False))
        yield


@contextmanager
def threads_of_torch(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that may call torch.

    In a process that was forked from one that had used torch, the first thread to call it replaces torch's own pool,
    and another that comes meanwhile finds none ("Invalid thread pool!"): so one call comes before them all.
    """
    torch.set_num_threads(torch.get_num_threads())
    with ThreadPoolExecutor(count) as pool:
        yield pool


@contextmanager
def drawn_by(seed: int, devices: Sequence[Any] = ()) -> Iterator[None]:
    """torch's random numbers from a seed, and afterwards as they were on the CPU and those CUDA devices."""
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
