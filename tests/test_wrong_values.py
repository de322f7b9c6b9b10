"""Everyday mistakes: a wrong value anywhere is a sentence that says what to do, and never a traceback."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_documents import RESULTS, a_report, result
from wrong_values import wrong

import geoscope
from geoscope.cli.app import main
from geoscope.comparisons.checks import check_report
from geoscope.comparisons.comparison import compare_reports
from geoscope.comparisons.limits import parse_bound, parse_limit
from geoscope.documents.rendering import render, result_of
from geoscope.errors import GeoscopeError
from geoscope.files import json_content
from geoscope.forms.output import FORMS, GATE_FORMS
from geoscope.report import Report
from geoscope.settings.project_files import project_table
from geoscope.subjects.embeddings.embedding_files import open_embeddings
from geoscope.subjects.embeddings.embedding_folders import read_folder

assert result  # a fixture


@pytest.mark.parametrize("most", [97, pytest.param(None, marks=pytest.mark.slow)])
@pytest.mark.parametrize("result", RESULTS, indirect=True)
def test_a_saved_result_with_a_wrong_value_is_told_or_refused(result: Any, most: int | None) -> None:
    forms = cycle(form for form in (GATE_FORMS if result.noun in ("comparison", "check") else FORMS) if form != "json")
    told = 0
    for at, value, document in wrong(json.loads(result.to_json()), most):
        refused = None
        try:
            read = result_of(json.dumps(document))
            text = render(read, next(forms))
            assert read.to_json()
            told += bool(text)
        except GeoscopeError as error:
            refused = str(error)
        assert refused is None or "; " in refused, (at, value, refused)
    assert told


def test_a_report_with_a_wrong_value_is_held_to_limits_or_refused() -> None:
    base = a_report()
    for _, _, document in wrong(json.loads(base.to_json()), 150):
        with suppress(GeoscopeError):
            report = result_of(json.dumps(document))
            assert isinstance(report, Report)
            render(check_report(report, [parse_bound("two_nn@last>0.1")]), "table")
            render(compare_reports(base, [report], limits=[parse_limit("two_nn:10%")]), "table")


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("[" * 100_000, "lists and objects in each other more than 100 deep"),
        ("[" * 200 + "]" * 200, "lists and objects in each other more than 100 deep"),
        ('{"a":' * 900 + "1" + "}" * 900, "lists and objects in each other more than 100 deep"),
        ('{"a": ' + "1" * 5000 + "}", "a number of 5,000 digits"),
        ("", "Expecting value"),
        ("{}".encode("utf-16"), "can't decode byte"),
    ],
)
def test_json_beyond_bounds_is_a_value_error_in_a_few_words(text: str | bytes, got: str) -> None:
    with pytest.raises(ValueError, match=got):
        json_content(text)
    name = text.decode("latin1") if isinstance(text, bytes) else text
    with pytest.raises(GeoscopeError, match=f"expected a report's JSON, got something else in x: .*{got}.*; check"):
        result_of(name if isinstance(text, str) else "\xff", "x") if isinstance(text, str) else Report.from_json(
            text, "x"
        )


def test_json_within_bounds_is_read() -> None:
    with pytest.raises(GeoscopeError, match=r"a number of 400 digits; check the path"):
        result_of('{"a": ' + "1" * 400 + "}")
    assert json_content(b"\xef\xbb\xbf" + b"[" * 100 + b"]" * 100)
    assert json_content("[NaN, 1e999, 12345678901234567890]")[2] == 12345678901234567890
    assert json_content('"' + "[" * 1000 + '"') == "[" * 1000
    with pytest.raises(GeoscopeError, match=r"expected finite numbers or null in a report, got 1e999 in the text"):
        result_of(a_report().to_json().replace('"two_nn",\n      "value": 1.0', '"two_nn",\n      "value": 1e999'))


def test_a_foreign_file_of_a_project_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "pyproject.toml"
    for text in ("x = " + "[" * 5000 + "]" * 5000, "[project\nname = 1", "a = " + "1" * 5000, "[tool.black]\nx = ="):
        project.write_text(text)
        assert project_table(tmp_path) == (None, {})
        project.write_text(f"[tool.geoscope]\nseed = 1\n{text}")
        with pytest.raises(
            GeoscopeError, match=r"expected TOML in .*pyproject.toml, got .*; mend it or use --no-config"
        ):
            project_table(tmp_path)
    project.write_text("x = " + "[" * 5000)
    a_report().write(tmp_path / "r.json")
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "r.json", "r.json", "--quiet", "--format", "csv"]) == 0
    (tmp_path / "geoscope.toml").write_text("x = " + "[" * 5000 + "]" * 5000)
    assert main(["compare", "r.json", "r.json"]) == 2


@pytest.mark.parametrize("seed", ["18446744073709551616", "9" * 5000, "-1", "4611686018427387905"])
def test_a_seed_beyond_any_generator_is_refused(seed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", np.eye(5, dtype=np.float32))
    assert main(["measure", str(tmp_path / "x.npy"), "--measures", "isoscore", "--seed", seed]) == 2
    assert "expected --seed to be a whole number of at " in capsys.readouterr().err


# Embeddings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What extract wrote of 4 sequences of 5 tokens."""
    made = tmp_path / "E"
    made.mkdir()
    np.save(made / "layer-01.npy", np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32))
    np.save(made / "rows.npy", np.stack([np.repeat(np.arange(4), 5), np.tile(np.arange(5), 4), np.arange(20)], axis=1))
    described = {
        "schema_version": "1",
        "subject": {"name": "m", "kind": "checkpoint", "architecture": "BertModel", "layers": 1, "hidden_size": 3},
        "sample": {
            "corpora": [{"name": "c", "fingerprint": "sha256:c", "sequences": 4}],
            "sequences": 4, "rows": 20, "pooling": "tokens", "max_length": 8, "seed": 0, "sampling_fraction": 0.5,
        },
        "settings": {"tokens": "all", "layers": [1]},
    }  # fmt: skip
    (made / "embeddings.json").write_text(json.dumps(described))
    return made


