"""Cautions: in words, what keeps a correlation from meaning what it seems to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from geoscope.catalogue import ROWS, moves
from geoscope.comparisons.matching import N_TOLERANCE
from geoscope.correlations.coefficients import points_needed
from geoscope.correlations.correlations import Association, Caution, Correlation
from geoscope.correlations.joined_points import MEAN, Scored, is_mean
from geoscope.correlations.measured_numbers import Numbers
from geoscope.correlations.score_files.scores import GivenScore
from geoscope.wording import coefficient, listed


class _Names:
    """What rows are called: by the measure, and by layer and quantizer where there are several."""

    def __init__(self, rows: Sequence[Association]) -> None:
        self._layers = len({row.layer for row in rows}) > 1
        self._quantizers = len({row.quantizer for row in rows if row.quantizer is not None}) > 1

    def __call__(self, row: Association) -> str:
        layer = f"@{'union' if row.layer is None else row.layer}" if self._layers else ""
        quantizer = f" by {row.quantizer}" if self._quantizers and row.quantizer is not None else ""
        return row.measure + layer + quantizer


def cautions_of(rows: Sequence[Association]) -> list[Caution]:
    """The cautions about every task's associations, each once with the measures it is about."""
    name = _Names(rows)
    found = []
    for place in dict.fromkeys((row.task, row.model) for row in rows):
        mine = [row for row in rows if (row.task, row.model) == place]
        found += [*_level(mine, name), *_given(mine, name), *_few(mine, name), *_repeats(mine, name)]
        found += [*_known(mine, name), *_outside(mine, name)]
    return [*found, *_rows([row for row in rows if row.model is None], name)]


def unmatched(numbers: Numbers, scored: Scored, scores: Sequence[GivenScore], tasks: Iterable[str]) -> list[Caution]:
    """What was measured but not scored, and scored but not measured."""
    found = []
    for task in tasks:
        held = {case for case, _ in scored.get(task, {})}
        lacking = [str(case) for case in numbers.values if case not in held]
        if lacking:
            text = f"without a score on {task}, and left out: {listed(lacking)}"
            found.append(Caution(kind="unmatched", task=task, text=text))
    taken = {id(score) for places in scored.values() for score in places.values()}
    known = {score.subject for score in scores if id(score) in taken}
    strangers = list(dict.fromkeys(score.subject for score in scores if score.subject not in known))
    if strangers:
        found.append(Caution(kind="unmatched", text=f"scored but not measured, and left out: {listed(strangers)}"))
    return found


def _level(rows: Sequence[Association], name: _Names) -> list[Caution]:
    """The noise level goes with the score at least as closely as the measure does."""
    about, items = [], []
    for row in rows:
        if row.level is None or row.pearson.value is None:
            continue
        rivals = {"level": row.level.pearson.value, "log level": row.level.log_pearson.value}
        label, most = max(((label, abs(value or 0.0)) for label, value in rivals.items()), key=lambda pair: pair[1])
        if most >= abs(row.pearson.value):
            about.append(row)
            items.append(f"{name(row)} (|r| {abs(row.pearson.value):.3f} against {most:.3f} of the {label})")
    text = "the noise level alone explains {task} at least as well as {items}; this may be nothing but the noise"
    return _caution("level", text, about, items, name)


def _given(rows: Sequence[Association], name: _Names) -> list[Caution]:
    """What is left when columns are taken out may be nothing."""
    found = []
    for given in dict.fromkeys(partial.name for row in rows for partial in row.partials):
        about, items = [], []
        for row in rows:
            partial = next((each for each in row.partials if each.name == given), None)
            if partial is not None and partial.value is not None and partial.may_be_zero:
                about.append(row)
                items.append(f"{name(row)} (partial r {_with_interval(partial)})")
        text = f"with {given} taken out, too little is left to say that {{task}} goes with {{items}}"
        found += _caution("given", text, about, items, name)
    return found


