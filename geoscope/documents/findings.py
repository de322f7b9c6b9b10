"""Findings: what a reader must know of some reports before reading their numbers, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from geoscope.catalogue import ALIGNMENT, ENERGY_LIMIT, MEASURES, WIDTHS, null_kind_of
from geoscope.comparisons.comparability import check_comparable, transform_of_study
from geoscope.comparisons.difference_errors import draws_of, population_of
from geoscope.comparisons.matching import unequal_size
from geoscope.comparisons.verdicts import interval_of_value
from geoscope.document import Finding
from geoscope.documents.gates import collapse_in_words
from geoscope.documents.reading import transformed_in_words
from geoscope.documents.series import labels_of, place_name, ranged
from geoscope.errors import EQUAL_UP_TO_ROUNDING, GeoscopeError
from geoscope.wording import capital, layer_in_words, layers_together, listed

if TYPE_CHECKING:
    from geoscope.report import Measurement, Report

_MOST_NAMED = 6  # measures, before the rest is only counted
_MOST_GROUPS = 3  # of measures that are meant in the same places
_MOST_COUNTS = 3  # of rows left out, before only the least and the most are told


def findings_of(reports: Sequence[Report]) -> list[Finding]:
    """What leads, warnings first; then the rest, warnings first. The same of several reports is said once."""
    found: dict[Finding, list[str]] = {}
    labels = labels_of(reports)
    for label, report in zip(labels, reports, strict=True):
        for finding in _of_one(report):
            found.setdefault(finding, []).append(label)
    told = [Finding(sentence, warning=True, further=True, lead=True) for sentence in _not_alike(reports)]
    told += [Finding(sentence, lead=True) for sentence in shape_in_words(reports)]
    told += [_of_holders(each, holders, labels) for each, holders in found.items()]
    return sorted(told, key=lambda finding: (not finding.lead, not finding.warning))


def _of_holders(finding: Finding, holders: Sequence[str], labels: Sequence[str]) -> Finding:
    who = ", ".join(holders) if len(holders) < len(labels) else "all"
    text = finding.text if len(labels) == 1 else f"{who}: {finding.text}"
    begins = (finding.further or finding.lead) and not finding.warning and (len(labels) == 1 or who == "all")
    return replace(finding, text=capital(text) if begins else text)


def _of_one(report: Report) -> list[Finding]:
    rows = report.measurements
    if not rows:
        return [Finding("the report holds no measurement", lead=True)]
    above = energies_above_limit(report)
    found = (
        _transformed(report)
        + collapse_in_words(report)
        + [Finding(sentence, warning=True, lead=True) for sentence in above]
    )
    alike = _like_their_nulls(rows)
    undefined = [row for row in rows if row.value is None]
    found += [Finding(f"{sentence}: {_places(held)}", lead=True) for sentence, held in alike]
    for reason in dict.fromkeys(row.reason for row in undefined):
        places = _places(row for row in undefined if row.reason == reason)
        if reason is not None and reason.startswith(EQUAL_UP_TO_ROUNDING):  # no geometry to read: said first
            found.insert(0, Finding(f"{reason}: {places}", warning=True, lead=True))
        else:
            found.append(Finding(f"undefined, because {reason}: {places}", lead=True))
    if not (above or alike or undefined):
        found += [Finding(sentence, lead=True) for sentence in _all_clear(report)]
    found += [Finding(sentence, warning=True) for sentence in cautions_of(report)]
    found += [Finding(sentence, further=True) for sentence in _about_errors(report)]
    return [*found, *(Finding(sentence) for sentence in missing_errors(report)), *_left_out(report)]


def _transformed(report: Report) -> list[Finding]:
    """That rows were changed before they were measured, and what of the numbers beside them knows of it."""
    moved = transform_of_study(report)
    if moved is not None:
        return [
            Finding(f"The model is the same at every level: its rows are transformed ({moved})", lead=True),
            Finding("each level's fit is on the rows that are measured, of a probe on those that train it"),
        ]
    return transformed_in_words(report.settings)


def _like_their_nulls(rows: Sequence[Measurement]) -> list[tuple[str, list[Measurement]]]:
    """What is not told apart from its null, by what points that is of: only isotropic ones are without structure."""
    alike = [row for row in rows if _is_like_null(row)]
    kinds = {
        "not told apart from isotropic Gaussian points": "isotropic",
        "not told apart from Gaussian points of the same covariance, however narrow that is": "matched",
    }
    held = {told: [row for row in alike if null_kind(row) == kind] for told, kind in kinds.items()}
    return [(told, found) for told, found in held.items() if found]


def null_kind(row: Measurement) -> str | None:
    """What points a null is of; reports from before it was told have it from the catalogue."""
    return None if row.null is None else row.null_kind or null_kind_of(row.measure)


def _all_clear(report: Report) -> list[str]:
    """That there is nothing to warn of, as far as it was measured: what was not is not spoken of."""
    told = []
    signs = [each.key for each in MEASURES if each.warning is not None and each.warned_above == ENERGY_LIMIT]
    if held := [key for key in signs if any(row.measure == key for row in report.measurements)]:
        told.append(f"no warning sign is above {100 * ENERGY_LIMIT:.0f} % ({', '.join(held)})")
    if any(interval_of_value(row) is not None and row.null is not None for row in report.measurements):
        told.append("every measure that has an error and a null differs from its null")
    return ["; ".join(told)] if told else []


# Where the variance lies.


def shape_in_words(reports: Sequence[Report]) -> list[str]:
    """Which layer is the narrowest and which the most aligned; of a study, how far both went. At most two sentences."""
    places = [
        place
        for label, report in zip(labels_of(reports), reports, strict=True)
        for place in _places_of(report, label if len(reports) > 1 else None)
    ]
    if any(place.level is not None for place in places):
        found = _over_levels(places)
        return found if len(reports) > 1 else list(map(capital, found))
    wide = [place for place in places if place.share is not None]
    turned = [place for place in places if place.cosine is not None]
    narrowest = min(wide, key=lambda place: place.share or 0.0) if wide else None
    aligned = max(turned, key=lambda place: place.cosine or 0.0) if turned else None
    if len(places) == 1:
        return [capital(places[0].alone)] if wide or turned else []
    found = []
    if narrowest is not None:
        both = " and the most aligned" if narrowest is aligned else ""
        near = [each.name for each in wide if each is not narrowest and each.may_be_as_narrow_as(narrowest)]
        others = f" ({listed(near)} may be as narrow)" if near else ""
        found.append(f"{narrowest.name} is the narrowest{both}: {narrowest.told}{others}")
    if aligned is not None and aligned is not narrowest:
        found.append(f"{aligned.name} is the most aligned: {aligned.told}")
    return found if len(reports) > 1 else list(map(capital, found))


@dataclass(frozen=True)
class _Place:
    """A layer of a report, or at a level of a study: how many dimensions the variance is in, how alike rows point."""

    name: str
    level: float | None
    width: Measurement | None
    cosine: float | None
    dimensions: int | None
    over: str = "noise level"

    @property
    def share(self) -> float | None:
        if self.width is None or self.width.value is None:
            return None
        return self.width.value / (self.dimensions or 1)

    def may_be_as_narrow_as(self, other: _Place) -> bool:
        """Whether the intervals of both reach each other; without errors nothing is said."""
        mine, others = (None if each.width is None else interval_of_value(each.width) for each in (self, other))
        return mine is not None and others is not None and mine[0] <= others[1]

    @property
    def told(self) -> str:
        """The dimensions and the mean cosine, as far as they are known."""
        told = [dimensions_in_words([self.width.value], self.dimensions)] if self.width and self.width.value else []
        return "; ".join([*told, *self._turned])

    @property
    def alone(self) -> str:
        """The same where nothing stands beside it to be narrower or wider."""
        if self.width is None or self.width.value is None:
            return f"{self.name}: {self.told}"
        return f"the variance of {self.name} is in {self.told}"

    @property
    def _turned(self) -> list[str]:
        return [] if self.cosine is None else [f"mean cosine {self.cosine:z.2f}"]


def dimensions_in_words(counts: Sequence[float], dimensions: int | None) -> str:
    """How many dimensions the variance is in, of how many there are."""
    told = " to ".join(f"{count:.0f}" if count >= 10 else f"{count:.1f}" for count in counts)
    return f"{told} dimensions" if dimensions is None else f"{told} of {dimensions} dimensions"


def _places_of(report: Report, label: str | None) -> list[_Place]:
    """Every place of a report that has one of the two numbers."""
    moved = transform_of_study(report)
    held: dict[tuple[int | None, float | None, int | None], dict[str, Measurement]] = {}
    for row in report.measurements:
        if row.measure in (*WIDTHS, ALIGNMENT):
            level = row.transform_level if row.noise_level is None else row.noise_level
            held.setdefault((row.layer, level, row.noise_seed), {})[row.measure] = row
    everywhere = [key for key in WIDTHS if all(key in rows and rows[key].value is not None for rows in held.values())]
    widths = everywhere or WIDTHS  # one estimate of all places, where one is of all
    return [
        _Place(
            ", ".join(filter(None, [label, layer_in_words(layer)])),
            level,
            next((rows[key] for key in widths if key in rows and rows[key].value is not None), None),
            rows[ALIGNMENT].value if ALIGNMENT in rows else None,
            report.subject.hidden_size,
            "noise level" if moved is None else moved,
        )
        for (layer, level, _), rows in held.items()
    ]


def _over_levels(places: Sequence[_Place]) -> list[str]:
    """How far a study went, each layer from its least level to its most, means over seeds."""
    levels = sorted({place.level for place in places if place.level is not None})
    found = []
    for name in dict.fromkeys(place.name for place in places):
        ends = [[p for p in places if (p.name, p.level) == (name, level)] for level in (levels[0], levels[-1])]
        widths = [[p.width.value for p in end if p.width and p.width.value] for end in ends]
        cosines = [[p.cosine for p in end if p.cosine is not None] for end in ends]
        told = []
        if all(widths):
            told.append(dimensions_in_words([sum(each) / len(each) for each in widths], places[0].dimensions))
        if all(cosines):
            told.append("mean cosine " + " to ".join(f"{sum(each) / len(each):z.2f}" for each in cosines))
        if told and len(levels) > 1:
            found.append(f"{name}, {places[0].over} {levels[0]:g} to {levels[-1]:g}: {'; '.join(told)}")
    return found[-2:]


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
    """One sentence on the rows that some measures leave out, whatever the number of layers."""
    where: dict[str, list[int | None]] = {}
    for each in report.sample.dropped or []:
        counts = [(each.duplicates, "duplicates"), (each.zero_rows, "rows of length zero")]
        told = " and ".join(f"{count:,} {name}" for count, name in counts if count)
        where.setdefault(told, []).append(each.layer)
    if not where:
        return []
    if len(where) <= _MOST_COUNTS:
        told = "; ".join(f"{told} in {layers_together(layers)}" for told, layers in where.items())
    else:
        rows = [each.duplicates + each.zero_rows for each in report.sample.dropped or []]
        layers = [layer for held in where.values() for layer in held]
        told = f"{min(rows):,} to {max(rows):,} duplicates or rows of length zero in {layers_together(layers)}"
    return [Finding(f"{told} are left out by the measures that cannot use them", further=True)]


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
    """Measures with where each is meant, those of the same places together, so many of them."""
    held = list(rows)
    where: dict[str, list[str]] = {}
    for row in held:
        where.setdefault(row.measure, []).append(place_name(row))
    together: dict[tuple[str, ...], list[str]] = {}
    for measure, places in where.items():
        together.setdefault(tuple(places), []).append(measure)
    groups = [f"{listed(measures, _MOST_NAMED)} ({ranged(places)})" for places, measures in together.items()]
    more = len(groups) - _MOST_GROUPS
    return "; ".join(groups[:_MOST_GROUPS]) + (f"; and {more} more measure{'s' * (more > 1)}" if more > 0 else "")


def _listed(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))


def warnings_of(report: Report) -> list[str]:
    """A sentence for each warning sign above its limit, and each caution."""
    return energies_above_limit(report) + cautions_of(report)


def energies_above_limit(report: Report) -> list[str]:
    """A sentence for each warning sign above its limit, with the layers it is about."""
    sentences = []
    for each in MEASURES:
        if each.warning is None:
            continue
        over = [
            (row.value, row.layer)
            for row in report.measurements
            if row.measure == each.key and row.value is not None and row.value > each.warned_above
        ]
        if over:
            layers = [layer for _, layer in over if layer is not None]
            where = f" in {layers_together(layers)}" if layers else ""
            most = max(value for value, _ in over)
            most_of = "up to " * (len(over) > 1)
            told = {"share": f"{most_of}{100 * most:.0f} %", "times": f"{most_of}{most:,.0f}", "where": where}
            sentences.append(each.warning.format(**told))
    return sentences


def cautions_of(report: Report) -> list[str]:
    """Each caution once, with the measures it is of and the layers, where not of all."""
    held: dict[str, dict[str, None]] = {}
    where: dict[str, dict[int | None, None]] = {}
    for row in report.measurements:
        if row.caution is not None:
            held.setdefault(row.caution, {})[row.measure] = None
            where.setdefault(row.caution, {})[row.layer] = None
    sentences = []
    for told, measures in held.items():
        some = "" if set(where[told]) == set(report.layers) else f" of {layers_together(where[told])}"
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
