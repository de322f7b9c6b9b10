"""Findings: what a reader must know of some reports before reading their numbers, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from geoscope.catalogue import ENERGY_LIMIT, MEASURES
from geoscope.comparisons.comparability import check_comparable
from geoscope.comparisons.contrasts import draws_of, population_of
from geoscope.comparisons.matching import unequal_size
from geoscope.comparisons.verdicts import interval_of_value
from geoscope.document import Finding
from geoscope.documents.series import labels_of, place_name
from geoscope.errors import EQUAL_UP_TO_ROUNDING, GeoscopeError
from geoscope.wording import capital, layer_in_words

if TYPE_CHECKING:
    from geoscope.report import Measurement, Report

_MOST_NAMED = 6  # places, before the rest is only counted


def findings_of(reports: Sequence[Report]) -> list[Finding]:
    """Warnings first; then what cannot be told from nothing, and what is missing. The same of several is said once."""
    found: dict[Finding, list[str]] = {}
    labels = labels_of(reports)
    for label, report in zip(labels, reports, strict=True):
        for finding in _of_one(report):
            found.setdefault(finding, []).append(label)
    told = [Finding(sentence, warning=True, further=True) for sentence in _not_alike(reports)]
    told += [_of_holders(each, holders, labels) for each, holders in found.items()]
    return sorted(told, key=lambda finding: not finding.warning)


def _of_holders(finding: Finding, holders: Sequence[str], labels: Sequence[str]) -> Finding:
    who = ", ".join(holders) if len(holders) < len(labels) else "all"
    text = finding.text if len(labels) == 1 else f"{who}: {finding.text}"
    begins = finding.further and not finding.warning and (len(labels) == 1 or who == "all")
    return replace(finding, text=capital(text) if begins else text)


def _of_one(report: Report) -> list[Finding]:
    rows = report.measurements
    if not rows:
        return [Finding("the report holds no measurement", further=True)]
    found = [Finding(sentence, warning=True) for sentence in warnings_of(report)]
    alike = [row for row in rows if _is_like_null(row)]
    undefined = [row for row in rows if row.value is None]
    if alike:
        found.append(Finding(f"not told apart from points without structure: {_places(alike)}", further=True))
    for reason in dict.fromkeys(row.reason for row in undefined):
        places = _places(row for row in undefined if row.reason == reason)
        if reason is not None and reason.startswith(EQUAL_UP_TO_ROUNDING):  # no geometry to read: said first
            found.insert(0, Finding(f"{reason}: {places}", warning=True, further=True))
        else:
            found.append(Finding(f"undefined, because {reason}: {places}", further=True))
    if not (found or undefined):
        found.append(
            Finding(
                f"no warning sign is above {100 * ENERGY_LIMIT:.0f} %, every measure is defined, and each that has an "
                "error and a null differs from the null",
                further=True,
            )
        )
    found += [Finding(sentence, further=True) for sentence in _about_errors(report)]
    return [*found, *(Finding(sentence) for sentence in missing_errors(report)), *_left_out(report)]


def _is_like_null(row: Measurement) -> bool:
    """Whether the null lies in the value's 95 % interval; without an error nothing is said."""
    known = interval_of_value(row)
    return known is not None and row.null is not None and known[0] <= row.null <= known[1]


def _about_errors(report: Report) -> Iterable[str]:
    defined = [row for row in report.measurements if row.value is not None]
    bare = [row for row in defined if row.standard_error is None]
    if defined and len(bare) == len(defined):
        yield "no value has a standard error, so that none can be told from its null"
    elif unexplained := [row for row in bare if not row.reason]:
        yield f"no standard error is known of {_listed(row.measure for row in unexplained)}"
    if of_finite_corpus(report) and report.sample.sampling_fraction == 1 and len(bare) < len(defined):
        yield (
            "every sequence of the corpora was drawn: errors over sequences are 0, and do not say what other text "
            "would give"
        )


def _left_out(report: Report) -> list[Finding]:
    found = []
    for each in report.sample.dropped or []:
        counts = [(each.duplicates, "duplicates"), (each.zero_rows, "rows of length zero")]
        told = " and ".join(f"{count:,} {name}" for count, name in counts if count)
        where = layer_in_words(each.layer)
        found.append(Finding(f"{told} in {where} are left out by the measures that cannot use them", further=True))
    return found


