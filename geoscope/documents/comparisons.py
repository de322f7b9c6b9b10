"""A comparison as a document: what came out, limits, a chart of each measure's differences, every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from geoscope.comparisons.comparison import Comparison, Difference
from geoscope.comparisons.matching import differ_in_depth
from geoscope.comparisons.verdicts import margin_scale, offset_of
from geoscope.document import (
    Card,
    Cards,
    Chart,
    Column,
    Document,
    Finding,
    Folded,
    GateCase,
    Point,
    Section,
    Series,
    Style,
    Table,
    entry,
    side_by_side,
)
from geoscope.documents.gates import failed_limits, interval_columns, limit_cases, limits_table, suite_of, told_limits
from geoscope.documents.reading import as_isoscore, by_family, folded, moved_in_words, reading_of
from geoscope.wording import (
    between,
    capital,
    crosses_layers,
    layer_cell,
    layer_name,
    layers_in_words,
    percent_change,
    rounded,
    short_names,
    short_print,
    signed,
    told_apart,
)

_VERDICTS = ("changed", "same", "inconclusive", "unknown")
_MEASURES_NAMED = 6  # in a sentence
_LAYERS_NAMED = 3  # each with its change
_STYLES: dict[str, Style] = {"changed": "strong", "unknown": "faint"}
_HOW = (
    "A dot is candidate minus base, its whiskers the 95 % interval over sequences; it is filled where the measure "
    "changed. The shaded band is the margin around no change."
)
_VERDICTS_READ = "95 % interval beyond ±{margin} of base: changed; within: same; else inconclusive."
_READING = "No direction is better by itself: a limit says what would be bad."
_OF_LIMITS = "A limit fails where the change passes it by more than its noise."

_COLUMNS = (
    Column("layer", shown=layer_cell, heading=layer_name), Column("measure", words=True),
    Column("candidate", "of", words=True), Column("candidate_layer", label=None),
    Column("base_value", "base", exact=True), Column("candidate_value", "candidate", exact=True),
    Column("base_n", label=None), Column("candidate_n", label=None), Column("difference", exact=True),
    Column("relative", "change", shown=lambda row: _percent(row.relative), spare=3),
    Column("standard_error", "error", spare=1),
    Column("z", shown=lambda row: None if row.z is None else signed(row.z), spare=2), Column("p", label=None),
    Column("p_adjusted", "adjusted p", spare=5),
    *interval_columns(spare=4), Column("paired", label=None),
    Column("verdict", words=True, why=lambda row: row.reason), Column("reason", "why", note=True),
    Column("caution", label=None, rare=True),
)  # fmt: skip
_OF_SIMILARITY = {"layer_base": "layer", "layer_candidate": "candidate_layer"}
"""What a similarity's columns are called where its rows follow differences."""


def document(result: Comparison) -> Document:
    """What came out first, then every measure and every row."""
    labels = [str(candidate["label"]) for candidate in result.candidates]
    several = len(labels) > 1
    similarity = _similarity(result.similarity)
    first = [*failed_limits(result.limits), *_changed(result, labels, several=several), *_unknown(result)]
    found = [*moved_in_words(result.settings), *(Finding(line, lead=True) for line in first)]
    names = [*labels, str(result.base["name"])]
    *short, base = _named(result, short_names(names))
    margin = f"{100 * float(result.settings['margin']):g} %"
    return Document(
        f"{', '.join(short)} against {base}",
        [Table("", _COLUMNS, result.differences), similarity],
        [
            Section("limits", [limits_table(result.limits)], foremost=True),
            *(
                Section(family, [Cards(partial(_cards, members, result, labels))])
                for family, members in by_family(row.measure for row in result.differences)
            ),
            Section("differences", [*_differences(result, labels), similarity]),
            Section(
                "subjects and settings",
                [
                    side_by_side("Subjects", [str(result.base["name"]), *labels], _subjects(result)),
                    side_by_side("Settings", ["value"], [result.settings]),
                ],
                background=True,
            ),
        ],
        facts=_introductions(result, _named(result, names)),
        findings=[*found, *(Finding(line) for line in _notes(result, labels))],
        how=_HOW,
        reading=[_VERDICTS_READ.format(margin=margin), _OF_LIMITS if result.limits else _READING],
        folded=_folded(result),
        legend=labels,
        outcome=_outcome(result),
        cases=_cases(result, several=several),
    )


