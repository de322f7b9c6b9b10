"""Collapse: found in every family of it, not in healthy rows, and judged by what a report holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_reports import report as made_report
from made_reports import row
from typer.testing import CliRunner

import geoscope
from geoscope.catalogue import SIGNS
from geoscope.cli.app import app
from geoscope.comparisons.collapse import Collapse
from geoscope.comparisons.configuration import find_bounds, find_limits
from geoscope.documents.gates import collapse_in_words, sentence_of
from geoscope.errors import GeoscopeError

DIMENSIONS = 64
DRAW = np.random.default_rng(0)


def healthy(n: int = 600) -> Any:
    """Rows as a text encoder's: a falling spectrum around an offset, dense in places and sparse in others."""
    draw = np.random.default_rng(3)
    places = draw.standard_normal((40, DIMENSIONS))[draw.integers(40, size=n)]
    own = draw.standard_normal((n, DIMENSIONS)) * draw.lognormal(-1.0, 0.6, n)[:, None]
    return (places + own) / np.sqrt(np.arange(1, DIMENSIONS + 1)) + 0.2


HEALTHY = healthy()
MEAN = HEALTHY.mean(axis=0)
CENTRED = HEALTHY - MEAN
RADIUS = float(np.sqrt((CENTRED**2).sum(axis=1).mean()))
AXIS = np.linalg.qr(DRAW.standard_normal((DIMENSIONS, 1)))[0]
PLANE = np.linalg.qr(DRAW.standard_normal((DIMENSIONS, 2)))[0]
NOISE = DRAW.standard_normal(HEALTHY.shape) * RADIUS / np.sqrt(DIMENSIONS)
SIGN_OF_RANK, SIGN_OF_OFFSET, SIGN_OF_NOISE = "rank_share", "offset_energy", "neighbour_spread"

FAMILIES = {
    "one direction takes over": (HEALTHY + 300 * RADIUS * DRAW.standard_normal((600, 1)) @ AXIS.T, SIGN_OF_RANK),
    "two dimensions of many": (MEAN + CENTRED @ PLANE @ PLANE.T, SIGN_OF_RANK),
    "five points with noise": (HEALTHY[DRAW.integers(5, size=600)] + 0.05 * NOISE, SIGN_OF_NOISE),
    "fifty points with noise": (HEALTHY[DRAW.integers(50, size=600)] + 0.3 * NOISE, SIGN_OF_NOISE),
    "all shrink to the mean": (MEAN + 0.01 * CENTRED, SIGN_OF_OFFSET),
    "all shrink to the mean, in noise": (MEAN + 1e-3 * (CENTRED + NOISE), SIGN_OF_OFFSET),
    "all are equal": (np.repeat(HEALTHY[:1], 600, axis=0), SIGN_OF_RANK),
}


def massive() -> Any:
    """Healthy rows of a decoder: one coordinate holds nearly all the energy, as in SmolLM2's middle layers."""
    rows = HEALTHY.copy()
    rows[:, 7] = 500 / np.random.default_rng(1).integers(4, 40, size=len(rows))
    return rows


@pytest.mark.parametrize(
    "rows", [HEALTHY, massive(), HEALTHY * 1e-6, HEALTHY[:150]], ids=["own", "massive", "tiny", "few"]
)
def test_healthy_rows_are_let_pass(rows: Any) -> None:
    report = geoscope.measure(rows, measures=["collapse"], errors=False)
    assert geoscope.check(report, "collapse").failed == []
    assert [finding.text for finding in collapse_in_words(report)] == ["nothing looks collapsed"]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_found_by_its_sign(family: str) -> None:
    rows, sign = FAMILIES[family]
    report = geoscope.measure(rows, measures=["collapse"], errors=False)
    assert sign in [limit.measure for limit in geoscope.check(report, "collapse").failed]


def test_massive_coordinates_are_what_the_signs_leave_out() -> None:
    rows = massive()
    assert np.var(rows, axis=0)[7] / np.var(rows, axis=0).sum() > 0.98
    assert geoscope.measures.effective_rank(rows) / DIMENSIONS < 0.35 < geoscope.measures.rank_share(rows)


def layered(values: dict[int | None, dict[str, float]], **more: Any) -> geoscope.Report:
    signs = dict(zip(SIGNS, (0.2, 0.6, 0.3), strict=True))
    rows = [row(key, (signs | own)[key], layer=layer) for layer, own in values.items() for key in signs]
    return made_report(*rows, **more)


def test_the_embeddings_are_judged_only_where_they_are_asked_for() -> None:
    report = layered({0: {"rank_share": 0.01}, 1: {}})
    assert geoscope.check(report, "collapse").failed == []
    assert [limit.layer for limit in geoscope.check(report, "collapse@0").failed] == [0]
    alone = layered({0: {"rank_share": 0.01}})
    with pytest.raises(GeoscopeError, match=r"above the embeddings.*collapse@0"):
        geoscope.check(alone, "collapse")
    assert collapse_in_words(alone) == []


