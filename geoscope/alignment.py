"""Measuring again at a common size: subjects of unequal draws, or whose tokenizers made different numbers of rows.

What is aligned: sequences, then rows. A subject of more sequences than the one with fewest is drawn again as that one
was (a checkpoint, which keeps the comparison paired) or keeps a uniform sample of that many (embeddings). Of each
subject that then has more rows than the one with fewest, a uniform sample of that many is kept, by the same seeded
hash of (sequence, position) that chooses the points, and every measure sees only these; the sampled points come down
to the common number too. What is not aligned: which tokens they are, and the rows that drop out later as duplicates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from geoscope import measuring
from geoscope.comparisons.difference_errors import share_of_corpora
from geoscope.errors import GeoscopeError
from geoscope.report import Report, Sample
from geoscope.rows import Batch, IntArray, Layer, Source, hash_rows, smallest
from geoscope.scratch import scratch_folder
from geoscope.settings.measuring import MeasureKeywords
from geoscope.settings.option import names, without
from geoscope.settings.told import drawn_sequences, options_told
from geoscope.subjects.embeddings.embedding_folders import write_embeddings
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.kinds import Kind, kind_of
from geoscope.subjects.layers import resolve_layers
from geoscope.subjects.nested_draws import rows_of, sample_of, sequence_hashes
from geoscope.subjects.opening import embeddings_of, opened
from geoscope.subjects.row_files.array_files import matrix

_DRAWN = names(MeasureKeywords, lambda option: option.drawn)


class Thinned:
    """Some rows of a source, as a source."""

    def __init__(self, source: Source, kept: IntArray) -> None:
        """kept: which of the source's rows, increasing. Sequences are numbered anew where some have none left."""
        self._source = source
        self._kept = kept
        index = source.index.take(kept)
        whole = len(np.unique(source.index.sequences))
        names, place = np.unique(index.sequences, return_inverse=True)
        self.index = index if len(names) == whole else replace(index, sequences=place.astype(np.int64))

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self._source.layers

    def batches(self, layers: Sequence[Layer] | None = None) -> Iterator[Batch]:
        """The kept rows of every asked layer, numbered anew."""
        for batch in self._source.batches(layers):
            place = np.searchsorted(self._kept, batch.offsets)
            hit = self._kept[np.minimum(place, len(self._kept) - 1)] == batch.offsets
            if hit.any():
                rows = {layer: block[hit] for layer, block in batch.rows.items()}
                yield Batch(place[hit].astype(np.int64), rows)


@dataclass(frozen=True)
class _Reopened:
    """A subject that can be read again: its rows, how it was described, and the keywords it is measured with."""

    source: Source
    report: Report
    sample: dict[str, Any]
    options: dict[str, Any]

    @property
    def clouds(self) -> int:
        """How many layers' rows are measured as one."""
        return len(self.source.layers) if self.report.settings.get("layers") == "union" else 1

    @property
    def rows(self) -> int:
        return len(self.source.index) * self.clouds


def aligned(subjects: Sequence[Any], reports: Sequence[Report], options: Mapping[str, Any]) -> list[Report]:
    """The reports, those of more sequences, rows or points than the least of all measured again at the least.

    Raises GeoscopeError where that takes rows that a report does not hold.
    """
    counts = [share_of_corpora(report).sequences for report in reports]  # None where each row is alone
    least = min((count for count in counts if count is not None), default=None)
    reopened: dict[int, _Reopened] = {}
    for place, (subject, report) in enumerate(zip(subjects, reports, strict=True)):
        if least is not None and (counts[place] or 0) > least:
            fewest = reports[counts.index(least)]
            again = _reopened(subject, report, options, fewest, redraw=True)
            reopened[place] = _fewer_sequences(again, fewest)
    rows = min(
        reopened[place].rows if place in reopened else report.sample.rows for place, report in enumerate(reports)
    )
    points = min(rows, *(report.sample.points for report in reports))
    found = []
    for place, (subject, report) in enumerate(zip(subjects, reports, strict=True)):
        if place not in reopened:
            if report.sample.rows <= rows and report.sample.points <= points:
                found.append(report)
                continue
            smallest_of = min(reports, key=lambda each: (each.sample.rows, each.sample.points))
            reopened[place] = _reopened(subject, report, options, smallest_of)
        found.append(_measured(reopened[place], rows, points))
    return found


