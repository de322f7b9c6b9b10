"""Standard errors: their formulas, and what they are over; how often their intervals hold is in test_catalogue.py."""

from __future__ import annotations

import numpy as np
import pytest
from simulated import UNQUANTIZED, estimate, values

import geoscope
from benchmarks.clouds import CLOUDS
from geoscope import measures
from geoscope.catalogue import TRAITS
from geoscope.estimates.estimator import TRAININGS, Estimator, measured
from geoscope.estimates.linked_rows import linked_error, replicates_saying
from geoscope.estimates.uncertainty import (
    finite_corpus_factor,
    half_sample_error,
    half_samples,
    jackknife_error,
    split_error,
    squared_mean_error,
)
from geoscope.passes.gathering import GROUPS
from geoscope.passes.passes import Passes, PassSettings
from geoscope.passes.quantizers.codebooks import QuantizerSettings


def test_the_jackknife_of_a_mean_is_its_standard_error():
    x = np.random.default_rng(0).standard_normal(20)
    without = [(x.sum() - one) / 19 for one in x]
    assert jackknife_error(without) == pytest.approx(x.std(ddof=1) / np.sqrt(20), rel=1e-12)


def test_the_jackknife_of_groups_of_unequal_sizes_weighs_them():
    """Pseudo-values of a mean are the groups' means, about the mean of all."""
    sizes = np.array([1, 2, 2, 3, 7])
    x = np.random.default_rng(0).standard_normal(5)  # means of the groups
    whole = float(sizes @ x / 15)
    without = [(15 * whole - m * one) / (15 - m) for m, one in zip(sizes, x, strict=True)]
    expected = np.sqrt(np.mean((x - whole) ** 2 / (15 / sizes - 1)))
    assert jackknife_error(without, whole, sizes.tolist()) == pytest.approx(expected, rel=1e-12)


def test_half_samples_of_a_mean_spread_like_its_standard_error():
    x = np.random.default_rng(0).standard_normal(400)
    means = [x[mask].mean() for seed in range(40) for mask in half_samples(np.arange(400), seed)]
    assert np.std(means) == pytest.approx(x.std(ddof=1) / np.sqrt(400), rel=0.1)


def test_splits_of_a_mean_differ_like_its_standard_error():
    x = np.random.default_rng(0).standard_normal(400)
    masks = [mask for seed in range(40) for mask in half_samples(np.arange(400), seed)]
    error = split_error([(x[mask].mean(), x[~mask].mean()) for mask in masks])
    assert error == pytest.approx(x.std(ddof=1) / np.sqrt(400), rel=0.1)


def test_splits_allow_for_a_measure_that_is_no_sum():
    """A product of two means far from their expectations' square: a half's spread about the whole says too much."""
    g = np.random.default_rng(1)
    draws = g.standard_normal((400, 100))
    masks = half_samples(np.arange(100), 0)
    errors = [split_error([(x[mask].mean() ** 2, x[~mask].mean() ** 2) for mask in masks]) for x in draws]
    halves = [half_sample_error([x[mask].mean() ** 2 for mask in masks]) for x in draws]
    true = np.std([x.mean() ** 2 for x in draws], ddof=1)
    assert np.sqrt(np.mean(np.square(errors))) / true == pytest.approx(np.sqrt(2), rel=0.15)  # 2nd order: 2 for 1
    assert np.sqrt(np.mean(np.square(halves))) / true == pytest.approx(np.sqrt(3), rel=0.15)  # 3 for 1


@pytest.mark.parametrize(
    ("offset", "times"),
    [(0.0, 1.2), (0.3, 1.1), (3.0, 1.05)],  # the jackknife's says 1.40, 1.20 and 1.06 times the spread here
)
def test_the_error_of_a_squared_mean_is_right_with_and_without_a_mean(offset, times):
    g = np.random.default_rng(2)
    draws = g.standard_normal((600, 20, 6, 8)) + g.standard_normal((600, 20, 1, 8)) + offset  # groups, rows, d
    errors = [squared_mean_error(rows.sum(axis=1), np.full(20, 6)) for rows in draws]
    means = draws.mean(axis=(1, 2))
    true = np.einsum("ij,ij->i", means, means).std(ddof=1)
    assert np.sqrt(np.mean(np.square(errors))) / true == pytest.approx(times, abs=0.07)


