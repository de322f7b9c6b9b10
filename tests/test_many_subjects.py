"""`measure A B C`: subjects in order, one report each in a folder, one table of all; goes on where it was killed."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from geoscope.batches.batch import measure_many
from geoscope.batches.finished_work import key_of, that_count
from geoscope.batches.kept_reports import KeptReports
from geoscope.batches.subjects_in_order import in_step_order, named
from geoscope.cli import app as cli
from geoscope.errors import GeoscopeError
from geoscope.measuring import measure
from geoscope.report import Report
from geoscope.settings.measuring import MeasureOptions

MEASURES = "isoscore,two_nn,participation_ratio"


@pytest.fixture
def run(checkpoint_folder: Callable[[str], Path], tmp_path: Path) -> Path:
    """A training run's folder: three checkpoints, of which a shell would name checkpoint-1000 first."""
    for step, kind in ((1000, "bert"), (200, "roberta"), (30, "llama")):
        shutil.copytree(checkpoint_folder(kind), tmp_path / "run" / f"checkpoint-{step}")
    return tmp_path / "run"


def checkpoints(run: Path) -> list[str]:
    return sorted(str(path) for path in run.glob("checkpoint-*"))


def line(subjects: list[str], corpus: Path, *more: str) -> list[str]:
    sample = ["--corpus", str(corpus), "--sequences", "20", "--max-length", "16", "--device", "cpu"]
    return ["measure", *subjects, *sample, "--measures", MEASURES, "--no-progress", *more]


def numbers(report: Report) -> str:
    return json.dumps([row.model_dump(mode="json") for row in report.measurements])


def test_checkpoints_of_a_run_come_in_step_order() -> None:
    given = ["r/checkpoint-1000", "demo", "r/checkpoint-200/", "s/checkpoint-5", "r/checkpoint-30"]
    assert in_step_order(given) == [
        "r/checkpoint-30", "demo", "r/checkpoint-200", "s/checkpoint-5", "r/checkpoint-1000"
    ]  # fmt: skip
    assert in_step_order(["e10.npy", "e9.npy", "e1.npz"]) == ["e9.npy", "e10.npy", "e1.npz"]
    assert in_step_order(["z", "b", "a"]) == ["z", "b", "a"]
    with pytest.raises(GeoscopeError, match="r/x twice"):
        in_step_order(["r/x", "r/x/"])


def test_every_subject_has_a_name_of_its_own() -> None:
    assert named(["r/c-1", "s/c-1", "s/c-2", "demo"], {}) == {
        "r/c-1": "r-c-1", "s/c-1": "s-c-1", "s/c-2": "c-2", "demo": "demo"
    }  # fmt: skip
    assert named(["a/Model", "model"], {}) == {"a/Model": "a-Model", "model": "model"}
    assert named(["b/c"], {"c": "a/c"}) == {"a/c": "c", "b/c": "b-c"}
    assert named(["a/c"], {"c": "a/c"}) == {"a/c": "c"}
    assert named(["x/settings"], {}, reserved=("settings",)) == {"x/settings": "x-settings"}
    names = named(["a-b/c", "a/b-c", "c", "b-c", "..", "org/m@v1"], {})
    assert len({name.casefold() for name in names.values()}) == 6
    assert not any(set("/\\") & set(name) or name.startswith(".") for name in names.values())


def test_one_report_each_and_one_list_of_all(
    run: Path, corpus_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(line(checkpoints(run), corpus_file, "-o", str(tmp_path / "out"))) == 0
    told = capsys.readouterr()
    steps = [f"checkpoint-{step}" for step in (30, 200, 1000)]
    assert [Path(report["subject"]["name"]).name for report in json.loads(told.out)] == steps
    assert told.err.index("1 of 3") < told.err.index("2 of 3") < told.err.index("3 of 3")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        ["settings.json", *(f"{step}.json" for step in steps)]
    )
    alone = measure(
        str(run / "checkpoint-200"), corpora=[str(corpus_file)], sequences=20, max_length=16, device="cpu",
        measures=MEASURES.split(","),
    )  # fmt: skip
    kept = Report.read(tmp_path / "out" / "checkpoint-200.json")
    assert kept.to_json() == alone.to_json()
    assert json.loads(told.out)[1] == json.loads(alone.to_json())


