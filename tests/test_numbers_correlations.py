"""Right values of correlations on few, tied and perfect points, and of trends over what does not vary."""

from __future__ import annotations

import csv
import io
import json
import math
from itertools import permutations

import numpy as np
import pytest
from made_reports import report, row
from scipy import stats

from geoscope.correlations.coefficients import line, partial, pearson, points_needed, spearman
from geoscope.correlations.correlate import correlate
from geoscope.correlations.predictions import predicted_score
from geoscope.documents.rendering import render
from geoscope.finetuning.significance import within_seeds

NAMES = "abcdefghijkl"


def related(values, found, **more):
    """Subjects a, b, c, ... with these values and scores."""
    reports = [report(row("isoscore", value), name=name) for name, value in zip(NAMES, values, strict=False)]
    scores = [{"subject": name, "score": score} for name, score in zip(NAMES, found, strict=False)]
    return correlate(reports, scores, **more)


def share_as_far(x, y):
    """The share of all pairings whose |rho| is at least that of x and y, one after the other."""
    first, second = (2 * stats.rankdata(column) for column in (x, y))
    centre = first.sum() * second.sum() / len(x)
    far = abs(first @ second - centre)
    return np.mean([abs(first @ np.array(other) - centre) >= far - 1e-6 for other in permutations(second)])


# Ranks of few points


@pytest.mark.parametrize(("n", "p"), [(3, 1 / 3), (4, 2 / 24), (5, 2 / 120), (9, 2 / 362_880)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_monotone_order_is_as_rare_as_it_is(n, p, sign):
    x = np.arange(float(n))
    found = spearman(x, sign * np.exp(x))
    assert found.value == sign
    assert found.p == pytest.approx(p, rel=1e-12)
    assert found.interval is None
    assert (
        found.reason
        == f"the two orders are {'the same' if sign > 0 else 'opposite'}, and an interval comes from " + ("what is not")
    )


def test_ranks_of_up_to_nine_points_have_the_share_of_pairings_as_p():
    g = np.random.default_rng(0)
    for n in (3, 4, 5, 6, 7):
        for kinds in (2, 3, n, 100):  # many ties, some, few, none
            for _ in range(4):
                x, y = g.integers(0, kinds, (2, n)).astype(float)
                found = spearman(x, y)
                if found.value is not None:
                    assert found.p == pytest.approx(share_as_far(x, y), rel=1e-12), (x, y)


def test_nine_points_with_ties_are_scipys_exact_permutations():
    x, y = np.array([1.0, 2, 2, 3, 5, 5, 5, 8, 9]), np.array([2.0, 1, 4, 4, 3, 9, 7, 7, 8])
    ranks = stats.rankdata(x), stats.rankdata(y)
    counted = stats.permutation_test(
        (ranks[0],),
        lambda column: stats.pearsonr(column, ranks[1]).statistic,
        permutation_type="pairings",
        n_resamples=9,
    )
    assert spearman(x, y).value == pytest.approx(counted.statistic, rel=1e-12)
    every = np.array(list(permutations(range(9))), dtype=np.int8)
    products = ranks[0][every] @ ranks[1]
    far = np.abs(products - products.mean()) >= abs(ranks[0] @ ranks[1] - products.mean()) - 1e-9
    assert spearman(x, y).p == pytest.approx(far.mean(), rel=1e-12)


def test_p_of_ranks_is_uniform_where_nothing_goes_together():
    g = np.random.default_rng(1)
    found = np.array([spearman(*g.standard_normal((2, 6))).p for _ in range(3000)])
    for level in (0.05, 0.2, 0.5):
        assert np.mean(found <= level) < level + 0.02


@pytest.mark.parametrize("n", [10, 11, 40, 1000])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_order_of_many_points_is_not_impossible(n, sign):
    x = np.arange(float(n))
    found = spearman(x, sign * x**3)
    assert found.p > 0
    assert found.interval is None
    assert n > 100 or found.p == pytest.approx(2 / math.factorial(n), rel=1e-9)


def test_many_points_with_ties_count_the_pairings_that_change_nothing():
    x = np.repeat([0.0, 1.0], 5)
    assert spearman(x, 7 * x).p == pytest.approx(2 / math.comb(10, 5), rel=1e-9)
    lopsided = np.repeat([0.0, 1.0], [4, 8])  # reversed it is another column
    assert spearman(lopsided, lopsided).p == pytest.approx(1 / math.comb(12, 4), rel=1e-9)


def test_no_p_of_ranks_is_below_that_of_a_perfect_order():
    x = np.arange(10.0)
    swapped = x.copy()
    swapped[[4, 5]] = swapped[[5, 4]]
    assert spearman(x, swapped).p >= spearman(x, x).p
    assert spearman(x, swapped).interval is not None


# Perfect lines


def perfect(n, sign):
    x = np.array([1.0, 2, 4, 8, 9, 11, 12, 20, 21, 23])[:n]
    return x, 3 + sign * 2 * x


@pytest.mark.parametrize("n", [3, 4, 5, 10])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_line_has_neither_interval_nor_p(n, sign):
    x, y = perfect(n, sign)
    found = pearson(x, y)
    assert (found.value, found.interval, found.p) == (sign, None, None)
    assert found.reason == (
        "the points are on one line to within rounding, and an interval and a p come from what is off it"
    )


def test_a_perfect_partial_correlation_has_neither_interval_nor_p():
    g = np.random.default_rng(2)
    x, z = g.standard_normal((2, 8))
    found = partial(x, 2 * x - 3 * z, z[:, None])
    assert (found.value, found.interval, found.p) == (1.0, None, None)
    assert "on one line" in found.reason


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e9])
def test_what_rounding_leaves_of_a_perfect_line_is_not_judged(offset):
    x = offset + np.array([0.1, 0.2, 0.3, 0.5, 0.8, 1.3])
    y = 1 - x / 3
    found = pearson(x, y)
    assert (found.value, found.interval, found.p) == (-1.0, None, None)
    assert line(x, y).standard_error is None
    score, interval = predicted_score(x, y, offset)
    assert score == pytest.approx(1 - offset / 3)
    assert interval is None


