"""Sums where the rows are, tried on a device that is not there: as on the CPU, and what comes back of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import pytest
import torch
from pretended_device import DEVICE, pretended
from tiny_models import lines

from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes import moments as moments_module
from geoscope.passes import row_products
from geoscope.passes.asked_sums import ASKED, SpectralEntropies
from geoscope.passes.by_device import tensor_sums
from geoscope.passes.by_device.group_sums import moments_of
from geoscope.passes.gathering import Gathering, gather
from geoscope.passes.moments import Moments
from geoscope.rows import Batch, FloatArray, Layer, RowIndex
from geoscope.subjects.models.checkpoints import load_checkpoint
from geoscope.subjects.models.extraction import Extraction

THERE = str(DEVICE)
G = np.random.default_rng(20)
PLAIN = G.standard_normal((600, 24)) * G.exponential(1.0, 24)

CLOUDS: dict[str, FloatArray] = {
    "plain": PLAIN,
    "float32": (PLAIN + 3).astype(np.float32),
    "offset": PLAIN + 1e4,
    "few rows": PLAIN[:5],
    "one row": PLAIN[:1],
    "fewer rows than dimensions": PLAIN[:20] + 1,
    "duplicates": np.repeat(PLAIN[:60], 10, axis=0),
    "zero rows": np.where(np.arange(600)[:, None] % 7 == 0, 0.0, PLAIN),
    "constant dimension": np.where(np.arange(24) == 3, 5.0, PLAIN),
    "one dimension": PLAIN[:, :1],
    "tiny": PLAIN * 1e-30,
    "huge": PLAIN * 1e30,
    "beyond squares": PLAIN * 1e160,
    "one far row": np.vstack([PLAIN, np.full((1, 24), 1e5)]),
}


def places(rows: FloatArray) -> tuple[Any, Any]:
    """Sequences of 9 rows and one of many more than there are dimensions, by numbers from -1 on; rows' positions."""
    sequences = np.minimum(np.arange(len(rows)) // 9, 40) - 1
    return sequences, np.arange(len(rows)) - np.searchsorted(sequences, sequences)


def assert_same(here: Moments, there: Moments, rel: float = 1e-9) -> None:
    """Numbers within `rel` of each other; vectors and matrices by their largest, where a total about the mean is by
    what was added up."""
    scatter = np.abs(here.scatter).max()
    np.testing.assert_allclose(there.scatter, here.scatter, rtol=0, atol=rel * scatter)
    np.testing.assert_allclose(there.mean, here.mean, rtol=rel, atol=rel * np.abs(here.mean).max())
    np.testing.assert_allclose(there.units.total, here.units.total, rtol=rel, atol=rel * here.units.count)
    for name in ("count", "size", "step", "scale", "first_count", "sequences"):
        assert getattr(there, name) == pytest.approx(getattr(here, name), rel=1e-12), name
    assert there.units.count == here.units.count
    assert there.first_energy == pytest.approx(here.first_energy, rel=rel, abs=rel * scatter)
    np.testing.assert_array_equal(there.traces.sums.sizes, here.traces.sums.sizes)
    for name in ("squared_trace", "trace_of_square"):
        try:
            expected = getattr(here.traces, name)
        except Undefined:
            continue
        assert getattr(there.traces, name) == pytest.approx(expected, rel=rel, abs=rel * scatter**2), name
    for name, sums in here.further.items():
        assert_equal_fields(sums, there.further[name], rel)


def assert_equal_fields(one: Any, other: Any, rel: float) -> None:
    if isinstance(one, Undefined):
        assert str(one) == str(other)
        return
    assert is_dataclass(one)
    for each in fields(one):
        expected, found = getattr(one, each.name), getattr(other, each.name)
        if isinstance(expected, dict):
            assert found == expected
            continue
        largest = one.sequences if isinstance(one, SpectralEntropies) else np.abs(expected).max()  # each is in [0, 1]
        np.testing.assert_allclose(found, expected, rtol=0, atol=rel * largest, err_msg=each.name)


@pytest.mark.parametrize("name", CLOUDS)
@pytest.mark.parametrize("alone", [False, True])
def test_moments_there_are_those_here(name: str, alone: bool, elsewhere: str) -> None:
    rows = CLOUDS[name]
    sequences, positions = places(rows)
    given = (None, None) if alone else (positions, sequences)
    here = moments_of(rows, *given, ASKED if not alone else ())
    there = moments_of(rows, *given, ASKED if not alone else (), device=elsewhere)
    assert there.device == elsewhere
    assert_same(here, there)


def test_blocks_and_panels_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_products, "_PANEL_THERE", 7)
    monkeypatch.setattr(tensor_sums, "_NARROW", 0)
    sequences, positions = places(PLAIN)
    here = moments_of(PLAIN, positions, sequences, ASKED)
    monkeypatch.setattr(tensor_sums, "BLOCK_BYTES", 8 * 24 * 20)
    order = G.permutation(len(PLAIN))
    with pretended():
        there = moments_of(PLAIN[order], positions[order], sequences[order], ASKED, device=THERE)
    assert_same(here, there)


