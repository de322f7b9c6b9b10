"""Measures held against scores, as a document: what to be wary of, a scatter a measure and task, every coefficient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from geoscope.comparisons.verdicts import LEVEL as LEVEL_OF_TESTS
from geoscope.correlations.correlations import LEVEL, LOG, SUBJECT, Case
from geoscope.document import (
    Card,
    Cards,
    Column,
    Document,
    Finding,
    Folded,
    Point,
    Scatter,
    Section,
    Series,
    Table,
    side_by_side,
)
from geoscope.documents.reading import folded, in_order, reading_of
from geoscope.wording import between, capital, coefficient, rounded, short_names

if TYPE_CHECKING:
    from geoscope.correlations.correlations import Association, Correlation, Correlations, Prediction

_MOST_POINTS = 5000  # on a page, so that it stays small
_HOW = (
    "A point is one model, its measure across and its score up. The line is the least squares line; r is Pearson's, "
    "with its 95 % interval. A correlation is no cause: what is left of r given the noise level, within repeats and in "
    "predictions of points left out says more."
)


class _Row(NamedTuple):
    """A row of coefficients: an association's, or (without one) what predicts without a measure."""

    label: str
    heading: str
    n: int
    pearson: Correlation | None
    error: float | None
    of: Association | None = None


def document(result: Correlations) -> Document:
    """A table and charts a task, and what new models would score."""
    measures = len(dict.fromkeys(row.measure for row in result.associations))
    points = max(row.n for row in result.associations)
    columns = _columns(result)
    known = [_row(row, several=True) for row in result.associations]
    predicted = [_Predicted(row, told) for row in result.associations for told in row.predictions]
    warnings = [Finding(caution.text, warning=True, lead=True) for caution in result.cautions]
    return Document(
        f"{measures} measure{'s' * (measures != 1)} against {', '.join(result.tasks)}: {points} points of "
        f"{len(result.subjects)} subject{'s' * (len(result.subjects) != 1)}",
        [Table("", columns, known)],
        [
            *(_section(task, result, columns) for task in result.tasks),
            Section("predictions", [Table("Predicted scores, 95 % for one new score", _PREDICTED, predicted)]),
            Section("settings", [side_by_side("Settings", ["value"], [result.settings])], background=True),
        ],
        findings=[
            *(Finding(line, lead=True) for line in _closest(result)),
            *warnings,
            *(Finding(line, further=True) for line in _undrawn(result)),
        ],
        how=_HOW,
        reading=[*_legend(result), *result.notes],
        folded=_folded(result),
    )


def _section(task: str, result: Correlations, columns: Sequence[Column]) -> Section:
    held = [row for row in result.associations if row.task == task]
    several = len({row.layer for row in held}) > 1
    rows = [*_rivals(max(_whole(held), key=lambda row: row.n)), *(_row(row, several=several) for row in held)]
    table = Table(
        f"Coefficients of {task}",
        columns,
        rows,
        measure=lambda row: "" if row.of is None else str(row.of.measure),
        style=lambda row: "faint" if row.of is None or _absent(row) else "",
    )
    drawn = _drawn(_whole(held), result)
    return Section(task, [Cards(lambda: [_card(row) for row in drawn]), table])


def _whole(rows: Sequence[Association]) -> list[Association]:
    """Those of all points, whichever model they are of."""
    return [row for row in rows if row.model is None]


def _closest(result: Correlations) -> list[str]:
    """What goes closest with each task, and how much is told apart from nothing once p is adjusted."""
    found = []
    for task in result.tasks:
        known = [row for row in _whole(result.associations) if row.task == task and row.pearson.value is not None]
        if not known:
            found.append(f"no correlation with {task} is known")
            continue
        row = max(known, key=lambda each: abs(each.telling.value or 0.0))
        ends = between(row.telling.interval, coefficient)
        beside = f" (95 % {ends}, {row.n} points)" if ends else f" ({row.n} points)"
        of_means = " of means" if row.repeats is not None else ""
        value = row.pearson.value if row.telling.value is None else row.telling.value
        found.append(f"closest to {task} is {_name(row)}: r{of_means} {coefficient(value or 0.0)}{beside}")
        found += _within_models(row, result)
    tested = [row.pearson.p_adjusted for row in result.associations if row.pearson.p_adjusted is not None]
    if tested:
        below = sum(p <= LEVEL_OF_TESTS for p in tested)
        found.append(f"adjusted p is at most {LEVEL_OF_TESTS:g} in {below} of {len(tested)} correlations")
    return [capital(line) for line in found]


