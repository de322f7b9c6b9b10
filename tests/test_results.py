"""Results in Python: a few lines at a prompt, charts in a notebook, tables and figures to go on with."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import test_documents
from made_reports import report as made
from made_reports import row

import geoscope
from geoscope.comparisons.comparison import compare_reports
from geoscope.documents.rendering import render
from geoscope.errors import GeoscopeError
from geoscope.report import Report
from geoscope.result import Part

RESULTS, a_report, result = test_documents.RESULTS, test_documents.a_report, test_documents.result
FIXTURES = Path(__file__).parent / "fixtures"
LARGE = Report.read(FIXTURES / "demo.json")


def many_layers() -> Report:
    """Every measure of the demo over 33 layers."""
    rows = [each.model_copy(update={"layer": layer}) for layer in range(33) for each in LARGE.measurements]
    return LARGE.model_copy(update={"measurements": rows})


class Seen(HTMLParser):
    """The tags, attributes and texts of some HTML, and whether each tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attributes}
        if tag not in ("meta", "path", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "path":
            assert self.open.pop() == tag


@pytest.mark.parametrize("result", RESULTS, indirect=True)
def test_every_kind_is_shown_in_six_lines(result: Any) -> None:
    lines = repr(result).splitlines()
    assert 2 <= len(lines) <= 6
    assert lines[0].startswith(f"{type(result).__name__}: ")
    assert all(len(line) <= 100 for line in lines)
    assert any(re.search(r"\d", line) for line in lines[1:])
    assert str(result) == repr(result)
    from rich.console import Console

    console = Console(file=io.StringIO(), width=200)
    console.print(result)
    assert console.file.getvalue().rstrip() == repr(result)


@pytest.mark.parametrize("result", RESULTS, indirect=True)
def test_every_kind_is_a_table_and_a_page_and_a_frame(result: Any) -> None:
    assert result.to_csv() == render(result, "csv")
    assert result.to_markdown() == render(result, "markdown")
    assert result.to_html() == render(result, "html")
    frame, told = result.to_dataframe(), pd.read_csv(io.StringIO(result.to_csv()))
    assert list(frame) == list(told)
    assert list(result.rows()[0]) == list(told)
    assert len(frame) == len(told)
    for name in told.select_dtypes("number"):
        np.testing.assert_array_equal(frame[name].astype("float64"), told[name].astype("float64"))
    assert repr(result.summary()) == str(result.summary())
    assert all(len(line) <= 100 or line.startswith((" ", "─")) is False for line in result.summary().splitlines())


@pytest.mark.parametrize("result", RESULTS, indirect=True)
def test_every_kind_is_hashed_by_what_it_holds(result: Any) -> None:
    again = type(result).from_json(result.to_json())
    assert again is not result
    assert {result: 1}[again] == 1
    other = result.model_copy(update={"geoscope_version": "0"})
    assert hash(other) != hash(result)
    parts = [each for field in vars(result).values() if isinstance(field, list) for each in field]
    assert all(isinstance(hash(each), int) for each in parts if isinstance(each, Part))


def test_equal_numbers_have_one_hash() -> None:
    one, other = (LARGE.model_copy(update={"settings": {"a": value, "b": [1, 2]}}) for value in (1, 1.0))
    turned = LARGE.model_copy(update={"settings": {"b": [1, 2], "a": 1}})
    assert one == other == turned
    assert hash(one) == hash(other) == hash(turned)


@pytest.mark.parametrize("result", RESULTS, indirect=True)
def test_a_notebook_gets_a_fragment_that_changes_nothing_else(result: Any) -> None:
    text = result._repr_html_()
    seen = Seen(text)
    assert seen.open == []
    assert seen.tags[0] == "div"
    assert not {"html", "body", "head", "script", "link", "meta"} & set(seen.tags)
    assert not {"id", "onclick", "onload"} & seen.names
    style = text.partition("<style>")[2].partition("</style>")[0]
    heads = [head.strip() for head in re.findall(r"([^{}]+)\{", style)]
    assert len(heads) > 30
    for head in heads:
        if not head.startswith("@media screen"):
            assert all(name.strip().startswith(".geoscope") for name in head.split(",")), head
    assert "@import" not in style
    assert "url(" not in style


@pytest.mark.parametrize("held", [LARGE, many_layers()], ids=["one layer", "33 layers"])
def test_a_fragment_is_small_and_shows_the_pages_charts(held: Report) -> None:
    text, page = held._repr_html_(), held.to_html()
    assert len(text.encode()) <= 60_000
    drawn = re.findall(r"<svg class=\"chart.*?</svg>", text, re.DOTALL)
    assert len(drawn) >= 5
    assert all(each in page for each in drawn)
    left = re.search(r"(\d+) more in \.to_html\(\)", text)
    assert len(drawn) + (int(left[1]) if left else 0) == page.count('<svg class="chart')
    assert repr(held).count("\n") < 6


def test_a_summary_is_plain_text_in_a_notebook_too(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = LARGE.summary()
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert LARGE.summary() == expected
    assert "\x1b" not in expected


def test_names_are_escaped_in_a_fragment() -> None:
    held = made(row("two_nn", 1.0, layer=1), name="<script>alert(1)</script>")
    assert "<script" not in held._repr_html_()
    assert "&lt;script&gt;" in held._repr_html_()


def test_a_measure_is_had_by_its_name() -> None:
    one, several = LARGE["two_nn"], a_report()["isoscore"]
    assert one.value == float(one) == one[6] == one[-1] == LARGE.value("two_nn")
    assert (one.standard_error, one.null, one.n) == (LARGE.measurement("two_nn").standard_error, one.null, 10000)
    assert dict(one) == {6: one.value}
    assert dict(several) == {1: 1.0, 2: 1.0}
    assert repr(several) == "isoscore: {1: 1.0, 2: 1.0}"
    assert "two_nn" in LARGE
    assert "three_nn" not in LARGE
    with pytest.raises(GeoscopeError, match=r"got 'two_n'; did you mean two_nn\? It has anisotropy, "):
        LARGE["two_n"]
    with pytest.raises(GeoscopeError, match="expected one row of isoscore in base's report, got several"):
        several.value  # noqa: B018
    undefined = made(row("two_nn", None, layer=1), name="a")["two_nn"]
    with pytest.raises(GeoscopeError, match="expected a number, got none: two_nn is undefined, "):
        float(undefined)


def test_a_study_has_no_one_value_a_layer() -> None:
    rows = [
        row("two_nn", 1.0, layer=1).model_copy(update={"noise_level": level, "noise_seed": 0}) for level in (0.0, 1.0)
    ]
    with pytest.raises(GeoscopeError, match=r"expected one two_nn a layer in a's report, got 2 of 1 layers; to_data"):
        made(*rows, name="a")["two_nn"]


@pytest.fixture
def pyplot() -> Any:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def test_a_null_off_the_chart_leaves_every_report_on_it(pyplot: Any) -> None:
    near, far = (
        made(*(row("two_nn", value + layer, layer=layer, null=9000.0) for layer in (1, 2)), name=name)
        for name, value in (("near", 1.0), ("far", 400.0))
    )
    low, high = near.plot("two_nn", beside=[far]).get_ylim()
    assert low < 2 < 402 < high < 9000


def test_a_plot_has_the_numbers_their_intervals_and_the_null(pyplot: Any) -> None:
    held, other = a_report(), a_report("other", 0.5)
    axes = held.plot("two_nn")
    assert axes.get_title() == "two_nn"
    assert axes.get_xlabel() == "layer"
    assert axes.lines[0].get_xydata().tolist() == [[1, 1.0], [2, 1.0]]
    (first, *_), *_ = (each.get_segments() for each in axes.collections)
    low, high = first[0][1], first[1][1]
    assert low < 1 < high
    both = held.plot("two_nn", beside=[other], ax=pyplot.figure().subplots())
    assert [text.get_text() for text in both.get_legend().get_texts()] == ["base", "other"]
    assert [title.get_title() for title in LARGE.plot()] == [
        "anisotropy", "isoscore_star", "persistent_entropy", "patchiness", "reconstruction_error", "two_nn",
        "first_position_energy", "offset_energy",
    ]  # fmt: skip
    dashed = [line.get_ydata()[0] for line in LARGE.plot("isoscore").lines if line.get_linestyle() == "--"]
    assert dashed == [LARGE["isoscore"].null]
    with pytest.raises(GeoscopeError, match=r"expected a chart of demo, got 'two_n'; did you mean two_nn\?"):
        LARGE.plot("two_n")
    with pytest.raises(GeoscopeError, match="expected one chart for one Axes, got 2: two_nn, isoscore; name one"):
        LARGE.plot("two_nn", "isoscore", ax=axes)


@pytest.mark.parametrize("result", RESULTS, indirect=True)
def test_every_kind_with_charts_is_plotted(result: Any, pyplot: Any) -> None:
    if type(result).__name__ in ("Check", "Diagnosis", "Verification"):
        with pytest.raises(GeoscopeError, match=r"expected a result with charts to plot, got .*, which has none"):
            result.plot()
        return
    places = np.atleast_1d(result.plot())
    assert all(place.get_title() and place.has_data() for place in places)


def test_a_comparison_is_plotted_about_no_change(pyplot: Any) -> None:
    told = compare_reports(a_report(), [a_report("other", 0.5)])
    axes = told.plot("two_nn")
    assert axes.lines[0].get_ydata().tolist() == [0.5, 0.5]
    assert any(line.get_ydata()[0] == 0 for line in axes.lines)
    assert axes.collections  # the margin


def test_without_matplotlib_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(GeoscopeError, match=r"expected matplotlib .*; pip install 'geoscope\[plot\]'"):
        LARGE.plot("two_nn")


LIGHT = """
import os, sys

import geoscope
assert not {'numpy', 'pydantic', 'torch'} & set(sys.modules)
print(os.environ.get('OMP_WAIT_POLICY'))
from geoscope.report import Report
report = Report.read(sys.argv[1])
repr(report), report._repr_html_(), report.to_csv(), report['two_nn'], hash(report)
assert not {'numpy', 'torch', 'pandas', 'matplotlib'} & set(sys.modules)
"""


def test_showing_loads_nothing_heavy_and_importing_is_for_waiting_threads(tmp_path: Path) -> None:
    import os

    def said(script: str, **further: str) -> str:
        environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"} | further
        command = [sys.executable, "-c", script, str(FIXTURES / "demo.json")]
        told = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
        assert told.returncode == 0, told.stderr
        return told.stdout.strip()

    assert said(LIGHT) == "PASSIVE"
    assert said(LIGHT, OMP_WAIT_POLICY="ACTIVE") == "ACTIVE"
    loaded = "import sys, types, os; sys.modules['torch'] = types.ModuleType('torch'); import geoscope; "
    assert said(loaded + "print(os.environ.get('OMP_WAIT_POLICY'))") == "None"


def test_everything_public_is_there() -> None:
    assert geoscope.__all__ == sorted(geoscope.__all__)
    for name in geoscope.__all__:
        assert getattr(geoscope, name) is not None
    assert set(geoscope._HOME) == set(geoscope.__all__) - {"__version__"}
    assert dir(geoscope) == sorted(geoscope.__all__)


def test_check_is_the_commands() -> None:
    told = geoscope.check(LARGE, "isoscore>0.3", "two_nn@last<5")
    assert [limit.held for limit in told.limits] == [True, False]
    assert told.failed[0].measure == "two_nn"
    assert geoscope.check(str(FIXTURES / "demo.json"), "isoscore>0.3").failed == []
    with pytest.raises(GeoscopeError, match="expected limits to hold the report to, got none"):
        geoscope.check(LARGE)
