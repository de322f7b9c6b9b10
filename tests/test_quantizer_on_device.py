"""The quantizer where torch computes: the compiled one's codes, on a device that is not there, and what came back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from pretended_device import DEVICE, pretended, train_briefly

from geoscope.passes.making import make_codes, make_heldout_codes
from geoscope.passes.passes import Passes
from geoscope.passes.quantizers import compiled_search, local_search, torch_rows, torch_search
from geoscope.passes.quantizers.codebooks import Codes, QuantizerSettings, quantize, quantize_heldout, quantized
from geoscope.passes.quantizers.compiled_rows import CompiledRows
from geoscope.passes.quantizers.torch_rows import TorchRows
from geoscope.regularizers import learn_codebooks

Array = npt.NDArray[Any]
THERE = str(DEVICE)
CUDA = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"))


def clusters(n: int, d: int, seed: int = 0) -> Array:
    """Rows about 12 centres, in directions of falling length."""
    rng = np.random.default_rng(seed)
    scales = 1.0 / np.sqrt(1.0 + np.arange(d))
    rows = rng.standard_normal((12, d))[rng.integers(0, 12, n)] + 0.5 * rng.standard_normal((n, d))
    return (rows * scales).astype(np.float32)


def constant(rows: Array) -> Array:
    rows[:, 1] = 7.0
    return rows


CLOUDS: dict[str, tuple[Array, QuantizerSettings]] = {
    "four codebooks": (clusters(700, 24), QuantizerSettings(bits=4)),
    "one codebook": (clusters(300, 12), QuantizerSettings(bits=5, codebooks=1)),
    "two codebooks": (clusters(300, 12), QuantizerSettings(bits=4, codebooks=2)),
    "three codebooks": (clusters(300, 12), QuantizerSettings(bits=3, codebooks=3)),
    "five codebooks": (clusters(200, 12), QuantizerSettings(bits=3, codebooks=5)),
    "as many rows as cells": (clusters(16, 6), QuantizerSettings(bits=4)),
    "few rows of many dimensions": (clusters(40, 90), QuantizerSettings(bits=4)),
    "every row ten times": (np.repeat(clusters(30, 8), 10, axis=0), QuantizerSettings(bits=4)),
    "far from the origin": (clusters(300, 12) + np.float32(1e4), QuantizerSettings(bits=4)),
    "float64, far": (clusters(200, 12) + 1e7, QuantizerSettings(bits=3)),
    "a constant dimension": (constant(clusters(200, 12)), QuantizerSettings(bits=3)),
}


@pytest.fixture
def by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU as any other device."""
    monkeypatch.setattr(local_search, "runs_compiled", lambda device: False)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    train_briefly(monkeypatch, 4)


def same(one: Codes, other: Codes) -> bool:
    return np.array_equal(one.codes, other.codes) and one.error == other.error