def _within_models(row: Association, result: Correlations) -> list[str]:
    """What an association of all points is within each model, and when the models' means are taken out."""
    place = (row.task, row.layer, row.measure, row.quantizer)
    apart = [e for e in result.associations if e.model and (e.task, e.layer, e.measure, e.quantizer) == place]
    if len(apart) < 2:
        return []
    left = next((each for each in row.partials if each.given == [SUBJECT]), None)
    if left is None:
        return []
    names = [*short_names([str(each.model) for each in apart]), "all with the models' means taken out"]
    told = [
        f"{name} {'undefined' if found.value is None else coefficient(found.value)}"
        for name, found in zip(names, [*(each.pearson for each in apart), left], strict=True)
    ]
    return [f"within models its r over points is {', '.join(told)}"]


def _folded(result: Correlations) -> Folded | None:
    """The measures that say again what another one says, for every task and layer."""
    return folded(
        ((row.task, row.model, row.layer), row.measure, (row.pearson.value, row.spearman.value, row.n))
        for row in result.associations
    )


# Coefficients


def _columns(result: Correlations) -> list[Column]:
    """Every number of an association; which there are depends on what was taken out and predicted."""
    given = dict.fromkeys(partial.name for row in result.associations for partial in row.partials)
    columns = [
        _hidden("task", "task"), *_of_models(result),
        Column("layer", value=_of("layer"), heading=lambda row: row.heading),
        Column("measure", value=_of("measure"), shown=lambda row: row.label, words=True),
        _hidden("quantizer", "quantizer"), Column("n"),
        *_spread("r", lambda row: row.pearson, "r", "p adj."), *_spread("rho", _of("spearman"), "rho", why=True),
        Column("slope", value=_of("line.slope"), spare=9), _hidden("slope_standard_error", "line.standard_error"),
        _hidden("intercept", "line.intercept"),
        Column("r2", "R2", value=_of("line.r2"), shown=_coefficient(_of("line.r2")), spare=8),
        _hidden("level_r", "level.pearson.value"), _hidden("log_level_r", "level.log_pearson.value"),
        _hidden("left_out", "left_out.left_out"), Column("error", spare=6), _hidden("mean_error", "left_out.mean"),
        _hidden("level_error", "left_out.level"), _hidden("log_level_error", "left_out.log_level"),
        _hidden("groups", "repeats.groups"),
        *_spread("r_of_means", _of("repeats.pearson"), "r of means", why=True),
        *_spread("r_within", _of("repeats.within"), "r within", why=True),
    ]  # fmt: skip
    for name in given:
        found = partial(_partial, name)
        columns += _spread(f"r_given_{name}", found, f"r given\n{name}", why=True)
    reason = Column("reason", "why", value=_of("pearson.reason"), shown=_reason, note=True)
    first, *others = [[f"predicted {_who(told)}" for told in row.predictions] for row in result.associations]
    later = dict.fromkeys(who for held in others for who in held if who not in first)
    return [
        *columns,
        *(each for who in first for each in _of_case(who)),
        reason,
        *(e for w in later for e in _of_case(w)),
    ]


def _of_models(result: Correlations) -> list[Column]:
    """Which model's points a row is of, where some are of one model's."""
    return [_hidden("model", "model")] if any(row.model is not None for row in result.associations) else []


def _of_case(who: str) -> list[Column]:
    """What CSV has of a new model: its score and the score's interval."""
    ends = enumerate(("", " low", " high"))
    return [Column(f"{who}{end}", label=None, value=partial(_predicted, who, place)) for place, end in ends]


