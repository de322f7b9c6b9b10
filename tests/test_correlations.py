"""Correlations: known answers, oracles and brute force for the numbers; joining, warnings and refusals in words."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from made_reports import report, row
from scipy import stats

from geoscope.correlations.coefficients import is_constant, line, partial, pearson, points_needed, spearman
from geoscope.correlations.correlate import correlate
from geoscope.correlations.predictions import left_out_error, predicted_score
from geoscope.correlations.score_files.scores import read_scores
from geoscope.documents.rendering import render
from geoscope.errors import GeoscopeError, NotComparable
from geoscope.forms.output import Page
from geoscope.report import Score
from geoscope.statistics import benjamini_hochberg

# Means over runs of the tables released with Marbut et al. 2024 (bert-small): level in percent, PP, RE, EEE, GLUE.
RELEASED = """subject,noise_level,task,patchiness_paper,reconstruction_error,eigenvalue_early_enrichment,score
bert-small,0.5,glue,1.0272,.358,.568,.730
bert-small,1,glue,1.0268,.333,.584,.725
bert-small,2,glue,1.0204,.182,.672,.697
bert-small,3,glue,1.0144,.098,.775,.652
bert-small,5,glue,1.0119,.082,.840,.581
bert-small,7,glue,1.0134,.102,.815,.521
bert-small,10,glue,1.0105,.097,.796,.480
bert-small,15,glue,1.0071,.160,.740,.431
bert-small,20,glue,1.0072,.139,.752,.417
bert-small,50,glue,1.0032,.130,.837,.396
bert-small,100,glue,1.0016,.141,.839,.366
"""


@pytest.fixture
def released(tmp_path):
    path = tmp_path / "released.csv"
    path.write_text(RELEASED)
    return path


def models(values, measure="isoscore", **more):
    """A report a value, named a, b, c, ..."""
    return [report(row(measure, value, **more), name=name) for name, value in zip("abcdefghijkl", values, strict=False)]


def scores(values, **columns):
    """Rows of scores of a, b, c, ..."""
    return [
        {"subject": name, "task": "cola", "score": value} | {key: cells[place] for key, cells in columns.items()}
        for place, (name, value) in enumerate(zip("abcdefghijkl", values, strict=False))
    ]


def texts(result, kind):
    return [caution.text for caution in result.cautions if caution.kind == kind]


# The released table


def test_the_released_table_is_reproduced_and_its_confounder_named(released):
    result = correlate([], released)
    found = result.association("patchiness_paper")
    assert found.n == 11
    assert round(found.line.slope, 2) == 15.20
    assert round(found.line.r2, 3) == 0.909
    assert round(found.pearson.value, 3) == 0.953
    assert round(found.level.log_pearson.value, 3) == -0.965
    alone, log_given = found.partials
    assert (alone.given, log_given.given) == (["noise_level"], ["log:noise_level"])
    assert alone.interval[0] > 0
    assert log_given.interval[0] < 0 < log_given.interval[1]
    assert found.left_out.log_level < found.left_out.measure < found.left_out.mean
    (level,) = texts(result, "level")
    assert level.startswith("the noise level alone explains glue at least as well as ")
    assert "patchiness_paper (|r| 0.953 against 0.965 of the log level)" in level
    (given,) = texts(result, "given")
    assert given.startswith("with log:noise_level taken out, too little is left to say that glue goes with ")
    assert "patchiness_paper (partial r 0.259, 95 % -0.443 to 0.764)" in given
    (few,) = texts(result, "few")
    assert few == (
        "too little to say whether glue goes with reconstruction_error "
        "(11 points, r 0.599, 95 % -0.002 to 0.882, at that r it takes 12)"
    )


# One association


def test_pearson_spearman_and_line_are_scipys():
    g = np.random.default_rng(0)
    for n in (4, 5, 12, 200):
        x = g.standard_normal(n).round(1) * 1e-3 + 7
        y = 0.3 * x + g.standard_normal(n).round(1) * 1e-3
        ours, theirs = pearson(x, y), stats.pearsonr(x, y)
        assert ours.value == pytest.approx(theirs.statistic, rel=1e-9)
        assert ours.p == pytest.approx(theirs.pvalue, rel=1e-7)
        interval = theirs.confidence_interval()
        assert ours.interval == pytest.approx((interval.low, interval.high), rel=1e-7)
        ours, theirs = spearman(x, y), stats.spearmanr(x, y)
        assert ours.value == pytest.approx(theirs.statistic, rel=1e-12)
        assert n < 10 or ours.p == pytest.approx(theirs.pvalue, rel=1e-7)  # below, pairings are counted
        fitted, expected = line(x, y), stats.linregress(x, y)
        assert fitted.slope == pytest.approx(expected.slope, rel=1e-9)
        assert fitted.standard_error == pytest.approx(expected.stderr, rel=1e-7)
        assert fitted.intercept == pytest.approx(expected.intercept, rel=1e-9)
        assert fitted.r2 == pytest.approx(expected.rvalue**2, rel=1e-7)


def test_spearmans_interval_is_bonett_and_wrights():
    x = np.arange(20.0)
    y = np.roll(x, 5)
    found = spearman(x, y)
    reach = 1.959963984540054 * np.sqrt((1 + found.value**2 / 2) / 17)
    expected = np.tanh(np.arctanh(found.value) + np.array([-reach, reach]))
    assert found.interval == pytest.approx(tuple(expected), rel=1e-12)


def test_intervals_of_no_association_hold_0_as_often_as_they_say():
    g = np.random.default_rng(1)
    held = {"pearson": 0, "spearman": 0, "partial": 0}
    for _ in range(1500):
        x, y, z = g.standard_normal((3, 15))
        for name, found in (
            ("pearson", pearson(x, y)),
            ("spearman", spearman(x, y)),
            ("partial", partial(x + z, y + z, z[:, None])),
        ):
            held[name] += found.interval[0] <= 0 <= found.interval[1]
    for count in held.values():
        assert 0.93 < count / 1500 < 0.97


def test_partial_correlation_is_that_of_residuals():
    g = np.random.default_rng(2)
    z = g.standard_normal((30, 2)) * [1, 1e6]
    x, y = z @ [1, 2e-6] + g.standard_normal(30), z @ [-3, 1e-6] + g.standard_normal(30)
    design = np.column_stack([np.ones(30), z])
    left = [column - design @ np.linalg.lstsq(design, column, rcond=None)[0] for column in (x, y)]
    found = partial(x, y, z)
    r = stats.pearsonr(*left).statistic
    assert found.value == pytest.approx(r, rel=1e-9)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(r) * np.sqrt(26 / (1 - r * r)), 26), rel=1e-9)
    assert np.arctanh(found.interval[1]) - np.arctanh(r) == pytest.approx(1.959963984540054 / 5, rel=1e-9)
    again = partial(x, y, np.column_stack([z, z[:, 0] + 1e-6 * z[:, 1]]))  # no further column, so no further degree
    assert again.p == pytest.approx(found.p, rel=1e-6)


def test_a_perfect_line_and_numbers_of_any_size():
    x = np.array([1.0, 2.0, 4.0, 8.0])
    assert pearson(x, 3 - 2 * x).model_dump(include={"value", "interval", "p"}) == {
        "value": -1.0, "interval": None, "p": None,
    }  # fmt: skip
    assert pearson(x * 1e-200, np.array([1.0, 3.0, 2.0, 9.0]) * 1e200).value == pytest.approx(
        stats.pearsonr(x, [1, 3, 2, 9]).statistic
    )


@pytest.mark.parametrize("r", [0.05, 0.3, 0.6, 0.97, -0.3])
def test_the_points_needed_are_just_enough(r):
    def holds_0(n):
        return abs(np.arctanh(r)) <= 1.959963984540054 / np.sqrt(n - 3)

    n = points_needed(r)
    assert not holds_0(n)
    assert n == 4 or holds_0(n - 1)
    assert points_needed(0.0) is None


@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        ([1, 2], [1, 2], "it takes at least 3 points, and there are 2"),
        ([], [], "it takes at least 3 points, and there are none"),
        ([0.1 + 0.2, 0.3, 0.3], [1, 2, 3], "the measure is the same in all 3 points"),
        ([1, 2, 3], [5, 5, 5], "the score is the same in all 3 points"),
    ],
)
def test_what_has_no_correlation_says_why(x, y, why):
    x, y = np.array(x, dtype=float), np.array(y, dtype=float)
    for found in (pearson(x, y), spearman(x, y), partial(x, y, x[:, None])):
        assert (found.value, found.interval, found.p, found.reason) == (None, None, None, why)
    assert line(x, y) is None
    assert is_constant(np.zeros(4))


def test_partial_correlation_without_anything_left_says_why():
    x, y = np.array([1.0, 2, 4, 8, 9]), np.array([3.0, 1, 2, 5, 4])
    assert partial(x, y, 2 - 3 * x[:, None]).reason == "what is given settles the measure wholly"
    assert partial(x, y, y[:, None]).reason == "what is given settles the score wholly"
    assert partial(x, y, np.ones((5, 1))).reason == "what is given is the same in all 5 points"
    assert partial(x, y, np.eye(5)[:, :3]).reason == "5 points are too few to take 3 columns out"


# Predictions


def test_left_out_errors_are_those_of_fits_without_the_group():
    g = np.random.default_rng(3)
    columns, y = g.standard_normal((14, 2)), g.standard_normal(14)
    for groups in (np.arange(14), np.arange(14) // 3):
        for held in (columns, columns[:, :1], columns[:, :0]):
            design = np.column_stack([np.ones(14), held])
            errors = []
            for group in np.unique(groups):
                inside, outside = groups == group, groups != group
                fit = np.linalg.lstsq(design[outside], y[outside], rcond=None)[0]
                errors += list(y[inside] - design[inside] @ fit)
            expected = np.sqrt(np.mean(np.square(errors)))
            assert left_out_error(held, y, groups) == pytest.approx(expected, rel=1e-9)


def test_left_out_errors_need_points_that_fix_the_line():
    y = np.array([1.0, 2.0, 4.0, 3.0])
    lever = np.array([[0.0], [0.0], [0.0], [1.0]])  # without the last point there is no slope
    assert left_out_error(lever, y, np.arange(4)) is None
    assert left_out_error(np.ones((4, 1)), y, np.arange(4)) is None


def test_prediction_intervals_hold_new_scores_as_often_as_they_say():
    g = np.random.default_rng(4)
    held = 0
    for _ in range(2000):
        x = g.standard_normal(8)
        y = 2 * x + g.standard_normal(8)
        at = 1.5
        _, (low, high) = predicted_score(x, y, at)
        held += low <= 2 * at + g.standard_normal() <= high
    assert 0.94 < held / 2000 < 0.96


def test_predict_gives_the_new_subjects_score_on_every_measures_line():
    result = correlate(
        models([1, 2, 3, 5]), scores([2.0, 4.1, 5.9, 10.0]), predict=[report(row("isoscore", 9.0), name="new")]
    )
    (told,) = result.association("isoscore").predictions
    x, y = np.array([1.0, 2, 3, 5]), np.array([2.0, 4.1, 5.9, 10.0])
    fit = stats.linregress(x, y)
    rest = y - fit.intercept - fit.slope * x
    away = 1 + 1 / 4 + (9 - x.mean()) ** 2 / np.sum((x - x.mean()) ** 2)
    reach = stats.t.isf(0.025, 2) * np.sqrt(rest @ rest / 2 * away)
    assert told.score == pytest.approx(fit.intercept + 9 * fit.slope)
    assert told.interval == pytest.approx((told.score - reach, told.score + reach))
    assert told.outside
    assert texts(result, "outside") == [
        "new lies outside the points in isoscore, where its predicted cola is an extrapolation"
    ]


def test_a_prediction_without_a_line_or_a_value_says_why():
    new = [report(row("isoscore", None), name="none"), report(row("isoscore", 2.0), name="some")]
    undefined, inside = correlate(models([1, 2, 4]), scores([1, 2, 3]), predict=new).associations[0].predictions
    assert (undefined.score, undefined.reason) == (None, "the measure is undefined for it")
    assert inside.outside is False
    (flat, _) = correlate(models([1, 1, 1]), scores([1, 2, 3]), predict=new[::-1]).associations[0].predictions
    assert (flat.score, flat.reason) == (None, "there is no line to predict from")


# Columns that are taken out, and repeats


def test_given_takes_columns_out_one_by_one_or_together():
    g = np.random.default_rng(5)
    size, kind = g.integers(1, 9, 12).astype(float), list("xyzxyzxyzxyz")
    x = size + g.standard_normal(12)
    y = size + g.standard_normal(12)
    given = ["size", "kind", "size,kind", "log:size"]
    result = correlate(models(x), scores(y, size=size, kind=kind), given=given)
    alone, words, both, logs = result.association("isoscore").partials
    dummies = np.array([[each == "y", each == "z"] for each in kind], dtype=float)
    for found, columns in (
        (alone, size[:, None]),
        (words, dummies),
        (both, np.column_stack([size, dummies])),
        (logs, np.log(size)[:, None]),
    ):
        assert found.value == pytest.approx(partial(x, y, columns).value, rel=1e-9)
    assert [each.given for each in (alone, words, both, logs)] == [["size"], ["kind"], ["size", "kind"], ["log:size"]]


def test_facts_of_the_subject_and_other_measures_can_be_taken_out():
    g = np.random.default_rng(6)
    x, z, y = g.standard_normal((3, 6))
    reports = []
    for place, made in enumerate(models(x)):
        subject = made.subject.model_copy(update={"parameters": 10 ** (place + 1), "architecture": "AB"[place % 2]})
        rows = [*made.measurements, row("two_nn", z[place])]
        reports.append(made.model_copy(update={"subject": subject, "measurements": rows}))
    result = correlate(reports, scores(y), given=["log:parameters", "architecture", "two_nn"])
    found = [each.value for each in result.association("isoscore").partials]
    columns = [np.arange(6.0), np.arange(6.0) % 2, z]
    assert found == pytest.approx([partial(x, y, column[:, None]).value for column in columns])
    assert result.association("two_nn").partials[2].reason == "what is given settles the measure wholly"


def test_level_0_enters_the_logarithm_as_half_of_the_smallest_above_it():
    levels = [0, 2, 4, 8, 16]
    result = correlate(models([5, 4, 3, 2.5, 1]), scores([9, 8, 5, 5, 1], noise_level=levels))
    found = result.association("isoscore").level
    expected = np.log([1, 2, 4, 8, 16])
    assert found.log_pearson.value == pytest.approx(stats.pearsonr(expected, [9, 8, 5, 5, 1]).statistic)
    assert "level 0 enters the level's logarithm as 1, half of the smallest level above it" in result.notes


def study(levels=(1, 2, 5, 10), seeds=3, slope=0.0, name="m", seed=7):
    """A study's report: both fall with the level; within a level the score follows the measure by slope."""
    g = np.random.default_rng(seed)
    rows, told = [], []
    for level in levels:
        for draw in range(seeds):
            off = g.standard_normal()
            keys = {"noise_level": float(level), "noise_seed": draw}
            rows.append(row("isoscore", 10 - level + off, **keys))
            value = 5 - 0.5 * level + slope * off + 0.01 * g.standard_normal()
            told += [Score(task="cola", metric=metric, score=value, n=9, **keys) for metric in ("matthews", "accuracy")]
    return report(*rows, name=name).model_copy(update={"scores": told})


