"""The memory estimate against what runs really took, and what errors and nulls add to point estimates."""

from __future__ import annotations

from typing import Any

from benchmarks.data import big_file, corpora, layer_files, sequences_beside, shape_of
from benchmarks.results import Result, Section, ratio
from benchmarks.settings import Settings
from benchmarks.timing import Case, interleaved

POINT: dict[str, Any] = {"errors": False, "null": "none"}
OPTIONS: dict[str, dict[str, Any]] = {
    "point estimates": POINT,
    "errors": {"errors": True, "null": "none"},
    "nulls": {"errors": False, "null": "auto"},
    "errors and nulls": {"errors": True, "null": "auto"},
    "spectral, with errors": {"errors": True, "null": "none", "kind": "spectral"},
    "pairwise": POINT | {"kind": "pairwise"},
    "quantized": POINT | {"kind": "quantized"},
    "quantized, with errors": {"errors": True, "null": "none", "kind": "quantized"},
}


def run(settings: Settings) -> Section:
    section = Section("memory", "The memory estimate against the measured peak; what errors and nulls cost")
    layers = layer_files(settings, settings.wide, settings.n)
    rows = layers[max(layers)]
    n, d = shape_of(rows)
    n = min(n, settings.peer_n)
    given = {"rows": str(rows), "groups": str(sequences_beside(rows)), "take": n, "bits": settings.bits}
    runs = min(settings.runs, 3)
    section.results = interleaved(
        [Case(name, "measuring.array", given | options, "array", n, d) for name, options in OPTIONS.items()], runs
    )
    section.results += interleaved(_whole_subjects(settings), 1)
    bound = _bounded(section, given, n, d)
    for result in section.results:
        if result.seconds:
            share = max(result.memory) / result.facts[0]["estimated"]
            section.find(f"measured / estimated peak: {result.case}, {result.data}", share, at_most=1.0)
    if bound is not None:
        section.find(f"peak under --memory {bound}", section.results[-1].peak / bound, "of it", at_most=1.0)
    point = section.of("point estimates")
    for name in ("errors", "nulls", "errors and nulls"):
        wanted = {"at_most": 2.0} if name == "errors" else {}
        section.find(f"{name} / point estimates, time", ratio(section.of(name), point), **wanted)
    return section


def _whole_subjects(settings: Settings) -> list[Case]:
    text = {"subject": settings.small, "corpora": corpora(settings), "sequences": settings.sequences, "layers": "all"}
    text |= {"max_length": settings.row_length}
    file = POINT | {"rows": str(big_file(settings))}
    n, d = settings.file_rows, settings.file_columns
    return [
        Case("every layer, errors and nulls", "measuring.checkpoint", text, "small checkpoint"),
        Case("spectral, point estimates", "measuring.file", file, "on disk", n, d),
    ]


def _bounded(section: Section, given: dict[str, Any], n: int, d: int) -> int | None:
    """One more run, bound to 0.6 of what it would take: the blocks have to shrink."""
    free: Result | None = section.of("pairwise")
    if free is None:
        return None
    bound = int(0.6 * free.facts[0]["estimated"])
    case = Case("pairwise, bounded", "measuring.array", given | OPTIONS["pairwise"] | {"memory": bound}, "array", n, d)
    try:
        bounded = interleaved([case], 1)
    except RuntimeError as error:
        if "expected --memory" not in str(error):
            raise
        section.notes.append(f"a bound of {bound} bytes was refused, since what adapts is less than the rest of it")
        return None
    section.results += bounded
    values, free_values = (result.facts[0]["values"] for result in (bounded[0], free))
    gaps = [abs(values[key] - value) / abs(value) for key, value in free_values.items() if value]
    section.find("largest relative change of a value under the bound", max(gaps), "", at_most=1e-6)
    return bound
