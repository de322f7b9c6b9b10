"""Comparisons: how sure a difference is, which verdict follows, and what cannot be compared at all."""

from __future__ import annotations

import json
import random
from math import inf, sqrt
from statistics import stdev
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_reports import GROUPS, jackknife, noise_of, report, row

import geoscope
from geoscope.catalogue import QUANTIZED
from geoscope.comparisons.checks import check_report
from geoscope.comparisons.comparison import Comparison, compare_reports
from geoscope.comparisons.difference_errors import Noise, contrast, draws_of
from geoscope.comparisons.limits import parse_bound, parse_limit
from geoscope.comparisons.matching import match_layers
from geoscope.comparisons.verdicts import interval, judge, two_sided
from geoscope.documents.rendering import document_of, render
from geoscope.errors import GeoscopeError, NotComparable, Undefined
from geoscope.forms.github import SUMMARY_BYTES, append_summary
from geoscope.forms.output import GATE_FORMS, Page
from geoscope.report import Measurement, Report
from geoscope.statistics import benjamini_hochberg, critical, holm, upper_tail


def test_an_error_near_the_end_of_floats_has_no_interval() -> None:
    huge = report(row("two_nn", 8.0).model_copy(update={"standard_error": 1e308}))
    (held,) = check_report(huge, [parse_bound("two_nn>5")]).limits
    assert (held.held, held.interval) == (True, None)
    assert "8" in render(huge, "table", Page(100))


# Student's t