@pytest.mark.parametrize("form", ["table", "csv", "markdown", "html"])
def test_the_table_of_all_in_every_form(
    form: str, run: Path, corpus_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(line(checkpoints(run)[:2], corpus_file, "--format", form, "--layers", "0,-1")) == 0
    text = capsys.readouterr().out
    for step in (200, 1000):
        assert f"checkpoint-{step}" in text
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert len(rows) == 2 * 2 * 3
        assert [Path(row["subject"]).name for row in rows[::6]] == ["checkpoint-200", "checkpoint-1000"]
        assert {row["layer"] for row in rows} == {"0", "3"}
    elif form == "table":
        assert sum("checkpoint-200 " in row for row in text.splitlines()) == 2 * 2  # two families, two layers


def test_a_killed_batch_goes_on_and_ends_the_same(
    run: Path, corpus_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, output = tmp_path / "whole", tmp_path / "out"
    assert cli.main(line(checkpoints(run), corpus_file, "-o", str(whole))) == 0
    code = (
        "import os, signal, sys\n"
        "from geoscope.batches.kept_reports import KeptReports\n"
        "kept, keep = [], KeptReports.keep\n"
        "def keep_and_die(self, subject, report):\n"
        "    keep(self, subject, report)\n"
        "    kept.append(subject)\n"
        "    if len(kept) == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "KeptReports.keep = keep_and_die\n"
        "from geoscope.cli.app import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, *line(checkpoints(run), corpus_file, "-o", str(output))]
    killed = subprocess.run(command, capture_output=True, timeout=300, env=dict(os.environ))
    assert killed.returncode == -signal.SIGKILL
    assert sorted(path.name for path in output.glob("[!.]*")) == [
        "checkpoint-200.json", "checkpoint-30.json", "settings.json"
    ]  # fmt: skip
    capsys.readouterr()
    assert cli.main(line(checkpoints(run), corpus_file, "-o", str(output))) == 0
    told = capsys.readouterr()
    assert told.err.count("read back") == 2
    assert len(json.loads(told.out)) == 3
    for path in whole.iterdir():
        assert numbers_of(output / path.name) == numbers_of(path)


def numbers_of(path: Path) -> str:
    return path.read_text() if path.name == "settings.json" else numbers(Report.read(path))


def test_what_changed_is_measured_again(
    run: Path, corpus_file: Path, checkpoint_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    rows = np.random.default_rng(0).normal(size=(2, 50, 4))
    files = [str(tmp_path / f"rows-{place}.npy") for place in (1, 2)]
    for file, array in zip(files, rows, strict=True):
        np.save(file, array)
    told: list[str] = []

    def again() -> list[bool]:
        told.clear()
        measure_many(files, output=tmp_path / "arrays", measures=["isoscore"], announce=told.append)
        return ["read back" in text for text in told if " of 2: " in text]

    assert again() == [False, False]
    assert again() == [True, True]
    np.save(files[0], rows[1] * 2)
    assert again() == [False, True]

    def texts() -> list[bool]:
        told.clear()
        measure_many(
            checkpoints(run)[:2], output=tmp_path / "texts", measures=["isoscore"], corpora=[str(corpus_file)],
            sequences=10, max_length=16, announce=told.append,
        )  # fmt: skip
        return ["read back" in text for text in told if " of 2: " in text]

    assert texts() == [False, False]
    assert texts() == [True, True]
    shutil.rmtree(run / "checkpoint-200")
    shutil.copytree(checkpoint_folder("gpt2"), run / "checkpoint-200")
    assert texts() == [False, True]
    corpus_file.write_text(corpus_file.read_text().replace("w01", "w02"))
    assert texts() == [False, False]


def test_a_subject_that_cannot_be_used_stops_no_other(
    run: Path, corpus_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "missing")
    assert cli.main(line([missing, *checkpoints(run)[:1]], corpus_file, "-o", str(tmp_path / "out"))) == 2
    told = capsys.readouterr()
    assert len(json.loads(told.out)) == 1
    assert f"{missing} was not measured: expected a Hugging Face id" in told.err
    assert (tmp_path / "out" / "checkpoint-1000.json").is_file()
    assert cli.main(line([missing, f"{missing}-too"], corpus_file)) == 2
    assert capsys.readouterr().out == ""


def test_a_folder_of_something_else_is_refused(
    run: Path, corpus_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = checkpoints(run)[:2]

    def refused(*more: str) -> str:
        assert cli.main(line(two, corpus_file, *more)) == 2
        told = capsys.readouterr()
        assert told.out == ""
        return told.err

    assert "a new folder" in refused("-o", str(tmp_path))
    assert "name a folder" in refused("-o", str(tmp_path / "all.csv"))
    assert "make " in refused("-o", str(tmp_path / "no" / "out"))
    out = str(tmp_path / "out")
    assert cli.main(line(two, corpus_file, "-o", out)) == 0
    capsys.readouterr()
    assert "seed 0 (asked: 1)" in refused("-o", out, "--seed", "1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "got something else"),
        ("[]", "got another command's"),
        ('{"geoscope": "measure", "settings": [], "reports": {}}', "got another command's"),
        ('{"checkpoint": {}}', "got another command's"),
    ],
)
def test_settings_of_something_else_are_refused(tmp_path: Path, content: str, said: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "settings.json").write_text(content)
    with pytest.raises(GeoscopeError, match=f"expected in .*settings.json.*{said}"):
        KeptReports(out, ["a.npy"], {})


def test_a_reference_counts_by_its_content_and_what_only_rounds_not_at_all(tmp_path: Path) -> None:
    reference = tmp_path / "covariance.npy"
    keys = []
    for rows in (np.eye(2), np.eye(2), 2 * np.eye(2)):
        np.save(reference, rows)
        options = {"isoscore_reference": str(reference), "memory": f"{len(keys) + 1}GB", "seed": 0}
        keys.append(key_of(that_count(MeasureOptions, options)))
    assert keys[0] == keys[1] != keys[2]
    assert that_count(MeasureOptions, {"device": "cpu", "progress": print}) == that_count(MeasureOptions, {})
