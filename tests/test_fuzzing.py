"""Fuzzing: every reader and grammar on some mutated inputs; `make fuzz` gives them 1,000,000 or 100,000."""

from __future__ import annotations

import signal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fuzzing.mutation import changed_bytes, changed_json, changed_text
from fuzzing.running import fuzz
from fuzzing.targets import Target, targets
from hypothesis import given, settings
from hypothesis import strategies as st

from geoscope.errors import GeoscopeError

TARGETS = {each.name: each for each in targets()}
GRAMMARS = [name for name, each in TARGETS.items() if each.words]


@pytest.mark.parametrize("name", TARGETS)
def test_only_sentences_come_out_of_a_few(name: str) -> None:
    assert fuzz(name, 40, seed=1).faults == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_only_sentences_come_out(name: str) -> None:
    assert fuzz(name, 10_000, seed=2).faults == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", GRAMMARS)
def test_only_sentences_come_out_of_any_text(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    texts = st.text() | st.lists(st.sampled_from(target.words), max_size=12).map("".join)

    @settings(max_examples=2000)
    @given(texts)
    def holds(text: str) -> None:
        try:
            target.called(text, tmp_path)
        except GeoscopeError as error:
            assert str(error)  # noqa: PT017

    holds()


def test_what_is_no_sentence_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def reads(data: str, _: Path) -> None:
        raise (GeoscopeError("expected words, got none; give some") if data else ZeroDivisionError("of nothing"))

    def hangs(data: str, _: Path) -> None:
        while True:
            pass

    made = [Target("bad", ("",), reads, ("a", "")), Target("slow", ("a",), hangs, ("a",))]
    monkeypatch.setattr("fuzzing.running.targets", lambda: made)
    monkeypatch.setattr("fuzzing.running._LONGEST", 0.01)
    found = fuzz("bad", 50)
    assert [fault.split(": ")[1] for fault in found.faults.values()] == ["ZeroDivisionError"]
    assert found.executions == 50
    assert "TooLong" in str(fuzz("slow", 1).faults)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def test_mutation_is_as_the_seed_says() -> None:
    def some(seed: int) -> list[Any]:
        random = Random(seed)
        return [
            [changed_bytes(b"0,1,2\n", random, [b"a"]) for _ in range(20)],
            [changed_text(("a<1",), random, ("a", "<", "1")) for _ in range(20)],
            [changed_json({"a": [1, {"b": None}]}, random) for _ in range(20)],
        ]

    assert some(1) == some(1) != some(2)
    assert all(len({str(each) for each in made}) > 10 for made in some(1))