@pytest.mark.parametrize("degrees", [1, 1.7, 2, 19, 30.3, 38, 400, 1e4])
def test_student_is_scipys(degrees: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    for t in (0, 1e-6, 0.3, 1, 2.09, 5, 12, 40, -1.5):
        assert upper_tail(t, degrees) == pytest.approx(stats.t.sf(t, degrees), rel=1e-8, abs=1e-300)
    for tail in (0.5, 0.3, 0.05, 0.025, 0.001, 1e-6):
        assert critical(tail, degrees) == pytest.approx(stats.t.isf(tail, degrees), rel=1e-9)


def test_student_has_its_limits() -> None:
    assert upper_tail(inf, 5) == upper_tail(1e200, 5) == 0
    assert critical(0.025, 19) == pytest.approx(2.093024054, abs=1e-9)
    for tail in (0, 0.6, -1):
        with pytest.raises(ValueError, match="tail"):
            critical(tail, 19)
    with pytest.raises(ValueError, match="degrees"):
        upper_tail(1, 0)


# The noise of a difference


def noise(base: Measurement, candidate: Measurement, weight: float = 1.0, **draws: Any) -> Noise:
    settings = draws.get("settings")
    ours = report(base, sample=draws.get("ours"), settings=settings, draw=draws.get("draw", "sha256:draw"))
    theirs = report(candidate, sample=draws.get("theirs"), settings=settings, name="candidate")
    return contrast(base, candidate, draws_of(ours, theirs), weight)


def test_the_same_draw_is_paired() -> None:
    shared = noise_of(0, 1.0)
    ours, theirs = noise_of(1), [a + b for a, b in zip(shared, noise_of(2), strict=True)]
    ours = [a + b for a, b in zip(shared, ours, strict=True)]
    found = noise(row("isoscore", 3.0, noise=ours), row("isoscore", 4.0, noise=theirs))
    assert found == Noise(pytest.approx(jackknife([b - a for a, b in zip(ours, theirs, strict=True)])), 19, True)
    assert found.standard_error < jackknife(shared) / 20


def test_another_draw_is_not() -> None:
    ours, theirs = noise_of(1), noise_of(2, 0.02)
    found = noise(row("isoscore", 3.0, noise=ours), row("isoscore", 4.0, noise=theirs), draw="sha256:other")
    a, b = jackknife(ours), jackknife(theirs)
    assert found.standard_error == pytest.approx(sqrt(a * a + b * b))
    assert found.degrees == pytest.approx((a**2 + b**2) ** 2 / (a**4 / 19 + b**4 / 19))
    assert not found.paired


def test_fewer_groups_leave_fewer_degrees_and_unlike_numbers_of_them_no_pair() -> None:
    few, other = (row("isoscore", 3.0, noise=noise_of(seed)[:10]) for seed in (1, 2))
    assert (noise(few, other).paired, noise(few, other).degrees) == (True, 9)
    beside = noise(few, row("isoscore", 4.0, noise=noise_of(2)))
    assert not beside.paired
    a, b = few.standard_error or 0, jackknife(noise_of(2))
    assert beside.degrees == pytest.approx((a**2 + b**2) ** 2 / (a**4 / 9 + b**4 / 19))


def test_without_fingerprints_nothing_is_paired() -> None:
    base, candidate = row("isoscore", 3.0, noise=noise_of(1)), row("isoscore", 4.0, noise=noise_of(2))
    found = contrast(base, candidate, draws_of(report(base, draw=None), report(candidate, draw=None)))
    assert not found.paired


@pytest.mark.parametrize("weight", [1.0, 0.9, 1.1])
def test_a_relative_limit_counts_the_bases_noise(weight: float) -> None:
    ours, theirs = noise_of(1), noise_of(2)
    base, candidate = row("isoscore", 3.0, noise=ours), row("isoscore", 4.0, noise=theirs)
    paired = noise(base, candidate, weight)
    assert paired.standard_error == pytest.approx(
        jackknife([b - weight * a for a, b in zip(ours, theirs, strict=True)])
    )
    free = noise(base, candidate, weight, draw="sha256:other")
    assert free.standard_error == pytest.approx(sqrt((weight * jackknife(ours)) ** 2 + jackknife(theirs) ** 2))


@pytest.mark.parametrize("population", [None, "endless", "corpus"])
def test_drawing_much_of_a_finite_corpus_shrinks_its_own_errors_and_no_other(population: str | None) -> None:
    """Of an endless corpus nothing is drawn; an old report, which names none, is freed of its factor."""
    ours, theirs = noise_of(1), noise_of(2)
    half, left = {"sampling_fraction": 0.5}, 1.0 if population == "endless" else sqrt(0.5)
    settings = {} if population is None else {"population": population}
    base = row("isoscore", 3.0, noise=ours, standard_error=jackknife(ours) * left)
    candidate = row("isoscore", 4.0, noise=theirs, standard_error=jackknife(theirs) * left)
    wanted = sqrt(0.5) if population == "corpus" else 1.0
    difference = jackknife([b - a for a, b in zip(ours, theirs, strict=True)])
    paired = noise(base, candidate, ours=half, theirs=half, settings=settings)
    assert paired.standard_error == pytest.approx(difference * wanted)
    free = noise(base, candidate, ours=half, theirs=half, settings=settings, draw="sha256:other")
    assert free.standard_error == pytest.approx(wanted * sqrt(jackknife(ours) ** 2 + jackknife(theirs) ** 2))


@pytest.mark.parametrize("population", [None, "corpus"])
def test_a_sample_of_points_is_a_smaller_share_of_the_corpus(population: str | None) -> None:
    whole = {"sampling_fraction": 1.0, "rows": 4000, "points": 1000}
    settings = {} if population is None else {"population": population}
    for measure, share in (("isoscore", 1.0), ("two_nn", 0.25), ("vasicek_ratio_mse", 0.25)):
        left = sqrt(1 - share)
        wanted = left if population == "corpus" else 1.0
        base = row(measure, 3.0, noise=noise_of(1), standard_error=jackknife(noise_of(1)) * left)
        candidate = row(measure, 4.0, noise=noise_of(2), standard_error=jackknife(noise_of(2)) * left)
        difference = jackknife([b - a for a, b in zip(noise_of(1), noise_of(2), strict=True)])
        paired = noise(base, candidate, ours=whole, theirs=whole, settings=settings)
        assert paired.standard_error == pytest.approx(difference * wanted)
        free = noise(base, candidate, ours=whole, theirs=whole, settings=settings, draw="sha256:other")
        both = sqrt(jackknife(noise_of(1)) ** 2 + jackknife(noise_of(2)) ** 2)
        assert free.standard_error == pytest.approx(wanted * both)


def test_a_pair_is_as_sure_as_the_one_that_saw_less_of_the_corpus() -> None:
    sampled, whole = {"sampling_fraction": 1.0, "rows": 4000, "points": 1000}, {"sampling_fraction": 1.0}
    few = row("two_nn", 3.0, noise=noise_of(1), standard_error=jackknife(noise_of(1)) * sqrt(0.75))
    every = row("two_nn", 4.0, noise=noise_of(2), standard_error=0.0)
    difference = jackknife([b - a for a, b in zip(noise_of(1), noise_of(2), strict=True)])
    for base, candidate, ours, theirs in ((few, every, sampled, whole), (every, few, whole, sampled)):
        found = noise(base, candidate, ours=ours, theirs=theirs, settings={"population": "corpus"})
        assert found.standard_error == pytest.approx(difference * sqrt(0.75))


def test_the_whole_of_a_finite_corpus_has_no_sampling_error() -> None:
    whole = {"sampling_fraction": 1.0}
    base = row("isoscore", 3.0, noise=noise_of(1), standard_error=0.0)
    candidate = row("isoscore", 4.0, noise=noise_of(2), standard_error=0.0)
    finite = {"population": "corpus"}
    assert noise(base, candidate, ours=whole, theirs=whole, settings=finite).standard_error == 0
    assert noise(base, candidate, ours=whole, theirs=whole, settings=finite, draw="other").standard_error == 0
    paired = noise(base, candidate, ours=whole, theirs=whole)  # of a report from before populations were named
    difference = jackknife([b - a for a, b in zip(noise_of(1), noise_of(2), strict=True)])
    assert paired.standard_error == pytest.approx(difference)
    free = noise(base, candidate, ours=whole, theirs=whole, draw="sha256:other")
    assert free.standard_error == pytest.approx(sqrt(jackknife(noise_of(1)) ** 2 + jackknife(noise_of(2)) ** 2))
    with pytest.raises(Undefined, match="measure it again"):
        noise(row("isoscore", 3.0, standard_error=0.0), candidate, ours=whole, theirs=whole)
    trained = row("patchiness", 3.0, noise=noise_of(1), training_spread=0.3, standard_error=0.3)
    free = noise(trained, trained, ours=whole, theirs=whole, draw="sha256:other")
    assert free.standard_error == pytest.approx(sqrt(2 * (jackknife(noise_of(1)) ** 2 + 0.3**2)))


def test_errors_of_an_endless_and_of_a_finite_corpus_do_not_mix() -> None:
    one = report(row("isoscore", 3.0), settings={"population": "endless"})
    other = report(row("isoscore", 4.0), settings={"population": "corpus"}, name="candidate")
    with pytest.raises(NotComparable, match=r"population \(endless and corpus\)"):
        compare_reports(one, [other])
    without = report(row("isoscore", 3.0), settings={"population": "endless", "errors": False})
    assert len(compare_reports(without, [other]).differences) == 1  # and has no errors to mix


@pytest.mark.parametrize("old", [0, 1])
def test_an_old_report_is_of_the_population_that_it_is_held_against(old: int) -> None:
    rows = [
        row("isoscore", 3.0 + seed, noise=noise_of(seed), standard_error=jackknife(noise_of(seed)) * sqrt(0.5))
        for seed in (1, 2)
    ]
    settings: list[dict[str, Any]] = [{"population": "corpus"}, {"population": "corpus"}]
    settings[old] = {}
    half = {"sampling_fraction": 0.5}
    base, candidate = (report(each, sample=half, settings=of) for each, of in zip(rows, settings, strict=True))
    (found,) = compare_reports(base, [candidate]).differences
    difference = jackknife([b - a for a, b in zip(noise_of(1), noise_of(2), strict=True)])
    assert found.standard_error == pytest.approx(difference * sqrt(0.5))


def test_halves_of_the_same_draw_are_paired() -> None:
    base = row("vasicek_ratio_mse", 0.2, standard_error=0.01, halves=[0.2 + each for each in noise_of(1, 0.1)])
    candidate = row("vasicek_ratio_mse", 0.3, standard_error=0.01, halves=[0.3 + each for each in noise_of(1, 0.1)])
    found = noise(base, candidate)
    assert found.paired
    assert found.standard_error == pytest.approx(0, abs=1e-12)
    assert not noise(base, candidate, draw="sha256:other").paired


def test_the_error_over_halves_is_the_spread_of_their_differences() -> None:
    ours, theirs = noise_of(1), noise_of(2)
    base = row("vasicek_ratio_mse", 0.2, standard_error=0.01, halves=ours)
    candidate = row("vasicek_ratio_mse", 0.3, standard_error=0.01, halves=theirs)
    half, finite = {"sampling_fraction": 0.5}, {"population": "corpus"}
    for weight in (1.0, 0.9):
        spread = stdev([b - weight * a for a, b in zip(ours, theirs, strict=True)])
        assert noise(base, candidate, weight) == Noise(pytest.approx(spread), 19, True)
        found = noise(base, candidate, weight, ours=half, theirs=half, settings=finite)
        assert found.standard_error == pytest.approx(spread * sqrt(0.5))


@pytest.mark.parametrize(("one", "other", "scale"), [(3.0, 0.5, 3.0), (0.5, 3.0, 3.0), (0.5, 0.6, 1.0)])
def test_an_error_larger_than_its_jackknife_scales_the_paired_one(one: float, other: float, scale: float) -> None:
    ours, theirs = noise_of(1), noise_of(2)
    difference = jackknife([b - a for a, b in zip(ours, theirs, strict=True)])
    base = row("two_nn", 3.0, noise=ours, standard_error=one * jackknife(ours))
    candidate = row("two_nn", 4.0, noise=theirs, standard_error=other * jackknife(theirs))
    assert noise(base, candidate).standard_error == pytest.approx(scale * difference)
    half, left = {"sampling_fraction": 0.5}, sqrt(0.5)
    base = row("two_nn", 3.0, noise=ours, standard_error=one * jackknife(ours) * left)
    candidate = row("two_nn", 4.0, noise=theirs, standard_error=other * jackknife(theirs) * left)
    found = noise(base, candidate, ours=half, theirs=half, settings={"population": "corpus"})
    assert found.standard_error == pytest.approx(scale * difference * left)
    still = row("two_nn", 4.0, noise=[0.0] * GROUPS, standard_error=0.1)  # no jackknife to scale
    assert not noise(base, still).paired


def test_training_spreads_add_in_squares() -> None:
    ours, theirs = noise_of(1), noise_of(2)
    difference = jackknife([b - a for a, b in zip(ours, theirs, strict=True)])
    base = row("patchiness", 3.0, noise=ours, training_spread=0.3, standard_error=0.31)
    candidate = row("patchiness", 4.0, noise=theirs, training_spread=0.4, standard_error=0.41)
    assert noise(base, candidate).standard_error == pytest.approx(sqrt(difference**2 + 0.3**2 + 0.4**2))
    weighted = jackknife([b - 0.9 * a for a, b in zip(ours, theirs, strict=True)])
    limited = noise(base, candidate, 0.9).standard_error
    assert limited == pytest.approx(sqrt(weighted**2 + (0.9 * 0.3) ** 2 + 0.4**2))
    half = {"sampling_fraction": 0.5}
    errors = ((0.31**2 - 0.3**2) / 0.5 + 0.3**2, (0.41**2 - 0.4**2) / 0.5 + 0.4**2)
    free = noise(base, candidate, ours=half, theirs=half, draw="sha256:other")
    assert free.standard_error == pytest.approx(sqrt(sum(errors)))


def test_without_any_error_there_is_no_noise_to_tell() -> None:
    with pytest.raises(Undefined, match="--no-errors"):
        noise(row("isoscore", 3.0), row("isoscore", 4.0))


def test_a_model_against_itself_is_the_same_without_errors() -> None:
    ours, theirs = report(row("patchiness", 3.0)), report(row("patchiness", 3.0))
    difference = compare_reports(ours, [theirs]).difference("patchiness")
    assert (difference.verdict, difference.difference, difference.interval) == ("same", 0, (0, 0))
    for change in ({"sample": {"seed": 1}}, {"settings": {"split": "test"}}, {"name": "other"}):
        other = report(row("patchiness", 3.0), **change)
        assert compare_reports(ours, [other]).difference("patchiness").verdict == "unknown"


def test_intervals_cover_as_often_as_they_say() -> None:
    """Jackknife replicates of a mean over 20 groups, with noise the two reports share and noise they do not."""
    generator = random.Random(0)
    trials, missed = 600, {True: 0, False: 0}
    for _ in range(trials):
        shared = [generator.gauss(0, 5) for _ in range(GROUPS)]
        ours = [each + generator.gauss(0, 1) for each in shared]
        theirs = [each + generator.gauss(0, 1) for each in shared]
        lonely = [generator.gauss(0, 5) + generator.gauss(0, 1) for _ in range(GROUPS)]
        for paired, other in ((True, theirs), (False, lonely)):
            base, candidate = _mean_of(ours), _mean_of(other)
            found = noise(base, candidate, draw="sha256:draw" if paired else "sha256:other")
            low, high = interval((candidate.value or 0) - (base.value or 0), found)
            missed[paired] += not low <= 0 <= high
    assert all(0.02 * trials <= count <= 0.085 * trials for count in missed.values())


def _mean_of(groups: list[float]) -> Measurement:
    total = sum(groups)
    replicates = [(total - each) / (len(groups) - 1) for each in groups]
    value = total / len(groups)
    return row("isoscore", value, replicates=replicates, standard_error=jackknife(replicates))


# Verdicts


@pytest.mark.parametrize(
    ("bounds", "adjusted", "allowance", "verdict"),
    [
        ((0.5, 1.5), 0.01, 0.2, "changed"),
        ((-1.5, -0.5), 0.01, 0.2, "changed"),
        ((0.5, 1.5), 0.05, 0.2, "changed"),
        ((0.5, 1.5), 0.06, 0.2, "inconclusive"),  # not after allowing for the other rows
        ((0.5, 1.5), 0.01, 1.0, "inconclusive"),  # no larger than the margin
        ((-0.5, 2.5), 0.01, 0.2, "inconclusive"),
        ((0.2, 0.5), 0.01, 0.2, "inconclusive"),  # as far as the margin is not beyond it
        ((0.1, 0.5), 0.01, 0.2, "inconclusive"),  # a difference past the margin, but not surely
        ((-0.5, -0.1), 0.01, 0.2, "inconclusive"),
        ((0.05, 0.15), 0.01, 0.2, "same"),  # certain, and no news
        ((-0.2, 0.2), 0.5, 0.2, "same"),
        ((-0.3, 0.3), 0.5, 0.2, "inconclusive"),
        ((0.0, 0.0), 1.0, 0.0, "same"),
        ((1e-9, 1e-9), 0.0, 0.0, "changed"),
    ],
)
def test_verdicts(bounds: tuple[float, float], adjusted: float, allowance: float, verdict: str) -> None:
    assert judge(bounds, adjusted, allowance) == verdict


def test_a_difference_without_noise_is_certain() -> None:
    still = Noise(0.0, 19, True)
    assert (two_sided(0.0, still), two_sided(1e-9, still)) == (1.0, 0.0)
    assert interval(2.0, still) == (2.0, 2.0)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_adjusted_p_are_by_their_definitions(p: list[float]) -> None:
    count = len(p)
    ranked = sorted(p)
    for value, adjusted in zip(p, benjamini_hochberg(p), strict=True):
        expected = min((ranked[k] * count / (k + 1) for k in range(count) if ranked[k] >= value), default=1.0)
        assert adjusted == pytest.approx(min(1.0, expected))
    for value, adjusted in zip(p, holm(p), strict=True):
        first = [k for k in range(count) if ranked[k] <= value]
        assert adjusted == pytest.approx(min(1.0, max(ranked[k] * (count - k) for k in first)))


@pytest.mark.parametrize(
    ("change", "size", "verdict"),
    [
        (0.2, 0.001, "changed"),
        (-0.2, 0.001, "changed"),
        (0.02, 0.001, "same"),
        (0.2, 0.2, "inconclusive"),
        (0.02, 0.2, "inconclusive"),
    ],
)
def test_a_row_has_all_its_columns(change: float, size: float, verdict: str) -> None:
    base = report(row("isoscore", 1.0, noise=noise_of(1, size)))
    candidate = report(row("isoscore", 1.0 + change, noise=noise_of(2, size)), name="candidate")
    (found,) = compare_reports(base, [candidate]).differences
    error = jackknife([b - a for a, b in zip(noise_of(1, size), noise_of(2, size), strict=True)])
    assert found.verdict == verdict
    assert found.difference == pytest.approx(change)
    assert found.relative == pytest.approx(change)
    assert found.standard_error == pytest.approx(error)
    assert found.z == pytest.approx(change / error)
    assert found.p == found.p_adjusted == pytest.approx(2 * upper_tail(abs(change) / error, 19))
    assert found.interval == pytest.approx((change - 2.093024 * error, change + 2.093024 * error))
    assert (found.paired, found.reason, found.candidate, found.layer, found.candidate_layer) == (
        True, None, "candidate", 6, 6,
    )  # fmt: skip


def test_the_margin_is_a_share_of_the_bases_size() -> None:
    base = report(row("isoscore", -2.0, noise=noise_of(1, 1e-4)))
    candidate = report(row("isoscore", -1.8, noise=noise_of(2, 1e-4)), name="candidate")
    assert compare_reports(base, [candidate]).differences[0].relative == pytest.approx(0.1)
    for margin, verdict in ((0.05, "changed"), (0.2, "same"), (0.0, "changed")):
        assert compare_reports(base, [candidate], margin=margin).differences[0].verdict == verdict
    for margin in (-0.1, float("nan"), inf):
        with pytest.raises(GeoscopeError, match="a margin of 0 or more"):
            compare_reports(base, [candidate], margin=margin)


def test_a_base_of_zero_has_no_relative_change() -> None:
    candidate = report(row("isoscore", 1.0, noise=noise_of(2)), name="candidate")
    for nothing in (0.0, 5e-324):  # of which a change of 1 is a share that no float holds
        base = report(row("isoscore", nothing, noise=noise_of(1)))
        (found,) = compare_reports(base, [candidate]).differences
        assert (found.relative, found.verdict) == (None, "changed")


def test_many_rows_ask_more_of_each() -> None:
    keys = [f"two_nn{i}" for i in range(20)]
    base = report(*(row(key, 1.0, noise=noise_of(i)) for i, key in enumerate(keys)))
    error = [jackknife([b - a for a, b in zip(noise_of(i), noise_of(50 + i), strict=True)]) for i in range(20)]
    candidate = report(
        *(row(key, 1.0 + (2.3 * error[i] if i == 0 else 0), noise=noise_of(50 + i)) for i, key in enumerate(keys)),
        name="candidate",
    )
    alone = compare_reports(report(base.measurements[0]), [report(candidate.measurements[0])], margin=0)
    together = compare_reports(base, [candidate], margin=0)
    assert alone.differences[0].verdict == "changed"
    assert together.differences[0].verdict == "inconclusive"
    assert together.differences[0].p == alone.differences[0].p


def test_a_null_is_no_difference() -> None:
    for ours, theirs, side in ((None, 1.0, "base"), (1.0, None, "candidate")):
        (found,) = compare_reports(report(row("isoscore", ours)), [report(row("isoscore", theirs))]).differences
        assert (found.difference, found.verdict, found.p, found.interval) == (None, "unknown", None, None)
        assert found.reason == f"undefined in the {side}: all rows are equal"


def test_a_difference_without_an_error_is_not_judged() -> None:
    (found,) = compare_reports(report(row("isoscore", 1.0)), [report(row("isoscore", 2.0), name="b")]).differences
    assert (found.difference, found.standard_error, found.verdict) == (1.0, None, "unknown")
    assert found.reason is not None
    assert found.reason.startswith("not judged: it has no standard error")


@pytest.mark.parametrize(
    ("measure", "n", "told"),
    [
        ("isoscore", 1051, False), ("isoscore", 1050, True), ("isoscore", 949, False), ("two_nn", 1100, False),
        ("anisotropy", 2000, False), ("isoscore_corrected", 2000, True), ("average_cosine_similarity", 2000, True),
    ],
)  # fmt: skip
def test_what_depends_on_n_is_compared_at_equal_n_only(measure: str, n: int, told: bool) -> None:
    base = report(row(measure, 1.0, noise=noise_of(1)))
    (found,) = compare_reports(base, [report(row(measure, 2.0, noise=noise_of(2), n=n), name="b")]).differences
    assert (found.difference is not None) is told
    assert told or (found.reason is not None and "--align" in found.reason)


# What cannot be compared


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sample": {"pooling": "mean"}}, "pooling (tokens and mean)"),
        ({"sample": {"max_length": 64}}, "max length (128 and 64)"),
        ({"sample": {"corpora": []}}, "corpora (sample and none)"),
        (
            {"sample": {"corpora": [{"name": "sample", "fingerprint": "sha256:x", "sequences": 100}]}},
            "corpus sample (sha256:corpus and sha256:x)",
        ),
        ({"settings": {"tokens": "content"}}, "tokens (all and content)"),
        ({"settings": {"quantizer": {"kind": "pq"}}}, "quantizer kind (lsq and pq), quantizer codebooks (4 and none)"),
        ({"settings": {"isoscore_zeta": 0.2}}, "isoscore_zeta (0.0 and 0.2)"),
        ({"settings": {"isoscore_reference": "sha256:r"}}, "isoscore_reference (scaled-identity and sha256:r)"),
        ({"settings": {"two_nn_discard": 0.2}}, "two_nn_discard (0.1 and 0.2)"),
        ({"settings": {"duplicate_tolerance": 1e-3}}, "duplicate_tolerance (1e-05 and 0.001)"),
    ],
)
def test_reports_measured_in_other_ways_are_refused(change: dict[str, Any], said: str) -> None:
    rows = [row(key, 1.0) for key in ("isoscore_star", "two_nn", "patchiness")]
    with pytest.raises(NotComparable) as refusal:
        compare_reports(report(*rows), [report(*rows, name="candidate", **change)])
    assert f"differ in {said}" in str(refusal.value)


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"quantizer": {"kind": "pq"}, "isoscore_zeta": 0.2}},  # of other measures
        {"settings": {"two_nn_discard": 0.2, "duplicate_tolerance": 1e-3}},
        {"sample": {"seed": 1}, "draw": "sha256:other"},
        {"settings": {"layers": "6"}},
        {"sample": {"sequences": 98}},
    ],
)
def test_what_changes_no_number_is_no_reason_to_refuse(change: dict[str, Any]) -> None:
    found = compare_reports(report(row("isoscore", 1.0)), [report(row("isoscore", 1.5), **change)])
    assert found.difference("isoscore").difference == 0.5