def test_repeats_are_told_from_independent_points():
    result = correlate([], study())
    found = result.association("isoscore")
    x, y = (np.array([getattr(point, axis) for point in found.points]).reshape(4, 3) for axis in "xy")
    assert found.n == 12
    assert (found.repeats.groups, found.repeats.most) == (4, 3)
    assert found.repeats.pearson.value == pytest.approx(stats.pearsonr(x.mean(1), y.mean(1)).statistic)
    assert found.repeats.spearman.value == pytest.approx(stats.spearmanr(x.mean(1), y.mean(1)).statistic)
    assert found.repeats.line.slope == pytest.approx(stats.linregress(x.mean(1), y.mean(1)).slope)
    within = [(part - part.mean(1, keepdims=True)).ravel() for part in (x, y)]
    assert found.repeats.within.value == pytest.approx(stats.pearsonr(*within).statistic)
    assert found.left_out.left_out == "repeats"
    groups = np.repeat(np.arange(4), 3)
    assert found.left_out.measure == pytest.approx(left_out_error(x.reshape(-1, 1), y.ravel(), groups))
    (caution,) = texts(result, "repeats")
    assert caution == (
        "the 12 points on cola are 4 levels, up to 3 points of each; these are not independent, so p and intervals "
        "over points claim too much: read r of the means, and r within them"
    )