def test_a_nearly_perfect_line_is_judged():
    x = np.arange(12.0)
    y = 2 * x
    y[3] += 1e-4
    ours, theirs = pearson(x, y), stats.pearsonr(x, y)
    assert ours.interval[0] < ours.value < ours.interval[1]
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-3)
    assert ours.reason is None
    assert line(x, y).standard_error == pytest.approx(stats.linregress(x, y).stderr, rel=1e-3)


def test_no_p_is_nothing():
    x = np.arange(2000.0)
    y = x + np.sin(x)
    assert 0 < pearson(x, y).p < 1e-300


def test_three_points_say_why_they_have_no_interval():
    x, y = np.array([1.0, 2, 4]), np.array([1.0, 2, 3])
    for found in (pearson(x, y), spearman(x, np.array([1.0, 3, 2]))):
        assert found.value is not None
        assert found.interval is None
        assert found.reason == "an interval takes at least 4 points, and there are 3"
    g = np.random.default_rng(3)
    four = partial(*g.standard_normal((2, 4)), g.standard_normal((4, 1)))
    assert four.reason == "an interval takes at least 5 points, and there are 4"
    assert spearman(x[:2], y[:2]).reason == "it takes at least 3 points, and there are 2"


def test_a_perfect_line_is_shown_with_its_reason_in_every_form():
    x, y = perfect(6, 1)
    result = related(x, y)
    (held,) = json.loads(render(result, "json"))["associations"]
    assert (held["pearson"]["value"], held["pearson"]["p"], held["pearson"]["interval"]) == (1.0, None, None)
    (told,) = csv.DictReader(io.StringIO(render(result, "csv")))
    assert (told["r"], told["r_low"], told["r_high"], told["r_p"]) == ("1.0", "", "", "")
    assert "on one line" in told["reason"]
    assert told["rho_reason"].startswith("the two orders are the same")
    assert float(told["rho_p"]) == pytest.approx(2 / 720)
    for form in ("table", "markdown"):
        shown = render(result, form)
        (measure,) = [text for text in shown.splitlines() if "isoscore" in text and not text.startswith("- ")]
        assert ("1.000 [1]" if form == "table" else "| 1.000 |") in measure
        assert "on one line to within rounding" in shown
        assert "undefined" not in shown
    page = render(result, "html")
    assert "r 1.000" in page
    assert "on one line to within rounding" in page


