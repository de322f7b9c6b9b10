"""Quantizers as they are asked for: one, or a grid of sizes at each of which the quantized measures are measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from geoscope.catalogue import KEYS, QUANTIZED, TRAITS, select
from geoscope.errors import GeoscopeError
from geoscope.passes.quantizers.codebooks import QuantizerSettings
from geoscope.settings.measuring import MeasureKeywords, Quantizing
from geoscope.settings.option import completed


def quantizer_of(options: MeasureKeywords) -> QuantizerSettings:
    """The one quantizer that keywords of `measure` ask for."""
    return QuantizerSettings(
        kind=options["quantizer"], codebooks=options["codebooks"], bits=options["bits"], seed=options["seed"]
    )


def grid_of(**given: Unpack[Quantizing]) -> tuple[QuantizerSettings, ...]:
    """The grid that keywords of `measure` ask for: every number of codebooks with every number of bits, increasing.

    None for no grid. Raises GeoscopeError for a text unlike "2,4,8x6,8", for sizes that the quantizer cannot have, and
    where no measure depends on it.
    """
    options = completed(Quantizing, given)
    text, kind = options["quantizer_grid"], options["quantizer"]
    if text is None:
        return ()
    counts, sizes = _parse(text)
    if kind == "kmeans" and counts != [1]:
        raise GeoscopeError(
            "expected --quantizer-grid of 1 codebook with --quantizer kmeans, which has no more, got "
            f"{text!r}; give 1x{','.join(map(str, sizes))}"
        )
    keys = select(options["measures"])
    if QUANTIZED.isdisjoint(keys):
        families = " or ".join(dict.fromkeys(TRAITS[key].family for key in KEYS if key in QUANTIZED))
        raise GeoscopeError(
            f"expected quantized measures with --quantizer-grid, got {', '.join(keys)}; ask for the families "
            f"{families} too, or leave the grid out"
        )
    seed = options["seed"]
    try:
        return tuple(
            QuantizerSettings(kind=kind, codebooks=count, bits=size, seed=seed) for count in counts for size in sizes
        )
    except GeoscopeError as error:
        raise GeoscopeError(
            f"expected --quantizer-grid of sizes that a quantizer has, got {text!r}: {error}"
        ) from error


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


def refuse_size_beside_grid(given: Mapping[str, Any]) -> None:
    """Raise GeoscopeError where keywords as they were given have one size of codebooks beside a grid of them."""
    if given.get("quantizer_grid") is not None and ("codebooks" in given or "bits" in given):
        raise GeoscopeError(
            "expected --quantizer-grid without --codebooks and --bits, got both; put their numbers into the grid"
        )
