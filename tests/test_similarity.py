"""Similarity of two spaces: brute force, known answers, what it must not see, and which rows match."""

from __future__ import annotations

import json
from itertools import permutations

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group

import geoscope
from geoscope.errors import GeoscopeError, Undefined
from geoscope.rows import RowIndex
from geoscope.spaces.similarity import (
    MEASURES,
    information_imbalance,
    linear_cka,
    linear_cka_debiased,
    mutual_neighbours,
    procrustes_distance,
    similarity,
)
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.embeddings.objects import object_embeddings
from geoscope.subjects.row_files.array_files import matrix

EVERY = {
    "linear_cka": linear_cka,
    "linear_cka_debiased": linear_cka_debiased,
    "procrustes_distance": procrustes_distance,
    "mutual_neighbours": mutual_neighbours,
    "information_imbalance": information_imbalance,
}
SYMMETRIC = [name for name in EVERY if name != "information_imbalance"]


def two_clouds(n=120, d1=7, d2=5, share=0.6, seed=0):
    """Rows that share some of their directions."""
    g = np.random.default_rng(seed)
    common = g.standard_normal((n, 3))
    x = share * common @ g.standard_normal((3, d1)) + g.standard_normal((n, d1)) + 5
    y = share * common @ g.standard_normal((3, d2)) + g.standard_normal((n, d2)) * np.linspace(0.5, 2, d2) - 3
    return x, y


def extracted(rows, *, texts="draw", tokens=None, sequences=None, positions=None, layers=(3,)):
    """Embeddings as extract writes them: pooled unless token ids are given."""
    n = len(rows)
    tokens = np.full(n, -1) if tokens is None else np.asarray(tokens)
    sequences = np.arange(n) if sequences is None else np.asarray(sequences)
    positions = np.full(n, -1) if positions is None else np.asarray(positions)
    index = RowIndex(*(part.astype(np.int64) for part in (sequences, positions, tokens)))
    sample = {"fingerprint": f"sha256:{texts}"} if texts else {}
    return Embeddings({layer: matrix(rows, "rows") for layer in layers}, index, sample=sample)


# Against brute force


def test_cka_is_the_alignment_of_centred_kernels():
    x, y = two_clouds()
    centre = np.eye(120) - 1 / 120
    K, L = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    expected = np.sum(K * L) / np.sqrt(np.sum(K * K) * np.sum(L * L))
    assert linear_cka(x, y) == pytest.approx(expected, rel=1e-12)


def u_centred(rows):
    """Szekely and Rizzo's centring of a kernel without its diagonal."""
    n = len(rows)
    K = rows @ rows.T
    np.fill_diagonal(K, 0)
    means = K.sum(axis=0) / (n - 2)
    K = K - means - means[:, None] + K.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(K, 0)
    return K


def test_debiased_cka_is_the_alignment_of_u_centred_kernels():
    x, y = two_clouds(n=40)
    K, L = u_centred(x), u_centred(y)
    expected = np.sum(K * L) / np.sqrt(np.sum(K * K) * np.sum(L * L))
    assert linear_cka_debiased(x, y) == pytest.approx(expected, rel=1e-10)


def test_procrustes_is_the_least_distance_over_rotations():
    x, y = two_clouds()
    a, b = (rows - rows.mean(axis=0) for rows in (x, np.pad(y, ((0, 0), (0, 2)))))
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    rotation, _ = orthogonal_procrustes(b, a)
    assert procrustes_distance(x, y) == pytest.approx(np.linalg.norm(a - b @ rotation) ** 2 / 2, rel=1e-12)


def test_mutual_neighbours_are_counted_row_by_row():
    x, y = two_clouds(n=150)
    lists = []
    for rows in (x, y):
        gaps = np.linalg.norm(rows[:, None] - rows[None], axis=2)
        np.fill_diagonal(gaps, np.inf)
        lists.append(np.argsort(gaps, axis=1)[:, :6])
    shares = [len(set(a) & set(b)) / 6 for a, b in zip(*lists, strict=True)]
    assert mutual_neighbours(x, y, k=6) == pytest.approx(np.mean(shares), abs=1e-12)


# Known answers