def _outcome(result: Comparison) -> str:
    """How many of each verdict, how many limits failed."""
    counts: Counter[str] = Counter(row.verdict for row in result.differences)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in _VERDICTS if counts[kind]) or "nothing in common"
    return "; ".join(filter(None, [told, told_limits(result.limits)]))


def _subjects(result: Comparison) -> list[dict[str, Any]]:
    """The base and the candidates, less the labels that head their columns."""
    subjects = (result.base, *result.candidates)
    return [{name: value for name, value in each.items() if name != "label"} for each in subjects]


def _introductions(result: Comparison, names: Sequence[str]) -> list[str]:
    """A line on each subject: its part, name, architecture and dimensions."""
    lines = []
    parts = ["candidate"] * len(result.candidates) + ["base"]
    for part, name, subject in zip(parts, names, (*result.candidates, result.base), strict=True):
        facts = [name.removesuffix(f" ({part})"), subject.get("architecture")]
        facts.append(f"{subject['hidden_size']} dimensions" if subject.get("hidden_size") else None)
        lines.append(f"{part}: {', '.join(fact for fact in facts if fact)}")
    return [lines[-1], *lines[:-1]]


def _named(result: Comparison, names: Sequence[str]) -> list[str]:
    """The candidates and the base; where one is called as another, with what tells them apart, or its part."""
    facts = [_apart(each) | {"part": "candidate"} for each in result.candidates]
    return told_apart(names, [*facts, _apart(result.base) | {"part": "base"}])


def _apart(subject: Mapping[str, Any]) -> dict[str, str]:
    """What may differ in subjects of the same name."""
    told = {
        "revision": short_print(subject.get("revision")),
        "subfolder": subject.get("subfolder"),
        "fingerprint": short_print(subject.get("fingerprint")),
    }
    return {name: f"{name} {value}" for name, value in told.items() if value}


# Sentences


def _notes(result: Comparison, labels: Sequence[str]) -> list[str]:
    """A sentence on how layers were matched, on each thing that only one of two reports has, and on unpaired errors."""
    blocks = {str(each["label"]): each.get("layers") for each in result.candidates}
    mine = result.base.get("layers")
    apart = {label for label in blocks if differ_in_depth(mine, blocks[label])}
    of = {label: [row for row in result.differences if row.candidate == label] for label in labels}
    sentences = [
        f"layers are matched by their share of the blocks: {mine} in the base, {blocks[label]} in {label}"
        for label in labels
        if label in apart and any(None not in (row.layer, row.candidate_layer) for row in of[label])
    ]
    for label in labels:
        judged = [row for row in of[label] if row.paired is not None]
        unpaired = list(dict.fromkeys(row.measure for row in judged if row.paired is False))
        if len(unpaired) == len({row.measure for row in judged}) > 0:
            sentences.append(f"not paired with the base (other sequences, or no replicates): {label}")
        elif unpaired:
            sentences.append(f"not paired with the base (no replicates to pair): {', '.join(unpaired)} of {label}")
    starts: dict[str, list[str]] = {}
    for key in dict.fromkeys(row.measure for row in result.differences):
        starts.setdefault(offset_of(key), []).append(key)
    told = [f"from {start} for {', '.join(keys)}" for start, keys in starts.items() if start != "0"]
    if told:
        sentences.append(f"the margin is a share of the base's value, or of its distance {'; '.join(told)}")
    cautions: dict[str, list[str]] = {}
    for row in result.differences:
        if row.caution is not None:
            cautions.setdefault(row.caution, []).append(row.measure)
    sentences += [f"{', '.join(dict.fromkeys(keys))}: {caution}" for caution, keys in cautions.items()]
    if result.settings.get("population") == "corpus":
        sentences.append("errors are of drawing from this finite corpus: 0 where all of it was drawn")
    for each in result.unmatched:
        holder = "the base" if each.only_in == "base" else each.candidate
        if each.layers:
            named = f"layer{'s' * (len(each.layers) > 1)} {', '.join(map(str, each.layers))}"
            other = each.candidate if each.only_in == "base" else "the base"
            alone = f"no layer of {other} goes with {named} of {holder}"
            sentences.append(alone if each.candidate in apart else f"only {holder} has {named}")
        if each.measures:
            sentences.append(f"only {holder} has {', '.join(each.measures)}")
    return sentences