def test_the_quantizers_seed_is_the_draws() -> None:
    rows = [row(key, 1.0) for key in sorted(QUANTIZED)]
    base = report(*rows)
    other = base.settings["quantizer"] | {"seed": 1}
    found = compare_reports(base, [report(*rows, settings={"quantizer": other})])
    assert {each.measure: each.difference for each in found.differences} == dict.fromkeys(QUANTIZED, 0.0)


def test_a_study_is_not_compared() -> None:
    study = report(row("isoscore", 1.0, noise_level=0.1), row("isoscore", 1.1, noise_level=0.2))
    with pytest.raises(GeoscopeError, match="several of isoscore"):
        compare_reports(study, [study])


# Layers


def layered(*layers: int | None, depth: int | None = 6, **more: Any) -> Report:
    return report(*(row("isoscore", 1.0, layer=layer) for layer in layers), layers=depth, **more)


@pytest.mark.parametrize(
    ("base", "candidate", "matched"),
    [
        (layered(0, 3, 6), layered(0, 3, 6), [(0, 0), (3, 3), (6, 6)]),
        (layered(6), layered(12, depth=12), [(6, 12)]),
        (layered(3), layered(6, depth=12), [(3, 6)]),
        (layered(0, 6), layered(6, 12, depth=12), [(6, 12)]),
        (layered(None, depth=None), layered(None, depth=None), [(None, None)]),
        (layered(6), layered(None, depth=None), [(6, None)]),
        (layered(None, settings={"layers": "union"}), layered(None, settings={"layers": "union"}), [(None, None)]),
    ],
)
def test_layers_are_matched(base: Report, candidate: Report, matched: list[tuple[int | None, int | None]]) -> None:
    assert match_layers(base, candidate) == matched


