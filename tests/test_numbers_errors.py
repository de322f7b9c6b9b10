"""What a standard error is of, and that what is built on it says no more: intervals, pairs, noise floors."""

from __future__ import annotations

import math
import shutil

import numpy as np
import pytest
from made_reports import noise_of, report, row

import geoscope
from geoscope.comparisons.checks import check_report
from geoscope.comparisons.limits import parse_bound
from geoscope.documents.rendering import render
from geoscope.errors import NotComparable
from geoscope.noise_floors import noise_floor

KEYS = [
    "anisotropy", "average_cosine_similarity", "isoscore", "vasicek_ratio_mse", "isoscore_corrected",
    "persistent_entropy", "two_nn",
]  # fmt: skip


@pytest.fixture
def measured(checkpoint_folder, corpus_file):
    """A tiny checkpoint over the whole of a corpus: every sequence of it is drawn."""

    def run(subject=None, **options):
        chosen = {"corpora": [str(corpus_file)], "max_length": 32, "measures": KEYS, "null": "none", "device": "cpu"}
        return geoscope.measure(str(subject or checkpoint_folder("bert")), **(chosen | options))

    return run


def test_a_corpus_that_was_drawn_whole_is_still_a_sample(measured, checkpoint_folder, corpus_file):
    found = measured()
    assert found.sample.sampling_fraction == 1
    embeddings = geoscope.extract(str(checkpoint_folder("bert")), corpora=[str(corpus_file)], max_length=32)
    rows = embeddings.rows(embeddings.layers[-1])
    same = geoscope.measure(rows, groups=embeddings.index.sequences, measures=KEYS, null="none")
    for key in KEYS:
        error = found.measurement(key).standard_error
        assert error > 0
        assert error == pytest.approx(same.measurement(key).standard_error, rel=5e-3), (
            key
        )  # isoscore_corrected's origin


def test_errors_of_the_finite_corpus_are_there_for_the_asking(measured):
    found = measured(population="corpus")
    assert {row.standard_error for row in found.measurements} == {0}
    assert found.settings["population"] == "corpus"
    for form in ("table", "markdown", "html"):
        told = render(found, form)
        assert "standard error (of this corpus)" in told
        assert "all drawn" in told
    for form in ("table", "markdown", "html"):
        told = render(measured(), form)
        assert "of this corpus" not in told
        assert "all drawn" not in told
    with pytest.raises(NotComparable, match="population"):
        geoscope.compare(found, measured())


def nudged(folder, tmp_path, size):
    """A copy of a checkpoint, its weights moved by so many of their standard deviations."""
    from safetensors.numpy import load_file, save_file

    copy = tmp_path / f"nudged-{size:g}"
    shutil.copytree(folder, copy)
    generator = np.random.default_rng(0)
    weights = {
        name: (each + size * (each.std() or 1) * generator.standard_normal(each.shape)).astype(each.dtype)
        for name, each in load_file(copy / "model.safetensors").items()
    }
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    return copy


def test_rounding_is_never_called_a_change(measured, checkpoint_folder, tmp_path):
    base, candidate = measured(), measured(nudged(checkpoint_folder("bert"), tmp_path, 1e-7))
    found = geoscope.compare(base, candidate, margin=0)
    assert any(row.difference for row in found.differences)
    assert {row.verdict for row in found.differences} <= {"same", "inconclusive"}


def test_a_change_is(measured, checkpoint_folder, tmp_path):
    found = geoscope.compare(measured(), measured(nudged(checkpoint_folder("bert"), tmp_path, 0.5)), margin=0)
    assert any(row.verdict == "changed" for row in found.differences)


def test_vasicek_is_paired_by_its_halves(measured, checkpoint_folder, tmp_path):
    base, candidate = measured(), measured(nudged(checkpoint_folder("bert"), tmp_path, 1e-4))
    found = geoscope.compare(base, candidate).difference("vasicek_ratio_mse")
    assert found.paired
    assert found.standard_error < base.measurement("vasicek_ratio_mse").standard_error / 20


def test_the_note_on_pairs_names_the_measures_that_are_not():
    ours = [row("isoscore", 0.5, noise=noise_of(1)), row("vasicek_ratio_mse", 0.2, standard_error=0.01)]
    theirs = [row("isoscore", 0.6, noise=noise_of(2)), row("vasicek_ratio_mse", 0.3, standard_error=0.01)]
    told = render(geoscope.compare(report(*ours), report(*theirs, name="candidate")), "markdown")
    (line,) = [each for each in told.splitlines() if "not paired" in each]
    assert "vasicek_ratio_mse" in line.replace("\\", "")
    assert "isoscore" not in line
    apart = geoscope.compare(report(*ours), report(*theirs, name="candidate", draw="sha256:other"))
    (line,) = [each for each in render(apart, "markdown").splitlines() if "not paired" in each]
    assert "vasicek" not in line


def drawn(generator, sequences=40, d=16):
    """Sequences of unequal length, as text has, about centres of their own."""
    lengths = generator.geometric(0.1, sequences)
    groups = np.repeat(np.arange(sequences), lengths)
    return generator.standard_normal((sequences, d))[groups] + generator.standard_normal((len(groups), d)), groups