@pytest.mark.parametrize("cells", [2, 10, 16, 33])
@pytest.mark.parametrize("codebooks", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("numbers", ["any", "few"])
@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_the_search_is_the_compiled_one_to_the_last_bit(codebooks: int, cells: int, numbers: str, device: str) -> None:
    """Of equal costs; where these are few whole numbers, most of them are equally low, and the first is taken."""
    rng = np.random.default_rng(codebooks)
    rows, width = 37, -(-cells // compiled_search.LANES) * compiled_search.LANES
    tables = (
        rng.integers(-1, 2, (codebooks * cells, 3)) if numbers == "few" else rng.normal(size=(codebooks * cells, 9))
    )
    tables = tables.astype(np.float32)
    unary = rng.integers(0, 3, (rows, codebooks, cells)).astype(np.float32)
    unary += 0 if numbers == "few" else rng.normal(size=unary.shape).astype(np.float32)
    binary = (2 * tables @ tables.T).reshape(codebooks, cells, codebooks, cells)
    wide = np.full((rows, codebooks, width), np.inf, dtype=np.float32)
    wide[..., :cells] = unary
    wide_binary = np.zeros((codebooks * width + 1, codebooks, width), dtype=np.float32)
    wide_binary[:-1].reshape(codebooks, width, codebooks, width)[:, :cells, :, :cells] = binary
    codes = rng.integers(0, cells, (2, rows, codebooks), dtype=np.int32)
    streams, number = [2**64 - 12345, 77], 2**33 + 5
    by_vector = torch.from_numpy(binary.reshape(-1, codebooks, cells)).transpose(0, 1).contiguous().to(device)
    costs, start = torch.from_numpy(unary).to(device), torch.from_numpy(codes).to(device)
    part = torch_search.Part(0, range(number, number + rows), streams)
    found, reached = torch_search.search_rows(costs, by_vector, start, [part], 6)
    for each, stream in enumerate(streams):
        expected, least = codes[each].copy(), np.empty(rows, dtype=np.float32)
        compiled_search.search_rows(wide, wide_binary, expected, least, cells, 0, number, np.uint64(stream), 6)
        np.testing.assert_array_equal(found[each].cpu(), expected)
        np.testing.assert_array_equal(reached[each].cpu(), least)


@pytest.mark.parametrize("exact", [True, False])
def test_the_fit_is_the_compiled_one_up_to_rounding(exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = clusters(500, 7) + np.float32(30)
    codes = torch.from_numpy(np.random.default_rng(1).integers(0, 7, (500, 3), dtype=np.int32))  # one cell is empty
    shift = rows.mean(axis=0)
    with local_search._at_work() as pool:
        here = CompiledRows([rows], [shift], 8, pool).fit(0, codes, exact=exact)
    whole = TorchRows([rows], [shift], 8, "cpu").fit(0, codes, exact=exact)
    assert float((whole - here).abs().max()) <= (1e-6 if exact else 1e-3)
    monkeypatch.setattr(torch_rows, "CHUNK_BYTES", 20_000)
    again = TorchRows([rows], [shift], 8, "cpu").fit(0, codes, exact=exact)
    assert float((again - whole).abs().max()) <= 1e-3


def test_a_crowded_cell_is_fitted_in_float64() -> None:
    rows = clusters(4200, 3)
    codes = torch.zeros(4200, 1, dtype=torch.int32)
    placed = TorchRows([rows], [rows.mean(axis=0)], 4, "cpu")
    assert torch.equal(placed.fit(0, codes, exact=False), placed.fit(0, codes, exact=True))


@pytest.mark.parametrize("name", CLOUDS)
def test_codes_and_tables_are_the_compiled_ones(name: str, by_torch: None, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, settings = CLOUDS[name]
    there_books, there = quantized(rows, settings)
    assert same(quantize(rows, settings), there)
    monkeypatch.undo()
    books, here = quantized(rows, settings)
    np.testing.assert_array_equal(there.codes, here.codes)
    np.testing.assert_allclose(there_books.tables, books.tables, rtol=0, atol=1e-6 * np.abs(books.tables).max())
    assert there.error == pytest.approx(here.error, rel=1e-6)


def test_where_ties_fall_otherwise_the_codes_are_as_good(by_torch: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rounding in every fit than float32 has: other codes in the end, and no worse ones."""
    rows, settings = clusters(400, 16), [QuantizerSettings(bits=5, codebooks=3, seed=seed) for seed in range(4)]
    fit = TorchRows.fit
    monkeypatch.setattr(TorchRows, "fit", lambda *given, **options: fit(*given, **options) * (1 + 1e-4))
    there = [quantize(rows, each) for each in settings]
    monkeypatch.undo()
    here = [quantize(rows, each) for each in settings]
    assert any(not np.array_equal(one.codes, other.codes) for one, other in zip(there, here, strict=True))
    errors = np.array([[codes.error for codes in made] for made in (there, here)])
    assert abs(errors[0].mean() - errors[1].mean()) < errors[1].std(ddof=1)


def test_rows_of_another_chunk_get_the_same_codes(by_torch: None, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, settings = CLOUDS["two codebooks"]
    whole = quantize(rows, settings)
    monkeypatch.setattr(torch_rows, "CHUNK_BYTES", 100_000)
    assert np.mean(quantize(rows, settings).codes == whole.codes) > 0.95  # a tie may fall otherwise in another product


def test_held_out_codes_are_the_compiled_ones(by_torch: None, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, groups, settings = clusters(500, 16), np.arange(500) // 10, QuantizerSettings(bits=4)
    there = quantize_heldout(rows, groups, settings)
    monkeypatch.undo()
    np.testing.assert_array_equal(there.codes, quantize_heldout(rows, groups, settings).codes)


def test_a_device_gives_the_same_and_hands_back_codes_and_tables_only(short: None) -> None:
    rows, settings = clusters(200, 12), QuantizerSettings(bits=4, codebooks=3)
    books, here = quantized(rows, settings)
    with pretended() as traffic:
        there_books, there = quantized(rows, settings, device=THERE)
        assert sorted(traffic.back) == sorted([4 * 3 * 16 * 12, 4 * 200 * 3])
        assert traffic.waited == 3  # once a fit but the last: are cells crowded?
        assert sum(size == rows.nbytes for size in traffic.there) == 1
    assert same(there, here)
    np.testing.assert_array_equal(there_books.tables, books.tables)


def test_no_round_and_no_chunk_is_waited_for(short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, settings = clusters(60, 5), QuantizerSettings(bits=3, codebooks=2)
    monkeypatch.setattr(local_search, "TRAINING_ROUNDS", 5)
    monkeypatch.setattr(torch_rows, "CHUNK_BYTES", 8_000)
    with pretended() as traffic:
        quantize(rows, settings, device=THERE)
        assert traffic.waited == 3
        assert len(traffic.back) == 2


def test_the_passes_hand_the_device_on(short: None) -> None:
    rows, groups = clusters(120, 6), np.arange(120) // 6
    here = Passes.over(rows, groups=groups, bits=3)
    expected = make_codes(here), make_heldout_codes(here)
    with pretended() as traffic:
        there = Passes.over(rows, groups=groups, bits=3, device=THERE)
        traffic.back.clear()
        assert same(make_codes(there), expected[0])
        assert same(make_heldout_codes(there), expected[1])
        assert len(traffic.back) == 5  # tables and codes, twice, and codes of the other half


def test_codebooks_to_train_by_are_learnt_where_the_points_are(short: None) -> None:
    points = torch.from_numpy(clusters(120, 6))
    here = learn_codebooks(points, bits=3, codebooks=2)
    with pretended():
        there = learn_codebooks(points.to(DEVICE), bits=3, codebooks=2)
        np.testing.assert_array_equal(there.tables.cpu().numpy(), here.tables.numpy())


@pytest.mark.parametrize("placed", [CompiledRows, TorchRows])
def test_products_are_in_float32_whatever_is_chosen(placed: Any, short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, settings = clusters(200, 12), QuantizerSettings(bits=3)
    monkeypatch.setattr(local_search, "runs_compiled", lambda device: placed is CompiledRows)
    exact = quantize(rows, settings)
    backends = {torch.backends.cuda.matmul: "tf32", torch.backends.mkldnn.matmul: "bf16"}
    before = {backend: backend.fp32_precision for backend in backends}
    used = []

    def watched(work: Callable[..., Any]) -> Callable[..., Any]:
        def watching(*given: Any, **options: Any) -> Any:
            used.append({backend.fp32_precision for backend in backends} | {torch.is_autocast_enabled("cpu")})
            return work(*given, **options)

        return watching

    monkeypatch.setattr(placed, "fit", watched(placed.fit))
    monkeypatch.setattr(placed, "refine", watched(placed.refine))
    try:
        for backend, chosen in backends.items():
            backend.fp32_precision = chosen
        with torch.autocast("cpu", dtype=torch.bfloat16):
            lower = quantize(rows, settings)
            assert torch.is_autocast_enabled("cpu")
        assert {backend: backend.fp32_precision for backend in backends} == backends
    finally:
        for backend, chosen in before.items():
            backend.fp32_precision = chosen
    assert same(lower, exact)
    assert len(used) > 6
    assert all(each == {"ieee", False} for each in used)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_as_good_codes_and_the_same_each_time() -> None:
    rows, settings = clusters(3000, 64), [QuantizerSettings(bits=6, seed=seed) for seed in range(4)]
    there = [quantize(rows, each, device="cuda") for each in settings]
    assert all(same(quantize(rows, each, device="cuda"), codes) for each, codes in zip(settings, there, strict=True))
    here = np.array([quantize(rows, each).error for each in settings])
    assert abs(np.mean([codes.error for codes in there]) - here.mean()) < 2 * here.std(ddof=1)


def test_mps_has_no_float64_and_leaves_it_to_the_cpu() -> None:
    rows, settings = CLOUDS["three codebooks"]
    assert same(quantize(rows, settings, device="mps"), quantize(rows, settings))


def test_faiss_clusters_on_the_gpus_it_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """FAISS built for GPUs is asked to use them; here a fake one is told so and takes the CPU."""
    import faiss

    asked = []

    class Kmeans(faiss.Kmeans):  # type: ignore[misc]
        def __init__(self, *given: Any, gpu: bool, **options: Any) -> None:
            asked.append(gpu)
            super().__init__(*given, **options)

    rows, settings = clusters(100, 8), QuantizerSettings("kmeans", bits=3)
    here = quantize(rows, settings)
    monkeypatch.setattr(faiss, "Kmeans", Kmeans)
    quantize(rows, settings)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 2, raising=False)
    assert same(quantize(rows, settings), here)
    assert asked == [False, True]