def _few(rows: Sequence[Association], name: _Names) -> list[Caution]:
    """The interval of r includes 0."""
    about, items = [], []
    for row in rows:
        r = row.telling
        if r.value is None and row.pearson.value is not None:  # repeats of one or two
            about.append(row)
            items.append(f"{name(row)} ({r.reason})")
        if r.value is None or not r.may_be_zero:
            continue
        needed = points_needed(r.value)
        about.append(row)
        items.append(
            f"{name(row)} ({r.n} {'points' if row.repeats is None else 'means'}, r {_with_interval(r)}, "
            + ("and at that r no number would do)" if needed is None else f"at that r it takes {needed:,})")
        )
    return _caution("few", "too little to say whether {task} goes with {items}", about, items, name)


def _repeats(rows: Sequence[Association], name: _Names) -> list[Caution]:
    """Seeds of one level are not independent."""
    about = [row for row in rows if row.repeats is not None and row.pearson.value is not None]
    repeats = next((row.repeats for row in about), None)
    if repeats is None:
        return []
    what = "levels" if all(point.noise_level is not None for point in about[0].points) else "subjects"
    text = (
        f"the {about[0].n} points on {{task}} are {repeats.groups} {what}, up to {repeats.most} points of each; these "
        "are not independent, so p and intervals over points claim too much: read r of the means, and r within them"
    )
    return _caution("repeats", text, about, [], name)


def _known(rows: Sequence[Association], name: _Names) -> list[Caution]:
    """The level of some points is not known, so that it cannot be taken into account."""
    about, known, every = [], 0, 0
    for row in rows:
        having = sum(1 for point in row.points if point.noise_level is not None)
        if 0 < having < row.n:
            about.append(row)
            known, every = having, row.n
    text = f"the noise level is known of {known} of {every} points only and is not held against {{items}} on {{task}}"
    return _caution("level", text, about, [name(row) for row in about], name)


def _outside(rows: Sequence[Association], name: _Names) -> list[Caution]:
    """A prediction from beyond the points."""
    found = []
    for subject in dict.fromkeys(each.subject for row in rows for each in row.predictions if each.outside):
        about = [row for row in rows if any(each.outside and each.subject == subject for each in row.predictions)]
        text = f"{subject} lies outside the points in {{items}}, where its predicted {{task}} is an extrapolation"
        found += _caution("outside", text, about, [name(row) for row in about], name)
    return found


def _rows(rows: Sequence[Association], name: _Names) -> list[Caution]:
    """Measures that depend on the number of rows, which is not the same in all points."""
    items: dict[str, str] = {}
    for row in rows:
        counts = [point.n for point in row.points if point.n]
        if counts and moves(row.measure, ROWS) and max(counts) > min(counts) * (1 + N_TOLERANCE):
            items[name(row)] = f"{name(row)} ({min(counts):,} to {max(counts):,} rows)"
    if not items:
        return []
    text = f"these depend on the number of rows, which differs from point to point: {listed(list(items.values()))}"
    return [Caution(kind="rows", measures=list(items), text=text)]


def _caution(kind: str, text: str, about: Sequence[Association], items: Sequence[str], name: _Names) -> list[Caution]:
    if not about:
        return []
    task, model = about[0].task, about[0].model
    called = task if not is_mean(task) else "the mean" + (f" ({task.partition('/')[2]})" if task != MEAN else "")
    called += "" if model is None else f" within {model}"
    told = text.replace("{task}", called).replace("{items}", listed(items))
    return [Caution(kind=kind, task=task, model=model, measures=[name(row) for row in about], text=told)]


def _with_interval(correlation: Correlation) -> str:
    if correlation.value is None:
        return "undefined"
    if correlation.interval is None:
        return coefficient(correlation.value)
    low, high = correlation.interval
    return f"{coefficient(correlation.value)}, 95 % {coefficient(low)} to {coefficient(high)}"
