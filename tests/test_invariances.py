"""What measures of rows alone must not see in clouds of any shape: shifts, rotations, scales, row order, block size."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measure_rows import ROWS

from geoscope import measures
from geoscope.catalogue import KEYS, STREAMED, TRAITS
from geoscope.errors import Undefined
from geoscope.passes.asked_sums import ASKED
from geoscope.passes.by_device.group_sums import group_sums, moments_of
from geoscope.passes.passes import Passes

SETTINGS = {key: set(inspect.signature(getattr(measures, key)).parameters) for key in KEYS}
ALONE = [key for key in KEYS if SETTINGS[key].isdisjoint({"groups", "positions", "quantizer"})]
PAIRWISE = [key for key in ALONE if TRAITS[key].sees == "pairs"]

shapes = st.tuples(st.integers(12, 60), st.integers(4, 24), st.integers(0, 10**6))


def cloud(shape):
    n, d, seed = shape
    g = np.random.default_rng(seed)
    return g.standard_normal((n, d)) * np.exp(0.5 * g.standard_normal(d))


def blind_to(change):
    """The measures of rows alone that a change leaves as they are."""
    return [key for key in ALONE if key in ROWS and change in ROWS[key].holds]


def values(rows, keys):
    return {key: value(rows, key) for key in keys}


def value(rows, key):
    """The measure, or why the rows have none."""
    try:
        return getattr(measures, key)(rows)
    except Undefined as reason:
        return str(reason)


def of_sums(key, moments):
    """A measure of every row, from sums over them."""
    taken = {name: moments.further[name] for name in ASKED}
    given = {"moments": moments, "units": moments.units, **taken}
    called = getattr(measures, key)
    return called.formula(**{name: given[name] for name in called.passes})


def of_sums_alone(key):
    """Whether a measure sees nothing but sums over every row."""
    return TRAITS[key].sees == "rows" and "activations" not in getattr(measures, key).passes


COUNTED = ("skdim_corrint",)
"""Its radii are distances of pairs, so that rounding decides whether these pairs count: it is tried on more rows."""


def agree(found, expected):
    assert set(found) == set(expected)
    for key, value in expected.items():
        if key not in COUNTED:
            assert found[key] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-6, abs=1e-9)), key


def test_a_count_of_pairs_moves_by_few_of_them():
    rows = np.random.default_rng(0).standard_normal((300, 8))
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((8, 8)))[0]
    order = np.random.default_rng(2).permutation(300)
    found = [measures.skdim_corrint(each) for each in (rows, rows + 50, rows @ turn, 1e-30 * rows, rows[order])]
    assert found == pytest.approx([found[0]] * 5, rel=1e-3)


@settings(max_examples=20)
@given(shapes, st.floats(-1e3, 1e3))
def test_a_shift_changes_nothing_that_is_centred(shape, by):
    rows = cloud(shape)
    agree(values(rows + by, blind_to("translation")), values(rows, blind_to("translation")))


@settings(max_examples=20)
@given(shapes)
def test_a_rotation_changes_nothing_but_what_reads_coordinates(shape):
    rows = cloud(shape)
    turn = np.linalg.qr(np.random.default_rng(shape[2] + 1).standard_normal((shape[1], shape[1])))[0]
    agree(values(rows @ turn, blind_to("rotation")), values(rows, blind_to("rotation")))


@settings(max_examples=20)
@given(shapes, st.sampled_from([1e-180, 1e-30, 1e-3, 7.0, 1e30, 1e150]))
def test_scale_changes_nothing(shape, by):
    rows = cloud(shape)
    agree(values(rows * by, blind_to("scaling")), values(rows, blind_to("scaling")))


@settings(max_examples=20)
@given(shapes)
def test_row_order_changes_nothing(shape):
    rows = cloud(shape)
    order = np.random.default_rng(shape[2]).permutation(len(rows))
    agree(values(rows[order], blind_to("permutation")), values(rows, blind_to("permutation")))


@settings(max_examples=20)
@given(shapes, st.integers(1, 40))
def test_block_size_changes_no_moment(shape, block):
    from geoscope.passes.moments import Frame, Sums

    rows = cloud(shape) + 50.0
    streamed = Sums(Frame.around(rows[:block]), frozenset(ASKED))
    for start in range(0, len(rows), block):
        streamed.add(rows[start : start + block])
    whole = Passes.over(rows, asked=ASKED).get("moments")
    found = streamed.moments()
    for key in ALONE:
        if of_sums_alone(key) and not isinstance(value(rows, key), str):
            assert of_sums(key, found) == pytest.approx(of_sums(key, whole), rel=1e-9, abs=1e-12), key


def test_duplicates_change_no_pairwise_measure():
    rows = cloud((80, 12, 5))
    copied = np.vstack([rows, rows[:30], rows[10:20] * (1 + 1e-9)])
    agree(values(copied, PAIRWISE), values(rows, PAIRWISE))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64])
def test_number_types_are_read_exactly(dtype):
    rows = (cloud((60, 8, 3)) * 100).astype(dtype)
    agree(values(rows, ALONE), values(rows.astype(np.float64), ALONE))


def test_persistent_entropy_cannot_see_an_offset_that_uncentred_anisotropy_sees():
    rows = cloud((200, 16, 0))
    moved = rows + 5
    assert measures.persistent_entropy(moved) == pytest.approx(measures.persistent_entropy(rows), rel=1e-10)
    assert measures.anisotropy_uncentered(moved) > 2 * measures.anisotropy_uncentered(rows)
    assert measures.average_cosine_similarity(moved) > 0.5


def test_reconstruction_error_can_see_an_offset_and_its_centred_form_hardly():
    rows = cloud((400, 8, 0))
    settings = {"quantizer": "kmeans", "bits": 4}
    moved = rows + 100
    assert measures.reconstruction_error(moved, **settings) < 0.1 * measures.reconstruction_error(rows, **settings)
    assert measures.reconstruction_error_centered(moved, **settings) == pytest.approx(
        measures.reconstruction_error_centered(rows, **settings), rel=0.1
    )


def test_isoscore_star_sees_scale_when_its_reference_does_not_follow():
    rows = cloud((60, 8, 1))
    given = {"isoscore_zeta": 0.2, "isoscore_reference": np.eye(8)}
    assert measures.isoscore_star(rows * 0.01, **given) > measures.isoscore_star(rows, **given) + 0.05
    free = measures.isoscore_star(rows, isoscore_zeta=0.2)
    assert measures.isoscore_star(rows * 0.01, isoscore_zeta=0.2) == pytest.approx(free, rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, 30.0])
@pytest.mark.parametrize("length", [1, 7])
def test_products_in_float32_move_no_spectral_measure(monkeypatch, offset, length):
    """As so many float32 rows have them that nobody would wait for float64's; the bound is the one that is stated."""
    from geoscope.passes import moments

    g = np.random.default_rng(5)
    rows = (g.standard_normal((20_000, 48)) * np.linspace(0.2, 3, 48) + offset).astype(np.float32)
    sequences = np.arange(len(rows)) // length
    positions = np.arange(len(rows)) % length
    double = moments_of(rows, positions, sequences, ASKED)
    monkeypatch.setattr(moments, "SINGLE_ROWS", len(rows))
    single = moments_of(rows, positions, sequences, ASKED)
    assert not np.array_equal(single.scatter, double.scatter)  # or nothing was tested
    of_sequences = {"trajectory_curvature", "prompt_entropy"}
    for key in filter(of_sums_alone, STREAMED - (of_sequences if length == 1 else set())):
        assert of_sums(key, single) == pytest.approx(of_sums(key, double), rel=1e-7, abs=1e-9), key