def test_what_an_embeddings_folder_says_is_checked(folder: Path) -> None:
    path = folder / "embeddings.json"
    whole = json.loads(path.read_text())
    assert read_folder(folder).sample["sampling_fraction"] == 0.5
    whole["sample"]["sampling_fraction"] = -3
    path.write_text(json.dumps(whole))
    with pytest.raises(GeoscopeError, match=r"got in .*embeddings.json sample.sampling_fraction: .*; extract the"):
        geoscope.measure(folder, measures=["isoscore"])
    whole["sample"]["sampling_fraction"] = 0.5
    of_sample = [
        (("sample", *at), value, {**whole, "sample": sample}) for at, value, sample in wrong(whole["sample"], 80)
    ]
    kept = []
    for at, value, document in [*wrong(whole, 60), *of_sample]:
        path.write_text(json.dumps(document))
        refused = None
        try:
            assert read_folder(folder).sample.get("rows") in (None, 20)
            kept.append((*at, value))
        except GeoscopeError as error:
            refused = str(error)
        assert refused is None or refused.endswith("; extract the embeddings again"), (at, value)
    for name in ("sequences", "rows", "max_length", "seed", "sampling_fraction"):
        taken = [value for *at, value in kept if at == ["sample", name]]
        assert not {type(value) for value in taken} & {str, bool, list, dict}, name
    assert ("sample", "sampling_fraction", 1.5) not in kept


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda rows: rows.astype(float), lambda rows: rows.astype("i4"), lambda rows: rows - [1, 0, 0],
        lambda rows: rows - [0, 2, 0], lambda rows: rows + np.array([2**62, 0, 0]),
        lambda rows: rows + np.array([0, 2**62, 0]),
        lambda rows: rows[:, :2], lambda rows: rows[:-1], lambda rows: rows[0], lambda rows: rows[None],
        lambda rows: np.array([None], object), lambda rows: np.zeros(20, [("a", "i8"), ("b", "i8"), ("c", "i8")]),
    ],
)  # fmt: skip
def test_the_rows_of_an_embeddings_folder_are_checked(folder: Path, spoilt: Any) -> None:
    np.save(folder / "rows.npy", spoilt(np.load(folder / "rows.npy")), allow_pickle=True)
    with pytest.raises(GeoscopeError, match=r"; (extract the embeddings again|save one array of floats.*)$"):
        read_folder(folder)


