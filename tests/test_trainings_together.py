"""Trainings of the quantizer side by side where torch computes: each alone gives the same, and takes longer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pretended_device import DEVICE, KINDS, elsewhere_of, pretended, train_briefly
from torch.utils._python_dispatch import TorchDispatchMode

import geoscope
from geoscope.passes.quantizers import local_search, torch_rows

Array = npt.NDArray[Any]
WIDTH, CELLS = 9, 8


def cloud(n: int, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((6, WIDTH))[rng.integers(0, 6, n)] + 0.5 * rng.standard_normal((n, WIDTH))).astype(
        np.float32
    )


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    train_briefly(monkeypatch, 3)


class Operations(TorchDispatchMode):
    """How many of torch's there were."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


def equal(one: local_search.Trained, other: local_search.Trained) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("tables", "centre", "codes"))


@pytest.mark.parametrize(
    ("codebooks", "chunk"),
    [*((count, 2**30) for count in range(1, 6)), (2, 20_000), (3, 12_000)],
    ids=lambda given: {2**30: "one search", 20_000: "two searches", 12_000: "in parts"}.get(given, given),
)
@pytest.mark.parametrize("kind", KINDS)
def test_each_is_as_if_alone(
    kind: str, codebooks: int, chunk: int, short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_rows, "CHUNK_BYTES", chunk)
    shared = cloud(40)
    problems = [(shared, 5), (cloud(57, 1), 5), (shared, 6), (cloud(23, 2) + np.float32(100), 7)]
    with elsewhere_of(kind) as device:
        together = local_search.train_together(problems, codebooks, CELLS, device=device)
        alone = [local_search.train(rows, codebooks, CELLS, seed, device=device) for rows, seed in problems]
        others = [cloud(n, n) for n in (31, 8, 40, 12)]
        searched = [(rows, each, 3) for rows, each in zip(others, together, strict=True)]
        found = local_search.encode_together(searched, device=device)
        expected = [local_search.encode(*each, device=device) for each in searched]
    assert all(map(equal, together, alone))
    assert all(map(np.array_equal, found, expected))


def test_the_cpu_trains_several_one_by_one(short: None) -> None:
    problems = [(cloud(40), 1), (cloud(30, 1), 2)]
    together = local_search.train_together(problems, 3, CELLS)
    assert all(map(equal, together, [local_search.train(rows, 3, CELLS, seed) for rows, seed in problems]))


def test_a_device_is_given_hardly_more_to_do_by_three_trainings_than_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_search, "runs_compiled", lambda device: False)
    rows, taken = cloud(60), []
    for seeds in (1, 3):
        with Operations() as operations:
            local_search.train_together([(rows, seed) for seed in range(seeds)], 4, CELLS)
        taken.append(operations.count)
    assert taken[1] < 1.2 * taken[0]


GROUPS = np.arange(120) // 4
KEYS = ["patchiness", "patchiness_heldout"]


def measured(device: str, **options: Any) -> dict[str, geoscope.Measurement]:
    given = {"groups": GROUPS, "measures": KEYS, "bits": 2, "null": "none"} | options
    report = geoscope.measure(cloud(120), device=device, **given)
    return {row.measure: row for row in report.measurements}


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many problems were trained at a time, call by call."""
    calls: list[int] = []
    train = local_search.train_together

    def watched(problems: Any, *given: Any, **options: Any) -> Any:
        calls.append(len(problems))
        return train(problems, *given, **options)

    monkeypatch.setattr(local_search, "train_together", watched)
    return calls


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_trains_together_and_says_the_same(kind: str, short: None, trainings: list[int]) -> None:
    here = measured("cpu")
    assert trainings == [1] * 6
    trainings.clear()
    told: list[tuple[int, int, str]] = []
    with elsewhere_of(kind) as device:
        there = measured(device, progress=lambda *step: told.append(step))
        assert trainings == [3, 3]
        without = measured(device, errors=False)
        assert trainings == [3, 3, 1, 1]
    assert [step[:2] for step in told if "codebooks" in step[2]] == 2 * [(0, 3), (1, 3), (2, 3), (3, 3)]
    for key in KEYS:
        assert without[key].value == there[key].value
        assert there[key].value == pytest.approx(here[key].value, rel=1e-9)
        assert there[key].training_spread == pytest.approx(here[key].training_spread, rel=1e-6)
        assert there[key].standard_error == pytest.approx(here[key].standard_error, rel=1e-6)
        assert there[key].caution == here[key].caution


def test_no_more_is_trained_than_an_error_takes(short: None, trainings: list[int]) -> None:
    with pretended():
        too_few = measured(str(DEVICE), groups=np.arange(120) // 30)
    assert all(row.standard_error is None for row in too_few.values())
    assert trainings == [1, 1]


@pytest.mark.parametrize("bits", [6, 7])
def test_what_has_no_codes_says_why_as_ever(bits: int, short: None, trainings: list[int]) -> None:
    """Of 120 rows there are 60 in a half, fewer than 64 cells, and all are fewer than 128."""
    here = measured("cpu", bits=bits)
    with pretended():
        there = measured(str(DEVICE), bits=bits)
    assert there["patchiness_heldout"].value is None
    assert [row.reason for row in there.values()] == [row.reason for row in here.values()]
