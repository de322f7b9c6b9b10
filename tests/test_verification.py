"""Public packages asked for their own numbers: that they agree, and what is said where one differs or is missing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from geoscope.cli.app import app
from geoscope.diagnosis import verifying
from geoscope.diagnosis.verification import Verification
from geoscope.diagnosis.verifying import QUESTIONS, verify
from geoscope.errors import GeoscopeError

ROWS = np.random.default_rng(0).standard_normal((250, 8)) * np.arange(1, 9) ** -0.5 + 3


@pytest.fixture(scope="module")
def found() -> Verification:
    return verify(np.vstack([ROWS, ROWS[:20]]))


def test_every_package_that_is_here_agrees_or_differs_for_a_reason(found: Verification) -> None:
    assert (found.points, found.copies, found.layer) == (250, 20, None)
    assert [each.measure for each in found.numbers] == [each.measure for each in QUESTIONS]
    assert found.of("disagrees") == []
    for each in found.numbers:
        if each.outcome == "skipped":
            assert "pip install" in str(each.reason)
        else:
            assert each.version
    assert len(found.of("agrees")) >= 4  # of what the tests bring along
    assert Verification.from_json(found.to_json()) == found


def test_a_package_that_is_missing_is_told_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "find_spec", lambda name: None)
    rows = verify(ROWS).numbers
    assert {each.outcome for each in rows} == {"skipped"}
    assert "pip install 'geoscope[oracles]'" in str(rows[0].reason)
    assert "pip install 'geoscope'" in str(rows[-1].reason)


def test_what_no_reason_is_known_of_is_told_and_ends_with_3(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    first = replace(QUESTIONS[0], theirs=lambda rows: 99.0)
    stops = replace(QUESTIONS[0], theirs=lambda rows: [][1])
    nothing = replace(QUESTIONS[0], theirs=lambda rows: float("nan"))
    excused = replace(first, differs="it counts otherwise")
    too_far = replace(excused, explained=0.25)
    monkeypatch.setattr(verifying, "QUESTIONS", (first, stops, nothing, excused, too_far))
    expected = ["disagrees", "skipped", "skipped", "differs", "disagrees"]
    assert [each.outcome for each in verify(ROWS).numbers] == expected
    path = f"{tmp_path}/rows.npy"
    np.save(path, ROWS)
    told = CliRunner().invoke(app, ["measures", "--verify", path, "--format", "json"])
    assert told.exit_code == 3
    outcomes = [each["outcome"] for each in json.loads(told.stdout)["numbers"]]
    assert outcomes == expected
    monkeypatch.setattr(verifying, "QUESTIONS", (excused,))
    table = CliRunner().invoke(app, ["measures", "--verify", path, "--format", "table"])
    assert (table.exit_code, "it counts otherwise" in table.stdout) == (0, True)


def test_points_that_are_all_the_same_are_refused() -> None:
    with pytest.raises(GeoscopeError, match="points that differ"):
        verify(np.ones((30, 3)))
