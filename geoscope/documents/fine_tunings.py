"""A fine-tuning study as a document: scores, geometry, penalties and trends by arm, epoch after epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from geoscope.comparisons.verdicts import LEVEL
from geoscope.document import (
    Card,
    Cards,
    Chart,
    Column,
    Document,
    Finding,
    Point,
    Section,
    Series,
    Table,
    entry,
    side_by_side,
)
from geoscope.documents.reading import in_order, reading_of
from geoscope.finetuning.outcome import RunRow
from geoscope.training.arms import COLUMNS, TRAINING, UP
from geoscope.wording import between, capital, rounded, short_names

if TYPE_CHECKING:
    from geoscope.finetuning.outcome import ArmResult, FineTuning, Spread

_CLOUDS = {
    "union": "token states of all layers but the embeddings as one cloud",
    "last": "token states of the last layer",
    "first": "the last layer's first token of each sequence",
}
_UNDEFINED = "undefined"


def document(result: FineTuning) -> Document:
    """A dot is one run, a line the mean of an arm's runs."""
    clouds = _clouds(result)
    scores = list(dict.fromkeys(row.measure for row in result.measurements if row.cloud is None))
    columns = [Column(name, words=isinstance(name, str)) for name in RunRow.model_fields]
    name = str(result.settings["checkpoint"]["name"])
    (short,) = short_names([name])
    return Document(
        f"{short} on {result.settings['task']['name']}",
        [Table("", columns, result.measurements)],
        [
            Section("results", _tables(result)),
            Section("scores", [Cards(partial(_cards, result, None, scores))]),
            *(Section(cloud, [Cards(partial(_cards, result, cloud, _measures(result, cloud)))]) for cloud in clouds),
            Section(
                "settings",
                [
                    side_by_side("Settings", ["value"], [result.settings]),
                    side_by_side("Environment", ["value"], [result.environment]),
                ],
                background=True,
            ),
        ],
        facts=[] if short == name else [name],
        findings=[Finding(line, lead=True) for line in _findings(result)],
        reading=_notes(result),
        legend=[arm.name for arm in result.arms],
    )


def _clouds(result: FineTuning) -> list[str]:
    """The clouds that were measured: those of several layers or rows of each, then layer by layer."""
    found = dict.fromkeys(row.cloud for row in result.measurements if row.cloud is not None)
    return [cloud for cloud in _CLOUDS if cloud in found] + sorted(cloud for cloud in found if cloud not in _CLOUDS)


def _findings(result: FineTuning) -> list[str]:
    return [*map(capital, _against_none(result)), *_of_one_class(result), *_undefined(result)]


def _of_one_class(result: FineTuning) -> list[str]:
    """A sentence for each arm of which some runs predict one class alone."""
    return [
        f"all predictions are of one class in {len(arm.one_class)} of {len(arm.seeds)} seeds of {arm.name}: there no "
        "score says anything of what was learnt"
        for arm in result.arms
        if arm.one_class
    ]


def _against_none(result: FineTuning) -> list[str]:
    """Of the first score, each arm whose difference from none is told apart from 0; or that no arm's is."""
    tested = [
        (spread.against_none.p_adjusted, f"{spread.measure} of {arm.name}", spread.against_none)
        for arm in result.arms
        for spread in arm.scores[:1]
        if spread.against_none is not None and spread.against_none.p_adjusted is not None
    ]
    told = [
        f"{name} differs from none's by {rounded(paired.difference)}, adjusted p {p:.2g}"
        for p, name, paired in sorted(tested, key=lambda each: each[0])
        if p <= LEVEL
    ]
    if tested and not told:
        told = [f"no arm's {result.arms[0].scores[0].measure} is told apart from none's"]
    return told


def _notes(result: FineTuning) -> list[str]:
    """What the runs share, and how the tables are to be read."""
    task, training = result.settings["task"], result.settings["hyperparameters"]
    seeds = sorted({seed for arm in result.arms for seed in arm.seeds})
    lines = [
        f"{task['train']['examples']:,} training examples, {_trained(training)}; scored on "
        f"{task['evaluation']['examples']:,} examples after the last epoch; seeds {', '.join(map(str, seeds))}",
        *([task["split"]] if "split" in task else []),
        "weight w is added times the penalty: " + "; ".join(UP.values()),
    ]
    if any(spread.against_none for arm in result.arms for spread in arm.scores):
        lines.append(
            "difference: mean over seeds of arm less none, of the same seed, with its 95 % interval; p: paired t test "
            "that it is 0; adjusted: by Holm over the arms"
        )
    if any(arm.penalties for arm in result.arms):
        lines.append(
            "penalty: mean over an epoch's batches, before the weight; without gradient: the share of batches whose "
            "points it did not move; its gradient, the task's: their lengths over all weights, on some batches"
        )
    if any(each.penalty_patchiness is not None for arm in result.arms for each in arm.penalties):
        lines.append(
            "patchiness: of half of some training data after the epoch, by codebooks learnt then of the other half; "
            "points flee those that the penalty counts by, so that what these count is not told"
        )
    if result.along:
        lines.append(
            "along a setting: the line of each number over runs that differ in that setting alone, each such group's "
            "mean taken out; for one unit of the setting or, under log2, for one doubling"
        )
    if any(each.penalty_bars is not None for arm in result.arms for each in arm.penalties):
        lines.append(
            "bars, kept, share: of a class in a batch, those of them that the selection keeps, and their share, on "
            "average; deficit: ln of the bars kept less their entropy"
        )
    clouds = _clouds(result)
    lines += [f"{cloud}: {what}" for cloud, what in _CLOUDS.items() if cloud in clouds]
    if any(cloud not in _CLOUDS for cloud in clouds):
        lines.append("layer-00 and on: token states of that layer; 0 is the embeddings")
    return lines