@pytest.mark.parametrize(
    ("base", "candidate"),
    [
        (layered(3), layered(6)),
        (layered(0, 3), layered(6, 12)),
        (layered(None, settings={"layers": "union"}), layered(6)),
        (layered(), layered()),
    ],
)
def test_no_layer_in_common_is_a_mistake(base: Report, candidate: Report) -> None:
    with pytest.raises(GeoscopeError, match="a layer in common"):
        match_layers(base, candidate)


def test_a_last_layer_is_not_held_against_a_middle_one() -> None:
    with pytest.raises(GeoscopeError, match="got layer 6 of base's 6 blocks and layer 6 of base's 12 blocks"):
        match_layers(layered(6), layered(6, depth=12))


def test_what_only_one_report_has_is_listed() -> None:
    base = report(row("isoscore", 1.0, layer=3), row("two_nn", 1.0, layer=3), row("isoscore", 1.0))
    candidate = report(row("isoscore", 1.0, layer=3), row("anisotropy", 1.0, layer=3), name="candidate")
    comparison = compare_reports(base, [candidate])
    assert [(row.layer, row.measure) for row in comparison.differences] == [(3, "isoscore")]
    assert [(each.only_in, each.layers, each.measures) for each in comparison.unmatched] == [
        ("base", [6], ["two_nn"]),
        ("candidate", [], ["anisotropy"]),
    ]
    table = render(comparison, "table")
    assert "only the base has layer 6\n" in table
    assert "only candidate has anisotropy\n" in table


