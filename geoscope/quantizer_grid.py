"""Quantizer grids: several sizes of codebooks, at each of which the quantized measures are measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from geoscope.catalogue import KEYS, QUANTIZED, TRAITS, select
from geoscope.codebooks import QuantizerSettings
from geoscope.errors import GeoscopeError


def grid_of(
    quantizer_grid: str | None = None,
    *,
    quantizer: str = "lsq",
    codebooks: int = QuantizerSettings.codebooks,
    bits: int = QuantizerSettings.bits,
    seed: int = 0,
    measures: Iterable[str] | None = None,
    **others: Any,
) -> tuple[QuantizerSettings, ...]:
    """The grid that keywords of `measure` ask for: every number of codebooks with every number of bits, increasing.

    None for no grid. Raises GeoscopeError for a text unlike "2,4,8x6,8", for sizes that the quantizer cannot have, for
    another size beside the grid, and where no measure depends on it.
    """
    if quantizer_grid is None:
        return ()
    counts, sizes = _parse(quantizer_grid)
    if (codebooks, bits) != (QuantizerSettings.codebooks, QuantizerSettings.bits):
        refuse_size_beside_grid()
    if quantizer == "kmeans" and counts != [1]:
        raise GeoscopeError(
            "expected --quantizer-grid of 1 codebook with --quantizer kmeans, which has no more, got "
            f"{quantizer_grid!r}; give 1x{','.join(map(str, sizes))}"
        )
    keys = select(measures)
    if QUANTIZED.isdisjoint(keys):
        families = " or ".join(dict.fromkeys(TRAITS[key].family for key in KEYS if key in QUANTIZED))
        raise GeoscopeError(
            f"expected quantized measures with --quantizer-grid, got {', '.join(keys)}; ask for the families "
            f"{families} too, or leave the grid out"
        )
    return tuple(
        QuantizerSettings(kind=quantizer, codebooks=count, bits=size, seed=seed) for count in counts for size in sizes
    )


def _parse(text: str) -> list[list[int]]:
    """Numbers of codebooks and numbers of bits, each once, increasing."""
    try:
        lists = [sorted({int(number) for number in part.split(",")}) for part in text.split("x")]
    except ValueError:
        lists = []
    if len(lists) != 2:
        raise GeoscopeError(
            f"expected --quantizer-grid to be numbers of codebooks x numbers of bits such as 2,4,8x6,8, got {text!r}; "
            "give both lists with one x between them"
        )
    return lists


def refuse_size_beside_grid() -> None:
    """Raise GeoscopeError for one size of codebooks beside a grid of them."""
    raise GeoscopeError(
        "expected --quantizer-grid without --codebooks and --bits, got both; put their numbers into the grid"
    )