def test_a_prediction_by_a_perfect_line_has_no_interval():
    result = related([1, 2, 4, 8], [3, 5, 9, 17], predict=[report(row("isoscore", 3.0), name="new")])
    (told,) = result.association("isoscore").predictions
    assert (told.score, told.interval, told.outside) == (pytest.approx(7.0), None, False)
    assert told.reason == "the points are on one line to within rounding, and an interval comes from what is off it"
    assert "on one line" in render(result, "table")


@pytest.mark.parametrize(("n", "few"), [(3, True), (4, True), (5, False), (10, False)])
def test_a_perfect_line_is_doubted_while_its_order_may_be_chance(n, few):
    cautions = [caution.text for caution in related(*perfect(n, -1)).cautions if caution.kind == "few"]
    assert bool(cautions) is few
    assert all("at that r it takes 5" in text for text in cautions)
    assert points_needed(1.0) == 5


def test_a_perfect_partial_is_doubted_while_the_columns_leave_too_few_points():
    g = np.random.default_rng(4)
    for n, few in ((5, True), (9, False)):
        x, one, two = g.standard_normal((3, n))
        reports = [report(row("isoscore", value), name=name) for name, value in zip(NAMES, x, strict=False)]
        scores = [
            {"subject": name, "score": value, "one": a, "two": b}
            for name, value, a, b in zip(NAMES, x + one - two, one, two, strict=False)
        ]
        result = correlate(reports, scores, given=["one,two"])
        (found,) = result.association("isoscore").partials
        assert (found.value, found.interval, found.p, found.taken_out) == (1.0, None, None, 2)
        assert bool([caution for caution in result.cautions if caution.kind == "given"]) is few


# Trends within seeds


def seeded(x, y):
    """Points of two seeds, half each."""
    return [(a, b, 2 * place // len(x)) for place, (a, b) in enumerate(zip(x, y, strict=True))]


VARYING = [0.11, 0.35, 0.27, 0.16, 0.31, 0.22]


@pytest.mark.parametrize("constant", [0.7, 0.1 + 0.2, 1e-9])
def test_a_trend_of_a_constant_score_or_measure_is_undefined(constant):
    still = [constant * (1 + 1e-16 * place) for place in range(6)]
    still[2] = float(np.nextafter(constant, 1))
    for points, name in ((seeded(VARYING, still), "score"), (seeded(still, VARYING), "measure")):
        slope, correlation, p, reason = within_seeds(points)
        assert (slope, correlation, p) == (None, None, None)
        assert reason == f"the {name} is the same in all 6 points"


def test_a_trend_of_what_only_the_seed_changes_is_undefined():
    still = [0.7, 0.7 + 1e-16, 0.7, 0.1 + 0.2, 0.3, 0.3]
    for points, name in ((seeded(VARYING, still), "score"), (seeded(still, VARYING), "measure")):
        slope, correlation, p, reason = within_seeds(points)
        assert (slope, correlation, p) == (None, None, None)
        assert reason == f"the seed settles the {name} wholly"


def test_a_perfect_trend_has_a_slope_and_no_p():
    y = [2 * value + (0.5 if place > 2 else 0.0) for place, value in enumerate(VARYING)]
    slope, correlation, p, reason = within_seeds(seeded(VARYING, y))
    assert (slope, correlation) == (pytest.approx(2.0), 1.0)
    assert p is None
    assert "on one line" in reason


def test_one_seed_has_a_plain_trend():
    y = [0.5, 0.1, 0.4, 0.2, 0.8, 0.9]
    slope, correlation, p, reason = within_seeds([(a, b, 7) for a, b in zip(VARYING, y, strict=True)])
    expected = stats.linregress(VARYING, y)
    assert (slope, correlation, p) == pytest.approx((expected.slope, expected.rvalue, expected.pvalue))
    assert reason is None