@pytest.mark.parametrize("name", EVERY)
def test_nothing_sees_a_rotation_a_shift_or_a_scale(name):
    x, _ = two_clouds()
    turned = 1e-3 * x @ ortho_group.rvs(7, random_state=0) + 2
    equal = {"procrustes_distance": 0.0, "information_imbalance": 2 / 120}
    assert EVERY[name](x, turned) == pytest.approx(equal.get(name, 1.0), abs=1e-9)
    _, y = two_clouds()
    assert EVERY[name](turned, y) == pytest.approx(EVERY[name](x, y), abs=1e-9)
    if name in SYMMETRIC:
        assert EVERY[name](y, x) == pytest.approx(EVERY[name](x, y), abs=1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_extreme_scales_and_offsets_change_nothing(name):
    x, y = two_clouds()
    expected = EVERY[name](x, y)
    assert EVERY[name](x * 2.0**500, y * 2.0**-500) == pytest.approx(expected, rel=1e-9)
    assert EVERY[name]((x + 2.0**20).astype(np.float64), y) == pytest.approx(expected, abs=1e-6)


def test_unrelated_spaces_come_near_their_nulls():
    g = np.random.default_rng(1)
    rows = similarity(object_embeddings(g.standard_normal((600, 20))), object_embeddings(g.standard_normal((600, 30))))
    found = {row["measure"]: row for row in rows}
    assert set(found) == set(MEASURES)
    for row in found.values():
        assert row["n"] == 600
        assert row["reason"] is None
        assert row["value"] == pytest.approx(row["null"], abs=0.1 if row["null"] == 1 else 0.02)
    assert 0.02 < found["linear_cka"]["null"] < 0.06
    assert 0.7 < found["procrustes_distance"]["null"] < 0.95


def test_the_nulls_are_means_over_permutations():
    x, y = two_clouds(n=6, d1=3, d2=2)
    every = [list(order) for order in permutations(range(6))]
    rows = similarity(object_embeddings(x), object_embeddings(y), k=3)
    null = {row["measure"]: row["null"] for row in rows}
    for name in ("linear_cka", "linear_cka_debiased"):
        assert null[name] == pytest.approx(np.mean([EVERY[name](x, y[order]) for order in every]), abs=1e-12)
    distances = [procrustes_distance(x, y[order]) for order in every]
    assert null["procrustes_distance"] == pytest.approx(np.mean(distances), abs=3 * np.std(distances) / np.sqrt(20))
    assert null["information_imbalance"] == pytest.approx(
        np.mean([information_imbalance(x, y[order]) for order in every[::3]]), abs=0.02
    )
    overlaps = [mutual_neighbours(x, y[order], k=3) for order in every[::5]]
    assert null["mutual_neighbours"] == pytest.approx(np.mean(overlaps), abs=0.02)


def test_duplicates_are_one_point_to_the_neighbours():
    x, y = two_clouds(n=100)
    more = np.vstack([x, x[:30] + 1e-9]), np.vstack([y, y[:30][::-1]])
    assert mutual_neighbours(*more) == mutual_neighbours(x, y)
    everywhere = np.vstack([x] * 12), np.vstack([y] * 12)  # copies fill whole lists
    assert mutual_neighbours(everywhere[0] * (1 + 1e-9 * np.arange(1200)[:, None]), everywhere[1]) > 0


@pytest.mark.parametrize("name", EVERY)
def test_spaces_without_structure_have_no_value(name):
    x, y = two_clouds(n=50)
    for broken in (np.full((50, 4), 0.1), np.full((50, 1), 1e30)):
        with pytest.raises(Undefined):
            EVERY[name](x, broken)
    with pytest.raises(Undefined):
        EVERY[name](x[:2], y[:2])
    with pytest.raises(GeoscopeError, match="as many rows"):
        EVERY[name](x, y[:40])
    with pytest.raises(GeoscopeError, match="NaN"):
        EVERY[name](np.where(x > 7, np.nan, x), y)


def test_blocks_change_nothing(monkeypatch):
    x, y = two_clouds(n=300)
    expected = {name: measure(x, y) for name, measure in EVERY.items()}
    monkeypatch.setattr("geoscope.spaces.paired_rows._BLOCK", 7)
    monkeypatch.setattr("geoscope.spaces.neighbour_overlap.BLOCK", 7)
    for name, measure in EVERY.items():
        assert measure(x, y) == pytest.approx(expected[name], rel=1e-12)


# Rows that match


def test_rows_match_by_sequence_and_position():
    x, y = two_clouds(n=90)
    sequences, positions = np.repeat(np.arange(30), 3), np.tile(np.arange(3), 30)
    tokens = np.arange(90) % 11
    order = np.random.default_rng(0).permutation(90)
    base = extracted(x, tokens=tokens, sequences=sequences, positions=positions)
    other = extracted(y[order], tokens=tokens[order], sequences=sequences[order], positions=positions[order])
    assert similarity(base, other)[0]["value"] == pytest.approx(linear_cka(x, y), rel=1e-12)
    later = np.flatnonzero(positions > 0)
    part = extracted(y[later], tokens=tokens[later], sequences=sequences[later], positions=positions[later])
    (row, *_) = similarity(base, part)
    assert (row["n"], row["layer_base"], row["layer_candidate"]) == (60, 3, 3)
    assert row["value"] == pytest.approx(linear_cka(x[later], y[later]), rel=1e-12)


def test_points_are_sampled_for_the_pairwise_measures_only():
    x, y = two_clouds(n=300)
    rows = similarity(extracted(x), extracted(y), points=80)
    assert [row["n"] for row in rows] == [300, 300, 80, 80, 80, 80]
    assert rows == similarity(extracted(x), extracted(y), points=80)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"texts": "another"}, "other sequences"),
        ({"tokens": np.arange(60) + 1, "positions": np.zeros(60)}, "whole sequence"),
    ],
)
def test_rows_that_do_not_match_are_nulls_with_the_reason(change, words):
    x, y = two_clouds(n=60)
    rows = similarity(extracted(x), extracted(y, **change))
    assert [row["measure"] for row in rows] == list(MEASURES)
    for row in rows:
        assert (row["value"], row["null"], row["n"]) == (None, None, 0)
        assert words in row["reason"]