def test_candidates_that_share_a_name_are_numbered() -> None:
    base = report(row("isoscore", 1.0))
    comparison = compare_reports(base, [report(row("isoscore", 2.0), name="run")] * 2 + [base])
    assert [row.candidate for row in comparison.differences] == ["run (1)", "run (2)", "base"]
    assert [each["label"] for each in comparison.candidates] == ["run (1)", "run (2)", "base"]
    assert comparison.difference("isoscore", candidate="base").verdict == "same"
    with pytest.raises(GeoscopeError, match="got 3"):
        comparison.difference("isoscore")


# The library


def test_compare_takes_reports_and_paths(tmp_path: Any) -> None:
    base = report(row("isoscore", 1.0, noise=noise_of(1)))
    candidate = report(row("isoscore", 2.0, noise=noise_of(2)), name="candidate")
    candidate.write(tmp_path / "candidate.json")
    comparison = geoscope.compare(base, candidate, limits=["isoscore:+10%"], margin=0.1)
    assert comparison == geoscope.compare(base, tmp_path / "candidate.json", limits=["isoscore:+10%"], margin=0.1)
    assert isinstance(comparison, geoscope.Comparison)
    assert [limit.limit for limit in comparison.failed] == ["isoscore:+10%"]
    assert comparison.settings["margin"] == 0.1
    with pytest.raises(GeoscopeError, match="expected a candidate"):
        geoscope.compare(base)
    with pytest.raises(GeoscopeError, match="at most one report on standard input"):
        geoscope.compare("-", "-")
    with pytest.raises(GeoscopeError, match="expected a limit such as"):
        geoscope.compare(base, candidate, limits=["isoscore"])


