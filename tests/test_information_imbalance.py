"""Information imbalance and the ranks it is of: published values, brute force, and rows that are hard to rank."""

from __future__ import annotations

import numpy as np
import pytest

from geoscope.errors import GeoscopeError, Undefined
from geoscope.spaces.common_rows import common_rows
from geoscope.spaces.ranks import ranks_in
from geoscope.spaces.similarity import information_imbalance, mutual_neighbours

P = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
GROUPS = np.arange(500) // 10


def distances(rows):
    """By differences, one row at a time."""
    rows = np.asarray(rows, dtype=np.float64)
    found = np.array([np.sqrt(np.sum((rows - row) ** 2, axis=1)) for row in rows])
    np.fill_diagonal(found, np.inf)
    return found


def brute(x, y, groups=None):
    """The definition, row by row."""
    a, b = distances(x), distances(y)
    groups = np.arange(len(a)) if groups is None else np.asarray(groups)
    found = []
    for row in range(len(a)):
        others = np.flatnonzero(groups != groups[row])
        nearest = others[np.argmin(a[row, others])]  # of equals the first
        found.append(2 * (1 + np.sum(b[row, others] < b[row, nearest])) / (len(others) + 1))
    return np.mean(found)


@pytest.mark.parametrize(
    ("other", "there", "back", "across", "across_back"),
    [
        (P[:, :5], 0.04404, 0.096672, 0.04382077393, 0.09610590631),
        (P**3, 0.182664, 0.086488, 0.1874297352, 0.08686761711),
        (np.random.default_rng(1).standard_normal(P.shape), 0.983232, 1.035656, 0.9866883910, 1.044643584),
        (P + 1000, 0.004, 0.004, 0.004073319755, 0.004073319755),
    ],
)
def test_values_that_dadapy_gives_too(other, there, back, across, across_back):
    assert information_imbalance(P, other) == pytest.approx(there, abs=1e-12)
    assert information_imbalance(other, P) == pytest.approx(back, abs=1e-12)
    assert information_imbalance(P, other, groups=GROUPS) == pytest.approx(across, abs=1e-9)
    assert information_imbalance(other, P, groups=GROUPS) == pytest.approx(across_back, abs=1e-9)


def hard(kind, seed=0):
    g = np.random.default_rng(seed)
    x, y = g.standard_normal((60, 7)), g.standard_normal((60, 5))
    y[:, :3] += x[:, :3]
    far, many = np.ones((60, 1)), g.integers(0, 3, (60, 2)).astype(float)
    return {
        "three rows": (x[:3], y[:3]),
        "fewer rows than dimensions": (x[:12] @ g.standard_normal((7, 40)), y[:12] @ g.standard_normal((5, 30))),
        "an offset": (x + 2.0**20, y - 2.0**20),
        "float32 and an offset": ((x + 1000).astype(np.float32), (y - 50).astype(np.float32)),
        "tiny": (x * 2.0**-600, y),
        "huge": (x * 2.0**500, y * 2.0**500),
        "a far row": (x + 1e6 * far * (np.arange(60) == 7)[:, None], y),
        "clumps": (x * 1e-2 + 50 * many.sum(axis=1)[:, None], y * 1e-2 + 50 * many[:, :1]),
    }[kind]


HARD = (
    "three rows", "fewer rows than dimensions", "an offset", "float32 and an offset", "tiny", "huge", "a far row",
    "clumps",
)  # fmt: skip


@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize("single", [False, True])
def test_brute_force_gives_the_same(kind, single, monkeypatch):
    if single:
        monkeypatch.setattr("geoscope.spaces.ranks.SMALL", 0)
    x, y = hard(kind)
    scale = [1 / np.abs(rows).max() if kind in ("tiny", "huge") else 1.0 for rows in (x, y)]
    assert information_imbalance(x, y) == pytest.approx(brute(x * scale[0], y * scale[1]), abs=1e-12)
    assert information_imbalance(y, x) == pytest.approx(brute(y * scale[1], x * scale[0]), abs=1e-12)
    groups = np.arange(len(x)) // (1 if len(x) == 3 else 4)
    expected = brute(x * scale[0], y * scale[1], groups)
    assert information_imbalance(x, y, groups=groups) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("single", [False, True])
def test_equal_distances_tie_and_the_first_neighbour_counts(single, monkeypatch):
    if single:
        monkeypatch.setattr("geoscope.spaces.ranks.SMALL", 0)
    g = np.random.default_rng(3)
    places = g.permutation(np.stack(np.meshgrid(np.arange(9.0), np.arange(8.0)), axis=-1).reshape(-1, 2))
    other = g.permutation(places)
    assert information_imbalance(places, other) == pytest.approx(brute(places, other), abs=1e-12)
    assert information_imbalance(places, places) == pytest.approx(2 / 72, abs=1e-15)


@pytest.mark.parametrize("memory", [2**16, 2**28])
def test_ranks_are_exact_where_float32_says_nothing(memory, monkeypatch):
    monkeypatch.setattr("geoscope.spaces.ranks.SMALL", 0)
    g = np.random.default_rng(1)
    rows = (1e-4 * g.standard_normal((300, 6)) + g.integers(0, 2, (300, 1)) * 40).astype(np.float32)
    targets = np.stack([(np.arange(300) + step) % 300 for step in (1, 7, 150)])
    gaps = distances(rows)
    expected = [1 + np.sum(gaps < gaps[np.arange(300), to][:, None], axis=1) for to in targets]
    assert np.array_equal(ranks_in(rows, targets, memory=memory), expected)


def test_copies_in_either_space_are_one_row():
    x, y = hard("an offset")
    more = np.vstack([x, x[:20]]), np.vstack([y, y[20:40]])
    assert information_imbalance(*more) == pytest.approx(information_imbalance(x, y), abs=1e-12)
    back = np.vstack([y, y[20:40]]), np.vstack([x, x[:20] + 1e-7])
    assert information_imbalance(*back) == pytest.approx(information_imbalance(y, x), abs=1e-12)


def test_lists_are_right_after_many_copies_were_left_out():
    """Near copies fill whole lists, which are searched anew."""
    x, y = P[:150, :6], P[150:300, :6] + 0.5 * P[:150, :6]
    copies = np.repeat([3, 50], 40)
    noise = 1e-8 * np.random.default_rng(0).standard_normal((80, 6))
    more = np.vstack([x, x[copies] + noise]), np.vstack([y, y[copies[::-1]]])
    rows = common_rows(more, 10)
    assert np.array_equal(rows.kept, np.arange(150))
    for lists, space in zip(rows.nearest, (x, y), strict=True):
        assert np.array_equal(lists, np.argsort(distances(space), axis=1, kind="stable")[:, :10])
    assert mutual_neighbours(*more) == mutual_neighbours(x, y)


def test_spaces_that_say_nothing_have_no_imbalance():
    x, y = hard("an offset")
    with pytest.raises(Undefined, match="three rows"):
        information_imbalance(x[:2], y[:2])
    with pytest.raises(Undefined, match="three rows"):
        information_imbalance(x, np.ones((60, 3)))
    with pytest.raises(Undefined, match="three sequences"):
        information_imbalance(x, y, groups=np.arange(60) // 30)
    with pytest.raises(GeoscopeError, match="groups for each"):
        information_imbalance(x, y, groups=np.arange(59))
    with pytest.raises(GeoscopeError, match="NaN"):
        information_imbalance(np.where(x > x.mean(), np.nan, x), y)