def _reopened(
    subject: Any, report: Report, options: Mapping[str, Any], other: Report, *, redraw: bool = False
) -> _Reopened:
    """A subject ready to be read as it was; to redraw, with a checkpoint's text drawn as that of the other was."""
    kind = kind_of(subject)
    if kind is Kind.REPORT:
        raise GeoscopeError(
            f"expected subjects that can be measured again for --align, got the report of {report.subject.name} with "
            f"{_size(report)} where another has {_size(other)}; give what it was measured on"
        )
    chosen = options_told(report, options, text=kind is Kind.TEXT)
    if redraw and kind is Kind.TEXT:
        chosen["sequences"] = drawn_sequences(other)
    if kind is Kind.TEXT:
        found = opened(subject, chosen)
        return _Reopened(found.source, report, found.sample, chosen)
    rows = embeddings_of(subject, chosen)
    sample = report.sample.model_dump(mode="json", exclude={"rows", "points", "dropped"})
    layers = resolve_layers(chosen.get("layers", "last"), rows.layers)
    return _Reopened(_layers_of(rows, layers), report, sample, chosen)


def _size(report: Report) -> str:
    sample = report.sample
    of = "" if sample.sequences is None else f" of {sample.sequences:,} sequences"
    points = f", {sample.points:,} of them points" if sample.points < sample.rows else ""
    return f"{sample.rows:,} rows{of}{points}"


def _fewer_sequences(reopened: _Reopened, fewest: Report) -> _Reopened:
    """With no more sequences than another's: a seeded sample of them where the text could not be drawn anew."""
    names = np.unique(reopened.source.index.sequences)
    wanted = fewest.sample.sequences or 0
    if len(names) <= wanted:
        return reopened
    chosen = names[smallest(sequence_hashes(names, reopened.report.sample.seed), wanted)]
    kept = Thinned(reopened.source, rows_of(reopened.source.index, chosen))
    return replace(reopened, source=kept, sample=sample_of(reopened.sample, names, chosen))


def _measured(reopened: _Reopened, rows: int, points: int) -> Report:
    """A subject's report from only so many of its rows and points, otherwise as it was measured."""
    report, index = reopened.report, reopened.source.index
    kept = {**without(reopened.options, _DRAWN), "points": points}
    chosen = smallest(hash_rows(index, report.sample.seed), round(rows / reopened.clouds))
    thinned = Thinned(reopened.source, chosen)
    if thinned.layers == (None,):
        cloud = np.concatenate([batch.rows[None] for batch in thinned.batches()])
        measured = measuring.measure(cloud, groups=thinned.index.sequences, **kept)
        told = {**reopened.sample, **measured.sample.model_dump(include={"rows", "points", "dropped", "sequences"})}
        measured = measured.model_copy(update={"sample": Sample.model_validate(told)})
    else:
        with scratch_folder() as folder:
            described = report.model_dump(mode="json", include={"subject", "settings"})
            sample = {**reopened.sample, "rows": len(thinned.index)}
            write_embeddings(Path(folder) / "rows", thinned, **described, sample=sample)
            measured = measuring.measure(Path(folder) / "rows", **kept)
    return measured.model_copy(update={"subject": report.subject})


def _layers_of(embeddings: Embeddings, layers: Sequence[Layer]) -> Embeddings:
    """The embeddings of some layers only, so that no other is copied."""
    return Embeddings(
        {layer: matrix(embeddings.rows(layer), embeddings.name) for layer in layers}, embeddings.index,
        name=embeddings.name,
    )  # fmt: skip