def _changed(result: Comparison, labels: Sequence[str], *, several: bool) -> list[str]:
    """A sentence a candidate on what changed, and by how much of the base's value, the largest share first."""
    sentences = []
    for label in labels:
        found: dict[str, list[Difference]] = {}
        for row in result.differences:
            if row.candidate == label and row.verdict == "changed":
                found.setdefault(row.measure, []).append(row)
        ordered = sorted(found, key=lambda measure: -max(abs(row.relative or 0.0) for row in found[measure]))
        told = [f"{measure} ({_changes(found[measure])})" for measure in ordered[:_MEASURES_NAMED]]
        more = f" and {len(found) - len(told)} more measures" if len(found) > len(told) else ""
        sentence = f"changed: {'; '.join(told)}{more}" if told else _none_changed(result, label)
        sentences.append(f"{label}: {sentence}" if several else capital(sentence))
    return sentences


def _unknown(result: Comparison) -> list[str]:
    """Why most of what is unknown is unknown: the reason that most rows share."""
    reasons: Counter[str] = Counter(row.reason for row in result.differences if row.verdict == "unknown" and row.reason)
    if not reasons:
        return []
    (reason, many), total = reasons.most_common(1)[0], len(result.differences)
    unknown = sum(reasons.values())
    share = "" if many == unknown else f" {many} of them"
    return [f"{unknown} of {total} differences are unknown,{share} because {reason}"]


def _folded(result: Comparison) -> Folded | None:
    """The measures that say again what another one says, in every layer of every candidate."""
    if result.settings.get("isoscore_zeta"):
        return None
    wide = {str(each["label"]): each.get("hidden_size") for each in result.candidates}
    mine = result.base.get("hidden_size")
    return folded(
        (
            (row.candidate, row.layer, row.candidate_layer),
            row.measure,
            (
                as_isoscore(row.measure, row.base_value, mine),
                as_isoscore(row.measure, row.candidate_value, wide[row.candidate]),
                row.verdict,
            ),
        )
        for row in result.differences
    )


def _none_changed(result: Comparison, label: str) -> str:
    """That nothing changed: said of all measures only where none is left open."""
    rows = [row for row in result.differences if row.candidate == label]
    left = sum(row.verdict != "same" for row in rows)
    return "no measure changed" + (f" as far as is known; {left} of {len(rows)} differences are open" if left else "")


def _changes(rows: Sequence[Difference]) -> str:
    """How much changed; of several layers, where, and of many only the least and the most."""
    if len(rows) == 1:
        return _change(rows[0]) + (f" in {layer_name(rows[0])}" if layer_name(rows[0]) else "")
    if len(rows) <= _LAYERS_NAMED:
        return ", ".join(f"{_change(row)} in {layer_name(row) or 'one cloud'}" for row in rows)
    low, high = (pick(rows, key=lambda row: row.relative or 0.0) for pick in (min, max))
    return f"{_change(low)} to {_change(high)} in {len(rows)} layers"


def _change(row: Difference) -> str:
    if row.relative is not None:
        return percent_change(row.relative)
    return "" if row.difference is None else f"{'+' * (row.difference > 0)}{rounded(row.difference)}"


def _percent(relative: float | None) -> str | None:
    return None if relative is None else percent_change(relative)


# Tables


def _differences(result: Comparison, labels: Sequence[str]) -> list[Table]:
    """A table a candidate."""
    columns = [column for column in _COLUMNS if column.name != "candidate"]
    found = []
    for label in labels:
        rows = [row for row in result.differences if row.candidate == label]
        who = f" of {label}" if len(labels) > 1 else ""
        found.append(
            Table(
                f"All {len(rows)} differences{who}",
                columns,
                rows,
                telling=lambda row: bool(row.verdict == "changed"),
                measure=lambda row: str(row.measure),
                style=lambda row: _STYLES.get(row.verdict, ""),
            )
        )
    return found


