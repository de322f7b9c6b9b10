"""A measure: a formula over passes (moments, tree, ...) that can also be called on plain rows."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import update_wrapper
from typing import Any, Protocol, Unpack, cast

import numpy as np
import numpy.typing as npt

from geoscope.errors import GeoscopeError, Undefined
from geoscope.measures.calling.docstrings import of_called, of_formula
from geoscope.measures.calling.parameters import Settings
from geoscope.passes.passes import PASSES, Passes
from geoscope.rows import Float64, FloatArray
from geoscope.subjects.embeddings.objects import array_of
from geoscope.torch_state import full_precision
from geoscope.wording import meant

Influences = Callable[..., tuple[Float64, ...]]


class Measured(Protocol):
    """`key(rows, **settings)` makes the passes its formula asks for; `key.formula(...)` takes them ready made.

    passes: what the formula is of, by name. settings: the formula's own, which a report's settings hold.
    influences: of the same passes, how much each entry of each moves the value, by what it differs from the mean entry;
    None where the standard error is not taken from that.
    """

    __name__: str
    formula: Callable[..., float]
    passes: tuple[str, ...]
    settings: tuple[str, ...]
    influences: Influences | None

    def __call__(self, rows: npt.ArrayLike, **settings: Unpack[Settings]) -> float: ...


def measure(
    *, undefined: str, unit: str = "none", heeds: tuple[str, ...] = (), influences: Influences | None = None
) -> Callable[[Callable[..., float]], Measured]:
    """Let a formula over passes be called on rows, with a signature and a docstring of what is then called.

    undefined: where the measure has no value, to be read after "where". unit: of the value.
    heeds: settings that bear on this formula, though not on every formula of its passes. influences: as `Measured`
    has them.
    """

    def on_rows(formula: Callable[..., float]) -> Measured:
        asked = tuple(inspect.signature(formula).parameters)
        passes = tuple(name for name in asked if name in PASSES)
        own = tuple(name for name in asked if name not in PASSES)
        signature = _signature(formula, own, (*heeds, *(name for each in passes for name in PASSES[each].heeds)))

        # A function and not an object with __call__: help(), doctest, Sphinx and editors read those best.
        def called(rows: npt.ArrayLike, **settings: Any) -> float:
            _refuse_others(formula.__name__, settings, tuple(signature.parameters)[1:])
            mine = {name: settings.pop(name) for name in own if name in settings}
            with full_precision():
                made = Passes.over(checked_rows(rows), **settings, asked=passes)
                return finite(formula(**{name: made.get(name) for name in passes}, **mine))

        text = inspect.cleandoc(formula.__doc__ or "")
        update_wrapper(called, formula, assigned=("__module__", "__name__", "__qualname__"))
        called.__doc__ = of_called(formula.__name__, text, signature, undefined=undefined, unit=unit)
        formula.__doc__ = of_formula(formula.__name__, passes)
        described = cast(Any, called)
        described.__signature__ = signature
        described.formula, described.passes, described.settings = formula, passes, own
        described.influences = influences
        return cast(Measured, called)

    return on_rows


def _signature(formula: Callable[..., float], own: Iterable[str], heeded: Iterable[str]) -> inspect.Signature:
    """(rows, *, ...): the formula's own settings, then those its passes heed, with the defaults they have there."""
    formulas, everywhere = inspect.signature(formula).parameters, inspect.signature(Passes.over).parameters
    settings = [formulas[name] for name in own] + [everywhere[name] for name in dict.fromkeys(heeded)]
    rows = inspect.Parameter("rows", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    keywords = [inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default) for each in settings]
    return inspect.Signature([rows, *keywords])


def _refuse_others(key: str, given: Iterable[str], settings: tuple[str, ...]) -> None:
    """A GeoscopeError for a keyword that bears on nothing: it would be taken for having changed the number."""
    for name in given:
        if name in settings:
            continue
        takes = f"{key} takes {', '.join(settings) or 'no settings'}"
        if name in Settings.__annotations__:
            raise GeoscopeError(f"expected a setting that bears on {key}, got {name}; leave it out ({takes})")
        what_to_do = meant(name, settings, "leave it out", cutoff=0.4)
        raise GeoscopeError(f"expected a setting of {key}, got {name!r}; {what_to_do} ({takes})")


def finite(value: float) -> float:
    """The value as a plain float, or Undefined: NaN and infinity never leave, nor does the sign of a zero."""
    if not np.isfinite(value):
        raise Undefined("the arithmetic left the range of double precision")
    return float(value) + 0.0


def checked_rows(rows: npt.ArrayLike) -> FloatArray:
    """An (n, d) float array of finite numbers, or a GeoscopeError that says what came instead."""
    array = array_of(rows, "rows")
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