def test_what_repeats_say_by_themselves_shows_within():
    tied = correlate([], study(slope=1.0)).association("isoscore")
    loose = correlate([], study(slope=0.0)).association("isoscore")
    assert tied.repeats.within.value > 0.99
    assert abs(loose.repeats.within.value) < 0.6 < loose.pearson.value


def test_names_of_their_own_do_not_hide_repeats():
    made = study()
    rows = [
        {
            "subject": f"m-{one.noise_level:g}-{one.noise_seed}", "score": two.score, "isoscore": one.value,
            "noise_level": one.noise_level,
        }
        for one, two in zip(made.measurements, made.scores[::2], strict=True)
    ]  # fmt: skip
    named, keyed = correlate([], rows).association("isoscore"), correlate([], made).association("isoscore")
    assert named.repeats == keyed.repeats


def test_two_levels_of_repeats_are_too_few_whatever_the_seeds():
    result = correlate([], study(levels=(1, 5)))
    (few,) = texts(result, "few")
    assert few == ("too little to say whether cola goes with isoscore (it takes at least 3 points, and there are 2)")


def test_levels_that_only_some_have_are_not_held_against_the_measure():
    result = correlate(models([1, 2, 4, 3]), scores([1, 2, 3, 5], noise_level=["", 1, 2, 3]))
    assert result.association("isoscore").level is None
    assert texts(result, "level") == [
        "the noise level is known of 3 of 4 points only and is not held against isoscore on cola"
    ]


def test_p_is_adjusted_over_the_whole_table():
    g = np.random.default_rng(8)
    reports = [
        report(
            *(row(key, value) for key, value in zip(("isoscore", "two_nn", "anisotropy"), values, strict=True)), name=n
        )
        for n, values in zip("abcdefgh", g.standard_normal((8, 3)), strict=True)
    ]
    rows = scores(g.standard_normal(8)) + [{**one, "task": "sst2"} for one in scores(g.standard_normal(8))]
    result = correlate(reports, rows, tasks=["cola", "sst2"], given=["isoscore"])
    for pick in (lambda one: one.pearson, lambda one: one.spearman, lambda one: one.partials[0]):
        found = [pick(one) for one in result.associations if pick(one).p is not None]
        assert [one.p_adjusted for one in found] == pytest.approx(benjamini_hochberg([one.p for one in found]))
    assert len(result.associations) == 6
    assert "p is adjusted by Benjamini and Hochberg over 6 rows" in result.notes