def _trained(training: Mapping[str, Any]) -> str:
    """How long and fast the runs were trained: what is not each arm's own."""
    epochs, size, rate = (training[name] for name in TRAINING)
    told = [f"epochs {epochs}" if epochs is not None else "", f"batches of {size}" if size is not None else ""]
    told.append(f"learning rate {rate:g}" if rate is not None else "")
    own = [name.replace("_", " ") for name in TRAINING if training[name] is None]
    told.append(f"each arm's own {', '.join(own)}" if own else "")
    return ", ".join(each for each in told if each)


def _undefined(result: FineTuning) -> list[str]:
    """A sentence a reason: what the tables have no number of."""
    held: dict[str, list[str]] = {}
    told = [(row.cloud, row.measure, row.reason) for row in result.before if row.value is None]
    told += [
        (spread.cloud, spread.measure, spread.reason)
        for arm in result.arms
        for spread in (*arm.scores, *arm.geometry)
        if spread.mean is None
    ]
    for cloud, measure, reason in dict.fromkeys(told):
        held.setdefault(reason or "", []).append(measure if cloud is None else f"{measure} of {cloud}")
    return [f"undefined, because {reason}: {', '.join(names)}" for reason, names in held.items()]


# Tables


_ARM = Column("arm", value=entry("arm"), words=True)

_SCORES = (
    _ARM, Column("mean", value=entry("mean"), exact=True), Column("sd", value=entry("sd")),
    Column("difference", value=entry("difference"), exact=True),
    Column("interval", "95 % interval", value=lambda row: between(row.get("interval"))),
    Column("p", value=entry("p"), exact=True), Column("p_adjusted", "adjusted p", value=entry("p_adjusted")),
    Column("seeds", value=entry("seeds"), spare=1),
)  # fmt: skip


def _tables(result: FineTuning) -> list[Table]:
    shown = [*_score_tables(result), *_geometry_tables(result), *_layer_tables(result), _penalties(result)]
    return [*_joint_table(result), *shown, _trends(result), _along(result)]


def _joint_table(result: FineTuning) -> list[Table]:
    """What differs between arms, beside their scores and the last layer's geometry; none of one arm a regularizer."""
    varied = [name for name in COLUMNS if len({str(arm.settings.get(name)) for arm in result.arms}) > 1]
    if len(result.arms) == len({str(arm.settings.get("regularizer")) for arm in result.arms}):
        return []
    rows = []
    for arm in result.arms:
        row: dict[str, Any] = {name: _said(arm.settings.get(name)) for name in varied}
        rows.append(row | {_place(spread): _with_sd(spread) for spread in (*arm.scores, *arm.geometry)})
    places = [_place(spread) for spread in (*result.arms[0].scores, *result.arms[0].geometry)]
    shown = [place for place in places if place.partition(" of ")[2] in ("", "last")]
    columns = [Column(name, name.replace("_", " "), value=entry(name), words=True) for name in varied]
    return [Table("arms", [*columns, *(Column(name, name, value=entry(name)) for name in shown)], rows)]


def _place(spread: Spread) -> str:
    return spread.measure if spread.cloud is None else f"{spread.measure} of {spread.cloud}"


def _said(value: Any) -> str | None:
    return f"{value:g}" if isinstance(value, (int, float)) else None if value is None else str(value)


def _layer_tables(result: FineTuning) -> list[Table]:
    """A table for each measure of each layer: its mean over seeds after training, and before."""
    layers = {row.cloud: row.layer for row in result.before if row.layer is not None and row.cloud != "first"}
    if len(layers) < 2:  # the last one alone has its table
        return []
    names = [f"layer {layer}" for layer in sorted(layers.values())]
    columns = [_ARM, *(Column(name, name, value=entry(name)) for name in names)]
    tables = []
    for measure in in_order(row.measure for row in result.before):
        rows = [{"arm": "before training"}]
        for row in result.before:
            if row.measure == measure and row.cloud in layers:
                rows[0][f"layer {row.layer}"] = _UNDEFINED if row.value is None else rounded(row.value)
        for arm in result.arms:
            held = [spread for spread in arm.geometry if spread.measure == measure and spread.cloud in layers]
            rows.append({"arm": arm.name} | {f"layer {each.layer}": _with_sd(each) for each in held})
        tables.append(Table(f"{measure} by layer", columns, rows))
    return tables


