"""geoscope's local search quantizer against FAISS's: time, and whether it is as good, over seeds."""

from __future__ import annotations

from pathlib import Path
from statistics import mean, stdev

from benchmarks.data import layer_files, shape_of
from benchmarks.results import Section, ratio
from benchmarks.settings import Settings
from benchmarks.timing import Case, interleaved


def run(settings: Settings) -> Section:
    section = Section(
        "quantizer", "LSQ, 4 codebooks of 256: geoscope's own against FAISS's, train and encode, over seeds"
    )
    for checkpoint in dict.fromkeys([settings.small, settings.wide]):
        layers = layer_files(settings, checkpoint, settings.peer_n, last=True)
        _compare(section, settings, next(iter(layers.values())))
    return section


def _compare(section: Section, settings: Settings, rows: Path) -> None:
    n, d = shape_of(rows)
    data = f"last layer, d = {d}"
    given = {"rows": str(rows), "bits": settings.bits}
    cases = [
        Case(f"LSQ of {who}", "quantizer.lsq", given | {"implementation": who}, data, n, d, seeds=True)
        for who in ("geoscope", "faiss")
    ]
    section.results += interleaved(cases, settings.runs)
    ours, theirs = section.of("LSQ of geoscope", data), section.of("LSQ of faiss", data)
    if ours is None or theirs is None:
        return
    section.find(f"FAISS / geoscope, time, {data}", ratio(theirs, ours), at_least=3)
    error = 100 * (mean(ours.fact("error")) / mean(theirs.fact("error")) - 1)
    section.find(f"mean reconstruction error above FAISS's, {data}", error, "%", at_most=1)
    if settings.runs > 1:
        spread = stdev(theirs.fact("patchiness")) or float("nan")
        apart = abs(mean(ours.fact("patchiness")) - mean(theirs.fact("patchiness"))) / spread
        section.find(f"mean patchiness from FAISS's, in its seeds' standard deviations, {data}", apart, "sd", at_most=2)