# Forms


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    base = report(
        *(row("isoscore", 1.0, layer=layer, noise=noise_of(layer, 0.001)) for layer in (3, 6)),
        row("two_nn", None), row("effective_rank", 2.0, noise=noise_of(9, 0.001)), name="base<b>",
    )  # fmt: skip
    candidate = report(
        *(row("isoscore", 1.2, layer=layer, noise=noise_of(20 + layer, 0.001)) for layer in (3, 6)),
        row("two_nn", 4.0), row("effective_rank", 2.0, noise=noise_of(29, 0.001)), name="run\x1b[31m|%0A",
    )  # fmt: skip
    limits = [parse_limit(text) for text in ("isoscore@6:10%", "effective_rank:5%", "two_nn:1")]
    alike = {
        "candidate": candidate.subject.name, "layer_base": 6, "layer_candidate": 6, "measure": "linear_cka",
        "value": 0.5, "null": 0.1, "n": 900, "reason": None,
    }  # fmt: skip
    return compare_reports(base, [candidate], limits=limits, similarity=[alike])


def test_json_is_complete_and_finite(comparison: Comparison) -> None:
    content = json.loads(render(comparison, "json"))
    assert content["schema_version"] == "1"
    assert [row["verdict"] for row in content["differences"]] == ["changed", "changed", "unknown", "same"]
    assert [row["held"] for row in content["limits"]] == [False, True, False]
    assert content["similarity"][0]["value"] == 0.5
    assert Comparison.model_validate(content) == comparison