# Reports and scores


def test_reports_are_joined_to_scores_by_name(tmp_path):
    for made in models([3, 1, 2]):
        made.write(tmp_path / f"{made.subject.name}.json")
    (tmp_path / "other.json").write_text("{}")
    file = tmp_path / "scores.tsv"
    file.write_text("\ufeffsubject\ttask\tscore\nc\tcola\t.2\n./a/\tcola\t.3\nb\tcola\t.1\nz\tcola\t.9\nb\tsst2\t\n")
    result = correlate([tmp_path], file)
    assert [(point.label, point.x, point.y) for point in result.associations[0].points] == [
        ("a", 3.0, 0.3), ("b", 1.0, 0.1), ("c", 2.0, 0.2),
    ]  # fmt: skip
    assert texts(result, "unmatched") == ["scored but not measured, and left out: z"]
    assert result.tasks == ["cola"]
    assert json.loads(result.to_json())["settings"]["reports"] == 3


def test_tasks_are_chosen_and_averaged():
    rows = scores([1, 2, 3, 7]) + [{**one, "task": "sst2"} for one in scores([3, 2, 1])]
    everything = correlate(models([1, 2, 4, 3]), rows)
    assert everything.tasks == ["cola", "sst2", "mean"]
    assert [everything.association("isoscore", task).n for task in everything.tasks] == [4, 3, 3]
    assert [point.y for point in everything.association("isoscore", "mean").points] == [2, 2, 2]
    assert "without a score on sst2, and left out: d" in texts(everything, "unmatched")
    assert correlate(models([1, 2, 4, 3]), rows, tasks=["mean"]).tasks == ["mean"]
    assert correlate(models([1, 2, 4, 3]), rows, tasks=["cola"]).tasks == ["cola"]
    with pytest.raises(
        GeoscopeError, match="expected --task among cola, sst2 and mean, got 'sst'; the nearest is sst2"
    ):
        correlate(models([1, 2, 4, 3]), rows, tasks=["sst"])


def scored_study(name, values, methods):
    """A report of a level a value, and its scores: (task, method) with a number a level."""
    rows = [row("isoscore", value, noise_level=level, noise_seed=0) for level, value in enumerate(values)]
    made = [
        Score(
            task=task, metric="accuracy", score=score, n=9, reason=None, method=method, noise_level=level, noise_seed=0
        )
        for (task, method), held in methods.items()
        for level, score in enumerate(held)
    ]  # fmt: skip
    return report(*rows, name=name).model_copy(update={"scores": made})


def test_scores_of_probes_and_of_fine_tunings_are_never_averaged_together():
    both = scored_study(
        "a",
        [1.0, 2.0, 4.0, 3.0],
        {
            ("cola", "probe"): [1.0, 2.0, 3.0, 4.0],
            ("cola", "finetune"): [9.0, 7.0, 5.0, 6.0],
            ("rte", "probe"): [3.0, 2.0, 1.0, 4.0],
        },
    )
    result = correlate([], both)
    assert result.tasks == ["cola/probe", "cola/finetune", "rte", "mean/probe"]
    assert [point.y for point in result.association("isoscore", "mean/probe").points] == [2, 2, 2, 4]
    asked = correlate([], both, tasks=["mean"])
    assert asked.tasks == ["mean/probe", "mean/finetune"]
    assert [point.y for point in asked.association("isoscore", "mean/finetune").points] == [9, 7, 5, 6]
    assert "scores of probes and of fine-tunings have a mean each" in asked.notes
    assert any("the mean (probe)" in caution.text for caution in asked.cautions)
    assert correlate([], both, tasks=["mean/probe"]).tasks == ["mean/probe"]
    one = scored_study("a", [1.0, 2.0, 4.0], {("cola", "probe"): [1.0, 2.0, 3.0], ("rte", "probe"): [2.0, 1.0, 3.0]})
    assert correlate([], one).tasks == ["cola", "rte", "mean"]
    with pytest.raises(GeoscopeError, match="expected --task among"):
        correlate([], one, tasks=["mean/finetune"])


def test_studies_of_several_models_are_related_model_by_model():
    """Within each the measure goes up with the score; all together it goes down."""
    rng = np.random.default_rng(0)
    x, noise = rng.standard_normal((2, 3, 8))
    y = x + 0.3 * noise - 10 * np.arange(3)[:, None]
    x = x + 10 * np.arange(3)[:, None]
    studies = [scored_study(name, x[i], {("cola", "probe"): y[i]}) for i, name in enumerate("abc")]
    result = correlate(studies[:2], studies[2], by="model", given=["noise_level"])
    assert result.settings["by"] == "model"
    whole = result.association("isoscore")
    assert (whole.n, whole.model) == (24, None)
    assert whole.pearson.value == pytest.approx(stats.pearsonr(x.ravel(), y.ravel()).statistic)
    for i, name in enumerate("abc"):
        mine = result.association("isoscore", model=name)
        assert (mine.n, {point.subject for point in mine.points}) == (8, {name})
        assert mine.pearson.value == pytest.approx(stats.pearsonr(x[i], y[i]).statistic)
        assert [each.name for each in mine.partials] == ["noise_level"]
    assert [each.name for each in whole.partials] == ["subject", "subject,noise_level"]
    left = [(part - part.mean(1, keepdims=True)).ravel() for part in (x, y)]
    assert whole.partials[0].value == pytest.approx(stats.pearsonr(*left).statistic)
    assert whole.pearson.value < 0 < whole.partials[0].value
    p = [row.pearson.p for row in result.associations]
    assert [row.pearson.p_adjusted for row in result.associations] == pytest.approx(stats.false_discovery_control(p))
    known = correlate([], rows_of(x, y), given=["subject"]).association("isoscore").partials[0]
    assert known.value == pytest.approx(whole.partials[0].value)
    text = render(result, "table")
    assert "Within models its r over points is a 0.9" in text
    assert "all with the models' means taken out 0.9" in text
    told = list(csv.DictReader(io.StringIO(render(result, "csv"))))
    assert [line["model"] for line in told] == ["", "a", "b", "c"]
    assert "model" not in render(correlate(studies[:2], studies[2]), "csv").splitlines()[0].split(",")
    again = type(result).model_validate_json(render(result, "json"))
    assert again == result
    for form in ("markdown", "html"):
        assert "subject" in render(result, form)