def _not_alike(reports: Sequence[Report]) -> list[str]:
    """Why numbers of the first report and of another cannot be held against each other."""
    if any(row.keys for report in reports for row in report.measurements):
        return []  # a study is not compared row by row
    sentences = []
    labels = labels_of(reports)
    for label, report in zip(labels[1:], reports[1:], strict=True):
        try:
            check_comparable(reports[0], report)
        except GeoscopeError as error:
            said = str(error).removeprefix("expected reports measured the same way, got ").partition("; ")[0]
            sentences.append(f"not measured the same way: {said}")
        theirs = {(row.measure, row.layer): row for row in report.measurements}
        draws = draws_of(reports[0], report)
        moved: dict[str, tuple[str, list[str]]] = {}
        for row in reports[0].measurements:
            other = theirs.get((row.measure, row.layer))
            unequal = None if other is None else unequal_size(row, other, draws)
            if unequal is not None:
                what, sizes = unequal
                moved.setdefault(what, (sizes, []))[1].append(row.measure)
        sentences += [
            f"{labels[0]} and {label} differ in {what} (such as {sizes}), which moves {_listed(measures)}"
            for what, (sizes, measures) in moved.items()
        ]
    return sentences


def _places(rows: Iterable[Measurement]) -> str:
    """Measures with where each is meant, those of the same places together."""
    held = list(rows)
    where: dict[str, list[str]] = {}
    for row in held:
        where.setdefault(row.measure, []).append(place_name(row))
    together: dict[tuple[str, ...], list[str]] = {}
    for measure, places in where.items():
        together.setdefault(tuple(places), []).append(measure)
    return "; ".join(f"{_listed(measures)} ({_ranged(places)})" for places, measures in together.items())


def _ranged(places: Sequence[str]) -> str:
    """Places in words, "layers 1, 2, 5" for several layers."""
    numbers = [place.removeprefix("layer ") for place in places]
    if len(places) > 1 and all(number.isdecimal() for number in numbers):
        return f"layers {', '.join(numbers)}"
    return "; ".join(places) if len(places) <= _MOST_NAMED else f"{len(places)} places, such as {places[0]}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))


def warnings_of(report: Report) -> list[str]:
    """A sentence for each warning sign above its limit, with the layers it is about."""
    sentences = []
    for measure, warning in [(each.key, each.warning) for each in MEASURES if each.warning is not None]:
        over = [
            (row.value, row.layer)
            for row in report.measurements
            if row.measure == measure and row.value is not None and row.value > ENERGY_LIMIT
        ]
        if over:
            layers = ", ".join(str(layer) for layer in dict.fromkeys(layer for _, layer in over) if layer is not None)
            where = f" in layer{'s' if ',' in layers else ''} {layers}" if layers else ""
            most = max(value for value, _ in over)
            share = f"{'up to ' if len(over) > 1 else ''}{100 * most:.0f} %"
            sentences.append(warning.format(share=share, where=where))
    return sentences + cautions_of(report)


def cautions_of(report: Report) -> list[str]:
    """Each caution once, with the measures it is of and the layers, where not of all."""
    held: dict[str, dict[str, None]] = {}
    where: dict[str, dict[str, None]] = {}
    for row in report.measurements:
        if row.caution is not None:
            held.setdefault(row.caution, {})[row.measure] = None
            where.setdefault(row.caution, {})[_number(row.layer)] = None
    every = {_number(layer) for layer in report.layers}
    sentences = []
    for told, measures in held.items():
        some = "" if set(where[told]) == every else f" of layer {', '.join(where[told])}"
        sentences.append(f"{', '.join(measures)}{some}: {told}")
    return sentences


def missing_errors(report: Report) -> list[str]:
    """Each reason why values have no standard error, once, with the measures it is told of."""
    valued = {row.measure: None for row in report.measurements if row.value is not None}
    holders: dict[str, dict[str, None]] = {}
    for row in report.measurements:
        if row.value is not None and row.reason:
            holders.setdefault(row.reason, {})[row.measure] = None
    return [f"{reason} ({_most_or_few(found, valued)})" for reason, found in holders.items()]


def _most_or_few(chosen: Iterable[str], every: Iterable[str]) -> str:
    """Some of the measures by name, or where they are most of them, the others."""
    named = list(chosen)
    others = [measure for measure in every if measure not in named]
    if len(named) <= max(len(others), 1):
        return ", ".join(named)
    return "every measure" + (f" but {', '.join(others)}" if others else "")


def of_finite_corpus(report: Report) -> bool:
    """Whether standard errors are of drawing from a finite corpus, part of which was drawn."""
    return population_of(report) != "endless" and report.sample.sampling_fraction is not None


def _number(layer: int | None) -> str:
    return "" if layer is None else str(layer)
