"""Extraction of every layer against a plain loop, and of sentence means against sentence-transformers."""

from __future__ import annotations

from benchmarks.data import texts_file
from benchmarks.results import Section, ratio
from benchmarks.settings import Settings
from benchmarks.timing import Case, interleaved


def run(settings: Settings) -> Section:
    section = Section(
        "extraction", "Reading text with the demo checkpoint: batches of 32 with padding against geoscope"
    )
    for length in settings.lengths:
        _at(section, settings, length)
    ours = [result for result in section.results if result.case.startswith("geoscope, all")]
    if ours:
        padding = 100 * max(share for result in ours for share in result.fact("padding"))
        section.find("padding", padding, "%", at_most=3)
    return section


def _at(section: Section, settings: Settings, length: int) -> None:
    given = {"checkpoint": settings.small, "texts": str(texts_file(settings)), "max_length": length}
    data, n = f"max length {length}", settings.sequences
    slow, need = settings.slow_runs, "sentence_transformers"
    pooled = given | {"layers": "last", "pooling": "mean"}
    loops = {
        order: Case(
            f"plain loop, {order}", "extraction.plain_loop", given | {"order": order.split()[0]}, data, n, runs=slow
        )
        for order in ("corpus order", "shuffled")
    }
    section.results += interleaved(
        [
            Case("geoscope, all layers", "extraction.geoscope", given, data, n),
            *loops.values(),
            Case("geoscope, last layer", "extraction.geoscope", given | {"layers": "last"}, data, n),
            Case("geoscope, sentence means", "extraction.geoscope", pooled, data, n),
            Case("sentence-transformers", "extraction.sentence_transformers", given, data, n, needs=need),
        ],
        settings.runs,
    )
    ours = section.of("geoscope, all layers", data)
    for case in loops.values():
        section.find(f"{case.name} / geoscope, {data}", ratio(section.of(case.name, data), ours), at_least=2.5)
    section.find(f"all layers / the last, {data}", ratio(ours, section.of("geoscope, last layer", data)))
    means = section.of("geoscope, sentence means", data)
    theirs = section.of("sentence-transformers", data)
    section.find(f"sentence-transformers / geoscope, {data}", ratio(theirs, means), at_least=1.0)
