"""Codebooks: what must be true of any quantizer, and that ours is FAISS's in distribution."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes.quantizers import compiled_rows, fitting, local_search, tasks
from geoscope.passes.quantizers.codebooks import Codes, QuantizerSettings, quantize, quantize_heldout, split_groups
from geoscope.passes.quantizers.compiled_rows import CompiledRows

Rows = npt.NDArray[np.float32]

FAISS = QuantizerSettings(bits=4, implementation="faiss")
OURS = QuantizerSettings(bits=4, implementation="geoscope")
EVERY = [
    FAISS,
    OURS,
    QuantizerSettings(bits=6, implementation="faiss"),
    QuantizerSettings(bits=6, codebooks=2, implementation="geoscope"),
    QuantizerSettings(bits=3, codebooks=3, implementation="geoscope"),
    QuantizerSettings(bits=9, codebooks=1, implementation="geoscope"),
    QuantizerSettings(bits=4, codebooks=6, implementation="geoscope"),
    QuantizerSettings("pq", bits=4),
    QuantizerSettings("pq", bits=6),
    QuantizerSettings("kmeans", bits=4),
    QuantizerSettings("kmeans", bits=9),
]


@pytest.fixture(autouse=True, scope="module")
def _faiss_alone_on_a_core() -> Iterator[None]:
    """Its small parallel regions wait for each other on a busy machine; codes do not depend on threads."""
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(threads)


def clusters(n: int, d: int, seed: int, *, offset: float = 0.0) -> Rows:
    """Rows about 40 centres of unequal weight, with a few strong directions, as real layers have."""
    rng = np.random.default_rng(seed)
    scales = 1.0 / np.sqrt(1.0 + np.arange(d))
    centres = rng.standard_normal((40, d)) * scales
    weights = rng.dirichlet(np.full(40, 0.5))
    rows = centres[rng.choice(40, n, p=weights)] + 0.5 * rng.standard_normal((n, d)) * scales
    return (rows + offset).astype(np.float32)


def lloyd(codes: Codes) -> float:
    """Lloyd's patchiness, ddof 1, mean over codebooks."""
    mean = codes.counts.mean(axis=1)
    return float(np.mean(1 + codes.counts.var(axis=1, ddof=1) / mean**2 - 1 / mean))


@pytest.mark.parametrize("settings", EVERY, ids=lambda s: f"{s}-{s.implementation}")
def test_counts_sum_and_error_are_those_of_the_codes(settings: QuantizerSettings) -> None:
    rows = clusters(900, 24, 0)
    codes = quantize(rows, settings)
    assert codes.codes.shape == (900, settings.codebooks)
    assert codes.codes.dtype == (np.uint8 if settings.bits <= 8 else np.uint16)
    assert codes.counts.shape == (settings.codebooks, settings.cells)
    assert codes.counts.dtype == np.int64
    for column, counts in zip(codes.codes.T, codes.counts, strict=True):
        np.testing.assert_array_equal(counts, np.bincount(column, minlength=settings.cells))
    exact = rows.astype(np.float64)
    assert codes.energy == pytest.approx(np.sum(exact**2), rel=1e-12)
    assert codes.centered_energy == pytest.approx(np.sum((exact - exact.mean(0)) ** 2), rel=1e-12)
    assert 0 <= codes.error < codes.centered_energy


@pytest.mark.parametrize("settings", EVERY, ids=lambda s: f"{s}-{s.implementation}")
def test_a_seed_is_an_answer(settings: QuantizerSettings) -> None:
    rows = clusters(600, 16, 1)
    once, again = quantize(rows, settings), quantize(rows, settings)
    np.testing.assert_array_equal(once.codes, again.codes)
    assert once.error == again.error
    another = quantize(rows, replace(settings, seed=3))
    assert not np.array_equal(once.codes, another.codes)


@pytest.mark.parametrize(
    "settings", [FAISS, OURS, QuantizerSettings("pq", bits=4), QuantizerSettings("kmeans", bits=4)]
)
def test_float64_rows_and_copies_change_nothing(settings: QuantizerSettings) -> None:
    rows = clusters(300, 8, 2)
    codes = quantize(rows, settings)
    wide = np.asfortranarray(rows.astype(np.float64))
    np.testing.assert_array_equal(quantize(wide, settings).codes, codes.codes)
    before = rows.copy()
    quantize(rows, settings, train_on=rows)
    np.testing.assert_array_equal(rows, before)