def test_products_in_float32_are_added_up_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (PLAIN + 100).astype(np.float32)
    sequences, positions = places(rows)
    exact = moments_of(rows, positions, sequences)
    monkeypatch.setattr(moments_module, "SINGLE_ROWS", 100)
    with pretended():
        there = moments_of(rows, positions, sequences, device=THERE)
    assert_same(exact, there, rel=3e-6)
    assert not np.array_equal(there.scatter, exact.scatter)


@dataclass(frozen=True)
class Here:
    """A checkpoint's rows as they come, on the CPU."""

    source: Extraction

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.source.layers

    @property
    def index(self) -> RowIndex:
        return self.source.index

    def batches(self, layers: Sequence[Layer] | None = None) -> Iterator[Batch]:
        for batch in self.source.batches(layers):
            yield Batch(batch.offsets, batch.rows)


@pytest.fixture
def extraction() -> Iterator[tuple[Extraction, Any]]:
    texts = [line for line, _ in zip(lines(), range(25), strict=False)]
    with pretended() as traffic:
        loaded = load_checkpoint("demo", device=THERE)
        yield Extraction(loaded, texts, layers=(1, 2), max_length=40, batch_tokens=300), traffic


def gathered(source: Any, device: str, **asked: Any) -> list[Gathering]:
    given = {"union": False, "points": 50, "seed": 0, "parts": 20, "positions": True, "asked": ASKED} | asked
    return gather(source, source.layers, device=device, **given)


@pytest.mark.parametrize("asked", [{}, {"union": True}, {"parts": 1}, {"details": True}, {"points": None}], ids=str)
def test_a_checkpoints_rows_are_reduced_where_they_are(extraction: Any, asked: dict[str, Any]) -> None:
    source, _ = extraction
    for here, there in zip(gathered(Here(source), "cpu", **asked), gathered(source, THERE, **asked), strict=True):
        assert_same(here.moments, there.moments)
        for one, other in zip(here.moments_without(), there.moments_without(), strict=True):
            assert_same(one, other)
        np.testing.assert_array_equal(there.take_points(), here.take_points())
        assert there.zero_rows == here.zero_rows
        if here.holders is not None:
            assert vars(here.holders)["largest"] == vars(there.holders)["largest"]


def test_only_points_and_sums_come_back(extraction: Any) -> None:
    source, traffic = extraction
    list(source.batches())  # what a first time tries
    traffic.back.clear()
    traffic.waited = 0
    clouds = gathered(source, THERE, asked=())
    d, batches = source.row_size, len(source._batches)
    sums = 20 * tensor_sums.numbers_a_group(d)
    few = 4 * len(source.layers) + d * 8  # are all rows finite; where the frame is
    assert sum(traffic.back) <= len(clouds) * (50 * d * 4 + sums * 8 + few) + batches * few
    assert len(traffic.back) <= len(clouds) * (batches + 3) + batches
    assert traffic.waited <= 4 * len(clouds)


def test_what_asks_for_arrays_gets_them(extraction: Any) -> None:
    source, _ = extraction
    batch = next(iter(source.batches()))
    for layer, rows in batch.held.items():
        assert rows.device == DEVICE
        np.testing.assert_array_equal(batch.rows[layer], rows.cpu().numpy())
    assert batch.rows is batch.rows


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_refused_there(
    extraction: Any, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, _ = extraction
    plain: Callable[..., Any] = Extraction._states

    def broken(*given: Any) -> Any:
        states = plain(*given)
        states[2][0, 1, 0] = value
        return states

    monkeypatch.setattr(Extraction, "_states", broken)
    with pytest.raises(GeoscopeError, match=r"in 1 of the \d+ rows of layer 2"):
        next(iter(source.batches()))


def test_large_finite_rows_are_not_refused_there() -> None:
    from geoscope.rows import non_finite

    with pretended():
        large = torch.full((4, 3), 3e38).to(DEVICE)
        assert non_finite({0: large, 1: large * torch.tensor(torch.inf)}) == {0: 0, 1: 4}