def test_a_report_that_lacks_a_sign_is_refused() -> None:
    old = made_report(row("offset_energy", 0.2, layer=1), row("rank_share", 0.5, layer=1))
    with pytest.raises(GeoscopeError, match=r"expected neighbour_spread .* measure it again"):
        geoscope.check(old, "collapse")
    with pytest.raises(GeoscopeError, match="expected neighbour_spread"):
        geoscope.compare(old, layered({1: {}}), limits=["collapse"])


def test_compare_fails_on_what_the_base_does_not_show() -> None:
    well, ill = layered({1: {}, 2: {}}), layered({1: {}, 2: {"offset_energy": 0.999}})
    failed = geoscope.compare(well, ill, limits=["collapse"]).failed
    (limit,) = failed
    assert (limit.limit, limit.layer, limit.candidate_layer) == ("collapse: offset_energy<=0.995", 2, 2)
    assert sentence_of(limit) == "collapse: offset_energy<=0.995 at layer 2 of base: it is 0.9990"
    assert geoscope.compare(ill, well, limits=["collapse"]).failed == []
    both = geoscope.compare(ill, ill, limits=["collapse"])
    assert both.failed == []
    assert any("in the base, it is 0.999" in (limit.reason or "") for limit in both.limits)
    later = geoscope.compare(ill, layered({1: {"rank_share": 0.05}, 2: {"offset_energy": 0.999}}), limits=["collapse"])
    assert [limit.measure for limit in later.failed] == ["rank_share"]


def test_layers_of_a_deeper_candidate_are_those_at_the_same_depth() -> None:
    ill = {"offset_energy": 0.999}
    base, deeper = layered({1: {}, 2: ill}, layers=2), layered({2: {}, 3: {}, 4: ill}, layers=4)
    assert geoscope.compare(base, deeper, limits=["collapse"]).failed == []
    (limit,) = geoscope.compare(base, layered({2: {}, 3: ill, 4: {}}, layers=4), limits=["collapse"]).failed
    assert (limit.layer, limit.candidate_layer) == (3, 3)


@pytest.mark.parametrize("layer", ["9" * 5000, "\u0661", "1.5", "first"])
def test_a_layer_that_is_none_is_refused(layer: str) -> None:
    with pytest.raises(GeoscopeError, match="expected a limit such as"):
        geoscope.check(layered({1: {}}), f"collapse@{layer}")


def test_findings_say_which_layers_and_how() -> None:
    report = layered({layer: {"offset_energy": 0.996 + layer / 1000} if layer in (1, 2) else {} for layer in range(4)})
    (told,) = collapse_in_words(report)
    assert told.text == (
        "layers 1, 2 look collapsed: rows lie at one point (offset_energy 0.9980, healthy offset_energy<=0.995)"
    )
    assert told.warning


def test_a_project_keeps_it(tmp_path: Path) -> None:
    project = tmp_path / "geoscope.toml"
    project.write_text('[limits]\ncollapse = true\n[bounds]\n"collapse@last" = true\nanisotropy = "<0.5"\n')
    assert find_limits(tmp_path)[1] == (Collapse(),)
    assert [str(bound) for bound in find_bounds(tmp_path)[1]] == ["collapse@last", "anisotropy<0.5"]
    project.write_text("[limits]\ncollapse = false\n")
    assert find_limits(tmp_path)[1] == ()
    project.write_text('[limits]\ncollapse = "-10%"\n')
    with pytest.raises(GeoscopeError, match="true or false"):
        find_limits(tmp_path)


@pytest.mark.parametrize(
    ("family", "code"),
    [(None, 0), ("five points with noise", 1), ("all shrink to the mean", 1)],
    ids=["well", "C", "mean"],
)
def test_the_commands_end_with_the_right_code(tmp_path: Path, family: str | None, code: int) -> None:
    run = CliRunner().invoke
    base, file = str(tmp_path / "base.json"), tmp_path / "rows.npy"
    geoscope.measure(HEALTHY, measures=["collapse"], errors=False).write(base)
    np.save(file, HEALTHY if family is None else FAMILIES[family][0])
    found = run(app, ["compare", base, str(file), "--fail-on", "collapse", "--format", "json"])
    assert found.exit_code == code
    limits = json.loads(found.stdout)["limits"]
    assert [limit["limit"] for limit in limits] == [str(f"collapse: {bound}") for bound in Collapse().bounds]
    assert all(limit["held"] for limit in limits) == (code == 0)
    assert run(app, ["check", base, "collapse"]).exit_code == 0
