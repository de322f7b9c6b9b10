"""Hostile cases: forty of those that `make hostile` runs, and the checker that judges them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hostile.case import Case, fails, refused, right
from hostile.cases import REPRESENTATIVE, all_cases
from hostile.judging import judged
from hostile.running import Outcome, run

CASES = {case.name: case for case in all_cases()}
SENTENCE = "geoscope: expected a report, got r.json; check the path\n"


def came(code: int, stderr: str = "", **more: Any) -> Outcome:
    """What a well-behaved command leaves, but for what is said here."""
    held: Mapping[str, str] = {"r.json": "1 byte"}
    parts: dict[str, Any] = {
        "stdout": "",
        "before": held,
        "after": held,
        "left": (),
        "seconds": 0.2,
        "wall": 0.2,
        "megabytes": 40.0,
    }
    return Outcome(code=code, stderr=stderr, **{**parts, **more})


@pytest.mark.parametrize("name", REPRESENTATIVE)
def test_a_case_comes_right(name: str) -> None:
    case = CASES[name]
    outcomes = run(case)
    assert judged(case, outcomes) == [], outcomes[0].stderr


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 300
    assert len(REPRESENTATIVE) == 40
    assert {code for case in CASES.values() for code in case.codes} >= {0, 1, 2, 3, 4}
    assert {case.line[0] for case in CASES.values() if 1 in case.codes} == {"check", "compare"}


RIGHT = right("", "check r.json")
WRONG: dict[str, tuple[Case, Outcome, str]] = {
    "code": (RIGHT, came(1), "exit code 1"),
    "a signal": (RIGHT, came(-11), "exit code -11"),
    "traceback": (fails("", "check r.json"), came(1, "Traceback (most recent call last):\n"), "traceback"),
    "bug": (refused("", "check r.json"), came(2, SENTENCE + "because of a bug"), "bug"),
    "lines": (RIGHT, came(0, "line\n" * 11), "11 lines"),
    "length": (RIGHT, came(0, "a" * 7000), "7000 characters"),
    "words": (refused("", "check r.json", "s.json"), came(2, SENTENCE), "not said: s.json"),
    "what to do": (refused("", "check r.json"), came(2, "geoscope: expected a report, got r.json\n"), "what to do"),
    "no sentence": (refused("", "check r.json"), came(2, "error; try again later\n"), "no sentence"),
    "nothing said": (refused("", "check r.json"), came(2), "nothing is said"),
    "half an answer": (refused("", "check r.json"), came(2, SENTENCE, stdout="{"), "on stdout"),
    "steering": (RIGHT, came(0, stdout="\x1b[31m"), "U+001B"),
    "turning": (RIGHT, came(0, "a\u202eb"), "U+202E"),
    "an input changed": (RIGHT, came(0, after={"r.json": "2 bytes"}), "r.json was changed"),
    "an input gone": (RIGHT, came(0, after={}), "r.json is gone"),
    "left behind": (RIGHT, came(0, after={"r.json": "1 byte", ".a.tmp": "1 byte"}), ".a.tmp is left behind"),
    "not written": (right("", "check r.json", must=["p.html"]), came(0), "p.html is not there"),
    "half written": (
        right("", "check r.json", must=["p.html"]),
        came(0, after={"r.json": "1 byte", "p.html": "9 bytes"}, contents={"p.html": b"<html>"}),
        "half a file",
    ),
    "temporary": (RIGHT, came(0, left=("tmp/geoscope-1.txt",)), "temporary files"),
    "slow": (RIGHT, came(0, seconds=99.0), "of CPU"),
    "large": (RIGHT, came(0, megabytes=9000.0), "9000 MB"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_checker_sees_what_is_wrong(name: str) -> None:
    case, outcome, told = WRONG[name]
    assert any(told in fault for fault in judged(case, [outcome])), judged(case, [outcome])


def test_the_checker_lets_what_is_right_pass() -> None:
    assert judged(RIGHT, [came(0, "geoscope: 1 limit held\n")]) == []
    assert judged(refused("", "check r.json", "r.json"), [came(2, SENTENCE)]) == []
