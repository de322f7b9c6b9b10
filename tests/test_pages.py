"""The page: self-contained, every number on it, nothing that a user wrote can act, charts that can be read."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_reports import noise_of, row
from made_reports import report as made

from geoscope.catalogue import DEFAULT, KEYS, MEASURES
from geoscope.cli import app as cli
from geoscope.comparisons.checks import check_report
from geoscope.comparisons.comparison import compare_reports
from geoscope.comparisons.limits import parse_bound, parse_limit
from geoscope.comparisons.noise_floor import Floor, NoiseFloor
from geoscope.document import Chart, Point, Scatter, Series
from geoscope.documents.findings import findings_of
from geoscope.documents.listings.measures import MeasureList
from geoscope.documents.rendering import render
from geoscope.forms.html.charts import chart as drawing_of
from geoscope.forms.html.scales import LABEL_GAP, layer_scale, level_scale, lying_scale, standing_scale, ticks, width_of
from geoscope.forms.output import Page
from geoscope.report import Measurement, Report, Score
from geoscope.statistics import critical
from geoscope.wording import rounded

VOID = {"meta", "br", "hr", "img", "input", "link"}
LEVELS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0, 100.0)
NASTY = "<script>alert('x')</script>&\"'\x07"


def full(layers: range, name: str = "base", shift: float = 0.0, keys: Sequence[str] = DEFAULT) -> Report:
    """Every measure of a default report, or of some keys, of every layer, each with an error, a null and replicates."""
    rows = [
        row(key, 0.37 + shift + place + layer / 7, layer=layer, noise=noise_of(place), null=0.5 + place, n=10_000)
        for layer in layers
        for place, key in enumerate(keys)
    ]
    return made(*rows, name=name, layers=max(layers))


def study(**more: Any) -> Report:
    """Two measures at every level, three seeds each, and one score."""
    runs = [(level, seed) for level in LEVELS for seed in ((None,) if level == 0 else (0, 1, 2))]
    rows = [
        Measurement(
            layer=6, measure=key, value=1 / (1 + level) + 0.01 * (seed or 0), n=500, null=0.9,
            noise_level=level, noise_seed=seed,
        )
        for key in ("isoscore", "two_nn")
        for level, seed in runs
    ]  # fmt: skip
    scores = [
        Score(task="cola", metric="accuracy", score=0.8 - level / 200, n=100, noise_level=level, noise_seed=seed)
        for level, seed in runs
    ]
    return made(*rows, **more).model_copy(update={"scores": scores})


def to_html(*reports: Report) -> str:
    return render(list(reports), "html")


class Reader(HTMLParser):
    """The page's elements, with a check that each is closed where it should be."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), f"{tag} says an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def charts_of(page: str) -> list[ElementTree.Element]:
    drawn = [ElementTree.fromstring(found) for found in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]
    return [chart for chart in drawn if "chart" in chart.attrib["class"]]


def marks_of(chart: ElementTree.Element) -> list[str]:
    """What is said at each mark."""
    return [
        title.text or ""
        for drawn in chart.iter("path")
        if drawn.attrib["class"].startswith("mark")
        for title in drawn.iter("title")
    ]


def check_page(page: str) -> Reader:
    """What must be true of every page."""
    read = Reader(page)
    assert page.startswith("<!DOCTYPE html>\n<html lang=")
    for tag, attributes in read.elements:
        assert tag not in ("script", "link", "img", "iframe", "object", "embed", "base", "form", "image", "use")
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href"):
            target = attributes.get(name)
            assert target is None or (tag == "a" and target.startswith(("#", "https://arxiv.org/", "https://doi.org/")))
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
    assert "default-src 'none'" in page
    anchors = [a["href"][1:] for a in read.all("a") if (a["href"] or "").startswith("#")]
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert set(anchors) <= set(ids)
    assert len(ids) == len(set(ids))
    for chart in charts_of(page):
        check_chart(chart)
    for svg in read.all("svg"):
        assert svg.get("aria-label") or svg.get("aria-hidden") == "true"
    assert len(read.all("caption")) == len(read.all("table"))
    return read