def test_csv_is_one_row_a_difference_and_a_similarity(comparison: Comparison) -> None:
    lines = render(comparison, "csv").splitlines()
    assert lines[0].startswith("layer,measure,candidate,candidate_layer,base_value,candidate_value,")
    assert len(lines) == 6
    assert lines[0].endswith(",reason,value,null,n")
    assert lines[-1].startswith("6,linear_cka,")
    assert lines[-1].endswith(",,0.5,0.1,900")
    check = check_report(report(row("isoscore", 0.5)), [parse_bound("isoscore>0.1")])
    assert render(check, "csv").splitlines()[1] == "isoscore>0.1,isoscore,6,True,0.5,,,"


def test_a_check_of_a_study_says_which_of_its_rows_a_limit_is_about() -> None:
    study = report(
        row("isoscore", 0.5, noise_level=0.0),
        row("isoscore", 0.05, noise_level=5.0, noise_seed=1),
        row("isoscore", 0.04, noise_level=5.0, noise_seed=2),
    )
    check = check_report(study, [parse_bound("isoscore>0.1")])
    content = json.loads(render(check, "json"))["limits"]
    assert [limit["keys"] for limit in content] == [
        {"noise_level": 0.0}, {"noise_level": 5.0, "noise_seed": 1}, {"noise_level": 5.0, "noise_seed": 2}
    ]  # fmt: skip
    first, *others = render(check, "csv").splitlines()
    assert first.endswith(",noise_level,noise_seed")
    assert [line.split(",")[-2:] for line in others] == [["0.0", ""], ["5.0", "1"], ["5.0", "2"]]
    for form in ("table", "markdown", "junit", "github", "html"):
        shown = render(check, form, Page(width=200))
        assert "noise level 5, noise seed 1" in shown.replace("%2C", ","), form
        assert "noise level 5, noise seed 2" in shown.replace("%2C", ","), form
    plain = check_report(report(row("isoscore", 0.5)), [parse_bound("isoscore>0.1")])
    assert "keys" not in render(plain, "json")


def test_markdown_says_the_outcome_first(comparison: Comparison) -> None:
    page = render(comparison, "markdown")
    assert page.splitlines()[2] == "**2 changed, 1 same, 1 unknown; 2 of 3 limits failed**"
    assert "<details><summary>All 4 differences</summary>" in page
    assert "\x1b" not in page
    assert "base&lt;b&gt;" in page
    assert page.count("| 6 | isoscore |") == 2
    failed, held = page.index("| isoscore@6:10% | 6 |"), page.index("| effective_rank:5% | 6 |")
    assert failed < held
    assert "| 6 | 6 | linear_cka | 0.5000 | 0.1000 | 900 |" in page


def test_a_table_fits_its_page(comparison: Comparison) -> None:
    wide = render(comparison, "table", Page(width=200))
    assert all(word in wide for word in ("change", "error", " z ", "changed", "unknown [1]", "FAILED", "linear_cka"))
    assert "\x1b" not in wide
    assert "2 changed, 1 same, 1 unknown; 2 of 3 limits failed" in wide.splitlines()[-1]
    for width in (60, 72, 90):
        narrow = render(comparison, "table", Page(width=width))
        assert max(map(len, narrow.splitlines())) <= width
        assert "changed" in narrow
    assert "\x1b[" in render(comparison, "table", Page(width=100, color=True))