def test_the_error_of_persistent_entropy_is_of_the_number_that_is_printed():
    """Where every row is a point, ln m moves with how long the drawn sequences are."""
    found = []
    for seed in range(60):
        rows, groups = drawn(np.random.default_rng(seed))
        one = geoscope.measure(rows, groups=groups, points="all", measures=["persistent_entropy"], null="none")
        found.append(one.measurement("persistent_entropy"))
    values, errors = (np.array([getattr(one, name) for one in found]) for name in ("value", "standard_error"))
    assert 0.7 < np.sqrt(np.mean(errors**2)) / values.std(ddof=1) < 1.4
    assert np.mean(np.abs(values - values.mean()) < 2.09 * errors) > 0.85


def test_sampled_points_leave_no_error_in_how_many_there_are():
    rows, groups = drawn(np.random.default_rng(0), 200)
    of = {"groups": groups, "measures": ["persistence"], "null": "none"}
    sampled = geoscope.measure(rows, points=500, **of)
    deficit = sampled.measurement("persistent_entropy_deficit").standard_error
    assert sampled.measurement("persistent_entropy").standard_error == pytest.approx(deficit, rel=1e-9)


@pytest.mark.parametrize(
    ("key", "value", "error", "low", "high"),
    [
        ("patchiness_heldout", 6.0, 5.0, 0.0, math.inf),
        ("isoscore", 0.02, 0.02, 0.0, 1.0),
        ("same_sequence_neighbours", 0.99, 0.02, 0.0, 1.0),
        ("average_cosine_similarity", 0.999, 0.01, -1.0, 1.0),
        ("participation_ratio", 1.2, 0.5, 1.0, math.inf),
        ("persistent_entropy", 6.9, 0.1, 0.0, math.log(999)),
        ("isoscore_corrected", 0.99, 0.1, -math.inf, math.inf),
        ("isoscore", 3.0, 0.1, -math.inf, math.inf),  # of another scale than ours
    ],
)
def test_intervals_end_where_the_range_does(key, value, error, low, high):
    made = report(row(key, value, standard_error=error))
    (held,) = check_report(made, [parse_bound(f"{key}<1e9")]).limits
    assert held.interval == (pytest.approx(max(low, value - 2.093 * error), rel=1e-3), held.interval[1])
    assert held.interval[1] == pytest.approx(min(high, value + 2.093 * error), rel=1e-3)


def clustered(sequences, seed, length=8, d=48):
    """Of a spectrum like a layer's."""
    generator = np.random.default_rng(seed)
    groups = np.repeat(np.arange(sequences), length)
    rows = generator.standard_normal((sequences, d))[groups] + 0.5 * generator.standard_normal((len(groups), d))
    return rows * (1 + np.arange(d)) ** -0.5, groups


def test_the_noise_of_what_moves_with_n_is_that_of_the_whole():
    """isoscore of 22 sequences varies about as much as that of five times as many: no sqrt(n / N) between them."""
    fresh = [geoscope.measure(clustered(110, seed)[0], measures=["isoscore"], errors=False) for seed in range(60)]
    true = np.std([one.value("isoscore") for one in fresh], ddof=1)
    floors = []
    for seed in range(100, 106):
        rows, groups = clustered(110, seed)
        floors.append(noise_floor(rows, groups=groups, measures=["isoscore"]).floor("isoscore"))
    assert np.sqrt(np.mean([floor.noise**2 for floor in floors])) == pytest.approx(true, rel=0.2)
    means = [one.value("isoscore") for one in fresh]
    assert np.mean([floor.mean for floor in floors]) == pytest.approx(np.mean(means), abs=3 * true / np.sqrt(6))


def test_a_noise_floor_follows_the_protocol_that_it_names(checkpoint_folder, corpus_file):
    options = {"corpora": [str(corpus_file)], "measures": ["anisotropy"], "max_length": 32}
    found = noise_floor(str(checkpoint_folder("bert")), draws=3, protocol="kudriashov2025", **options)
    assert found.sample["pooling"] == "cls"
    assert found.settings["protocol"] == "kudriashov2025"


@pytest.mark.parametrize(("sequences", "length"), [(30, 1), (50, 4), (55, 3), (110, 1)])
@pytest.mark.parametrize("key", ["persistent_entropy", "isoscore", "anisotropy"])
def test_groups_of_unequal_numbers_of_sequences_are_no_noise(key, sequences, length):
    """Leaving out two sequences or three of a few changes n, which no draw does."""
    found = []
    for seed in range(25):
        groups = np.repeat(np.arange(sequences), length)
        rows = np.random.default_rng(seed).standard_normal((len(groups), 8))
        found.append(geoscope.measure(rows, groups=groups, measures=[key], null="none").measurement(key))
    true = np.std([one.value for one in found], ddof=1)
    assert np.sqrt(np.mean([one.standard_error**2 for one in found])) < 2.2 * true


def test_the_error_of_what_sees_every_row_does_not_hang_on_the_points():
    rows, groups = drawn(np.random.default_rng(0), 210)
    of = {"groups": groups, "measures": ["isoscore", "average_cosine_similarity"], "null": "none"}
    every, few = (geoscope.measure(rows, points=points, **of) for points in ("all", 150))
    for key in of["measures"]:
        error = every.measurement(key).standard_error
        assert few.measurement(key).standard_error == pytest.approx(error, rel=1e-12)
