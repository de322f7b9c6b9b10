"""Tables, CSV and Markdown: every number is there, and untrusted text cannot act."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from geoscope.catalogue import FAMILIES, KEYS, MEASURES
from geoscope.documents.findings import warnings_of
from geoscope.documents.listings.measures import MeasureList
from geoscope.documents.rendering import render
from geoscope.errors import GeoscopeError
from geoscope.forms.markdown import escaped
from geoscope.forms.output import Page
from geoscope.report import Measurement, Report, Sample, Subject
from geoscope.wording import printable, rounded

COLUMNS = ("subject", "layer", "measure", "value", "standard_error", "null", "n", "reason")


def a_report(rows: list[Measurement], name: str = "demo") -> Report:
    return Report(
        subject=Subject(name=name, kind="checkpoint", architecture="BertModel", layers=12, hidden_size=384),
        sample=Sample(corpora=[], sequences=5000, rows=116667, points=10000, pooling="tokens", max_length=128, seed=0),
        settings={},
        measurements=rows,
        environment={},
    )


def row(layer: int | None, measure: str, value: float | None = 0.5, **more: Any) -> Measurement:
    reason = None if value is not None else "every row is the same"
    return Measurement(**{"layer": layer, "measure": measure, "value": value, "n": 100, "reason": reason} | more)


def table(report: Report, width: int | None = None) -> str:
    return render(report, "table", Page(width))


def test_one_layer_shows_every_measure_under_its_family() -> None:
    drawn = table(a_report([row(6, key, number / 100) for number, key in enumerate(KEYS)]))
    for measure in MEASURES:
        assert f"  {measure.key} " in drawn
        assert f"\n{measure.family}\n" in drawn
    head = drawn.splitlines()[:2]
    assert head == [
        "demo",
        "BertModel, 384 dimensions, 116,667 rows, 10,000 points, 5,000 sequences, pooling tokens, layer 6",
    ]
    assert "standard error" not in drawn
    assert "null" not in drawn


def test_errors_and_nulls_stand_beside_the_value_when_there_are_some() -> None:
    lines = table(a_report([row(6, "two_nn", 10.123456, standard_error=0.25, null=30.0)])).splitlines()
    head, found = (next(line for line in lines if line.startswith(word)) for word in ("measure ", "  two_nn "))
    assert head.split() == ["measure", "value", "standard", "error", "null", "null", "of", "n"]
    assert found.split() == ["two_nn", "10.12", "0.2500", "30", "own", "covariance", "100"]


def test_undefined_is_said_with_its_reason_once() -> None:
    drawn = table(
        a_report([row(6, "two_nn", None), row(6, "two_nn_mle", None), row(6, "isoscore", None, reason="d is 1")])
    )
    assert drawn.count("undefined [1]") == 1
    assert drawn.count("undefined [2]") == 2
    assert "\n[2] every row is the same\n" in drawn
    assert "\n[1] d is 1\n" in drawn


def test_a_measure_that_is_not_in_the_catalogue_is_shown_too() -> None:
    assert "other\n" in table(a_report([row(6, "of_a_later_version")]))


@pytest.mark.parametrize("layers", [1, 2, 8, 9, 25])
@pytest.mark.parametrize("width", [60, 80, 120, None])
def test_no_number_is_lost_whatever_the_width(layers: int, width: int | None) -> None:
    rows = [row(layer, key, 1000 + 100 * layer + place) for layer in range(layers) for place, key in enumerate(KEYS)]
    drawn = render(a_report(rows), "table", Page(width, all_measures=True))
    for each in rows:
        assert each.value is not None
        assert f"{each.value:.0f}" in drawn
    if width is not None:
        assert max(map(len, drawn.splitlines())) <= width


def test_few_layers_are_columns_and_many_are_rows() -> None:
    few = table(a_report([row(layer, "two_nn") for layer in (0, 3, 6)]))
    assert "layer 0  layer 3  layer 6" in " ".join(few.split("\n")).replace("   ", "  ")
    many = table(a_report([row(layer, "two_nn") for layer in range(13)]))
    assert sum(line.split()[:1] == [str(layer)] for layer in range(13) for line in many.splitlines()) == 13


def test_a_file_that_is_one_cloud_has_no_layer() -> None:
    report = a_report([row(None, "two_nn")])
    assert "layer" not in table(report)
    assert "layer" not in render(report, "markdown")
    assert render(report, "csv").splitlines()[1] == "demo,,two_nn,0.5,,,100,"


def test_rows_of_several_reports_have_the_columns_of_all_with_cautions_last() -> None:
    plain, study = a_report([row(6, "two_nn", caution="too few rows")]), a_report([row(6, "two_nn", noise_level=1.0)])
    assert list(plain.rows()[0]) == [*COLUMNS, "caution"]
    columns, *rows = [line.split(",") for line in render([plain, study], "csv").splitlines()]
    assert columns == [*COLUMNS, "noise_level", "caution"]
    assert [each[-2:] for each in rows] == [["", "too few rows"], ["1.0", ""]]


def test_an_empty_report_is_drawn() -> None:
    for form in ("table", "csv", "markdown", "json"):
        assert render(a_report([]), form)


def test_a_studys_rows_show_their_keys() -> None:
    rows = [row(6, "two_nn", level, noise_level=level, noise_seed=3) for level in (0.0, 0.25)]
    report = a_report(rows)
    assert render(report, "csv").splitlines()[0] == ",".join([*COLUMNS, "noise_level", "noise_seed"])
    assert render(report, "csv").splitlines()[2] == "demo,6,two_nn,0.25,,,100,,0.25,3"
    assert list(report.rows()[1].items())[-2:] == [("noise_level", 0.25), ("noise_seed", 3)]
    drawn = table(report).splitlines()
    assert ["level", "0", "level", "0.25"] in [line.split() for line in drawn]
    assert ["measure", "seed", "3", "seed", "3"] in [line.split() for line in drawn]
    assert ["two_nn", "0", "0.2500"] in [line.split() for line in drawn]


def test_warning_signs_above_their_limit_are_said() -> None:
    rows = [row(layer, "first_position_energy", value) for layer, value in enumerate((0.1, 0.21, 0.834))]
    report = a_report([*rows, row(2, "top_dimension_energy", 0.2)])
    assert warnings_of(report) == [
        "the rows of position 0 hold up to 83 % of the centred energy in layers 1, 2 "
        "and sway the other numbers; `--tokens no-first` leaves them out"
    ]
    assert "warning: the rows of position 0" in table(report)
    assert "**Warning:** the rows of position 0" in render(report, "markdown")
    assert "warning: the 3 largest dimensions hold 90 %" in table(a_report([row(2, "top_dimension_energy", 0.9)]))
    assert "warning" not in table(a_report([row(2, "top_dimension_energy", 0.1)])).replace("warning sign", "")


def test_massive_activations_are_warned_of_above_a_thousand() -> None:
    rows = [
        row(layer, "largest_activation_ratio", value) for layer, value in enumerate((20.0, 1000.0, 1234.5, 16668.0))
    ]
    assert warnings_of(a_report(rows)) == [
        "the largest activation is up to 16,668 times the usual one in layers 2, 3: a massive activation, which may "
        "sway the other numbers; `--details` says where it is"
    ]
    assert warnings_of(a_report(rows[:2])) == []


def test_csv_has_one_row_a_number_at_full_precision() -> None:
    rows = [row(6, "two_nn", 1 / 3, standard_error=1e-17), row(6, "isoscore", None)]
    told = list(csv.DictReader(io.StringIO(render(a_report(rows), "csv"))))
    assert tuple(told[0]) == COLUMNS
    assert float(told[0]["value"]) == 1 / 3
    assert float(told[0]["standard_error"]) == 1e-17
    assert told[1]["value"] == ""
    assert told[1]["reason"] == "every row is the same"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@cmd", "\tx"])
def test_csv_text_cannot_be_a_formula_and_numbers_stay_numbers(name: str) -> None:
    drawn = render(a_report([row(6, "average_cosine_similarity", -0.25)], name), "csv")
    (told,) = csv.DictReader(io.StringIO(drawn))
    assert told["subject"] == "'" + name
    assert told["value"] == "-0.25"


def test_csv_keeps_commas_quotes_and_newlines() -> None:
    name = 'a,"b"\nc'
    (told,) = csv.DictReader(io.StringIO(render(a_report([row(6, "two_nn")], name), "csv")))
    assert told["subject"] == name


def test_markdown_is_a_github_table() -> None:
    drawn = render(a_report([row(6, "average_cosine_similarity", 0.123456), row(6, "two_nn", None)]), "markdown")
    assert drawn.splitlines()[0] == "### demo"
    assert drawn.splitlines()[7:11] == [
        "| layer | measure | value | n | reason |",
        "| ---: | --- | ---: | ---: | --- |",
        "| 6 | average_cosine_similarity | 0.1235 | 100 |  |",
        "| 6 | two_nn |  | 100 | every row is the same |",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", "a\\|b"),
        ("<script>", "&lt;script&gt;"),
        ("two\nlines", "two\\\\nlines"),
        ("*bold* _so_ two_nn", "\\*bold\\* \\_so\\_ two_nn"),
        ("[x](y)", "\\[x\\](y)"),
    ],
)
def test_markdown_text_cannot_act(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_names_cannot_steer_the_terminal_nor_be_markup() -> None:
    name = "a\x1b[31mb[bold]c[/bold]:smile:"
    drawn = table(a_report([row(6, "two_nn", None, reason="\x1b]0;title\x07")], name))
    assert "\x1b" not in drawn
    assert "\x07" not in drawn
    assert "b[bold]c[/bold]:smile:" in drawn
    assert printable("\x9b\udcff") == "\\x9b\\udcff"


def test_color_is_only_for_terminals() -> None:
    report = a_report([row(6, "first_position_energy", 0.9)])
    assert "\x1b[" not in table(report, 80)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"), (1.0, "1"), (116667.0, "116667"), (0.11294, "0.1129"), (0.1, "0.1000"),
        (12.3456, "12.35"),
        (999.96, "1000"), (1234.56, "1235"), (0.000123456, "0.0001235"), (0.0000123456, "1.235e-05"),
        (12345678.9, "1.235e+07"), (-0.5, "-0.5000"), (1e300, "1.000e+300"),
    ],
)  # fmt: skip
def test_rounding_is_to_four_digits(value: float, shown: str) -> None:
    assert rounded(value) == shown


def test_other_forms_are_refused() -> None:
    with pytest.raises(GeoscopeError, match="got junit"):
        render(a_report([]), "junit")


def test_the_list_of_measures_tells_all_of_each() -> None:
    listed = json.loads(render(MeasureList(), "json", Page()))
    assert [each["key"] for each in listed] == list(KEYS)
    assert next(csv.DictReader(io.StringIO(render(MeasureList(), "csv", Page()))))["key"] == KEYS[0]
    assert render(MeasureList(), "markdown", Page()).count("\n") == len(KEYS) + 5 * len(FAMILIES) + 1
    page = render(MeasureList(), "table", Page(70))
    assert max(map(len, page.splitlines())) <= 70
    flat = " ".join(page.split())
    for measure in MEASURES:
        for told in (
            f"{measure.key}: {measure.title}",
            measure.range,
            measure.null.replace("`", ""),
            measure.paper,
            measure.cost,
        ):
            assert told in flat