def test_faiss_is_faiss_with_its_own_seeds() -> None:
    import faiss

    rows = clusters(400, 12, 3)
    lsq = faiss.LocalSearchQuantizer(12, 2, 8)
    lsq.train(rows)
    packed = lsq.compute_codes(rows)
    codes = quantize(rows, QuantizerSettings(codebooks=2, implementation="faiss"))
    np.testing.assert_array_equal(codes.codes, packed)
    assert codes.error == pytest.approx(np.sum((rows.astype(np.float64) - lsq.decode(packed)) ** 2), rel=1e-5)
    pq = faiss.ProductQuantizer(12, 4, 8)
    around = rows - rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    pq.train(around)
    packed = pq.compute_codes(around)
    codes = quantize(rows, QuantizerSettings("pq"))
    np.testing.assert_array_equal(codes.codes, packed)
    assert codes.error == pytest.approx(np.sum((around.astype(np.float64) - pq.decode(packed)) ** 2), rel=1e-5)


def test_kmeans_cells_are_nearest_centroids() -> None:
    rows = clusters(500, 6, 4)
    settings = QuantizerSettings("kmeans", bits=3)
    assert settings.codebooks == 1
    assert settings.implementation == "faiss"
    codes = quantize(rows, settings)
    labels = codes.codes[:, 0]
    centroids = np.stack([rows[labels == k].astype(np.float64).mean(0) for k in range(8)])
    spread = sum(np.sum((rows[labels == k] - centroids[k]) ** 2) for k in range(8))
    assert spread <= codes.error * (1 + 1e-9)
    assert spread == pytest.approx(codes.error, rel=0.02)


def test_a_product_of_signs_rebuilds_the_corners_of_a_cube() -> None:
    corners = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8).T.astype(np.float32)
    codes = quantize(np.repeat(corners, 10, axis=0), QuantizerSettings("pq", codebooks=3, bits=1))
    assert codes.error == pytest.approx(0, abs=1e-9)
    np.testing.assert_array_equal(codes.counts, np.full((3, 2), 40))


@pytest.mark.parametrize("kind", ["lsq", "pq", "kmeans"])
def test_fewer_rows_than_cells_is_undefined(kind: Any) -> None:
    rows = clusters(63, 8, 5)
    with pytest.raises(Undefined, match="63 rows are counted, fewer than the quantizer's 64 cells"):
        quantize(rows, QuantizerSettings(kind, bits=6))
    with pytest.raises(Undefined, match="63 rows are trained on"):
        quantize(clusters(64, 8, 5), QuantizerSettings(kind, bits=6), train_on=rows)