def test_a_table_names_both_layers_and_says_what_is_not_paired() -> None:
    base = layered(6)
    table = render(
        compare_reports(
            report(row("isoscore", 1.0, noise=noise_of(1))),
            [report(row("isoscore", 1.0, layer=12, noise=noise_of(2)), layers=12, draw="sha256:x", name="deep")],
        ),
        "table",
    )
    assert "layer 6 (candidate: layer 12)" in table
    assert "not paired with the base (other sequences, or no replicates): deep" in table
    assert "not paired" not in render(compare_reports(base, [base]), "table")


def test_junit_is_a_suite_a_layer_and_a_case_a_limit_and_measure(comparison: Comparison) -> None:
    text = render(comparison, "junit")
    root = ElementTree.fromstring(text)
    assert text.startswith("<?xml")
    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("8", "2", "0", "1")
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["geoscope.layer-3", "geoscope.layer-6"]
    names = [case.get("name") for case in suites["geoscope.layer-6"]]
    assert names == [
        "isoscore@6:10%", "effective_rank:5%", "two_nn:1", "isoscore", "two_nn", "effective_rank", "linear_cka",
    ]  # fmt: skip
    assert [case.text for case in suites["geoscope.layer-6"].iter("system-out")][-1] == "0.5000, null 0.1000"
    failure = suites["geoscope.layer-6"].find("testcase/failure")
    assert failure is not None
    message = failure.get("message") or ""
    assert message.startswith("isoscore@6:10%: it went from 1 to 1.200, +0.2000 (+20.0 %), 95 % interval 0.18")
    assert suites["geoscope.layer-3"].get("failures") == "0"


def test_junit_holds_no_control_characters() -> None:
    base = report(row("isoscore", None, layer=None))
    base = base.model_copy(
        update={"measurements": [base.measurements[0].model_copy(update={"reason": "\x1b[31mno\x00 <&>\ufffe"})]}
    )
    comparison = compare_reports(base, [base, base], limits=[parse_limit("isoscore:1")])
    root = ElementTree.fromstring(render(comparison, "junit"))
    failure = root.find("testsuite/testcase/failure")
    assert failure is not None
    assert failure.text is not None
    assert failure.text.endswith("\\x1b[31mno\\x00 <&>\ufffd")
    assert {case.get("name") for case in root.iter("testcase")} >= {"isoscore [base (1)]", "isoscore:1 [base (2)]"}


def test_github_annotations_are_escaped(comparison: Comparison) -> None:
    lines = render(comparison, "github").splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::notice"]
    assert lines[0].startswith(
        "::error title=geoscope%3A limit failed::isoscore@6:10%25 at layer 6 of run\\x1b[31m|%250A:"
    )
    assert lines[-1] == "::notice title=geoscope::2 changed, 1 same, 1 unknown; 2 of 3 limits failed"
    reason = report(row("isoscore", 1.0).model_copy(update={"value": None, "reason": "50 %\r\nof it"}))
    (error, _) = render(check_report(reason, [parse_bound("isoscore>0")]), "github").splitlines()
    assert error.endswith("50 %25%0D%0Aof it")


def test_github_shows_ten_annotations_of_a_kind() -> None:
    measured = report(*(row("isoscore", 0.5, layer=layer) for layer in range(25)), layers=24)
    lines = render(check_report(measured, [parse_bound("isoscore>0.6")]), "github").splitlines()
    assert len(lines) == 11
    assert lines[9].endswith("::and 16 more")


def test_a_summary_stays_under_a_mebibyte(tmp_path: Any) -> None:
    path = tmp_path / "summary.md"
    job = {"GITHUB_STEP_SUMMARY": str(path)}
    assert not append_summary("x\n", {})
    path.write_text("before\n")
    assert append_summary("one\n", job)
    assert path.read_text() == "before\none\n"
    assert append_summary("a line of some length\n" * 100_000, job)
    assert SUMMARY_BYTES - 100 < path.stat().st_size <= SUMMARY_BYTES
    assert path.read_text().endswith("length\n\n\n(cut: a job's summary holds 1 MiB)\n")
    assert append_summary("more of it\n" * 10, job)
    assert path.stat().st_size <= SUMMARY_BYTES
    with pytest.raises(GeoscopeError, match="expected GITHUB_STEP_SUMMARY to name a file"):
        append_summary("x", {"GITHUB_STEP_SUMMARY": str(tmp_path / "none" / "summary.md")})


@pytest.mark.parametrize("form", GATE_FORMS)
def test_every_form_takes_both_results(form: str, comparison: Comparison) -> None:
    check = check_report(report(row("isoscore", 0.5), row("isoscore", None, layer=3)), [parse_bound("isoscore>0.1")])
    for result in (comparison, check):
        text = render(result, form)
        assert text.endswith("\n")
        assert "\x1b" not in text.replace("\\u001b", "") or form in ("csv", "json")
    assert document_of(check).outcome == "1 of 2 limits failed"


def test_an_unknown_form_is_refused(comparison: Comparison) -> None:
    with pytest.raises(GeoscopeError, match=r"expected table, json, .* or github for a comparison, got yaml"):
        render(comparison, "yaml")