def rows_of(x, y):
    """The same numbers as a table of scores."""
    return [
        {"subject": name, "task": "cola", "score": y[i, j], "isoscore": x[i, j], "noise_level": j, "noise_seed": 0}
        for i, name in enumerate("abc")
        for j in range(x.shape[1])
    ]


def test_what_has_no_models_to_tell_apart_is_refused():
    one = scored_study("a", [1.0, 2.0, 4.0], {("cola", "probe"): [1.0, 2.0, 3.0]})
    for reports, given, got in (([], one, "one model"), (models([1, 2, 3, 4]), scores([1, 2, 4, 3]), "1 of the model")):
        with pytest.raises(GeoscopeError, match=f"several models with 3 points or more for --by model, got {got}"):
            correlate(reports, given, by="model")


def test_a_study_is_joined_by_level_and_seed():
    made = study()
    rows = [
        {
            "subject": "m",
            "task": "cola",
            "score": one.score,
            "noise_level": one.noise_level,
            "noise_seed": one.noise_seed,
        }
        for one in reversed(made.scores[::2])
    ]
    carried, filed = correlate([], made), correlate([made.model_copy(update={"scores": None})], rows)
    assert carried.associations == filed.associations
    assert [point.label for point in carried.associations[0].points[:2]] == ["m level 1 seed 0", "m level 1 seed 1"]
    with pytest.raises(
        GeoscopeError, match="expected scores with the columns noise_level and noise_seed, got one on cola"
    ):
        correlate([made], [{"subject": "m", "task": "cola", "score": 1.0}])
    with pytest.raises(GeoscopeError, match="expected one score of m on cola, got several levels or seeds"):
        correlate([report(row("isoscore", 1.0), name="m")], rows)


def test_the_untouched_model_needs_no_seed():
    made = study(levels=(0, 1, 5), seeds=1)
    bare = [one.model_copy(update={"noise_seed": None}) if one.noise_level == 0 else one for one in made.measurements]
    kept = [one.model_copy(update={"noise_seed": None}) if one.noise_level == 0 else one for one in made.scores]
    result = correlate([], made.model_copy(update={"measurements": bare, "scores": kept}))
    assert result.associations[0].n == 3
    assert result.associations[0].repeats is None


def test_a_tasks_first_metric_is_its_score_and_others_can_be_asked_for():
    result = correlate([], study())
    assert result.tasks == ["cola"]
    assert any("--task TASK:METRIC" in note for note in result.notes)
    assert correlate([], study(), tasks=["cola:accuracy"]).tasks == ["cola:accuracy"]


def test_layers_are_held_apart_and_scores_may_be_of_a_layer():
    reports = [
        report(row("isoscore", value, layer=0), row("isoscore", -value, layer=6), name=name)
        for name, value in zip("abc", (1, 2, 4), strict=True)
    ]
    whole = correlate(reports, scores([1, 2, 3]))
    assert [one.layer for one in whole.associations] == [0, 6]
    assert (
        whole.association("isoscore", layer=6).pearson.value < 0 < whole.association("isoscore", layer=0).pearson.value
    )
    rows = [{**one, "layer": layer} for layer in (0, 6) for one in scores([1, 2, 3 + layer])]
    parts = correlate(reports, rows)
    assert [point.y for point in parts.association("isoscore", layer=6).points] == [1, 2, 9]
    assert [point.y for point in parts.association("isoscore", layer=0).points] == [1, 2, 3]


def test_last_layers_of_models_of_any_depth_belong_together():
    reports = [
        report(row("isoscore", value, layer=depth), name=name, layers=depth)
        for name, value, depth in (("a", 1, 6), ("b", 2, 12), ("c", 4, 6))
    ]
    assert correlate(reports, scores([1, 2, 3])).association("isoscore").layer == "last"
    odd = report(row("isoscore", 3.0, layer=6), name="d", layers=12)
    with pytest.raises(GeoscopeError, match="got layer 6 of a's 6 blocks and layer 6 of d's 12 blocks"):
        correlate([*reports, odd], scores([1, 2, 3, 4]))


def quantized(value, name, bits):
    settings = {"quantizer": {"kind": "lsq", "codebooks": 4, "bits": bits, "seed": 0}}
    return report(row("patchiness", value), row("isoscore", 2 * value), name=name, settings=settings)


def test_quantizer_settings_make_rows_of_their_own():
    reports = [
        quantized(value * bits, name, bits) for bits in (8, 4) for name, value in zip("abc", (1, 2, 4), strict=True)
    ]
    with pytest.raises(GeoscopeError, match="expected one row of patchiness, got 2"):
        correlate(reports, scores([1, 2, 3])).association("patchiness")
    result = correlate(reports, scores([1, 2, 3]))
    assert [(one.measure, one.quantizer) for one in result.associations] == [
        ("isoscore", None), ("patchiness", "lsq 4x8"), ("patchiness", "lsq 4x4"),
    ]  # fmt: skip
    assert [point.x for point in result.association("patchiness", quantizer="lsq 4x4").points] == [4, 8, 16]
    assert "patchiness by lsq 4x4" in next(c for c in result.cautions if c.kind == "few").measures


def test_measures_of_differing_numbers_of_rows_are_named():
    reports = [
        report(row("isoscore", value, n=n), row("isoscore_corrected", value, n=n), name=name)
        for name, value, n in (("a", 1, 1000), ("b", 2, 2000), ("c", 4, 1000))
    ]
    assert texts(correlate(reports, scores([1, 2, 3])), "rows") == [
        "these depend on the number of rows, which differs from point to point: isoscore (1,000 to 2,000 rows)"
    ]


def test_undefined_measures_are_left_out_and_counted():
    result = correlate(models([1, None, 2, 4]), scores([1, 2, 3, 4]))
    assert result.association("isoscore").n == 3
    reports = [report(row("isoscore", 1.0 + len(name)), row("two_nn", None), name=name) for name in ("a", "bb", "ccc")]
    rows = [{"subject": name, "score": score} for name, score in (("a", 1), ("bb", 2), ("ccc", 4))]
    two_nn = correlate(reports, rows).association("two_nn")
    assert (two_nn.n, two_nn.pearson.value, two_nn.line) == (0, None, None)
    assert two_nn.pearson.reason == "it takes at least 3 points, and there are none"


