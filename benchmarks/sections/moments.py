"""Spectral measures of a file larger than one would load, against the bare product over the same blocks."""

from __future__ import annotations

from benchmarks.data import big_file, group_file
from benchmarks.results import Section, ratio
from benchmarks.settings import Settings
from benchmarks.timing import Case, interleaved


def run(settings: Settings) -> Section:
    section = Section("moments", "Spectral measures of a file on disk, against the bare product d x n x d")
    rows, n, d = str(big_file(settings)), settings.file_rows, settings.file_columns
    point = {"rows": rows, "errors": False, "null": "none"}
    grouped = point | {"groups": str(group_file(settings))}
    section.results = interleaved(
        [
            Case("geoscope, each row alone", "measuring.file", point, "on disk", n, d),
            Case("geoscope, sequences of 30", "measuring.file", grouped, "on disk", n, d),
            Case("SGEMM, 2,048 rows at a time", "measuring.product_of_file", {"rows": rows}, "on disk", n, d),
        ],
        settings.runs,
    )
    section.notes.append("geoscope accumulates in float64, whose product takes half as many multiplications (symmetry)")
    product = section.of("SGEMM, 2,048 rows at a time")
    for case in ("geoscope, each row alone", "geoscope, sequences of 30"):
        ours = section.of(case)
        share = ratio(product, ours)
        section.find(f"share of the SGEMM rate: {case}", None if share is None else 100 * share, "%", at_least=60)
        if ours is not None:
            section.find(f"memory above the file's pages: {case}", ours.peak / 1e6, "MB", at_most=300)
    return section
