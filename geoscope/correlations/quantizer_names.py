"""Quantizers by name: which codebooks a report's quantized measures are from, so that no two are taken for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from geoscope.report import Report

Size = tuple[int, int] | None
"""Codebooks and bits of a row under a quantizer grid; None where the report's settings say them."""

Labels = Mapping[Size, str | None]


def quantizer_of(report: Report, size: Size = None) -> dict[str, Any]:
    """What the report's settings say of the quantizer, without its seed; of one size where it had a grid of them."""
    settings = report.settings.get("quantizer")
    found = {name: part for name, part in settings.items() if name != "seed"} if isinstance(settings, Mapping) else {}
    if size is None:
        return found
    found.pop("grid", None)
    return found | {"codebooks": size[0], "bits": size[1]}


def quantizer_labels(reports: Sequence[Report]) -> list[Labels]:
    """Each report's quantizers in a word or two: with their other settings only where those tell two apart."""
    settings = [
        {size: quantizer_of(report, size) for size in dict.fromkeys(row.quantizer_size for row in report.measurements)}
        for report in reports
    ]
    every = [each for sizes in settings for each in sizes.values()]
    return [{size: _label(mine, every) for size, mine in sizes.items()} for sizes in settings]


def _label(mine: Mapping[str, Any], every: Sequence[Mapping[str, Any]]) -> str | None:
    short = _short(mine)
    if short is None:
        return None
    alike = [other for other in every if _short(other) == short]
    parts = sorted({name for other in alike for name in (*other, *mine) if other.get(name) != mine.get(name)})
    return " ".join([short, *(f"{name} {mine.get(name)}" for name in parts)])


def _short(settings: Mapping[str, Any]) -> str | None:
    if not settings:
        return None
    return f"{settings.get('kind')} {settings.get('codebooks')}x{settings.get('bits')}"
