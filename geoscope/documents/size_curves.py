"""A size curve as a document: from which size on numbers hold, a chart a measure over sizes, every number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from geoscope.document import Across, Card, Cards, Column, Document, Finding, Folded, Section, Table, side_by_side
from geoscope.documents.reading import as_isoscore, by_family, family_of, folded, transformed_in_words
from geoscope.documents.series import Axis, Held, card
from geoscope.wording import layer_in_words, listed, short_names

if TYPE_CHECKING:
    from geoscope.comparisons.size_curve import Enough, SizeCurve, SizePoint

_NAMED = 12  # measures, in a sentence
_ACROSS = Across("measure", "size", "value", "layer", left=("standard_error", "null"))
_WHISKERS = "A dot is a value at a size, its whiskers the 95 % interval over sequences. The dashed line is the null."


def document(result: SizeCurve) -> Document:
    """What is enough, then every measure's curve, then every number."""
    name = str(result.subject["name"])
    (short,) = short_names([name])
    points, layers = _points(result), _layers(result)
    families = by_family(point.measure for point in result.points)
    return Document(
        f"size curve of {short}, {result.sizes[0].size:,} to {result.sizes[-1].size:,} {result.over}",
        [points],
        [
            *(Section(family, [Cards(partial(_cards, keys, result))]) for family, keys in families),
            Section("how much is enough", [_enough(result)]),
            Section("numbers", [points]),
            Section(
                "subject and settings",
                [
                    side_by_side("Subject", ["value"], [result.subject]),
                    side_by_side("Settings", ["value"], [result.settings]),
                    side_by_side("Environment", ["value"], [result.environment]),
                ],
                background=True,
            ),
        ],
        facts=[*([] if name == short else [name]), *(layer_in_words(layer) for layer in layers if [layer] == layers)],
        findings=[*transformed_in_words(result.settings), *_findings(result)],
        how=_WHISKERS,
        reading=[
            f"Samples are nested: the fewer {result.over} are among the more. Enough: the 95 % interval at that size, "
            "and at every larger one, holds the value of the full sample; of more text that value may move still."
        ],
        folded=_folded(result),
        legend=[layer_in_words(layer) for layer in layers],
    )


def _layers(result: SizeCurve) -> list[int | None]:
    return list(dict.fromkeys(point.layer for point in result.points))


def _findings(result: SizeCurve) -> list[Finding]:
    """From which size on measures hold, those of one size together, the smallest first; then those that do not."""
    several, whole = len(_layers(result)) > 1, f"all {result.sizes[-1].size:,}"
    held: dict[int, list[str]] = {}
    left: list[str] = []
    unknown: dict[str, list[str]] = {}
    for row in result.enough:
        name = f"{row.measure} of {layer_in_words(row.layer)}" if several else row.measure
        if row.from_size is not None:
            held.setdefault(row.from_size, []).append(name + _share(row))
        elif row.is_not:
            left.append(name)
        else:
            unknown.setdefault(row.reason or "", []).append(name)
    found = [
        f"From {size:,} {result.over} on these stay within their error of the value of {whole}: {listed(names, _NAMED)}"
        for size, names in sorted(held.items())
    ]
    if left:
        told = f"At no size below {whole} {result.over} do these stay within their error of its value"
        found.append(f"{told}: {listed(left, _NAMED)}")
    found += [f"Not known of {listed(names, _NAMED)}: {why}" for why, names in unknown.items()]
    return [Finding(text, lead=True) for text in found]


def _share(row: Enough) -> str:
    """A standard error as a share of the value, where that says something: a wide one holds much."""
    if row.whole is None or not row.standard_error or abs(row.whole) < row.standard_error:
        return ""
    return f" (error {100 * row.standard_error / abs(row.whole):.2g} %)"


def _folded(result: SizeCurve) -> Folded | None:
    """The measures that say again what another one says, at every size of every layer."""
    if result.settings.get("isoscore_zeta"):
        return None
    wide = result.subject.get("hidden_size")
    return folded(
        ((row.layer, row.size), row.measure, [as_isoscore(row.measure, row.value, wide), row.n])
        for row in result.points
    )


def _columns() -> list[Column]:
    return [
        Column("", None, value=_family, heading=_family),
        Column("layer"),
        Column("measure", words=True),
    ]


def _family(row: SizePoint | Enough) -> str:
    return family_of(row.measure)


def _points(result: SizeCurve) -> Table:
    family, _, measure = _columns()
    several = len(_layers(result)) > 1
    layer = Column("layer", "layer" if several else None, shown=lambda row: layer_in_words(row.layer), words=True)
    columns = [
        family,
        layer,
        measure,
        Column("size", result.over),
        Column("value", exact=True, why=lambda row: row.reason if row.value is None else None),
        Column("standard_error", reading="standard error: over sequences."),
        Column("null"),
        Column("n", spare=1),
        Column("reason", note=True),
        Column("caution", label=None, rare=True),
    ]
    return Table("Every number", columns, result.points, across=_ACROSS, measure=lambda row: str(row.measure))


def _enough(result: SizeCurve) -> Table:
    columns = [
        *_columns(),
        Column("from_size", f"enough {result.over}", why=lambda row: row.reason, absent="none"),
        Column("standard_error", "error there"),
        Column("whole", f"at all {result.sizes[-1].size:,}", exact=True),
        Column("reason", "why", note=True),
    ]
    return Table("How much is enough", columns, result.enough, measure=lambda row: str(row.measure))


def _cards(keys: Sequence[str], result: SizeCurve) -> list[Card]:
    rows = [point.measurement for point in result.points]
    series = [
        Held(place, layer_in_words(layer), tuple(row for row in rows if row.layer == layer))
        for place, layer in enumerate(_layers(result))
    ]
    axis = Axis("size", tuple(float(each.size) for each in result.sizes), result.over)
    return [card(key, series, axis, headed=False) for key in keys]