_SPARE = {"rho": 7, "r_of_means": 5, "r_within": 4}


def _hidden(name: str, path: str) -> Column:
    """What CSV alone has of an association."""
    return Column(name, None, _of(path))


def _spread(
    name: str, of: Callable[[_Row], Any], label: str, adjusted: str | None = None, *, why: bool = False
) -> list[Column]:
    """A coefficient with its interval and p. adjusted: what people call its adjusted p, who then see the interval.

    why: CSV tells why there is none.
    """
    told = adjusted is not None

    def part(what: str) -> Callable[[_Row], Any]:
        return lambda row: getattr(of(row), what, None)

    def end(place: int) -> Callable[[_Row], Any]:
        return lambda row: (part("interval")(row) or (None, None))[place]

    def interval(row: _Row) -> str | None:
        return between(part("interval")(row), coefficient)

    value, p, spare = part("value"), part("p_adjusted"), _SPARE.get(name, 0)
    return [
        Column(name, label, value, _coefficient(value), why=_reason if told else None, spare=spare),
        Column(f"{name}_low", "95 %" if told else None, end(0), interval, spare=2),
        Column(f"{name}_high", None, end(1)),
        Column(f"{name}_p", None, part("p")),
        Column(f"{name}_p_adjusted", adjusted, p, lambda row: _short(p(row)), spare=3),
        *([Column(f"{name}_reason", None, part("reason"))] if why else []),
    ]


def _of(path: str) -> Callable[[_Row], Any]:
    """What lies at a path of an association; None where something on the way is not there."""

    def found(row: _Row) -> Any:
        held: Any = row.of
        for name in path.split("."):
            held = None if held is None else getattr(held, name)
        return held

    return found


def _coefficient(of: Callable[[_Row], Any]) -> Callable[[_Row], str | None]:
    return lambda row: None if of(row) is None or _absent(row) else coefficient(of(row))


def _absent(row: _Row) -> bool:
    """Whether there is no r, beside which nothing else of an association is told to people."""
    return row.pearson is not None and row.pearson.value is None


def _reason(row: _Row) -> str | None:
    return None if row.pearson is None else row.pearson.reason


def _short(p: float | None) -> str | None:
    return None if p is None else f"{p:.2g}"


def _partial(name: str, row: _Row) -> Correlation | None:
    return None if row.of is None else next((each for each in row.of.partials if each.name == name), None)


def _predicted(who: str, place: int, row: _Row) -> float | None:
    for told in row.of.predictions if row.of is not None else ():
        if f"predicted {_who(told)}" == who:
            found: float | None = (told.score, *(told.interval or (None, None)))[place]
            return found
    return None


def _row(row: Association, *, several: bool) -> _Row:
    place = ("union of layers" if several else "") if row.layer is None else f"layer {row.layer}"
    heading = ", ".join(part for part in (row.model, place) if part)
    label = row.measure + (f" ({row.quantizer})" if row.quantizer else "")
    return _Row(label, heading, row.n, row.pearson, None if row.left_out is None else row.left_out.measure, row)


def _rivals(row: Association) -> list[_Row]:
    """The mean and the noise level alone, over the points of the row that has most."""
    error = row.left_out
    found = [] if error is None else [_Row("mean alone", "", row.n, None, error.mean)]
    if row.level is None or error is None:
        return found
    found.append(_Row(f"{LEVEL} alone", "", row.n, row.level.pearson, error.level))
    return [*found, _Row(f"{LOG}{LEVEL} alone", "", row.n, row.level.log_pearson, error.log_level)]


def _legend(result: Correlations) -> list[str]:
    """What the columns mean that are not known by name."""
    lines = ["error: root mean squared error of scores predicted by the line through all other points"]
    if any(row.repeats is not None for row in result.associations):
        lines.append("r of means: over the means of repeats; r within: what is left when those means are taken out")
    if any(row.partials for row in result.associations):
        lines.append("r given: partial correlation, the column taken out of measure and score; log: its logarithm")
    return lines


# Predictions


class _Predicted(NamedTuple):
    row: Association
    told: Prediction


