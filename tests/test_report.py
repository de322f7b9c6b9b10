"""Reports: what they refuse, that they come back as they went, and that their schema holds."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from made_reports import report as made
from made_reports import row
from pydantic import ValidationError

from geoscope import __version__
from geoscope.comparisons.checks import check_report
from geoscope.comparisons.limits import parse_bound
from geoscope.errors import GeoscopeError, NotComparable
from geoscope.files import write_whole
from geoscope.report import Measurement, Report, json_schema


def content() -> dict[str, Any]:
    """A report's JSON as the contract shows it."""
    return {
        "schema_version": "1",
        "geoscope_version": __version__,
        "subject": {
            "name": "demo",
            "kind": "checkpoint",
            "architecture": "BertModel",
            "revision": None,
            "fingerprint": "sha256:00",
            "parameters": 22713216,
            "layers": 6,
            "hidden_size": 384,
        },
        "sample": {
            "corpora": [{"name": "wikitext2", "fingerprint": "sha256:11", "sequences": 2500}],
            "sequences": 5000,
            "rows": 116667,
            "points": 10000,
            "pooling": "tokens",
            "max_length": 128,
            "seed": 0,
        },
        "settings": {"isoscore_zeta": 0.0},
        "measurements": [
            measurement(5, "isoscore_star", 0.1),
            measurement(6, "isoscore_star", 0.1129) | {"standard_error": 0.0021, "null": 0.9967},
            measurement(6, "two_nn", None) | {"reason": "every row is the same"},
        ],
        "environment": {"python": "3.11"},
    }


def measurement(layer: int | None, measure: str, value: float | None) -> dict[str, Any]:
    return {
        "layer": layer,
        "measure": measure,
        "value": value,
        "standard_error": None,
        "null": None,
        "n": 116667,
        "reason": None,
    }


def text(changed: Callable[[dict[str, Any]], object]) -> str:
    told = content()
    changed(told)
    return json.dumps(told)


def test_json_keeps_the_contracts_keys_order_and_bytes() -> None:
    report = Report.from_json(json.dumps(content()))
    assert report.to_json() == json.dumps(content(), indent=2) + "\n"
    assert Report.from_json(report.to_json()) == report


def test_json_keeps_every_digit() -> None:
    told = content()
    numbers = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, 1 / 3, -5e-324]
    told["measurements"] = [measurement(layer, "two_nn", number) for layer, number in enumerate(numbers)]
    back = Report.from_json(Report.from_json(json.dumps(told)).to_json())
    assert [repr(row.value) for row in back.measurements] == [repr(number) for number in numbers]


def test_optional_keys_are_left_out_unless_told_and_unknown_ones_are_kept() -> None:
    told = content()
    told["measurements"][0] |= {"replicates": [0.1, 0.2], "noise_level": 0.5}
    told["sample"]["fingerprint"] = "sha256:22"
    told["later"] = {"new": True}
    report = Report.from_json(json.dumps(told))
    assert json.loads(report.to_json()) == told
    assert report.measurements[0].keys == {"noise_level": 0.5}
    assert "replicates" not in json.loads(report.to_json())["measurements"][1]


def test_numpy_numbers_become_json_numbers() -> None:
    import numpy as np

    row = Measurement(layer=np.int64(3), measure="two_nn", value=np.float32(0.5), n=np.int64(10))
    assert row.model_dump_json(include={"layer", "value", "n"}) == '{"layer":3,"value":0.5,"n":10}'


@pytest.mark.parametrize(
    ("column", "value"), [("layer", "3"), ("value", "0.5"), ("n", True), ("n", "10"), ("standard_error", False)]
)
def test_what_is_read_has_the_type_that_the_schema_says(column: str, value: object) -> None:
    told = content()
    told["measurements"][0][column] = value
    with pytest.raises(GeoscopeError, match=rf"measurements\.0\.{column}: Input should be a valid .*; measure again"):
        Report.from_json(json.dumps(told))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("column", ["value", "standard_error", "null"])
def test_a_number_that_is_not_finite_is_refused(column: str, number: float) -> None:
    with pytest.raises(ValidationError):
        Measurement(**{"layer": 0, "measure": "two_nn", "value": 1.0, "n": 3} | {column: number})


def test_null_needs_a_reason() -> None:
    with pytest.raises(ValidationError, match="needs a reason"):
        Measurement(layer=0, measure="two_nn", value=None, n=3)