def test_the_error_of_the_mean_cosine_is_the_jackknife_where_there_is_a_mean():
    rows, sequences = drawn("decaying", sequences=200)
    found = estimate(rows + 1.0, sequences, ["average_cosine_similarity"])["average_cosine_similarity"]
    assert found.standard_error == pytest.approx(jackknife_error(found.replicates), rel=0.05)


def test_the_error_of_the_mean_cosine_is_the_squared_means_where_there_is_none():
    """There the jackknife, which counts the second order twice, says 1.4 times as much."""
    errors = []
    for seed in range(8):
        rows, sequences = np.random.default_rng(seed).standard_normal((240, 8)), np.repeat(np.arange(40), 6)
        found = estimate(rows, sequences, ["average_cosine_similarity"])["average_cosine_similarity"]
        units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        sums = np.stack([units[sequences % GROUPS == group].sum(axis=0) for group in range(GROUPS)])
        assert found.standard_error == pytest.approx(squared_mean_error(sums, np.full(GROUPS, 12)), rel=1e-9)
        errors.append((found.standard_error, jackknife_error(found.replicates)))
    assert np.mean(errors, axis=0)[0] < 0.85 * np.mean(errors, axis=0)[1]


def test_errors_of_neighbours_and_components_are_what_halves_of_the_sequences_say():
    (rows, sequences), seed = drawn(sequences=40, length=4), 3
    of_halves, of_splits = ["two_nn", "vasicek_ratio_mse"], ["two_nn_across"]
    keys = [*of_halves, *of_splits]
    report = geoscope.measure(rows, groups=sequences, measures=keys, seed=seed, null="none")
    masks = half_samples(sequences, seed)
    halves = [values(rows[mask], sequences[mask], keys) for mask in masks]
    left = [values(rows[~mask], sequences[~mask], of_splits) for mask in masks]
    for key in of_halves:
        error = np.std([half[key] for half in halves], ddof=1)
        assert report.measurement(key).standard_error == pytest.approx(error, rel=1e-4), key
    for key in of_splits:
        error = split_error([(half[key], other[key]) for half, other in zip(halves, left, strict=True)])
        assert report.measurement(key).standard_error == pytest.approx(error, rel=1e-6), key
    kept = [half["vasicek_ratio_mse"] for half in halves]
    assert report.measurement("vasicek_ratio_mse").halves == pytest.approx(kept, rel=1e-4)


def test_a_part_without_a_value_leaves_no_replicates():
    rows, sequences = np.zeros((40, 3)), np.arange(40)
    rows[20:], rows[3] = [1, 0, 0], [0, 2, 0]  # without row 3 there are two points only
    row = geoscope.measure(rows, groups=sequences, measures=["two_nn"], null="none").measurement("two_nn")
    assert row.value > 0
    assert (row.replicates, row.standard_error) == (None, None)


def test_half_samples_keep_sequences_whole():
    sequences = np.repeat(np.arange(40), 5)
    for mask in half_samples(sequences, 0):
        assert mask.sum() == 100
        assert set(mask.reshape(40, 5).sum(axis=1)) == {0, 5}