def test_measures_may_be_any_columns_of_the_scores(released):
    result = correlate([], released, measures=["reconstruction", "patchiness_paper"])
    assert [one.measure for one in result.associations] == ["patchiness_paper", "reconstruction_error"]
    rows = [{**one, "my measure": place, "words": "a"} for place, one in enumerate(scores([1, 2, 5]))]
    assert correlate([], rows, measures=["my measure"]).association("my measure").n == 3
    with pytest.raises(
        GeoscopeError, match="expected --measures among what was measured, got 'mine'; there is my meas"
    ):
        correlate([], rows, measures=["mine"])
    with pytest.raises(GeoscopeError, match="expected numbers in the column words, got 'a' for a; mend it"):
        correlate([], rows, measures=["words"])
    with pytest.raises(GeoscopeError, match="got 'two_nn', which none of them has; there is isoscore"):
        correlate(models([1, 2, 3]), scores([1, 2, 3]), measures=["two_nn"])


# Other tools' results


def harness(name, **tasks):
    """A result as lm-evaluation-harness 0.4 writes it."""
    return {
        "results": {
            task: {
                "alias": task, **values,
                **{key.replace(",", "_stderr,"): "N/A" for key in values},
            }
            for task, values in tasks.items()
        },
        "group_subtasks": {"mmlu": ["mmlu_law"]},
        "higher_is_better": {"wikitext": {"word_perplexity": False}},
        "config": {"model": "hf", "model_args": f"pretrained={name},dtype=float32", "batch_size": 8},
        "model_name": name,
    }  # fmt: skip


def test_results_of_lm_evaluation_harness_are_read(tmp_path):
    for place, name in enumerate("abc"):
        folder = tmp_path / name
        folder.mkdir()
        content = harness(
            name,
            hellaswag={"acc,none": place / 10, "acc_norm,none": place / 5},
            gsm8k={"exact_match,strict-match": 0.5 + place / 4},
            wikitext={"word_perplexity,none": 9.0 - place},
            mmlu={"acc,none": place / 2},
            mmlu_law={"acc,none": place / 4},
        )
        if name == "b":  # before 0.4 there was no filter in the key, and no model_name
            content["results"]["hellaswag"] = {"acc": 0.1, "acc_stderr": 0.01, "acc_norm": 0.2}
            del content["model_name"]
        (folder / "results_2026-01-01T00-00-00.json").write_text(json.dumps(content))
    result = correlate(models([1, 2, 4]), tmp_path)
    assert result.tasks == ["hellaswag", "gsm8k", "wikitext", "mmlu", "mean"]
    assert [point.y for point in result.association("isoscore", "hellaswag").points] == [0.0, 0.1, 0.2]
    assert [point.y for point in result.association("isoscore", "mean").points] == pytest.approx(
        [1 / 6, 1.35 / 3, 0.733333333]
    )
    assert "the mean leaves out what is better when lower: wikitext" in result.notes
    asked = ["hellaswag:acc_norm", "gsm8k:exact_match,strict-match", "mmlu_law"]
    named = correlate(models([1, 2, 4]), tmp_path, tasks=asked)
    assert named.tasks == asked
    assert [point.y for point in named.association("isoscore", "hellaswag:acc_norm").points] == [0.0, 0.2, 0.4]
    one = read_scores(tmp_path / "a" / "results_2026-01-01T00-00-00.json")
    assert {score.subject for score in one} == {"a"}


def test_a_tasks_metric_is_the_same_for_every_model(tmp_path):
    paths = {name: tmp_path / f"{name}.json" for name in "abcd"}
    for place, (name, path) in enumerate(paths.items()):
        path.write_text(json.dumps(harness(name, arc={"acc,none": place / 9, "acc_norm,none": place / 8})))
    paths["b"].write_text(json.dumps(harness("b", arc={"acc,none": float("nan"), "acc_norm,none": 0.5})))
    result = correlate(models([1, 2, 3, 5]), tmp_path)
    assert [point.label for point in result.association("isoscore").points] == ["a", "c", "d"]
    paths["b"].write_text(json.dumps(harness("b", arc={"acc_norm,none": 0.5})))
    with pytest.raises(GeoscopeError, match="expected one metric of arc, got acc and acc_norm from different results"):
        correlate(models([1, 2, 3, 5]), tmp_path)
    assert correlate(models([1, 2, 3, 5]), tmp_path, tasks=["arc:acc_norm"]).association("isoscore").n == 4


def test_results_of_mteb_are_read(tmp_path):
    for place, name in enumerate(("org/a", "org/b", "org/c")):
        folder = tmp_path / name.replace("/", "__") / "0123abc"
        folder.mkdir(parents=True)
        if place:  # the first is named by its folder alone
            (folder / "model_meta.json").write_text(json.dumps({"name": name, "revision": "0123abc"}))
        content = {
            "dataset_revision": "1", "task_name": "STS22", "mteb_version": "2.3.0", "evaluation_time": 1.0,
            "scores": {
                "test": [
                    {"main_score": 0.1 * place, "hf_subset": "en", "languages": ["eng-Latn"], "spearman": 0.5},
                    {"main_score": 0.3 * place, "hf_subset": "de", "languages": ["deu-Latn"], "spearman": 0.5},
                ],
                "validation": [{"main_score": 99.0, "hf_subset": "en", "languages": ["eng-Latn"]}],
            },
        }  # fmt: skip
        (folder / "STS22.json").write_text(json.dumps(content))
        content |= {"task_name": "MSMARCO", "scores": {"dev": [{"main_score": 0.5 + place, "hf_subset": "default"}]}}
        (folder / "MSMARCO.json").write_text(json.dumps(content))
    reports = [report(row("isoscore", value), name=f"org/{name}") for name, value in zip("abc", (1, 2, 4), strict=True)]
    result = correlate(reports, tmp_path)
    assert result.tasks == ["MSMARCO", "STS22", "mean"]
    assert [point.y for point in result.association("isoscore", "STS22").points] == pytest.approx([0.0, 0.2, 0.4])
    assert [point.y for point in result.association("isoscore", "MSMARCO").points] == pytest.approx([0.5, 1.5, 2.5])
    whole = {"model_name": "org/a", "model_revision": "x", "task_results": [content]}
    (tmp_path / "whole.json").write_text(json.dumps(whole))
    assert [(one.subject, one.task, one.value) for one in read_scores(tmp_path / "whole.json")] == [
        ("org/a", "MSMARCO", 2.5)
    ]