def check_chart(chart: ElementTree.Element) -> None:
    """All that is written stays on the chart and touches nothing else that is; all that is drawn has finite places."""
    _, _, width, height = map(float, chart.attrib["viewBox"].split())
    boxes = []
    for text in chart.iter("text"):
        x, y, wide = float(text.attrib["x"]), float(text.attrib["y"]), 6.1 * len(text.text or "")
        left = {"start": x, "middle": x - wide / 2, "end": x - wide}[text.attrib.get("text-anchor", "start")]
        assert left >= -1, text.text
        assert left + wide <= width + 1, text.text
        assert 8 <= y <= height, text.text
        boxes.append((left, left + wide, y - 8, y + 2, text.text))
    for one, other in combinations(boxes, 2):
        apart = one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]
        assert apart, f"{one[4]} lies on {other[4]}"
    for drawn in chart.iter("path"):
        assert re.fullmatch(r"[MLHVZmlhvaz0-9. -]+", drawn.attrib["d"]), drawn.attrib["d"]
        for x, y in re.findall(r"[ML](-?[0-9.]+) (-?[0-9.]+)", drawn.attrib["d"]):
            assert -1 <= float(x) <= width + 1
            assert -1 <= float(y) <= height + 1


# Scales


@given(
    st.floats(-1e290, 1e290, allow_nan=False),
    st.floats(1e-9, 1e9),
    st.integers(2, 9),
)
def test_ticks_are_round_inside_and_told_apart(low: float, share: float, most: int) -> None:
    high = low + share * max(abs(low), 1e-3)
    found = ticks(low, high, most)
    assert len(found) <= most
    values = [value for value, _ in found]
    room = 1e-6 * (high - low)
    assert all(low - room <= value <= high + room for value in values)
    assert values == sorted(set(values))
    assert len({label for _, label in found}) == len(found)
    for value, label in found:
        assert float(label) == pytest.approx(value, rel=1e-9, abs=1e-6 * (high - low))


def test_ticks_have_no_binary_tails() -> None:
    assert [label for _, label in ticks(0.0, 0.62, 4)] == ["0", "0.2", "0.4", "0.6"]
    assert [value for value, _ in ticks(0.0, 0.62, 4)] == [0.0, 0.2, 0.4, 0.6]
    assert [label for _, label in ticks(-3e7, 3e7, 4)] == ["-2e7", "0", "2e7"]
    assert [label for _, label in ticks(0.0, 6.0, 9, whole=True)] == ["0", "1", "2", "3", "4", "5", "6"]
    assert [label for _, label in ticks(0.0, 1.0, 9, whole=True)] == ["0", "1"]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_a_scale_holds_whatever_numbers_there_are(values: list[float]) -> None:
    for scale in (standing_scale(values, 180.0, 20.0), lying_scale(values, 40.0, 320.0)):
        assert scale.low < scale.high
        for value in values:
            assert min(scale.start, scale.end) <= scale(value) <= max(scale.start, scale.end)
        ordered = sorted(values)
        assert sorted(map(scale, ordered)) == [
            scale(v) for v in (ordered if scale.start < scale.end else ordered[::-1])
        ]


@pytest.mark.parametrize("count", range(1, 97))
def test_layers_are_labelled_evenly_and_apart(count: int) -> None:
    scale = layer_scale(range(count), 50.0, 320.0)
    labelled = [value for value, _ in scale.ticks]
    assert len({round(b - a, 9) for a, b in pairwise(labelled)}) <= 1
    assert labelled == [int(value) for value in labelled]
    assert set(labelled) <= set(range(count))
    assert len(labelled) >= min(count, 4)
    for (a, one), (b, other) in pairwise(scale.ticks):
        assert scale(b) - scale(a) >= (width_of(one) + width_of(other)) / 2 + LABEL_GAP - 1e-9


def test_levels_many_times_apart_are_spread_out_and_zero_has_a_place() -> None:
    scale = level_scale(LEVELS, 50.0, 320.0)
    gaps = [scale(b) - scale(a) for a, b in pairwise(LEVELS)]
    assert min(gaps) > 20
    assert (scale(0.0), scale(100.0)) == (50.0, 320.0)
    assert scale.ticks[0] == (0.0, "0")
    even = level_scale((0.0, 1.0, 2.0, 3.0), 0.0, 300.0)
    assert [even(level) for level in (0.0, 1.0, 2.0, 3.0)] == pytest.approx([0, 100, 200, 300])