def test_layers_of_unequal_rows_and_folders_for_files_are_refused(folder: Path) -> None:
    np.save(folder / "layer-02.npy", np.zeros((19, 3), np.float32))
    with pytest.raises(GeoscopeError, match=r"expected a rows.npy that fits the layers beside it"):
        read_folder(folder)
    for name in ("layer-02.npy", "rows.npy", "embeddings.json"):
        (folder / name).unlink()
        (folder / name).mkdir()
        with pytest.raises(GeoscopeError, match="; "):
            open_embeddings(folder) if name == "embeddings.json" else read_folder(folder)
        shutil.rmtree(folder / name)
        np.save(folder / name, np.zeros((20, 3), np.int64))


def _npy(header: str) -> bytes:
    text = header.encode() + b" " * (118 - len(header) % 64) + b"\n"
    return b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text + bytes(512)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, " + "9" * 30 + ")}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "9" * 5000 + ", 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4",
        "{'descr': '|O', 'fortran_order': False, 'shape': (3, 4)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3, 4)}",
        "{'descr': 3, 'fortran_order': False, 'shape': (3, 4)}",
        "(" * 5000 + ")" * 5000,
        "{'descr': ''' ",
    ],
)
def test_a_hostile_header_of_an_array_is_a_sentence(header: str, tmp_path: Path) -> None:
    import zipfile

    (tmp_path / "x.npy").write_bytes(_npy(header))
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", _npy(header))
    for name in ("x.npy", "x.npz"):
        with pytest.raises(GeoscopeError, match=r"^expected ") as raised:
            open_embeddings(tmp_path / name)
        assert "; " in str(raised.value)
        assert len(str(raised.value)) < 600


def test_arrays_of_any_order_of_bytes_and_axes_are_read(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    np.save(tmp_path / "plain.npy", rows)
    np.save(tmp_path / "big.npy", rows.astype(">f4"))
    np.save(tmp_path / "fortran.npy", np.asfortranarray(rows))
    values = {
        geoscope.measure(each, measures=["isoscore"], errors=False)["isoscore"].value for each in tmp_path.iterdir()
    }
    assert len(values) == 1


# Names


LONG = "x" * 300 + ".json"


@pytest.mark.parametrize(
    "line",
    [
        ["show", LONG], ["report", LONG], ["check", LONG, "two_nn>1"], ["compare", LONG, LONG], ["measure", LONG],
        ["correlate", LONG, "s.csv"], ["correlate", "r.json", LONG], ["correlate", "r.json", "a\0b.csv"],
        ["show", "r.json", "-o", LONG], ["measure", "r.json", "r.json", "-o", "x" * 300], ["show", "a\0b"],
        ["show", "r.json", "-o", "a\0b.json"], ["check", "r.json", "two_nn@" + "9" * 5000 + ">1"],
    ],
)  # fmt: skip
def test_a_name_that_no_file_can_have_is_a_sentence(
    line: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    a_report().write("r.json")
    assert main(line) == 2
    assert capsys.readouterr().err.startswith("geoscope: expected ")


@pytest.mark.parametrize("line", [["show", "-"], ["check", "-", "two_nn>1"], ["compare", "-", "r.json"]])
def test_a_closed_standard_input_is_a_sentence(
    line: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    a_report().write("r.json")
    monkeypatch.setattr("sys.stdin", None)
    assert main(line) == 2
    assert "which is closed, got none; pipe it in" in capsys.readouterr().err


def test_the_longest_name_that_a_file_can_have_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("y" * 250 + ".json")
    a_report().write(path)
    assert result_of(path.read_text()) == a_report()
    assert list(tmp_path.iterdir()) == [path]


def test_scores_and_rows_beyond_what_can_be_squared_have_no_line_and_no_error() -> None:
    from geoscope.correlations.coefficients import line

    x = np.arange(5.0)
    for y in (x * 1e-320, x * 1e200, np.array([0, 1e308, -1e308, 1.0, 2.0])):
        assert line(x, y) is None
    rows = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    rows[4, 1] = 4e22
    report = geoscope.measure(rows, measures=["vasicek_ratio_mse"])
    assert report["vasicek_ratio_mse"].standard_error is None