def test_settings_that_are_not_finite_are_never_written() -> None:
    report = Report.from_json(json.dumps(content()))
    with pytest.raises(ValueError, match="JSON"):
        report.model_copy(update={"settings": {"zeta": float("nan")}}).to_json()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "expected a report's JSON"),
        ("{", "expected a report's JSON"),
        ("[" * 100_000, "expected a report's JSON"),
        ("[1]", "got a list"),
        ("{}", "without schema_version"),
        ('{"schema_version": "1"}', "without geoscope_version, subject"),
        (text(lambda told: told["measurements"][0].update(value=float("nan"))), "got NaN"),
        (text(lambda told: told["measurements"][0].update(value="many")), "measurements.0.value"),
        (text(lambda told: told["measurements"][1].update(value=None)), "needs a reason"),
        (text(lambda told: told["measurements"][1].update(layer=-1)), "measurements.1.layer"),
        (text(lambda told: told["measurements"][1].pop("n")), "measurements.1.n"),
        (
            text(lambda told: told["measurements"][0].update(value=1)).replace('"value": 1,', '"value": 1e999,'),
            "finite",
        ),
        (text(lambda told: told.update(subject=3)), "subject"),
    ],
)
def test_reading_says_what_is_wrong(tmp_path: Path, given: str, said: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(given)
    with pytest.raises(GeoscopeError, match=said) as raised:
        Report.read(path)
    assert str(path) in str(raised.value)


def test_reading_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(b"\x93NUMPY\xff")
    with pytest.raises(GeoscopeError, match="JSON"):
        Report.read(path)


def test_reading_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GeoscopeError, match="No such file"):
        Report.read(tmp_path / "none.json")
    with pytest.raises(GeoscopeError, match="which is a folder"):
        Report.read(tmp_path)


def test_another_schema_version_is_not_comparable() -> None:
    with pytest.raises(NotComparable, match="version 1, got '2'"):
        Report.from_json(text(lambda told: told.update(schema_version="2")))


def test_write_and_read_a_file(tmp_path: Path) -> None:
    report = Report.from_json(json.dumps(content()))
    path = tmp_path / "report.json"
    report.write(path)
    assert path.read_text() == report.to_json()
    assert Report.read(path) == report
    assert os.listdir(tmp_path) == ["report.json"]


def test_read_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(json.dumps(content()).encode())))
    assert Report.read("-").subject.name == "demo"


def test_a_name_that_is_no_text_is_written_all_the_same(tmp_path: Path) -> None:
    told = content()
    told["subject"]["name"] = "naïve-\udcff"
    report = Report.from_json(json.dumps(told))
    report.write(tmp_path / "report.json")
    assert "naïve" in (tmp_path / "report.json").read_text("utf-8")
    assert json.loads((tmp_path / "report.json").read_bytes()) == told


def test_value_finds_the_row_that_is_meant() -> None:
    report = Report.from_json(json.dumps(content()))
    assert report.value("isoscore_star", 6) == 0.1129
    assert report.value("isoscore_star", -1) == 0.1129
    assert report.value("isoscore_star", -2) == 0.1
    assert report.value("two_nn") is None
    assert report.layers == [5, 6]
    for measure, layer, said in (
        ("patchiness", 6, "it has isoscore_star, two_nn"),
        ("isoscore_star", 3, "got layer 3; its layers: 5, 6"),
        ("isoscore_star", None, "got several; its layers: 5, 6"),
    ):
        with pytest.raises(GeoscopeError, match=said):
            report.value(measure, layer)


def test_dataframe_has_csvs_columns() -> None:
    frame = Report.from_json(json.dumps(content())).to_dataframe()
    assert list(frame) == ["subject", "layer", "measure", "value", "standard_error", "null", "n", "reason"]
    assert frame["value"].tolist()[:2] == [0.1, 0.1129]
    assert frame["value"].isna().tolist() == [False, False, True]
    assert frame["layer"].tolist() == [5, 6, 6]


def test_without_pandas_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(GeoscopeError, match="pip install pandas"):
        Report.from_json(json.dumps(content())).to_dataframe()


def test_reports_hold_the_schema() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    check.validate(content())
    told = content()
    told["measurements"][0] |= {"replicates": [0.1] * 20, "noise_level": 0.1, "noise_seed": 3}
    told["sample"] |= {"fingerprint": "sha256:3", "dropped": [{"layer": 6, "duplicates": 3, "zero_rows": 0}]}
    check.validate(json.loads(Report.from_json(json.dumps(told)).to_json()))
    assert schema["$id"]


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.update(schema_version="2"),
        lambda told: told.pop("environment"),
        lambda told: told["measurements"][0].pop("reason"),
        lambda told: told["measurements"][0].update(value=None),
        lambda told: told["measurements"][0].update(layer=-1),
        lambda told: told["sample"].pop("rows"),
    ],
)
def test_the_schema_refuses_what_is_no_report(change: Callable[[dict[str, Any]], object]) -> None:
    told = content()
    change(told)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json_schema()).validate(told)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.json"]


def test_writing_follows_links_and_keeps_modes(tmp_path: Path) -> None:
    path, link = tmp_path / "report.json", tmp_path / "link.json"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_device_is_written_to_and_not_replaced() -> None:
    write_whole(Path(os.devnull), b"new")
    assert not Path(os.devnull).is_file()


def test_a_further_column_holds_one_thing(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    made(row("two_nn", 8.0)).write(path)
    path.write_text(path.read_text().replace('"measure": "two_nn"', '"measure": "two_nn", "odd": [1]'))
    with pytest.raises(GeoscopeError, match="a further column, odd, must be a number or a text"):
        Report.read(path)


def test_half_a_character_of_a_name_is_written_by_every_result() -> None:
    held = check_report(made(row("two_nn", 8.0), name="\ud800"), [parse_bound("two_nn>5")])
    assert json.loads(held.to_json())["subject"]["name"] == "\ud800"