def test_runs_of_finetune_are_read(tmp_path):
    for weight in (0.0, 1.0, 2.0):
        arm = {"regularizer": "istar", "weight": weight} if weight else {"regularizer": "none"}
        for seed in (0, 1):
            folder = tmp_path / f"w{weight:g}" / f"seed{seed}"
            folder.mkdir(parents=True)
            rows = [row("isoscore", weight + seed / 9, layer=layer) for layer in (6, None)]
            made = report(*rows, name=f"w{weight:g}/seed{seed}", settings={"arm": arm, "seed": seed})
            kept = [
                Score(task="cola", metric="accuracy", score=0.9 - weight / 10 + seed / 50, n=9),
                Score(task="cola", metric="loss", score=0.1, n=9),
            ]
            made.model_copy(update={"scores": kept}).write(folder / "report.json")
    (tmp_path / "results.json").write_text('{"schema_version": "1", "measurements": []}')
    result = correlate([], tmp_path, given=["weight", "regularizer"])
    assert result.tasks == ["cola"]
    assert [one.layer for one in result.associations] == [6, None]
    found = result.associations[1]
    assert [point.label for point in found.points[:3]] == ["w0 seed 0", "w0 seed 1", "w1 seed 0"]
    assert (found.n, found.repeats.groups) == (6, 3)
    assert [each.value is not None for each in found.partials] == [True, True]
    (caution,) = texts(result, "repeats")
    assert caution.startswith("the 6 points on cola are 3 subjects, up to 2 points of each; these are not independent")
    assert [c.measures for c in result.cautions if c.kind == "repeats"] == [["isoscore@6", "isoscore@union"]]
    assert "\nunion of layers" in render(result, "table")


# What is refused


def test_a_name_without_a_score_is_told_with_the_nearest():
    rows = [{"subject": name, "score": place} for place, name in enumerate(("bert-small", "gpt2", "opt", "t5"))]
    made = [report(row("isoscore", place), name=name) for place, name in enumerate(("bert-smal", "gpt2", "opt"))]
    with pytest.raises(
        GeoscopeError, match="got none of bert-smal in the scores; the nearest names to bert-smal: bert-small,"
    ):
        correlate(made, rows)


def test_reports_measured_otherwise_are_not_pooled():
    first, second, third = models([1, 2, 3])
    for change, told in (
        ({"pooling": "mean"}, "pooling"),
        ({"max_length": 64}, "max length"),
        ({"corpora": []}, "corpora"),
    ):
        other = report(row("isoscore", 2.0), name="b", sample=change)
        with pytest.raises(NotComparable, match=f"expected reports measured the same way, got a and b .*{told}"):
            correlate([first, other, third], scores([1, 2, 3]))
    other = report(row("isoscore", 2.0), name="new", sample={"pooling": "mean"})
    with pytest.raises(NotComparable, match="got a and new"):
        correlate([first, second, third], scores([1, 2, 3]), predict=[other])
    noisy = [
        study(name=name).model_copy(update={"settings": {**second.settings, "perturbation": {"kind": "noise", **kind}}})
        for name, kind in (("a", {"noise_kind": "absolute"}), ("b", {"noise_kind": "relative"}))
    ]
    with pytest.raises(NotComparable, match="expected noise of one kind on the same weights, got a's absolute"):
        correlate(noisy[:1], noisy[1])


@pytest.mark.parametrize(
    ("reports", "rows", "told"),
    [
        (models([1, 2]), scores([1, 2]), "expected at least 3 models with both a measure and a score, got 2 on cola"),
        (
            models([1, 2, 3]),
            [{**one, "subject": one["subject"] + "-small"} for one in scores([1, 2, 3])],
            "expected a score of every measured subject, got none of a, b, c in the scores; the nearest names to a: ",
        ),
        (
            [*models([1, 2, 3]), *models([9])],
            scores([1, 2, 3]),
            "expected each subject once, got a with two numbers of isoscore; leave one report out",
        ),
        ([], scores([1, 2, 3]), "expected measures to relate to the scores, got none; name reports before the scores"),
        (models([1, 2, 3]), [], "expected scores, got none in the scores; each row needs a subject and a score"),
        (
            models([1, 2, 3]),
            [*scores([1, 2, 3]), *scores([5])],
            "expected one score a subject and task, got two of a on cola in the scores; leave one out",
        ),
        (
            models([1, 2, 3]),
            scores([1, "good", 3]),
            "expected a number as score, got 'good' in row 2 of the scores; mend it or leave it empty",
        ),
        (
            models([1, 2, 3]),
            scores([1, 2, 3], noise_seed=[1, 2, 0.5]),
            "expected a whole number as noise_seed, got 0.5 in row 3 of the scores",
        ),
        (models([1, 2, 3]), [{"subject": "", "score": 1}], "expected a subject in every row, got none in row 1"),
        (
            models([1, 2, 3]),
            [{"model": "a", "score": 1}],
            "expected the columns subject, task and score, got model, score in the scores; name one of them subject",
        ),
        (
            [],
            [{**one, "isoscore": 1} for one in scores([1])] + [{**scores([2])[0], "task": "b", "isoscore": 2}],
            "expected one isoscore of a, got 1 and 2 in its rows",
        ),
    ],
)
def test_refusals_say_what_to_do(reports, rows, told):
    with pytest.raises(GeoscopeError) as caught:
        correlate(reports, rows)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("size", "expected the column size of --given for every subject, got none for a, b, c; add it to the scores"),
        ("", "expected --given to name a column, got nothing"),
        ("log:kind", "expected numbers in kind for its logarithm, got words; give kind alone"),
        ("log:change", "expected change to be 0 or more for log:change, got -1; give change alone"),
    ],
)
def test_columns_that_cannot_be_taken_out_are_refused(given, told):
    with pytest.raises(GeoscopeError) as caught:
        correlate(models([1, 2, 3]), scores([1, 2, 4], kind=list("xyz"), change=[-1, 0, 1]), given=[given])
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("absent.csv", None, "No such file or directory; check the path"),
        ("scores.csv", b"subject,score\n\xff,1\n", "expected text in UTF-8"),
        ("scores.csv", b"subject,score,score\na,1,2\n", "expected each column once, got score twice"),
        ("scores.csv", b"subject,score\na,1,2\n", "expected 2 cells in a row, got 3 in line 2"),
        ("scores.json", b"{", "expected JSON, got something else"),
        ("scores.json", b'{"a": 1}', "expected scores as a list of rows, or a result of lm-evaluation-harness, mteb, "),
        ("scores.json", b'{"results": {"t": {"acc,none": 1}}}', "expected a result that names its model"),
        ("scores.json", b'{"task_name": "t", "scores": {"test": []}}', "expected model_meta.json beside mteb's result"),
        ("scores.parquet", b"", "expected scores in parquet, got "),
        (
            "scores.xlsx",
            b"",
            "expected the last argument to be scores (.tsv .csv .parquet .jsonl .json or a folder of ",
        ),
    ],
)
def test_files_that_are_no_scores_are_refused(tmp_path, name, content, told):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(GeoscopeError) as caught:
        correlate(models([1, 2, 3]), tmp_path / name)
    assert told in str(caught.value)
    assert name in str(caught.value)