@pytest.mark.parametrize("scale", [1e20, 1e-20, 0.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_float32_cannot_square_are_undefined(scale: float, dtype: type) -> None:
    with pytest.raises(Undefined, match="squared length"):
        quantize(clusters(64, 8, 6).astype(dtype) * dtype(scale), FAISS)


def test_rows_that_are_not_finite_are_undefined() -> None:
    rows = clusters(64, 8, 6)
    rows[5, 2] = np.nan
    with pytest.raises(Undefined, match="not finite"):
        quantize(rows, FAISS)


def test_width_and_settings_are_checked() -> None:
    rows = clusters(64, 6, 7)
    with pytest.raises(Undefined, match="4 equal parts, and d = 6"):
        quantize(rows, QuantizerSettings("pq", bits=4))
    with pytest.raises(GeoscopeError, match="same width"):
        quantize(rows, FAISS, train_on=clusters(64, 8, 7))
    with pytest.raises(GeoscopeError, match="array of floats"):
        quantize(np.zeros((64, 6), dtype=np.int64), FAISS)  # type: ignore[arg-type]
    for wrong in (
        {"kind": "rq"},
        {"bits": 0},
        {"bits": 13},
        {"codebooks": 0},
        {"seed": -1},
        {"implementation": "x"},
    ):
        with pytest.raises(GeoscopeError):
            QuantizerSettings(**wrong)  # type: ignore[arg-type]


def test_split_is_by_group_seeded_and_free_of_row_order() -> None:
    rng = np.random.default_rng(8)
    groups = rng.integers(0, 41, 1000) * 7
    trains = split_groups(groups, 0)
    assert not set(groups[trains]) & set(groups[~trains])
    assert len(set(groups[trains])) == 20
    order = rng.permutation(1000)
    np.testing.assert_array_equal(split_groups(groups[order], 0), trains[order])
    assert not np.array_equal(split_groups(groups, 1), trains)
    with pytest.raises(Undefined, match="two sequences"):
        split_groups(np.zeros(10, dtype=np.int64), 0)


@pytest.mark.parametrize("settings", [FAISS, OURS])
def test_held_out_counts_the_other_half(settings: QuantizerSettings) -> None:
    rows = clusters(600, 8, 9)
    groups = np.arange(600, dtype=np.int64) // 20
    trains = split_groups(groups, settings.seed)
    codes = quantize_heldout(rows, groups, settings)
    assert int(codes.counts.sum()) == settings.codebooks * int((~trains).sum())
    np.testing.assert_array_equal(codes.codes, quantize(rows[~trains], settings, train_on=rows[trains]).codes)
    flattered = quantize(rows[~trains], settings)
    assert codes.error > flattered.error


@pytest.mark.parametrize("settings", [FAISS, OURS, QuantizerSettings("pq", bits=4)])
def test_progress_names_the_step_and_ends(settings: QuantizerSettings) -> None:
    calls: list[tuple[int, int, str]] = []
    quantize(clusters(100, 8, 10), settings, progress=lambda *call: calls.append(call))
    assert calls[-1][0] == calls[-1][1]
    assert all(str(settings) in what for _, _, what in calls)


def test_sums_do_not_depend_on_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = clusters(300, 8, 11)
    whole = quantize(rows, FAISS)
    monkeypatch.setattr(tasks, "BLOCK_BYTES", 8 * 8 * 7)
    blocked = quantize(rows, FAISS)
    assert blocked.error == pytest.approx(whole.error, rel=1e-13)
    assert blocked.centered_energy == pytest.approx(whole.centered_energy, rel=1e-13)


def fitted(rows: Rows, codes: npt.NDArray[np.int32], *, exact: bool) -> Rows:
    """The codebooks around the rows' mean, of 8 cells each."""
    with ThreadPoolExecutor(2) as pool:
        placed = CompiledRows([rows], [rows.mean(axis=0)], 8, pool)
        tables: Rows = placed.fit(0, torch.from_numpy(codes), exact=exact).numpy()
        return tables


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("offset", [0.0, 3.0, 1000.0])
def test_codebooks_solve_the_regularised_normal_equations(exact: bool, offset: float) -> None:
    """Of the rows about their mean: what is penalised does not hang on where the origin is."""
    rows = clusters(200, 5, 12, offset=offset)
    codes = np.random.default_rng(12).integers(0, 7, (200, 3), dtype=np.int32)  # the last cells are empty
    onehot = np.zeros((200, 24))
    for m in range(3):
        onehot[np.arange(200), 8 * m + codes[:, m]] = 1
    matrix, right = onehot.T @ onehot + 0.01 * np.eye(24), onehot.T @ (rows.astype(np.float64) - rows.mean(axis=0))
    found = fitted(rows, codes, exact=exact)
    left = np.abs(matrix @ found - right)  # where codes say the same, float32 cannot tell their parts any better
    assert np.all(left <= 1e-6 * (np.abs(matrix) @ np.abs(found) + np.abs(right)))
    if exact:
        np.testing.assert_allclose(found, np.linalg.solve(matrix, right), rtol=0, atol=2e-6 * max(offset, 1.0))


def test_a_cell_too_full_for_float32_is_fitted_in_float64() -> None:
    rows = clusters(9000, 5, 16, offset=3.0)
    codes = np.random.default_rng(16).integers(0, 8, (9000, 2), dtype=np.int32)
    codes[:1200] = 0
    assert np.bincount(codes[:, 0]).max() * 2 > fitting.CROWDED
    np.testing.assert_array_equal(fitted(rows, codes, exact=False), fitted(rows, codes, exact=True))
    few = slice(0, 4000)
    assert np.any(fitted(rows[few], codes[few], exact=False) != fitted(rows[few], codes[few], exact=True))


def around_zero(tables: Rows) -> local_search.Trained:
    return local_search.Trained(tables, np.zeros(tables.shape[2], dtype=np.float32), np.empty((0, 0), dtype=np.int32))


@pytest.mark.parametrize("codebooks", [1, 2, 4, 5, 8])
@pytest.mark.parametrize("cells", [4, 32])
def test_one_code_is_the_cheapest_given_the_others(codebooks: int, cells: int) -> None:
    """Against brute force: no single code of a searched row can be changed to its gain (but where sweeps ran out)."""
    rng = np.random.default_rng(13)
    tables = (rng.standard_normal((codebooks, cells, 6)) + 0.5).astype(np.float32)
    rows = rng.standard_normal((120, 6)).astype(np.float32)
    codes = local_search.encode(rows, around_zero(tables), 0)
    exact = tables.astype(np.float64)
    rebuilt = sum(exact[m, codes[:, m]] for m in range(codebooks))
    reached = np.sum((rows - rebuilt) ** 2, axis=1)
    improvable = np.zeros(120, dtype=bool)
    for m in range(codebooks):
        without = rebuilt - exact[m, codes[:, m]]
        others = np.sum((rows[:, None] - without[:, None] - exact[m][None]) ** 2, axis=2)
        improvable |= others.min(axis=1) < reached - 1e-4
    assert improvable.mean() <= 0.1


def test_threads_and_chunks_change_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = clusters(300, 8, 14)
    tables = np.random.default_rng(14).standard_normal((4, 16, 8)).astype(np.float32)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = local_search.encode(rows, around_zero(tables), 0)
    finally:
        torch.set_num_threads(threads)
    monkeypatch.setattr(compiled_rows, "_CHUNK", 70)
    monkeypatch.setattr(compiled_rows, "_SLICE", 9)
    assert (
        np.mean(local_search.encode(rows, around_zero(tables), 0) == one) > 0.99
    )  # a tie may fall otherwise in another product


def test_rows_far_from_the_origin_are_resolved_as_faiss_does() -> None:
    """FAISS regularises towards the origin, which costs there; ours towards the mean."""
    far = clusters(600, 12, 15, offset=300.0)
    assert quantize(far, OURS).error < 1.1 * quantize(far, FAISS).error


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e5])
def test_the_error_does_not_hang_on_where_the_origin_is(offset: float) -> None:
    """Never above the centred energy, which codebooks of nothing would leave, and no further off than rounding."""
    near, far = (quantize(clusters(400, 12, 15, offset=each), OURS) for each in (0.0, offset))
    assert far.error < far.centered_energy
    assert far.error / far.centered_energy == pytest.approx(near.error / near.centered_energy, abs=0.05)