_PREDICTED = (
    Column("subject", value=lambda each: _who(each.told), words=True),
    Column("task", value=lambda each: each.row.task, words=True),
    Column("measure", value=lambda each: _at(each.row), words=True),
    Column("value", value=lambda each: each.told.value),
    Column("score", value=lambda each: each.told.score),
    Column("interval", "95 %", value=lambda each: between(each.told.interval)),
    Column("outside", "outside the points", value=lambda each: "yes" if each.told.outside else None, words=True),
    Column("reason", "why", value=lambda each: each.told.reason, words=True),
)


def _at(row: Association) -> str:
    return row.measure if row.layer is None else f"{row.measure}@{row.layer}"


def _who(told: Prediction) -> str:
    return str(Case(told.subject, told.noise_level, told.noise_seed))


# Charts


def _undrawn(result: Correlations) -> list[str]:
    """A sentence for each task that has more correlations than a page draws."""
    sentences = []
    for task in result.tasks:
        held = [row for row in _whole(result.associations) if row.task == task]
        most = len(_drawn(held, result))
        if most < len(held):
            sentences.append(
                f"the {most} closest correlations with {task} are drawn; the other {len(held) - most} are in the table"
            )
    return sentences


def _drawn(rows: Sequence[Association], result: Correlations) -> list[Association]:
    """The rows whose scatters are drawn, as their families are ordered; where there are too many, the closest ones."""
    most = max(1, _MOST_POINTS // len(result.tasks) // max(1, *(row.n for row in rows)))
    closest = sorted(rows, key=lambda row: -abs(row.telling.value or 0.0))[:most]
    keys = in_order(row.measure for row in rows)
    return sorted((row for row in rows if row in closest), key=lambda row: keys.index(row.measure))


def _card(row: Association) -> Card:
    number = "r undefined" if row.pearson.value is None else f"r {coefficient(row.pearson.value)}"
    return Card(_name(row), _scatter(row), reading_of(row.measure), number, "; ".join(_beside(row)), row.measure)


def _name(row: Association) -> str:
    layer = "" if row.layer is None else f", layer {row.layer}" if isinstance(row.layer, int) else f", {row.layer}"
    return row.measure + layer + (f", {row.quantizer}" if row.quantizer else "")


def _beside(row: Association) -> list[str]:
    """What belongs to r, in a few words each."""
    if row.pearson.value is None:
        return [row.pearson.reason or "", f"n {row.n}"]
    ends = between(row.pearson.interval, coefficient)
    parts = [f"95 % {ends}" if ends else "", f"n {row.n}"]
    parts += [f"adjusted p {row.pearson.p_adjusted:.2g}"] if row.pearson.p_adjusted is not None else []
    if row.repeats is not None:
        parts += _told("of the means", row.repeats.pearson) + _told("within them", row.repeats.within)
    for each in row.partials:
        parts += _told(f"given {each.name}", each)
    return [part for part in (*parts, row.pearson.reason) if part]


def _told(name: str, found: Correlation) -> list[str]:
    return [] if found.value is None else [f"{name} {coefficient(found.value)}"]


def _scatter(row: Association) -> Scatter:
    subjects = list(dict.fromkeys(point.subject for point in row.points))
    several = 1 < len(subjects) < len(row.points)  # colours that come back say something
    points = [
        (point.subject, Point(point.x, point.y, point.label, f"{rounded(point.x)}, score {rounded(point.y)}"))
        for point in row.points
    ]
    series = [
        Series(place, name, [point for subject, point in points if subject == name])
        for place, name in enumerate(subjects)
    ]
    fit = []
    if row.line is not None and row.points:
        ends = min(point.x for point in row.points), max(point.x for point in row.points)
        fit = [(end, row.line.intercept + row.line.slope * end) for end in ends]
    r = "undefined" if row.pearson.value is None else coefficient(row.pearson.value)
    title = f"{row.task} score against {row.measure}, {row.n} points, r {r}"
    one = [Series(0, "", [point for _, point in points])]
    return Scatter(title, series if several else one, (row.measure, f"{row.task} score"), fit)