def test_folders_without_what_is_wanted_are_refused(tmp_path):
    with pytest.raises(
        GeoscopeError, match="expected results of lm-evaluation-harness, mteb, lighteval or the Trainer in the"
    ):
        correlate(models([1, 2, 3]), tmp_path)
    with pytest.raises(GeoscopeError, match="expected reports in the folder"):
        correlate([tmp_path], scores([1, 2, 3]))
    with pytest.raises(GeoscopeError, match="expected scores, got reports without any; name a file of scores last"):
        correlate(models([1, 2]), models([1, 2, 3])[2])
    meta = tmp_path / "org__a" / "1"
    meta.mkdir(parents=True)
    (meta / "t.json").write_text('{"task_name": "t", "scores": {"test": [{"hf_subset": "en"}]}}')
    with pytest.raises(GeoscopeError, match="expected a main_score for every language of t"):
        correlate(models([1, 2, 3]), tmp_path)
    (meta / "model_meta.json").write_text("[]")
    with pytest.raises(GeoscopeError, match=r"expected mteb's model_meta\.json, got something else"):
        correlate(models([1, 2, 3]), tmp_path)


# Forms and the command


def test_csv_holds_every_number(released):
    result = correlate([], released)
    rows = {one["measure"]: one for one in csv.DictReader(io.StringIO(render(result, "csv")))}
    found = result.association("patchiness_paper")
    told = rows["patchiness_paper"]
    assert float(told["r"]) == found.pearson.value
    assert float(told["r_high"]) == found.pearson.interval[1]
    assert float(told["slope"]) == found.line.slope
    assert float(told["r_given_log:noise_level_p"]) == found.partials[1].p
    assert float(told["log_level_error"]) == found.left_out.log_level
    assert told["r_of_means"] == ""


def test_tables_and_markdown_show_measures_beside_their_rivals(released):
    result = correlate([], released, predict=[report(row("patchiness_paper", 1.02), name="new|one")])
    table = render(result, "table")
    lines = table.splitlines()
    assert lines[0] == "3 measures against glue: 11 points of 1 subject"
    (rival,) = [line for line in lines if line.startswith("  log:noise_level alone")]
    assert "-0.965" in rival
    (measure,) = [line for line in lines if line.startswith("  patchiness_paper")]
    for cell in ("0.953", "0.826 to 0.988", "0.259", "15.20", "0.909"):
        assert cell in measure
    assert any(line.startswith("- warning: the noise level alone explains glue") for line in lines)
    assert any(line.startswith("new|one") for line in lines)
    page = render(result, "markdown")
    assert "new\\|one" in page
    assert "**Warning:** the noise level alone explains glue" in page
    narrow = render(result, "table", Page(width=80)).splitlines()
    (shown,) = [line for line in narrow if line.startswith("  patchiness_paper ") and "(" not in line]
    assert "0.953" in shown
    assert "0.259" in shown
    assert max(len(line) for line in narrow) <= 80
    with pytest.raises(
        GeoscopeError, match="expected table, json, csv, markdown or html for a result of correlate, got junit"
    ):
        render(result, "junit")


def test_a_row_without_a_correlation_has_a_footnote():
    reports = [
        report(row("isoscore", value), row("two_nn", 1.0), name=name)
        for name, value in zip("abc", (1, 2, 4), strict=True)
    ]
    table = render(correlate(reports, scores([1, 2, 5])), "table")
    assert "undefined [2]" in table
    assert "[2] the measure is the same in all 3 points" in table


def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "geoscope", *arguments], capture_output=True, text=True, **more)


def test_the_command_prints_data_to_stdout_and_warnings_to_stderr(released):
    done = run("correlate", str(released), "--measures", "patchiness_paper", "--format", "json")
    assert done.returncode == 0
    content = json.loads(done.stdout)
    assert content["associations"][0]["line"]["slope"] == pytest.approx(15.2028, abs=1e-4)
    assert "geoscope: warning: the noise level alone explains glue at least as well as patchiness_paper" in done.stderr
    quiet = run("correlate", str(released), "--format", "csv", "-q", "--given", "noise_level", "--task", "glue")
    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert quiet.stdout.startswith("task,layer,measure,")


def test_the_command_ends_as_the_others_do(tmp_path, released):
    missing = run("correlate", str(tmp_path / "none.csv"))
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr.startswith("geoscope: expected scores to read, got ")
    assert missing.stderr.count("\n") == 1
    paths = []
    for made in (models([1])[0], report(row("isoscore", 1.0), name="b", sample={"pooling": "cls"})):
        paths.append(str(tmp_path / f"{made.subject.name}.json"))
        made.write(paths[-1])
    mixed = run("correlate", *paths, str(released))
    assert mixed.returncode == 4
    assert "differ in pooling (tokens and cls)" in mixed.stderr
    assert run("correlate").returncode == 2


def test_it_loads_no_torch(released):
    code = (
        "import sys; from geoscope.cli.app import main; main(sys.argv[1:]); "
        "print([name for name in ('torch', 'transformers', 'scipy', 'faiss') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "correlate", str(released), "-q"], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
