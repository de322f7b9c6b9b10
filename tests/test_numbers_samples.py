"""Numbers that move with the sample are compared at equal samples only: rows, sequences, and how densely they lie."""

from __future__ import annotations

import numpy as np
import pytest
from made_reports import noise_of, report, row

import geoscope
from geoscope.errors import GeoscopeError

OF_SEQUENCES = [
    "anisotropy", "anisotropy_uncentered", "average_cosine_similarity", "isoscore", "isoscore_star",
    "participation_ratio", "effective_rank", "eigenvalue_early_enrichment", "vasicek_ratio_mse", "persistent_entropy",
    "persistent_entropy_normalized", "persistent_entropy_deficit", "two_nn", "two_nn_mle", "two_nn_across",
    "same_sequence_neighbours", "patchiness", "patchiness_heldout", "reconstruction_error", "top_dimension_energy",
]  # fmt: skip
OF_NEITHER = [
    "isoscore_corrected", "participation_ratio_corrected", "first_position_energy", "trajectory_curvature",
    "prompt_entropy",
]  # fmt: skip


def sampled(key, value, *, sequences, rows=40_000, points=2000, **more):
    size = {"sequences": sequences, "rows": rows, "points": points}
    return report(row(key, value, noise=noise_of(int(value)), n=points), sample=size, **more)


@pytest.mark.parametrize("key", OF_SEQUENCES)
def test_unequal_numbers_of_sequences_have_no_difference(key):
    """As many points of 2,000 and of 400 sequences: TwoNN is 12.4 and 7.5, of one model."""
    few, many = sampled(key, 7.0, sequences=400), sampled(key, 12.0, sequences=2000, draw="sha256:other")
    found = geoscope.compare(few, many).difference(key)
    assert found.verdict == "unknown"
    assert found.difference is None
    assert "number of sequences" in found.reason
    assert "400 and 2,000" in found.reason
    assert "--align" in found.reason


@pytest.mark.parametrize("key", OF_NEITHER)
def test_what_moves_with_none_of_them_has(key):
    few = sampled(key, 7.0, sequences=400)
    found = geoscope.compare(few, sampled(key, 12.0, sequences=2000, draw="sha256:other")).difference(key)
    assert found.difference == 5.0


@pytest.mark.parametrize("key", ["two_nn", "two_nn_across", "same_sequence_neighbours", "persistent_entropy"])
def test_points_that_lie_more_densely_have_no_difference(key):
    one, other = sampled(key, 7.0, sequences=400), sampled(key, 12.0, sequences=400, rows=50_000)
    found = geoscope.compare(one, other).difference(key)
    assert found.difference is None
    assert "share of the rows that are points" in found.reason
    assert "5 % and 4 %" in found.reason


def test_rows_that_are_sequences_themselves_are_as_many_as_they_are():
    """Pooled rows, and those of which nobody said whose they are: no two are of one sequence."""
    size = ("sequences", "rows", "points")
    few, many = (
        report(row("average_cosine_similarity", 0.5, noise=noise_of(n), n=n), sample=dict.fromkeys(size, n))
        for n in (400, 2000)
    )
    assert geoscope.compare(few, many).difference("average_cosine_similarity").difference == 0


def text(sequences, length=20, d=16, seed=0):
    generator = np.random.default_rng(seed)
    groups = np.repeat(np.arange(sequences), length)
    return generator.standard_normal((sequences, d))[groups] + generator.standard_normal((len(groups), d)), groups


def test_the_mean_cosine_moves_with_the_number_of_sequences():
    """A share 1/sequences of all pairs is within one, and those are more alike."""

    def mean(sequences):
        found = []
        for seed in range(12):
            rows, groups = text(sequences, seed=seed)
            measured = geoscope.measure(rows, groups=groups, measures=["average_cosine_similarity"], errors=False)
            found.append(measured.value("average_cosine_similarity"))
        return np.mean(found), np.std(found, ddof=1) / np.sqrt(12)

    (few, error), (many, _) = mean(10), mean(200)
    assert few - many > 4 * error


def test_align_levels_sequences_rows_and_points(tmp_path):
    (few, of_few), (many, of_many) = text(60), text(240, length=12, seed=1)
    np.savez(tmp_path / "few.npz", rows=few, groups=of_few)
    np.savez(tmp_path / "many.npz", rows=many, groups=of_many)
    keys = ["average_cosine_similarity", "two_nn", "isoscore_corrected"]
    options = {"groups": "groups", "measures": keys, "points": 500, "null": "none"}
    files = [str(tmp_path / f"{name}.npz") for name in ("few", "many")]
    apart = geoscope.compare(*files, **options)
    assert {row.measure for row in apart.differences if row.difference is None} == set(keys[:2])
    aligned = geoscope.compare(*files, align=True, **options)
    assert all(row.difference is not None for row in aligned.differences)
    assert {(row.base_n, row.candidate_n) for row in aligned.differences} == {(720, 720), (500, 500)}


def test_checkpoints_are_aligned_to_the_same_sequences(checkpoint_folder, corpus_file):
    folder = str(checkpoint_folder("bert"))
    drawn = {"corpora": [str(corpus_file)], "max_length": 32, "measures": ["isoscore", "two_nn"], "null": "none"}
    few = geoscope.measure(folder, sequences=30, **drawn)
    with pytest.raises(GeoscopeError, match=r"of 40 sequences where another has .* of 30 sequences"):
        geoscope.compare(few, geoscope.measure(folder, sequences=40, **drawn), align=True)
    many = geoscope.measure(folder, sequences=40, **drawn)
    assert geoscope.compare(few, many).difference("two_nn").difference is None
    aligned = geoscope.compare(few, folder, align=True, **drawn, sequences=40)
    assert all(row.paired for row in aligned.differences)
    apart = [row.difference for row in aligned.differences]  # read in other batches, which some kernels round otherwise
    assert apart == pytest.approx([0, 0], abs=1e-6)


def test_the_catalogue_says_what_moves_a_measure(capfd):
    import json

    from geoscope.cli import app as cli

    assert cli.main(["measures", "--format", "json"]) == 0
    told = {each["key"]: each["moves_with"] for each in json.loads(capfd.readouterr().out)}
    assert told["average_cosine_similarity"] == ["sequences"]
    assert told["two_nn"] == ["rows", "sequences", "density"]
    assert {key for key, moved in told.items() if not moved} == set(OF_NEITHER)
    assert cli.main(["measures", "--format", "table"]) == 0
    assert "moves with: rows, sequences, density" in capfd.readouterr().out


def test_the_page_of_unequal_samples_says_which_measures_they_move():
    from geoscope.documents.findings import findings_of

    pair = [sampled("two_nn", 7.0, sequences=400, name="a"), sampled("two_nn", 7.0, sequences=2000, name="b")]
    told = [finding.text for finding in findings_of(pair)]
    assert "a and b differ in the number of sequences (such as 400 and 2,000), which moves two_nn" in told


def test_a_checkpoint_beside_a_few_rows_of_nowhere_is_refused_in_a_sentence(checkpoint_folder, corpus_file):
    """Aligning draws text as the other's was drawn, and rows of a file were drawn from no corpus."""
    rows, groups = text(30, d=32)
    few = geoscope.measure(rows, groups=groups, measures=["isoscore"])
    with pytest.raises(GeoscopeError, match="differ in"):
        geoscope.compare(
            few, str(checkpoint_folder("bert")), align=True, corpora=[str(corpus_file)], max_length=32,
            measures=["isoscore"],
        )  # fmt: skip
