"""What a run holds on a device: as much as is said, and fewer layers or tokens at a time where there is less."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pretended_device import DEVICE, pretended
from tiny_models import lines

import geoscope
from geoscope.device_memory import Turns, layers_at_once, need_on_device
from geoscope.errors import GeoscopeError
from geoscope.passes.gathering import gather
from geoscope.plans import workload_of
from geoscope.settings.measuring import MeasureKeywords
from geoscope.settings.option import completed
from geoscope.subjects.models.checkpoints import load_checkpoint
from geoscope.subjects.models.extraction import Extraction

THERE = str(DEVICE)
LAYERS = (0, 2, 3, 5, 6)
TEXTS = [line for line, _ in zip(lines(), range(20), strict=False)]


@pytest.fixture
def source() -> Iterator[Extraction]:
    with pretended():
        yield Extraction(load_checkpoint("demo", device=THERE), TEXTS, layers=LAYERS, max_length=30, batch_tokens=400)


def work_of(source: Extraction, **options: Any) -> Any:
    return workload_of(source, LAYERS, completed(MeasureKeywords, {"points": 100, **options}))


def test_all_layers_are_read_at_a_time_where_nothing_is_bounded(source: Extraction) -> None:
    work = work_of(source)
    assert layers_at_once(None, work, source, LAYERS, THERE, None, together=False) == len(LAYERS)
    assert layers_at_once(1, work, source, LAYERS, "cpu", None, together=False) == len(LAYERS)


def test_less_memory_takes_fewer_layers_then_fewer_tokens_then_none(source: Extraction) -> None:
    work = work_of(source)
    told: list[str] = []
    whole = need_on_device(work, source, LAYERS, Turns(len(LAYERS), 400)).total
    found = [
        layers_at_once(bound, work, source, LAYERS, THERE, told.append, together=False)
        for bound in (whole, whole - 1, whole // 2)
    ]
    assert found[0] == len(LAYERS) > found[-1] >= 1
    assert "anew for every" not in told[0]
    assert f"anew for every {found[-1]} layers" in told[-1]
    least = need_on_device(work, source, LAYERS, Turns(1, source.longest)).total
    assert layers_at_once(least, work, source, LAYERS, THERE, None, together=False) == 1
    assert source.batch_tokens == source.longest
    with pytest.raises(GeoscopeError, match="expected --device-memory of at least"):
        layers_at_once(least - 1, work, source, LAYERS, THERE, None, together=False)


@pytest.mark.parametrize("options", [{"layers": "union"}, {}])
def test_what_needs_all_layers_at_a_time_is_not_split(source: Extraction, options: dict[str, Any]) -> None:
    work = work_of(source, **options)
    bound = need_on_device(work, source, LAYERS, Turns(len(LAYERS), source.longest)).total
    assert layers_at_once(bound, work, source, LAYERS, THERE, None, together=True) == len(LAYERS)
    with pytest.raises(GeoscopeError, match="--device-memory"):
        layers_at_once(bound - 1, work, source, LAYERS, THERE, None, together=True)


def test_layers_in_turn_are_those_at_a_time(source: Extraction) -> None:
    asked = {"union": False, "points": 40, "seed": 0, "parts": 20, "positions": True, "device": THERE}
    whole = gather(source, LAYERS, **asked)  # type: ignore[arg-type]
    parts = gather(source, LAYERS, at_once=2, **asked)  # type: ignore[arg-type]
    for one, other in zip(whole, parts, strict=True):
        assert one.layer == other.layer
        np.testing.assert_array_equal(one.moments.scatter, other.moments.scatter)
        np.testing.assert_array_equal(one.take_points(), other.take_points())


def test_a_run_says_what_it_needs_there_and_refuses_less() -> None:
    told: list[str] = []
    given: dict[str, Any] = {"measures": "anisotropy", "texts": TEXTS, "layers": [1, 2], "device": THERE}
    with pretended():
        free = geoscope.measure("demo", announce=told.append, **given)
        held = geoscope.measure("demo", device_memory="500MB", **given)
        with pytest.raises(GeoscopeError, match="expected --device-memory of at least"):
            geoscope.measure("demo", device_memory="1MB", **given)
    assert any(f"on {THERE} it needs about" in line for line in told)
    assert [each.value for each in held.measurements] == [each.value for each in free.measurements]
    with pytest.raises(GeoscopeError, match="expected --device-memory to be a size"):
        geoscope.measure("demo", device_memory="much", device="cpu")
