"""A fixed set of commands gives the numbers it gave; `make same-numbers` holds it to the byte on one machine.

`UPDATE_FIXED=1` writes the numbers anew, for a change that is meant to correct some.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from fixed_commands import COMMANDS, numbers_of, run

from geoscope.catalogue import QUANTIZED

_NUMBERS = Path(__file__).with_name("fixed_commands.json")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run(tmp_path_factory.mktemp("fixed"))


def test_every_command_ends_as_it_did(found: dict[str, Any]) -> None:
    assert {name: each["code"] for name, each in found.items()} == {name: 1 * (name == "fails") for name in COMMANDS}


def test_every_number_is_what_it_was(found: dict[str, Any]) -> None:
    numbers = {name: numbers_of(each["result"]) for name, each in found.items() if each["result"]}
    if os.environ.get("UPDATE_FIXED"):
        _NUMBERS.write_text(json.dumps(numbers, indent=0) + "\n")
    kept = json.loads(_NUMBERS.read_text())
    held = {name: [key for key in rows if key in kept.get(name, rows)] for name, rows in numbers.items()}
    assert held == {name: list(rows) for name, rows in kept.items()}  # rows of a measure that came since are not held
    for name, rows in kept.items():
        for key, number in rows.items():
            here = numbers[name][key]
            if name != "quantizers" and any(quantized in key for quantized in QUANTIZED):
                # of so few rows a cell another machine's local search finds other codes: .0023 or .0041
                assert (here is None) == (number is None), f"{key} of `{COMMANDS[name]}`"
                continue
            assert here == (None if number is None else pytest.approx(number, rel=1e-3, abs=1e-4)), (
                f"{key} of `{COMMANDS[name]}`"
            )