@pytest.mark.parametrize("kind", ["pq", "kmeans"])
def test_clusters_do_not_hang_on_where_the_origin_is(kind: Any) -> None:
    near, far = (quantize(clusters(400, 12, 15, offset=each), QuantizerSettings(kind, bits=4)) for each in (0.0, 3e4))
    assert far.error / far.centered_energy == pytest.approx(near.error / near.centered_energy, abs=0.05)


def test_rows_trained_on_keep_what_training_found() -> None:
    """Fewer rows than codes: the codebooks fit what came of training's first codes; a search from others is lost."""
    rows = np.random.default_rng(0).standard_normal((100, 48)).astype(np.float32)
    settings = QuantizerSettings(bits=5)  # 4 x 32 codes
    found = [quantize(rows, replace(settings, seed=seed)) for seed in range(3)]
    assert max(codes.error / codes.centered_energy for codes in found) < 0.01
    copy = [quantize(rows, replace(settings, seed=seed), train_on=rows.copy()) for seed in range(3)]
    assert min(codes.error for codes in copy) > max(codes.error for codes in found)


def test_codes_of_other_rows_are_the_best_of_the_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = np.random.default_rng(14).standard_normal((4, 16, 8)).astype(np.float32)
    rows = clusters(300, 8, 14)

    def errors() -> npt.NDArray[np.float64]:
        codes = local_search.encode(rows, around_zero(tables), 0)
        return np.square(rows - sum(tables[m, codes[:, m]] for m in range(4))).sum(axis=1)

    several = errors()
    monkeypatch.setattr(local_search, "STARTS", 1)
    alone = errors()
    assert (several <= alone * (1 + 1e-5)).all()
    assert (several < alone * (1 - 1e-5)).any()


@pytest.mark.slow
@pytest.mark.parametrize("d", [32, 128])
def test_ours_is_faiss_in_distribution(d: int) -> None:
    """Five seeds: mean error at most 1 % above FAISS's, mean patchiness within 2 of its standard deviations.

    With noise in every direction, as real layers have: without it either's error varies by 10 % from seed to seed.
    """
    rows = clusters(4000, d, 16) + 0.3 * np.random.default_rng(17).standard_normal((4000, d), dtype=np.float32)
    found = {
        implementation: [
            quantize(rows, QuantizerSettings(bits=6, seed=seed, implementation=implementation)) for seed in range(5)
        ]
        for implementation in ("geoscope", "faiss")
    }
    errors = {name: np.mean([codes.error for codes in runs]) for name, runs in found.items()}
    assert errors["geoscope"] <= 1.01 * errors["faiss"]
    indices = {name: [lloyd(codes) for codes in runs] for name, runs in found.items()}
    spread = np.std(indices["faiss"], ddof=1)
    assert abs(np.mean(indices["geoscope"]) - np.mean(indices["faiss"])) <= 2 * spread