def test_other_tokenizers_match_only_pooled():
    x, y = two_clouds(n=60)
    places = {"positions": np.zeros(60)}
    rows = similarity(extracted(x, tokens=np.arange(60), **places), extracted(y, tokens=np.arange(60) + 1, **places))
    assert "--pooling mean" in rows[0]["reason"]
    assert similarity(extracted(x), extracted(y))[0]["value"] is not None


def test_files_match_row_by_row_if_they_have_as_many():
    x, y = two_clouds(n=60)
    assert similarity(object_embeddings(x), object_embeddings(y))[0]["value"] == linear_cka(x, y)
    assert "as many rows" in similarity(object_embeddings(x), object_embeddings(y[:50]))[0]["reason"]
    groups = np.repeat(np.arange(20), 3)
    grouped = object_embeddings(y, groups=groups)
    assert similarity(object_embeddings(x, groups=groups), grouped)[0]["value"] == pytest.approx(linear_cka(x, y))
    assert similarity(object_embeddings(x), grouped)[0]["value"] is None


def test_layers_go_by_number_or_as_asked():
    x, y = two_clouds(n=40)
    base, other = extracted(x, layers=(0, 2, 4)), extracted(y, layers=(0, 1, 2))
    pairs = [(row["layer_base"], row["layer_candidate"]) for row in similarity(base, other)]
    assert pairs == [(0, 0)] * 6 + [(2, 2)] * 6
    asked = similarity(base, other, [(4, 2)])
    assert [(row["layer_base"], row["layer_candidate"]) for row in asked] == [(4, 2)] * 6
    with pytest.raises(GeoscopeError, match="got 9"):
        similarity(base, other, [(9, 2)])
    with pytest.raises(GeoscopeError, match="in common"):
        similarity(base, extracted(y, layers=(1, 3)))


def test_two_checkpoints_on_the_same_sequences(checkpoint_folder, corpus_file):
    def extract(kind, pooling):
        return geoscope.extract(
            str(checkpoint_folder(kind)), corpora=[str(corpus_file)], sequences=40, max_length=32, pooling=pooling,
            layers="0,3",
        )  # fmt: skip

    bert = extract("bert", "tokens")
    rows = similarity(bert, bert, k=5)
    assert [row["layer_base"] for row in rows] == [0] * 6 + [3] * 6
    for row in rows:
        equal = {"procrustes_distance": 0.0} | dict.fromkeys(MEASURES[4:], 2 / row["n"])
        assert row["value"] == pytest.approx(equal.get(row["measure"], 1.0), abs=1e-9)
    assert rows[0]["n"] == len(bert)
    assert "--pooling mean" in similarity(bert, extract("roberta", "tokens"))[0]["reason"]
    pooled = similarity(extract("bert", "mean"), extract("roberta", "mean"), k=5)
    assert [row["n"] for row in pooled] == [40] * 12
    assert all(0 <= row["value"] <= 2 for row in pooled if row["measure"] != "linear_cka_debiased")
    json.dumps(pooled, allow_nan=False)