# Charts


def test_intervals_are_drawn_where_they_are() -> None:
    points = [Point(1.0, 5.0, "layer 1", "five", (4.0, 8.0)), Point(2.0, 5.0, "layer 2", "five")]
    chart = ElementTree.fromstring(drawing_of(Chart("about", [Series(0, "a", points)], places=(0, 2))))
    (whisker,) = (drawn.attrib["d"] for drawn in chart.iter("path") if drawn.attrib["class"] == "whisker")
    dot, _ = (drawn.attrib["d"] for drawn in chart.iter("path") if drawn.attrib["class"] == "mark")
    low, high = (float(number) for number in re.match(r"M[0-9.]+ ([0-9.]+)V([0-9.]+)", whisker).groups())
    middle = float(re.match(r"M[0-9.]+ ([0-9.]+)", dot)[1])
    assert (low - middle) / (low - high) == pytest.approx(1 / 4, abs=0.01)
    heights = {text.text: float(text.attrib["y"]) for text in chart.iter("text")}
    assert (heights["4"] - middle - 3.8) / (heights["4"] - heights["8"]) == pytest.approx(1 / 4, abs=0.01)


@settings(max_examples=60)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-3, 3).map(float), min_size=2, max_size=6)
)
def test_no_number_breaks_a_chart(values: list[float]) -> None:
    rows = [
        Measurement(layer=layer, measure="two_nn", value=value, standard_error=abs(value), null=-value, n=9)
        for layer, value in enumerate(values)
    ]
    for report in (made(*rows), made(*rows[:1])):
        for chart in charts_of(to_html(report)):
            check_chart(chart)
    points = [Point(value, -value, "", "") for value in values]
    scatter = Scatter("about", [Series(0, "", points)], ("x", "y"), [(values[0], 1.0)])
    check_chart(ElementTree.fromstring(drawing_of(scatter)))


def test_a_null_is_a_line_unless_it_would_flatten_the_chart() -> None:
    def chart(null: float, **more: Any) -> ElementTree.Element:
        rows = [row("two_nn", 10.0 + layer, layer=layer, null=null, **more) for layer in range(3)]
        (drawn,) = charts_of(to_html(made(*rows)))
        return drawn

    def said(drawn: ElementTree.Element) -> list[str | None]:
        return [text.text for text in drawn.iter("text")]

    near, far, below = chart(14.0), chart(700.0), chart(-90.0)
    assert "null" in said(near)
    assert [drawn.attrib["class"] for drawn in near.iter("path")].count("null") == 1
    assert "null 700, above the chart" in said(far)
    assert "null" not in [drawn.attrib["class"] for drawn in far.iter("path")]
    assert "null -90, below the chart" in said(below)


@pytest.mark.parametrize("layers", [7, 13, 25, 33])
def test_labels_do_not_touch_at_any_depth(layers: int) -> None:
    check_page(to_html(full(range(layers))))


# Reports


def test_every_number_of_a_report_is_on_its_page() -> None:
    report = full(range(7), keys=KEYS)
    page = to_html(report)
    read = check_page(page)
    for measurement in report.measurements:
        assert f'title="{measurement.value}"' in page
        for number in (measurement.value, measurement.standard_error, measurement.null):
            assert rounded(number) in read.text
    (table,) = re.findall(r'aria-label="Every number".*?</table>', page, re.DOTALL)
    assert table.count("<tr>") == 1 + len(report.measurements)
    marks = [said for chart in charts_of(page) for said in marks_of(chart)]
    assert len(marks) == len(report.measurements)
    one = report.measurement("isoscore", 3)
    reach = critical(0.025, 19) * one.standard_error
    assert (
        f"layer 3: {rounded(one.value)}, 95 % {rounded(one.value - reach)} to {rounded(one.value + reach)}, "
        f"null {rounded(one.null)}"
    ) in marks


def test_a_page_tells_what_was_measured_and_how_to_read_it() -> None:
    read = check_page(to_html(full(range(7), keys=KEYS)))
    for said in (
        "sha256:base",
        "sample: 100 sequences, sha256:corpus",
        "quantizer codebooks",
        "1e-05",
        "scaled-identity",
    ):
        assert said in read.text
    for measure in MEASURES:
        assert measure.direction[1:] in read.text
        assert measure.blind_to in read.text
        assert measure.paper in read.text
    assert {"href": "https://arxiv.org/abs/2108.07344", "rel": "noreferrer"} in read.all("a")
    assert {"href": "https://doi.org/10.1038/s41598-017-11873-y", "rel": "noreferrer"} in read.all("a")