@pytest.mark.parametrize("scale", [1e-30, 1e19, 1e25])
def test_products_that_would_leave_float32_are_made_in_float64(monkeypatch, scale):
    from geoscope.passes import moments

    rows = (np.random.default_rng(6).standard_normal((500, 24)) + 1).astype(np.float32)
    expected = measures.isoscore_star(rows)
    monkeypatch.setattr(moments, "SINGLE_ROWS", len(rows))
    assert measures.isoscore_star(rows * np.float32(scale)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("scale", [1e22, 1e30])
def test_blocks_that_would_leave_float32_are_made_in_float64_among_others(monkeypatch, scale, elsewhere):
    """As rows of another size come later."""
    from geoscope.passes import moments

    rows = (np.random.default_rng(7).standard_normal((12_000, 24)) + 1).astype(np.float32)
    rows[-3_000:] *= np.float32(scale)
    sequences = np.arange(len(rows)) // 5
    expected = moments_of(rows, None, sequences)
    monkeypatch.setattr(moments, "SINGLE_ROWS", 100)
    for device in ("cpu", elsewhere):
        sums = group_sums(moments.Frame.around(rows[:4000], len(rows), device), 1)
        for start in range(0, len(rows), 3_000):
            sums.add(rows[start : start + 3_000], sequences[start : start + 3_000])
        found = sums.parts()[0].moments()
        for measure in (measures.isoscore_star, measures.participation_ratio_corrected):
            value = measure.formula(moments=expected)
            assert measure.formula(moments=found) == pytest.approx(value, rel=1e-6), (device, measure)
