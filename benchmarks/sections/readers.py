"""Reading what people hand over: embeddings as text against pyarrow, a corpus in records of JSON."""

from __future__ import annotations

from benchmarks.data import records_file, text_file
from benchmarks.results import Section, ratio
from benchmarks.settings import Settings
from benchmarks.timing import Case, interleaved


def run(settings: Settings) -> Section:
    section = Section("readers", "Embeddings in separated text, against pyarrow's own reader")
    path = str(text_file(settings))
    n, d = settings.text_rows, settings.text_columns
    records = {"path": str(records_file(settings)), "sequences": settings.drawn}
    section.results = interleaved(
        [
            Case("geoscope, a pass", "readers.rows", {"path": path}, ".csv", n, d),
            Case("pyarrow, a pass to float32", "readers.pyarrow_rows", {"path": path}, ".csv", n, d),
            Case("geoscope, measuring", "readers.measured", {"path": path}, ".csv", n, d, runs=1),
            Case("geoscope, drawing texts", "readers.drawn", records, ".jsonl", settings.lines, 1, runs=1),
        ],
        min(settings.runs, 3),
    )
    ours, peer = section.of("geoscope, a pass"), section.of("pyarrow, a pass to float32")
    section.find("a pass / pyarrow's", ratio(ours, peer), at_most=2.0)
    for case in ("geoscope, a pass", "geoscope, measuring"):
        result = section.of(case)
        if result is not None:
            section.find(f"memory above the imports: {case}", result.peak / 1e6, "MB", at_most=300)
    texts = section.of("geoscope, drawing texts")
    if texts is not None:
        section.find("memory above the imports: geoscope, drawing texts", texts.peak / 1e6, "MB", at_most=150)
    section.notes.append(
        "measuring reads the file four times: to count its rows, to name them, to look at the first, to sum"
    )
    return section