def test_pages_are_small() -> None:
    assert len(to_html(full(range(7))).encode()) < 200_000
    five = [full(range(13), name=f"organisation/model-{number}-some-suffix") for number in range(5)]
    assert len(to_html(*five).encode()) < 1_000_000


def test_the_same_reports_give_the_same_bytes(tmp_path: Path) -> None:
    reports = [full(range(3)), full(range(2), name="b"), study()]
    names = [str(tmp_path / f"{place}.json") for place in range(len(reports))]
    for report, name in zip(reports, names, strict=True):
        report.write(name)
    pages = [
        subprocess.run(
            [sys.executable, "-m", "geoscope", "report", *names],
            capture_output=True, check=True, timeout=120, env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert pages == [to_html(*reports).encode()] * 2


def test_nothing_that_a_user_wrote_can_act() -> None:
    undefined = Measurement(layer=0, measure=NASTY, value=None, n=1, reason=NASTY)
    report = made(undefined, row("two_nn", 1.0, layer=0), row("two_nn", 1.0, layer=1), name=NASTY)
    report = report.model_copy(update={"settings": {NASTY: NASTY}, "environment": {NASTY: [NASTY]}})
    nasty_corpus = report.sample.corpora[0].model_copy(update={"name": NASTY})
    report = report.model_copy(update={"sample": report.sample.model_copy(update={"corpora": [nasty_corpus]})})
    compared = compare_reports(report, [report, report])
    for page in (to_html(report), to_html(report, report), render(compared, "html")):
        read = check_page(page)
        assert "\x07" not in page
        assert "<script>alert('x')</script>&\"'\\x07" in read.text
        assert "<script" not in page


def test_undefined_values_are_said_with_their_reason() -> None:
    rows = [
        row("two_nn", 4.0, layer=0),
        row("two_nn", None, layer=1),
        row("two_nn", 5.0, layer=2),
        row("isoscore", None),
    ]
    page = to_html(made(*rows))
    read = check_page(page)
    assert "Undefined, because all rows are equal: isoscore (layer 6); two_nn (layer 1)" in " ".join(
        sorted(each.text for each in findings_of([made(*rows[::-1])]))
    )
    assert "Undefined, because all rows are equal" in read.text
    dimension = next(chart for chart in charts_of(page) if "two_nn" in chart.attrib["aria-label"])
    (gap,) = (drawn for drawn in dimension.iter("path") if drawn.attrib["class"] == "gap")
    assert gap.find("title").text == "layer 1: undefined, all rows are equal"
    (line,) = (drawn.attrib["d"] for drawn in dimension.iter("path") if drawn.attrib["class"] == "line")
    assert line.count("M") == 2  # broken where there is no value
    assert "nan" not in page.lower().replace("nanmean", "")


def test_one_layer_is_a_number_and_a_dot() -> None:
    page = to_html(made(row("two_nn", 12.0, noise=noise_of(0), null=40.0)))
    read = check_page(page)
    (chart,) = charts_of(page)
    assert chart.attrib["class"] == "chart intervals"
    assert len(marks_of(chart)) == 1
    assert "null" in [text.text for text in chart.iter("text")]
    assert re.search(r"12 standard error 0\.0\d+, null 40", read.text)


def test_several_reports_have_a_colour_each_and_a_legend() -> None:
    reports = [full(range(3), name="a"), full(range(3), name="b", shift=0.1), full(range(2), name="b", shift=0.2)]
    page = to_html(*reports)
    read = check_page(page)
    legend = page[page.index('<ul class="legend"') :].partition("</ul>")[0]
    assert re.findall(r"</svg> (.*?)</li>", legend) == ["a", "b (1)", "b (2)"]
    for chart in charts_of(page):
        assert [group.attrib["class"] for group in chart.iter("g")] == ["s0", "s1", "s2"]
        assert len(marks_of(chart)) == 8
    assert "3 reports" in read.text
    for report in reports:
        for measurement in report.measurements:
            assert f'title="{measurement.value}"' in page


def test_one_layer_of_several_reports_stands_side_by_side() -> None:
    page = to_html(made(row("two_nn", 12.0), name="a"), made(row("two_nn", 13.0), name="b" * 90))
    check_page(page)
    (chart,) = charts_of(page)
    assert next(text.text for text in chart.iter("text") if text.get("class") == "row") == "a"
    assert len(marks_of(chart)) == 2


def test_a_file_without_layers_is_drawn_across_those_that_have_some() -> None:
    alone = made(row("two_nn", 7.0, layer=None), name="file")
    page = to_html(made(row("two_nn", 4.0, layer=0), row("two_nn", 5.0, layer=6)), alone)
    check_page(page)
    (chart,) = charts_of(page)
    assert [said for said in marks_of(chart) if "file" in said] == ["file, one cloud, drawn across: 7"] * 2
    check_page(to_html(alone))
    check_page(to_html(alone, alone))


def test_an_empty_report_has_a_page() -> None:
    assert "The report holds no measurement" in check_page(to_html(made())).text


def test_a_measure_of_a_later_version_is_drawn_too() -> None:
    read = check_page(to_html(made(row("of_a_later_version", 0.25, later=3))))
    assert "Other" in read.text
    assert "of_a_later_version" in read.text


# What is said first


def said(*reports: Report) -> list[str]:
    return [("! " if finding.warning else "") + finding.text for finding in findings_of(reports)]


def test_warning_signs_come_first() -> None:
    report = made(row("two_nn", None, layer=0), row("first_position_energy", 0.83, layer=2))
    assert said(report)[0].startswith("! the rows of position 0 hold 83 % of the centred energy in layer 2")
    read = check_page(to_html(report))
    assert "Warning: the rows of position 0 hold 83 %" in read.text


def test_what_its_null_lies_within_the_error_of_is_named() -> None:
    reach = critical(0.025, 19)
    rows = [
        Measurement(layer=0, measure="two_nn", value=1.0, standard_error=1.0, null=1.0 + reach * 0.999, n=9),
        Measurement(layer=1, measure="two_nn", value=1.0, standard_error=1.0, null=1.0 + reach * 1.001, n=9),
        Measurement(layer=2, measure="two_nn", value=1.0, standard_error=1.0, null=1.0, n=9),
        Measurement(layer=2, measure="isoscore", value=1.0, null=1.0, n=9),
    ]
    assert said(made(*rows)) == [
        "Not told apart from Gaussian points of the same covariance, however narrow that is: two_nn (layers 0, 2)",
        "No standard error is known of isoscore",
    ]


def test_a_report_without_anything_to_say_says_so() -> None:
    assert said(made(row("two_nn", 4.0, noise=noise_of(1), null=9.0))) == [
        "Every measure that has an error and a null differs from its null"
    ]


def test_missing_errors_whole_corpora_and_rows_left_out_are_said() -> None:
    assert "No value has a standard error, so that none can be told from its null" in said(made(row("two_nn", 4.0)))
    drawn = {"sampling_fraction": 1.0, "dropped": [{"layer": 3, "duplicates": 3140, "zero_rows": 0}]}
    told = said(made(row("two_nn", 4.0, noise=noise_of(1)), sample=drawn))
    assert any(each.startswith("Every sequence of the corpora was drawn") for each in told)
    assert "3,140 duplicates in layer 3 are left out by the measures that cannot use them" in told


def test_several_reports_that_were_not_measured_alike_are_told_apart() -> None:
    a = made(row("two_nn", 4.0, n=1000), name="a")
    b = made(row("two_nn", 4.0, n=5000), name="b", sample={"pooling": "mean"})
    told = said(a, b)
    assert "! not measured the same way: a and b that differ in pooling (tokens and mean)" in told
    assert "! a and b differ in n (such as 1,000 and 5,000 rows), which moves two_nn" in told
    assert "All: no value has a standard error, so that none can be told from its null" in told
    assert not [each for each in said(a, made(row("two_nn", 4.0), name="c")) if each.startswith("!")]


# Studies


def test_a_study_is_drawn_over_its_levels_with_every_seed_and_the_mean() -> None:
    page = to_html(study())
    read = check_page(page)
    isoscore, _, cola = charts_of(page)
    assert len(marks_of(isoscore)) == 1 + 3 * (len(LEVELS) - 1)
    assert "layer 6, noise level 0.5, noise seed 2: 0.6867, null 0.9000" in marks_of(isoscore)
    assert "noise level (%)" in [text.text for text in isoscore.iter("text")]
    (line,) = (drawn.attrib["d"] for drawn in isoscore.iter("path") if drawn.attrib["class"] == "line")
    assert len(re.findall("[ML]", line)) == len(LEVELS)
    assert "faint" in next(iter(isoscore.iter("g"))).attrib["class"]
    assert "cola, accuracy" in cola.attrib["aria-label"]
    assert "the line goes through the seeds' means" in read.text
    for column in ("noise level", "noise seed"):
        assert f'<th scope="col">{column}</th>' in page
    for held in (*study().measurements, *study().scores):
        assert f'title="{getattr(held, "value", None) or getattr(held, "score", None)}"' in page


def test_the_means_of_the_seeds_are_means() -> None:
    rows = [
        Measurement(layer=1, measure="two_nn", value=value, n=9, noise_level=level, noise_seed=seed)
        for level, values in ((1.0, (0.0, 4.0)), (2.0, (2.0, 2.0)))
        for seed, value in enumerate(values)
    ]
    (chart,) = charts_of(to_html(made(*rows)))
    (line,) = (drawn.attrib["d"] for drawn in chart.iter("path") if drawn.attrib["class"] == "line")
    (_, first), (_, second) = re.findall(r"[ML]([0-9.]+) ([0-9.]+)", line)
    assert first == second  # both levels' mean is 2


def test_a_study_of_several_layers_has_a_line_a_layer() -> None:
    rows = [
        Measurement(layer=layer, measure="two_nn", value=layer + level, n=9, noise_level=level)
        for layer in (3, 6)
        for level in LEVELS
    ]
    page = to_html(made(*rows, name="m"))
    check_page(page)
    legend = page[page.index('<ul class="legend"') :].partition("</ul>")[0]
    assert re.findall(r"</svg> (.*?)</li>", legend) == ["m, layer 3", "m, layer 6"]


def test_changed_models_without_levels_are_rows_by_seed() -> None:
    rows = [Measurement(layer=6, measure="two_nn", value=4.0 + seed, n=9, noise_seed=seed) for seed in range(3)]
    (chart,) = charts_of(to_html(made(*rows)))
    assert [text.text for text in chart.iter("text") if text.get("class") == "row"] == [
        f"base, layer 6, noise seed {seed}" for seed in range(3)
    ]


# Comparisons, checks, noise floors, measures


@pytest.fixture
def comparison() -> Any:
    def rows(shift: float) -> list[Measurement]:
        found = [
            row(key, 1.0 + place / 10 + (shift if key == "isoscore" else 0), layer=layer, noise=noise_of(place, 1e-4))
            for layer in (0, 1, 6)
            for place, key in enumerate(("anisotropy", "isoscore"))
        ]
        return [*found, row("two_nn", None, layer=6)]

    reports = [made(*rows(shift), name=name) for name, shift in (("base", 0.0), ("good", 0.0), (NASTY, 0.3))]
    return compare_reports(reports[0], reports[1:], limits=[parse_limit("isoscore:10%")])


def test_a_comparison_shows_every_difference_and_what_failed(comparison: Any) -> None:
    page = render(comparison, "html")
    read = check_page(page)
    assert "changed, " in read.text
    for difference in comparison.differences:
        if difference.difference is not None:
            assert f'title="{difference.difference}"' in page
        assert difference.verdict in read.text
    assert "undefined in the base: all rows are equal" in read.text
    assert page.count('<tr class="failed">') == page.count(">FAILED<") == 3
    assert "changed: isoscore (+27.3 % in layer 0, +27.3 % in layer 1, +27.3 % in layer 6)" in read.text
    assert "good: no measure changed" in read.text
    isoscore = next(chart for chart in charts_of(page) if "isoscore" in chart.attrib["aria-label"])
    kinds = [drawn.attrib["class"] for drawn in isoscore.iter("path")]
    assert kinds.count("mark") == 3  # changed, and filled
    assert kinds.count("mark hollow") == 3
    assert kinds.count("zero") == kinds.count("band") == 1


def test_a_comparison_of_one_layer_says_its_numbers() -> None:
    base, other = (made(row("isoscore", v, noise=noise_of(1, 1e-4)), name=n) for v, n in ((0.5, "a"), (0.4, "b")))
    page = render(compare_reports(base, [other]), "html")
    read = check_page(page)
    assert "-20.0 %, changed from 0.5000 to 0.4000, difference -0.1000, 95 % -0.1000 to -0.1000" in read.text
    assert "Changed: isoscore (-20.0 % in layer 6)" in read.text
    (chart,) = charts_of(page)
    assert chart.attrib["class"] == "chart intervals"


def test_a_check_has_a_page() -> None:
    report = made(row("isoscore", 0.5), row("two_nn", None))
    page = render(check_report(report, [parse_bound("isoscore<0.1"), parse_bound("two_nn>1")]), "html")
    read = check_page(page)
    assert "2 of 2 limits failed" in read.text
    assert "it is undefined: all rows are equal" in read.text


@pytest.mark.parametrize("layers", [(6,), (0, 6)])
def test_a_noise_floor_has_a_page(layers: tuple[int, ...]) -> None:
    floors = [
        Floor(
            layer=layer, measure="two_nn", mean=2.0, standard_deviation=1.0, relative=0.5, n=9, whole_n=27,
            limit=3.5, amount="180%", values=[1.0, 2.0, None], reason=None,
        )
        for layer in layers
    ]  # fmt: skip
    result = NoiseFloor(
        over="trainings", count=3, quantile=5.0, subjects=[{"name": NASTY}], sample={}, settings={"a": 1},
        floors=floors, limits={"two_nn": "180%"}, environment={},
    )  # fmt: skip
    page = render(result, "html")
    read = check_page(page)
    assert '"two_nn" = "180%"' in read.text
    assert "noise = sd" in read.text
    (chart,) = charts_of(page)
    assert len(marks_of(chart)) == 2 * len(layers)


def test_the_list_of_measures_has_a_page() -> None:
    read = check_page(render(MeasureList(), "html", Page()))
    for measure in MEASURES:
        assert measure.key in read.text
        assert measure.cost in read.text


# Correlations


def correlated(points: int = 6, layers: int = 1, task: str = "cola") -> Any:
    """Two associations a layer with one caution and one prediction, without a study behind them."""
    from geoscope.correlations.correlations import (
        Association,
        Caution,
        Correlation,
        Correlations,
        FittedLine,
        Partial,
        Prediction,
        ScatterPoint,
    )

    r = Correlation(value=0.75, n=points, interval=(0.125, 0.9375), p=0.01, p_adjusted=0.02)
    undefined = Correlation(value=None, n=points, reason="the measure is the same in all points")
    drawn = [ScatterPoint(x=at, y=at / 10, subject=f"{NASTY} {at}", noise_level=at, n=9) for at in range(points)]
    told = {"task": task, "quantizer": None, "n": points, "points": drawn}
    rows = [
        row
        for layer in range(layers)
        for row in (
            Association(
                measure="isoscore", layer=layer, pearson=r, spearman=r, line=FittedLine(
                    slope=0.1, standard_error=0.01, intercept=0.0, r2=0.5625
                ),
                partials=[Partial(given=["noise_level"], value=-0.0625, n=points)],
                predictions=[Prediction(subject=NASTY, value=3.0, score=0.3, interval=(0.1, 0.5), outside=False)],
                **told,
            ),
            Association(measure="two_nn", layer=layer, pearson=undefined, spearman=undefined, line=None, **told),
        )
    ]  # fmt: skip
    return Correlations(
        subjects=["a"], tasks=[task], settings={"given": None}, associations=rows, notes=["a note"],
        cautions=[Caution(kind="level", task=task, measures=["isoscore"], text=f"{task} goes with the level alone")],
    )  # fmt: skip


def test_correlations_are_scatters_with_their_line_their_r_and_what_to_be_wary_of() -> None:
    page = render(correlated(), "html")
    read = check_page(page)
    isoscore, two_nn = charts_of(page)
    assert len(marks_of(isoscore)) == len(marks_of(two_nn)) == 6
    fits = [[drawn for drawn in chart.iter("path") if drawn.attrib["class"] == "fit"] for chart in (isoscore, two_nn)]
    assert list(map(len, fits)) == [1, 0]
    (x, y), (last_x, last_y) = re.findall(r"[ML]([0-9.]+) ([0-9.]+)", fits[0][0].attrib["d"])
    places = [re.match(r"M([0-9.]+) ([0-9.]+)", drawn.attrib["d"]).groups() for drawn in isoscore.iter("path")
              if drawn.attrib["class"] == "mark"]  # fmt: skip
    assert (places[0], places[-1]) == ((x, y), (last_x, last_y))  # these points lie on their line
    assert "Warning: cola goes with the level alone" in read.text
    assert "r 0.750 95 % 0.125 to 0.938; n 6; adjusted p 0.02; given noise_level -0.062" in read.text
    assert "r undefined the measure is the same in all points; n 6" in read.text
    assert "Predicted scores" in read.text
    assert "a note" in read.text


def test_many_correlations_are_drawn_until_there_are_enough_points() -> None:
    page = render(correlated(points=1000, layers=4), "html")
    read = check_page(page)
    charts = charts_of(page)
    assert len(charts) == 5
    assert sum("isoscore" in chart.attrib["aria-label"] for chart in charts) == 4  # the closest first
    assert "the 5 closest correlations with cola are drawn; the other 3 are in the table" in read.text
    (table,) = re.findall(r"<table>.{1,80}Coefficients of cola.*?</table>", page, re.DOTALL)
    assert table.count("<tr>") == 1 + 8


# The command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder with a report, a study and what is neither."""
    full(range(2)).write(tmp_path / "report.json")
    study(name="study").write(tmp_path / "study.json")
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "page.html").write_text("before")
    old = json.loads(made().to_json()) | {"schema_version": "0"}
    (tmp_path / "old.json").write_text(json.dumps(old))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("report report.json -o page.html", 0, ""),
        ("report report.json study.json report.json -o page.HTM", 0, ""),
        ("report", 2, "expected FILE..., got nothing"),
        ("report none.json", 2, "No such file"),
        ("report other.json -o page.html", 2, "expected a geoscope report, got JSON without schema_version"),
        ("report page.html", 2, "expected a report's JSON"),
        ("report report.json -o report.json", 2, "expected -o to name what is not read, got report.json"),
        ("report report.json -o no/page.html", 2, "a folder that exists"),
        ("report - -", 2, "at most one result on standard input"),
        ("report old.json", 4, "schema version 1, got '0'"),
    ],
)
def test_how_each_line_ends(folder: Path, capfd: pytest.CaptureFixture[str], line: str, code: int, said: str) -> None:
    before = (folder / "report.json").read_text()
    assert cli.main(line.split()) == code
    told = capfd.readouterr()
    assert said in told.err
    assert (told.err == "") is (code == 0)
    assert told.out == ""
    assert (folder / "report.json").read_text() == before
    if code:
        assert (folder / "page.html").read_text() == "before"


def test_a_page_goes_to_standard_output_and_comes_from_standard_input(folder: Path) -> None:
    line = [sys.executable, "-m", "geoscope", "report", "-"]
    with open("report.json", "rb") as file:
        told = subprocess.run(line, stdin=file, capture_output=True, timeout=120)
    assert (told.returncode, told.stderr) == (0, b"")
    assert told.stdout.decode() == to_html(full(range(2)))


def test_the_page_loads_nothing_heavy(folder: Path) -> None:
    code = (
        "import sys; from geoscope.cli.app import main; "
        "assert main(['report', 'report.json', 'study.json', '-o', 'p.html']) == 0; "
        "print(*sorted({'torch', 'numpy', 'transformers', 'scipy', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (told.stdout, told.stderr) == ("\n", "")


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("compare report.json report.json -o new.html", "base (candidate) against base (base)"),
        ("check report.json isoscore>0 --format html -o new.html", "base"),
        ("measures -o new.html", "Measures"),
    ],
)
def test_other_commands_write_pages_too(folder: Path, line: str, title: str) -> None:
    assert cli.main(line.split()) == 0
    page = (folder / "new.html").read_text()
    check_page(page)
    assert f"<title>{title} · geoscope</title>" in page