def _similarity(rows: Sequence[Mapping[str, Any]]) -> Table:
    names = dict.fromkeys(name for row in rows for name in row)
    columns = [
        Column(_OF_SIMILARITY.get(name, name), name.replace("_", " "), value=entry(name),
               words=name in ("measure", "candidate"), note=name == "reason")
        for name in names
    ]  # fmt: skip
    return Table("How alike the spaces are", columns, rows)


# Charts


def _cards(keys: Sequence[str], result: Comparison, labels: Sequence[str]) -> list[Card]:
    return [_card(key, result, labels) for key in keys]


def _card(measure: str, result: Comparison, labels: Sequence[str]) -> Card:
    rows = [row for row in result.differences if row.measure == measure]
    counts: Counter[str] = Counter(row.verdict for row in rows)
    verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _VERDICTS if counts[verdict])
    number, beside = (_headline(rows[0]), _story(rows[0])) if len(rows) == 1 else (None, verdicts)
    return Card(
        measure,
        _chart(measure, rows, labels, float(result.settings["margin"])),
        reading_of(measure),
        number,
        beside,
        measure=measure,
    )


def _headline(row: Difference) -> str:
    return row.verdict if row.difference is None else f"{_change(row)}, {row.verdict}"


def _story(row: Difference) -> str:
    """How a measure went from one value to the other."""
    if row.difference is None or row.base_value is None or row.candidate_value is None:
        return row.reason or ""
    parts = [f"from {rounded(row.base_value)} to {rounded(row.candidate_value)}"]
    parts += [f"difference {rounded(row.difference)}, 95 % {between(row.interval)}"] if row.interval else []
    return ", ".join(parts + ([row.reason] if row.reason else []))


def _chart(measure: str, rows: Sequence[Difference], labels: Sequence[str], margin: float) -> Chart:
    """The differences over layers, or beside each other where each candidate has one; around 0, the margin."""
    reach = {
        float(row.layer or 0): margin * margin_scale(measure, row.base_value, row.base_n)
        for row in rows
        if row.base_value is not None
    }
    series = [
        Series(place, label, [_point(row) for row in rows if row.candidate == label])
        for place, label in enumerate(labels)
    ]
    band = [(at, -half, half) for at, half in sorted(reach.items())]
    places = sorted({row.layer for row in rows if row.layer is not None})
    return Chart(f"{measure}, candidate minus base", series, places=places, zero=True, band=band)


def _point(row: Difference) -> Point:
    """A difference at its layer."""
    if row.difference is None:
        said = row.reason or ""
    else:
        ends = "" if row.interval is None else f", 95 % {between(row.interval)}"
        said = f"{rounded(row.difference)}{ends}, {row.verdict}"
    name = layer_name(row) or "one cloud"
    return Point(float(row.layer or 0), row.difference, name, said, row.interval, hollow=row.verdict != "changed")


# Cases


def _cases(result: Comparison, *, several: bool) -> list[GateCase]:
    """A suite a layer, as the differences have them: its limits, then a measure a case."""
    found = limit_cases(result.limits, several=several)
    for row in result.differences:
        name = row.measure + (f" [{row.candidate}]" if several else "")
        if row.difference is None:
            found.append(GateCase(suite_of(row.layer), name, "skipped", row.reason or ""))
        else:
            ends = "" if row.interval is None else f", 95 % {between(row.interval)}"
            where = f"; {layer_name(row)}" if crosses_layers(row) else ""
            found.append(
                GateCase(suite_of(row.layer), name, "passed", f"{row.verdict}: {rounded(row.difference)}{ends}{where}")
            )
    for each in result.similarity:
        base, candidate = each.get("layer_base"), each.get("layer_candidate")
        name = str(each["measure"]) + (f" [{each.get('candidate')}]" if several else "")
        if each["value"] is None:
            found.append(GateCase(suite_of(base), name, "skipped", str(each.get("reason") or "")))
        else:
            null = "" if each.get("null") is None else f", null {rounded(each['null'])}"
            apart = f"; {layers_in_words(base, candidate)}" if base != candidate else ""
            found.append(GateCase(suite_of(base), name, "passed", rounded(each["value"]) + null + apart))
    names = dict.fromkeys([*(suite_of(row.layer) for row in result.differences), *(case.suite for case in found)])
    places = {suite: place for place, suite in enumerate(names)}
    return sorted(found, key=lambda case: places[case.suite])