def test_half_samples_keep_as_many_rows_however_long_the_sequences():
    lengths = np.random.default_rng(0).geometric(0.1, size=61)
    sequences = np.repeat(np.arange(61), lengths)
    masks = half_samples(sequences, 0)
    assert {int(mask.sum()) for mask in masks} == {len(sequences) // 2}
    for mask in masks:
        kept = np.bincount(sequences[mask], minlength=61)
        assert np.count_nonzero((kept > 0) & (kept < lengths)) <= 1  # the last one is cut short


def test_halves_stay_as_they_are_where_a_sequence_has_no_row():
    """Or the halves of two reports of one draw could not be held against each other."""
    whole = np.arange(40)
    some = np.delete(whole, 7)
    for every, other in zip(half_samples(whole, 0), half_samples(some, 0), strict=True):
        assert len(set(whole[every]) ^ set(some[other])) <= 2


def test_sequences_of_unequal_length_do_not_make_halves_differ_by_their_rows():
    """A measure of the number of rows alone has no error."""
    sequences = np.repeat(np.arange(60), np.random.default_rng(1).geometric(0.1, size=60))
    assert half_sample_error([float(mask.sum()) for mask in half_samples(sequences, 0)]) == 0.0


def test_a_missing_replicate_leaves_no_error():
    assert jackknife_error([1.0, None, 2.0]) is None
    assert half_sample_error([1.0] * 19 + [None]) is None
    assert split_error([(1.0, 2.0)] * 19 + [(None, 1.0)]) is None


@pytest.mark.parametrize(("fraction", "factor"), [(0.0, 1.0), (0.75, 0.5), (1.0, 0.0)])
def test_drawing_a_finite_corpus_whole_leaves_no_error(fraction, factor):
    assert finite_corpus_factor(fraction) == factor


def drawn(kind="clusters", sequences=60, length=8, seed=3):
    rows = CLOUDS[kind](np.random.default_rng(seed), sequences, length)
    return rows, np.repeat(np.arange(sequences), length)


@pytest.mark.parametrize("seen", [1.0, 0.5])
def test_replicates_are_the_measure_without_each_group(seen):
    rows, sequences = drawn()
    keys = [key for key in UNQUANTIZED if TRAITS[key].error != "linked-rows"]
    found = estimate(rows, sequences, keys, seen=seen)
    for group in (0, 7, 19):
        kept = sequences % GROUPS != group
        again = values(rows[kept], sequences[kept], keys)
        for key in keys:
            if TRAITS[key].error == "paired-half-samples":
                assert found[key].replicates is None
                continue
            replicate = found[key].replicates[group]
            if (
                TRAITS[key].error == "jackknife-of-deficit"
            ):  # of as many sequences, all of one length here: ln m has no error
                again[key] += np.log(len(rows) - 1) - np.log(kept.sum() - 1)
            assert replicate == pytest.approx(again[key], rel=1e-7, abs=1e-10), key


def test_replicates_of_persistent_entropy_have_as_many_sequences_of_the_length_that_is_left():
    """Without a group of long sequences, a draw of as many has fewer rows, and its entropy a lower maximum."""
    rows, whose = drawn(sequences=60)
    kept = np.arange(len(rows)) % 8 <= whose % 8
    rows, sequences = rows[kept], whose[kept]
    keys = ["persistent_entropy", "persistent_entropy_deficit"]
    entropy, deficit = (np.array(one.replicates) for one in estimate(rows, sequences, keys).values())
    lengths = np.bincount(sequences)
    without = [lengths[np.arange(60) % GROUPS != group].mean() for group in range(GROUPS)]
    most = np.log(len(rows) - 1) + np.log(np.array(without) / lengths.mean())
    assert entropy + deficit == pytest.approx(most, rel=1e-12)


def test_errors_are_over_sequences_not_rows():
    rows, sequences = drawn("decaying")
    keys = ["isoscore", "average_cosine_similarity"]
    together = estimate(rows, sequences, keys)
    copied = estimate(np.repeat(rows, 4, axis=0), np.repeat(sequences, 4), keys)
    assert copied["isoscore"].standard_error == pytest.approx(together["isoscore"].standard_error, rel=0.01)


def test_errors_shrink_with_the_share_of_the_corpus_drawn():
    rows, sequences = drawn()
    keys = ["isoscore", "two_nn", "persistent_entropy"]
    free, bound = estimate(rows, sequences, keys), estimate(rows, sequences, keys, fraction=0.75)
    for key in keys:
        assert bound[key].standard_error == pytest.approx(free[key].standard_error / 2, rel=1e-12)
        assert bound[key].replicates == free[key].replicates


def test_points_are_a_smaller_share_of_the_corpus_than_the_rows_they_are_sampled_from():
    rows, sequences = drawn()
    keys = ["isoscore", "average_cosine_similarity", "two_nn", "vasicek_ratio_mse", "persistent_entropy"]
    free, bound = (estimate(rows, sequences, keys, fraction=fraction, seen=0.5) for fraction in (0.0, 0.75))
    for key in keys:
        left = 1 - 0.75 * (1 if key in keys[:2] else 0.5)
        assert bound[key].standard_error == pytest.approx(free[key].standard_error * np.sqrt(left), rel=1e-12), key


def test_no_share_of_a_corpus_makes_the_spread_over_trainings_smaller():
    rows, sequences = drawn()
    settings = PassSettings(quantizer=QuantizerSettings(kind="kmeans", bits=4))
    passes = Passes(np.nan, rows, sequences, settings)
    found = Estimator(passes, {}, list, fraction=1.0, null="none").estimate("patchiness")
    assert found.standard_error == found.training_spread > 0


def test_fewer_sequences_than_groups_have_no_error():
    rows, sequences = drawn(sequences=15)
    assert estimate(rows, sequences, ["isoscore"])["isoscore"].standard_error is None


def test_duplicates_across_sequences_do_not_disturb_the_replicates():
    rows, sequences = drawn()
    rows[::8] = rows[0]  # every sequence begins with the same row, as in a decoder
    found = estimate(rows, sequences, ["persistent_entropy_deficit", "two_nn", "same_sequence_neighbours"])
    kept = sequences % GROUPS != 4
    again = values(rows[kept], sequences[kept], list(found))
    for key, one in found.items():
        loose = 0.05 if key == "same_sequence_neighbours" else 1e-7  # whose the shared row is, is a convention
        assert one.replicates[4] == pytest.approx(again[key], rel=loose), key


def test_quantized_measures_add_their_spread_over_trainings():
    g = np.random.default_rng(0)
    rows = g.standard_normal((40, 8))[np.repeat(np.arange(40), 10)] + 0.5 * g.standard_normal((400, 8))
    report = geoscope.measure(
        rows.astype(np.float32), groups=np.repeat(np.arange(40), 10), quantizer="kmeans", bits=4,
        measures=["patchiness", "reconstruction_error_heldout"],
    )  # fmt: skip
    for row in report.measurements:
        if row.measure in ("patchiness", "reconstruction_error_heldout"):
            given = {"groups": np.repeat(np.arange(40), 10)} if row.measure.endswith("heldout") else {}
            trained = [
                getattr(measures, row.measure)(rows.astype(np.float32), quantizer="kmeans", bits=4, seed=seed, **given)
                for seed in range(TRAININGS)
            ]
            spread = row.training_spread
            same = 0.5 if given else 1e-6  # held-out halves stay the seed's own
            assert spread == pytest.approx(np.std(trained, ddof=1), rel=same)
            assert row.standard_error**2 == pytest.approx(spread**2 + jackknife_error(row.replicates) ** 2, rel=1e-9)


@pytest.mark.slow
def test_sequences_of_unequal_length_do_not_add_to_the_error_of_a_measure_that_moves_with_the_rows():
    """Were halves of the sequences taken, whatever their rows, vasicek_ratio_mse's would be 1.4 times too large."""
    g, n, scale = np.random.default_rng(4), 800, 1 / np.sqrt(np.arange(1, 131))

    def draw():
        sequences = np.searchsorted(np.cumsum(g.choice([2, 40], size=n)), np.arange(n), side="right")
        own = g.standard_normal((n, len(scale)))
        return (0.5 * g.standard_normal((n, len(scale)))[sequences] + own) * scale, sequences

    keys = ["vasicek_ratio_mse", "two_nn"]
    found = [estimate(*draw(), keys) for _ in range(120)]
    for key in keys:
        true = np.std([one[key].value for one in found], ddof=1)
        assert np.mean([one[key].standard_error for one in found]) == pytest.approx(true, rel=0.2), key


def test_the_error_of_linked_rows_counts_every_two_of_one_sequence_or_list_once():
    g = np.random.default_rng(0)
    x, sequences = g.standard_normal(30), np.repeat(np.arange(10), 3)
    lists = [g.integers(0, 30, (30, 4)), np.arange(30)[:, None]]  # the second links each row with itself
    related = np.equal.outer(sequences, sequences)
    alone = x @ related @ x * 10 / 9
    linked = np.zeros((30, 30), dtype=bool)
    np.put_along_axis(linked, lists[0], True, axis=1)
    between = x @ ((linked | linked.T) & ~related) @ x
    assert linked_error(x, sequences, lists) == pytest.approx(np.sqrt(alone + max(between, 0)), rel=1e-12)
    alike = np.abs(x)  # so that links add
    expected = np.sqrt(alike @ related @ alike * 10 / 9 + alike @ ((linked | linked.T) & ~related) @ alike)
    assert linked_error(alike, sequences, lists) == pytest.approx(expected, rel=1e-12)


def test_the_error_of_linked_rows_of_a_mean_is_its_standard_error():
    x = np.random.default_rng(1).standard_normal(400)
    error = linked_error((x - x.mean()) / 400, np.arange(400), [np.arange(400)[:, None]])
    assert error == pytest.approx(x.std(ddof=1) / 20, rel=1e-12)


def test_replicates_say_the_error_and_what_each_group_moves():
    x = np.random.default_rng(2).standard_normal(60)
    sequences = np.repeat(np.arange(20), 3)
    said = replicates_saying(0.7, 5.0, (x - x.mean()) / 60, sequences)
    assert jackknife_error(said) == pytest.approx(0.7, rel=1e-12)
    without = [x[sequences != group].mean() for group in range(20)]
    assert np.corrcoef(said, without)[0, 1] == pytest.approx(1, abs=1e-12)
    assert replicates_saying(0.0, 5.0, np.zeros(60), sequences) == [5.0] * 20


LINKED = [key for key in UNQUANTIZED if TRAITS[key].error == "linked-rows"]


@pytest.mark.parametrize("key", LINKED)
def test_influences_are_what_a_measure_loses_without_a_row(key):
    """Its lists are left as they are; of the second order in 1/n it may differ."""
    rows, sequences = drawn(sequences=40)
    passes = Passes.over(rows, groups=sequences)
    asked = measured(key)
    given = {name: passes.get(name) for name in asked.passes}
    for name, influence in zip(given, asked.influences(**given), strict=True):
        whole, n = given[name], len(given[name])
        assert influence.sum() == pytest.approx(0, abs=1e-9)
        lost = []
        for row in np.argsort(influence)[[0, 1, n // 2, -2, -1]]:
            without = asked.formula(**given | {name: np.delete(whole, row)})
            lost.append((asked.formula(**given) - without, influence[row]))
        found, expected = np.array(lost).T
        assert found == pytest.approx(expected, rel=0.1, abs=0.1 * np.abs(expected).max())


def test_the_rows_of_a_ratio_are_those_it_is_of():
    rows, sequences = drawn(sequences=40)
    rows[:12] = np.arange(12)[:, None] * 100.0  # on a line: neighbours equally far
    passes = Passes.over(rows, groups=sequences)
    linked, ratios = passes.get("rows_of_log_ratios_1"), passes.get("log_ratios_1")
    near = np.sort(np.linalg.norm(rows[:, None] - rows, axis=2), axis=1)[linked.places]
    assert len(ratios) < len(rows)
    assert ratios == pytest.approx(np.log(near[:, 2] / near[:, 1]), rel=1e-6)
    assert linked.nearest.shape == (len(rows), 2)
