"""What a run holds on a device: as much as is said, and fewer layers or tokens at a time where there is less."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pretended_device import DEVICE, pretended
from tiny_models import lines
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import geoscope
from geoscope import device_memory
from geoscope.device_memory import Portions, hold_to_device, need_on_device
from geoscope.errors import GeoscopeError
from geoscope.memory import LEAST_BLOCKS, Workload
from geoscope.passes.gathering import gather
from geoscope.passes.making import OF_SEEDS
from geoscope.passes.passes import Passes
from geoscope.passes.quantizers import local_search, torch_rows
from geoscope.passes.quantizers.codebooks import QuantizerSettings
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
    assert hold_to_device(None, work, source, LAYERS, THERE, None, together=False).layers == len(LAYERS)
    assert hold_to_device(1, work, source, LAYERS, "cpu", None, together=False).layers == len(LAYERS)


def test_less_memory_takes_fewer_layers_then_fewer_tokens_then_none(source: Extraction) -> None:
    work = work_of(source)
    told: list[str] = []
    whole = need_on_device(work, source, LAYERS, Portions(len(LAYERS), 400, work.blocks)).total
    few = need_on_device(work, source, LAYERS, Portions(2, source.longest, LEAST_BLOCKS)).total
    found = [
        hold_to_device(bound, work, source, LAYERS, THERE, told.append, together=False).layers for bound in (whole, few)
    ]
    assert found[0] == len(LAYERS) > found[-1] >= 1
    assert "anew for every" not in told[0]
    assert f"anew for every {found[-1]} layers" in told[-1]
    least = need_on_device(work, source, LAYERS, Portions(1, source.longest, LEAST_BLOCKS)).total
    assert hold_to_device(least, work, source, LAYERS, THERE, None, together=False).layers == 1
    assert source.batch_tokens == source.longest
    with pytest.raises(GeoscopeError, match="expected --device-memory of at least"):
        hold_to_device(least - 1, work, source, LAYERS, THERE, None, together=False)


@pytest.mark.parametrize("options", [{"layers": "union"}, {}])
def test_what_needs_all_layers_at_a_time_is_not_split(source: Extraction, options: dict[str, Any]) -> None:
    work = work_of(source, **options)
    bound = need_on_device(work, source, LAYERS, Portions(len(LAYERS), source.longest, LEAST_BLOCKS)).total
    assert hold_to_device(bound, work, source, LAYERS, THERE, None, together=True).layers == len(LAYERS)
    with pytest.raises(GeoscopeError, match="--device-memory"):
        hold_to_device(bound - 1, work, source, LAYERS, THERE, None, together=True)


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


class Held(TorchDispatchMode):
    """The most bytes that tensors took at a time, of those that torch's operations made."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self._tensors: Counter[int] = Counter()
        self._bytes: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for each in tree_leaves(made):
            if isinstance(each, torch.Tensor):
                memory = each.untyped_storage()
                self._tensors[memory.data_ptr()] += 1
                self._bytes[memory.data_ptr()] = memory.nbytes()
                weakref.finalize(each, self._let_go, memory.data_ptr())
        self.most = max(self.most, sum(self._bytes.values()))
        return made

    def _let_go(self, place: int) -> None:
        self._tensors[place] -= 1
        if not self._tensors[place]:
            del self._bytes[place]


@pytest.mark.parametrize("chunk", [2**30, 2**20])
@pytest.mark.parametrize("trainings", [1, 3])
@pytest.mark.parametrize("name", ["codes", "heldout_codes"])
@pytest.mark.parametrize(
    ("points", "dimension", "quantizer"),
    [(3000, 96, QuantizerSettings(bits=5)), (800, 8, QuantizerSettings(bits=7)), (4000, 24, QuantizerSettings(bits=3))],
)
def test_codebooks_take_no_more_than_is_said(
    points: int, dimension: int, quantizer: QuantizerSettings, name: str, trainings: int, chunk: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for module in (device_memory, torch_rows):
        monkeypatch.setattr(module, "CHUNK_BYTES", chunk)
    monkeypatch.setattr(local_search, "runs_compiled", lambda device: False)
    for short in ("ITERATIONS", "TRAINING_ROUNDS", "ENCODING_ROUNDS", "ROUNDS_A_START"):
        monkeypatch.setattr(local_search, short, 2)
    rows = np.random.default_rng(0).standard_normal((points, dimension)).astype(np.float32)
    work = Workload(
        rows=points, dimension=dimension, layers=1, union=False, points=points, item=4, parts=0,
        passes=frozenset({name}), quantizer=quantizer, trainings=trainings,
    )  # fmt: skip
    passes = Passes.over(rows, groups=np.arange(points) // 10)
    passes.settings = replace(passes.settings, quantizer=quantizer)
    passes.get("radius")
    with Held() as held:
        OF_SEEDS[name](passes, range(trainings))
    assert held.most < need_on_device(work, None, [0], Portions(1, None, work.blocks)).total  # type: ignore[arg-type]
