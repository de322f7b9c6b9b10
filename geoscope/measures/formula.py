"""A measure: a formula over passes (moments, tree, ...) that can also be called on plain rows."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import numpy as np
import numpy.typing as npt

from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes import NAMES, Passes
from geoscope.rows import FloatArray


class Measured:
    """`key(rows, **settings)` makes the passes its formula asks for; `key.formula(...)` takes them ready made."""

    def __init__(self, formula: Callable[..., float]) -> None:
        update_wrapper(self, formula)
        self.formula = formula
        names = tuple(inspect.signature(formula).parameters)
        self.passes = tuple(name for name in names if name in NAMES)
        self.settings = tuple(name for name in names if name not in NAMES)

    def __call__(self, rows: npt.ArrayLike, **settings: Any) -> float:
        """The measure of an (n, d) array; raises Undefined where it has no value."""
        own = {name: settings.pop(name) for name in self.settings if name in settings}
        passes = Passes.over(checked_rows(rows), **settings)
        return finite(self.formula(**{name: passes.get(name) for name in self.passes}, **own))


def measure(formula: Callable[..., float]) -> Measured:
    """Let a formula over passes be called on rows."""
    return Measured(formula)


def finite(value: float) -> float:
    """The value as a plain float, or Undefined: NaN and infinity never leave."""
    if not np.isfinite(value):
        raise Undefined("the arithmetic left the range of double precision")
    return float(value)


def checked_rows(rows: npt.ArrayLike) -> FloatArray:
    """An (n, d) float array of finite numbers, or a GeoscopeError that says what came instead."""
    array = np.asarray(rows)
    if array.ndim != 2:
        raise GeoscopeError(f"expected rows as a 2-dimensional array (n, d), got shape {array.shape}")
    if array.dtype.kind in "iub" or array.dtype == np.float16:
        array = array.astype(np.float64)
    if array.dtype.kind != "f":
        raise GeoscopeError(f"expected rows of real numbers, got {array.dtype}")
    if array.shape[1] == 0:
        raise GeoscopeError("expected rows of at least one dimension, got none")
    bad = int(np.sum(~np.isfinite(array).all(axis=1)))
    if bad:
        raise GeoscopeError(f"expected finite rows, got {bad} of {len(array)} with NaN or infinity; drop them first")
    return array
