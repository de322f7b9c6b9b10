"""Sums that are taken where they are asked for: whatever cuts, scatters or mixes the rows, streamed is whole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import entropy

import geoscope
from geoscope import measures
from geoscope.catalogue import TRAITS
from geoscope.estimates.nulls import largest_kurtosis_null, largest_ratio_null, matched_sequences, raw_spectral_null
from geoscope.passes.asked_sums import ASKED
from geoscope.passes.by_device.group_sums import moments_of
from geoscope.passes.gathering import gather
from geoscope.passes.passes import Passes, PassSettings
from geoscope.rows import Batch, RowIndex

KEYS = (
    "mean_energy_share", "rank_me", "alpha_req", "alpha_req_fit", "largest_activation_ratio",
    "largest_dimension_kurtosis", "trajectory_curvature", "prompt_entropy",
)  # fmt: skip


class Scattered:
    """A source whose batches cut sequences and bring layers one after the other, or together."""

    def __init__(self, arrays, index, size, *, together, order):
        self.arrays, self.index, self.size, self.together, self.order = arrays, index, size, together, order
        self.layers = tuple(arrays)

    def batches(self, layers=None):
        for some in [self.layers] if self.together else [(layer,) for layer in self.layers]:
            for start in range(0, len(self.index), self.size):
                offsets = self.order[start : start + self.size]
                yield Batch(offsets, {layer: self.arrays[layer][offsets] for layer in some})


def cloud(d=24, sequences=40):
    """Rows of sequences of 1 to 14 tokens, some positions of which are left out, in two layers."""
    g = np.random.default_rng(5)
    lengths = g.integers(1, 15, sequences)
    names = np.repeat(np.arange(sequences), lengths)
    positions = np.concatenate([np.arange(length) for length in lengths])
    kept = (positions > 0) & (g.random(len(names)) > 0.1)
    names, positions = names[kept], positions[kept]
    arrays = {layer: g.standard_normal((40, d))[names] + g.standard_normal((len(names), d)) for layer in (1, 2)}
    return arrays, RowIndex(names, positions, np.full(len(names), 7))


def by_hand(arrays, index):
    """Curvature in degrees and prompt entropy over every sequence of every layer, one step after the other."""
    angles, entropies = [], []
    for rows in arrays.values():
        for name in np.unique(index.sequences):
            places = np.flatnonzero(index.sequences == name)
            places = places[np.argsort(index.positions[places])]
            steps = [
                rows[b] - rows[a] if index.positions[b] == index.positions[a] + 1 else None for a, b in pairwise(places)
            ]
            turns = [
                np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
                for a, b in pairwise(steps)
                if a is not None and b is not None
            ]
            angles += [np.mean(turns)] if turns else []
            if len(places) > 1:
                squares = np.linalg.svd(rows[places], compute_uv=False) ** 2
                entropies.append(entropy(squares) / np.log(min(len(places), rows.shape[1])))
    return np.mean(angles), np.mean(entropies)


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(("union", "together"), [(False, True), (True, True), (True, False)])
@pytest.mark.parametrize(("parts", "shuffled"), [(1, False), (20, True)])
def test_streamed_is_whole(size, union, together, parts, shuffled):
    arrays, index = cloud()
    n = len(index)
    order = np.random.default_rng(0).permutation(n) if shuffled else np.arange(n)
    source = Scattered(arrays, index, size, together=together, order=order)
    asked = {name for key in KEYS for name in getattr(measures, key).passes}
    found = gather(source, (1, 2), union=union, points=None, seed=0, parts=parts, positions=True, asked=asked)
    wholes = [arrays] if union else [{layer: rows} for layer, rows in arrays.items()]
    for gathering, layers in zip(found, wholes, strict=True):
        rows = np.concatenate(list(layers.values()))
        passes = Passes(gathering.moments, gathering.take_points(), gathering.sequences, PassSettings())
        expected = dict(zip(("trajectory_curvature", "prompt_entropy"), by_hand(layers, index), strict=True))
        for key in KEYS:
            called = getattr(measures, key)
            value = called.formula(**{name: passes.get(name) for name in called.passes})
            whole = expected[key] if key in expected else called(rows)
            assert value == pytest.approx(whole, rel=1e-10, abs=1e-12), key
        for part in gathering.moments_without():
            assert part.taken("tails").fourth.min() > 0


def test_a_part_is_as_if_its_rows_had_never_been():
    arrays, index = cloud()
    source = Scattered({1: arrays[1]}, index, 9, together=True, order=np.arange(len(index)))
    (found,) = gather(source, (1,), union=False, points=5, seed=0, parts=20, positions=True, asked=ASKED)
    for group, part in enumerate(found.moments_without()):
        kept = index.sequences % 20 != group
        alone = moments_of(arrays[1][kept], index.positions[kept], index.sequences[kept], ASKED)
        for name in ASKED:
            one, other = vars(part.taken(name)), vars(alone.taken(name))
            for field, value in one.items():
                if name == "tails":  # about another origin
                    continue
                assert value == pytest.approx(other[field], rel=1e-10), (name, field)
        for key in ("largest_dimension_kurtosis", "rank_me"):
            called = getattr(measures, key)
            given = {"moments": part, "tails": part.taken("tails")}
            value = called.formula(**{name: given[name] for name in called.passes})
            assert value == pytest.approx(called(arrays[1][kept]), rel=1e-9), key


def test_what_is_not_asked_for_is_not_summed():
    assert moments_of(np.eye(5)).further == {}
    with pytest.raises(ValueError, match="read without"):
        Passes.over(np.eye(5)).get("turns")


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1.0, 1e30, 1e160])
def test_tiny_and_huge_rows(scale):
    arrays, index = cloud()
    given = {"groups": index.sequences, "positions": index.positions}
    curvature, spread = by_hand({1: arrays[1]}, index)
    rows = arrays[1] * scale
    assert measures.trajectory_curvature(rows, **given) == pytest.approx(curvature, rel=1e-10)
    assert measures.prompt_entropy(rows, groups=index.sequences) == pytest.approx(spread, rel=1e-10)
    for key in ("rank_me", "mean_energy_share", "largest_dimension_kurtosis", "largest_activation_ratio", "alpha_req"):
        called = getattr(measures, key)
        assert called(rows) == pytest.approx(called(arrays[1]), rel=1e-10), key


def test_an_offset_moves_no_angle_and_no_kurtosis():
    arrays, index = cloud()
    given = {"groups": index.sequences, "positions": index.positions}
    for far in (1e3, 1e6):
        moved = arrays[1] + far
        assert measures.trajectory_curvature(moved, **given) == pytest.approx(
            measures.trajectory_curvature(arrays[1], **given), rel=1e-9
        )
        assert measures.largest_dimension_kurtosis(moved) == pytest.approx(
            measures.largest_dimension_kurtosis(arrays[1]), rel=1e-8
        )


def test_steps_of_rounding_are_no_steps():
    """A token that comes twice stays where it is, up to what float32 rounds away."""
    g = np.random.default_rng(0)
    rows = (g.standard_normal((5, 16)) + 100).astype(np.float32)
    rows[2] = np.nextafter(rows[1], np.float32(np.inf))
    given = {"groups": np.zeros(5, dtype=int), "positions": np.arange(5)}
    steps = np.diff(rows[2:].astype(float), axis=0)
    cosine = steps[0] @ steps[1] / np.linalg.norm(steps[0]) / np.linalg.norm(steps[1])
    assert measures.trajectory_curvature(rows, **given) == pytest.approx(np.degrees(np.arccos(cosine)), rel=1e-9)


def test_a_constant_dimension_has_no_kurtosis():
    rows = np.random.default_rng(0).standard_normal((60, 3))
    with_constant = np.column_stack([rows, np.full(60, 1e3 / 7)])
    assert measures.largest_dimension_kurtosis(with_constant) == pytest.approx(
        measures.largest_dimension_kurtosis(rows), rel=1e-12
    )


def test_exchangeable_rows_turn_by_120_degrees_on_average():
    g = np.random.default_rng(1)
    rows = g.exponential(size=(4000, 3)) ** 2
    given = {"groups": np.arange(4000) // 8, "positions": np.arange(4000) % 8}
    report = geoscope.measure(rows, measures=["trajectory_curvature"], groups=given["groups"])
    assert report["trajectory_curvature"].value is None  # a file's groups have no positions
    assert measures.trajectory_curvature(rows, **given) == pytest.approx(120, abs=0.7)


def test_rows_in_no_order_have_a_prompt_entropy_of_their_groups_with_error_and_null():
    g = np.random.default_rng(2)
    groups = np.repeat(np.arange(60), 6)
    rows = g.standard_normal((60, 24))[groups] + g.standard_normal((360, 24))
    row = geoscope.measure(rows, groups=groups, measures=["prompt_entropy"]).measurements[0]
    assert row.value == pytest.approx(measures.prompt_entropy(rows, groups=groups), rel=1e-12)
    assert row.null == pytest.approx(row.value, abs=4 * row.standard_error)
    assert row.null_kind == "matched"


def test_rows_of_alone_have_no_matched_sequences():
    assert TRAITS["prompt_entropy"].null_kind == "matched"
    with pytest.raises(geoscope.errors.Undefined, match="one sequence"):
        matched_sequences(Passes.over(np.random.default_rng(0).standard_normal((20, 4))), {5: 4})


def test_matched_sequences_have_the_points_spread_whether_all_rows_are_points_or_some():
    g = np.random.default_rng(3)
    groups = np.repeat(np.arange(200), 12)
    rows = g.standard_normal((200, 8))[groups] * 3 + g.standard_normal((2400, 8)) * np.arange(1, 9) + 2
    whole = Passes.over(rows, groups=groups)
    some = Passes(whole.get("moments"), rows[::2], groups[::2], whole.settings)
    value = measures.prompt_entropy(rows, groups=groups)
    for passes in (whole, some):
        found = matched_sequences(passes, {12: 200})
        assert found.sequences == 64
        assert found.total / found.sequences == pytest.approx(value, rel=0.03)


def test_closed_nulls_by_a_second_implementation():
    assert raw_spectral_null(10_000, 384) == pytest.approx(382.2085, abs=1e-3)
    assert raw_spectral_null(116_667, 768) == pytest.approx(767.70, abs=1e-2)
    assert largest_ratio_null(1000, np.zeros(10), np.ones(10)) == pytest.approx(5.898731734, abs=1e-9)
    assert largest_kurtosis_null(500, 20) == pytest.approx(3.444, rel=0.01)


def test_the_null_of_the_largest_ratio_knows_the_dimensions_variances():
    scale = np.arange(1, 21) ** -0.5
    found = [
        measures.largest_activation_ratio(np.random.default_rng(s).standard_normal((500, 20)) * scale)
        for s in range(60)
    ]
    assert largest_ratio_null(500, np.zeros(20), scale**2) == pytest.approx(np.mean(found), rel=0.03)