def _score_tables(result: FineTuning) -> list[Table]:
    """A table for each score: every arm's mean, spread and difference from none."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for arm in result.arms:
        for spread in arm.scores:
            tested = {} if spread.against_none is None else spread.against_none.model_dump()
            mean = _UNDEFINED if spread.mean is None else spread.mean
            row = tested | {"arm": arm.name, "mean": mean, "sd": spread.sd, "seeds": len(arm.seeds)}
            tables.setdefault(spread.measure, []).append(row)
    return [Table(name, _SCORES, rows) for name, rows in tables.items()]


def _geometry_tables(result: FineTuning) -> list[Table]:
    """A table for each cloud: its measures before training and after it, mean over seeds and their sd."""
    tables = []
    for cloud in _CLOUDS:
        before = [row for row in result.before if row.cloud == cloud]
        first = {row.measure: _UNDEFINED if row.value is None else rounded(row.value) for row in before}
        rows = [{"arm": "before training"} | first]
        for arm in result.arms:
            found = {spread.measure: _with_sd(spread) for spread in arm.geometry if spread.cloud == cloud}
            rows.append({"arm": arm.name} | found)
        if before:
            columns = [_ARM, *(Column(key, key, value=entry(key)) for key in first)]
            tables.append(Table(f"geometry of {cloud}", columns, rows))
    return tables


def _with_sd(spread: Spread) -> str:
    if spread.mean is None:
        return _UNDEFINED
    return rounded(spread.mean) + ("" if spread.sd is None else f" ± {spread.sd:.2g}")


_PENALTIES = (
    _ARM, Column("epoch", value=lambda row: f"{row['epoch']:g}"), Column("penalty", value=entry("penalty")),
    Column("penalty_gradient", "its gradient", value=entry("penalty_gradient")),
    Column("task_gradient", "the task's", value=entry("task_gradient")),
    Column("penalty_classes", "classes", value=entry("penalty_classes")),
    Column("penalty_classes_skipped", "skipped", value=entry("penalty_classes_skipped")),
    Column("penalty_bars", "bars", value=entry("penalty_bars")),
    Column("penalty_bars_kept", "kept", value=entry("penalty_bars_kept")),
    Column("penalty_bars_share", "share", value=lambda row: _share(row["penalty_bars_share"])),
    Column("penalty_deficit", "deficit", value=entry("penalty_deficit")),
    Column("penalty_patchiness", "patchiness", value=entry("penalty_patchiness")),
    Column("without gradient", value=lambda row: _share(row["penalty_without_gradient"])),
)  # fmt: skip


def _penalties(result: FineTuning) -> Table:
    """What each arm's penalty was in every epoch."""
    rows = [{"arm": arm.name} | each.model_dump() for arm in result.arms for each in arm.penalties]
    return Table("penalty", _PENALTIES, rows)


def _share(part: float | None) -> str | None:
    return None if part is None else f"{100 * part:.3g} %"


_TRENDS = (
    Column("regularizer", words=True), Column("score", words=True), Column("cloud", words=True),
    Column("measure", words=True), Column("slope"), Column("correlation", "r"), Column("p"),
    Column("p_adjusted", "adjusted p"), Column("runs", spare=1), Column("reason", "why", words=True),
)  # fmt: skip


def _trends(result: FineTuning) -> Table:
    """Score against geometry over a grid's settings, seeds' means taken out."""
    return Table("score against geometry, within seeds", _TRENDS, result.trends)


_ALONG = (
    Column("regularizer", words=True), Column("setting", words=True), Column("scale", words=True),
    Column("cloud", words=True), Column("measure", words=True), Column("slope"), Column("correlation", "r"),
    Column("p"), Column("p_adjusted", "adjusted p"), Column("runs", spare=1), Column("reason", "why", words=True),
)  # fmt: skip


def _along(result: FineTuning) -> Table:
    """Every number along the settings that have several values."""
    return Table("along a setting", _ALONG, result.along)


# Charts


def _measures(result: FineTuning, cloud: str) -> list[str]:
    return in_order(row.measure for row in result.measurements if row.cloud == cloud)


def _cards(result: FineTuning, cloud: str | None, measures: Sequence[str]) -> list[Card]:
    return [Card(key, _chart(result, cloud, key), reading_of(key)) for key in measures]


def _chart(result: FineTuning, cloud: str | None, measure: str) -> Chart:
    """One number over the epochs, a line an arm."""
    held = [row for row in result.measurements if (row.cloud, row.measure) == (cloud, measure)]
    series = [
        Series(place, arm.name, [_point(row) for row in held if _belongs(row, arm)])
        for place, arm in enumerate(result.arms)
    ]
    return Chart(measure, series, "epoch", sorted({row.epoch for row in held}), line=True)


def _belongs(row: RunRow, arm: ArmResult) -> bool:
    return all(getattr(row, name) == arm.settings.get(name) for name in COLUMNS)


def _point(row: RunRow) -> Point:
    """One run's number after an epoch."""
    said = f"undefined, {row.reason}" if row.value is None else rounded(row.value)
    return Point(row.epoch, row.value, f"seed {row.seed}, epoch {row.epoch:g}", said)
