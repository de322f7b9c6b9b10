"""`perturb`: one report of every level and seed, that goes on where it was killed."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest

from geoscope.batches.finished_work import FinishedReports
from geoscope.cli import app as cli
from geoscope.cli.exits import ExitCode
from geoscope.measuring import measure
from geoscope.report import Report, json_schema
from geoscope.studies import perturbations
from geoscope.studies.study import perturb
from geoscope.subjects.models.extraction import Extraction

MEASURES = "isoscore,two_nn,top_dimension_energy"


@pytest.fixture
def folder(checkpoint_folder: Callable[[str], Path]) -> str:
    return str(checkpoint_folder("bert"))


@pytest.fixture
def glue(tmp_path: Path) -> Path:
    """CoLA's files, of words from one half of the vocabulary or the other."""
    rng = np.random.default_rng(0)
    place = tmp_path / "CoLA"
    place.mkdir()
    for name, rows in (("train", 80), ("dev", 30)):
        labels = rng.integers(0, 2, rows)
        lines = [f"x\t{k}\t\t{' '.join(f'w{w:02d}' for w in rng.integers(30 * k, 30 * k + 4, 6))}" for k in labels]
        (place / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return place


def line(folder: str, corpus: Path, output: Path | str, *more: str) -> list[str]:
    sample = ["--corpus", str(corpus), "--sequences", "40", "--max-length", "32", "--device", "cpu"]
    return ["perturb", folder, *sample, "--measures", MEASURES, "--no-progress", "-o", str(output), *more]


def measurements(path: Path) -> str:
    told = json.loads(path.read_text())
    return json.dumps([told["measurements"], told["scores"]])


def test_one_report_of_every_level_and_seed(folder: str, corpus_file: Path, glue: Path, tmp_path: Path) -> None:
    output = tmp_path / "study.json"
    more = ("--levels", "10,0,50", "--seeds", "2", "--probe", f"cola={glue}", "--probe-rows", "60", "--layers", "0,-1")
    assert cli.main(line(folder, corpus_file, output, *more)) == 0
    report = Report.read(output)
    states = [(0.0, None), (10.0, 0), (10.0, 1), (50.0, 0), (50.0, 1)]
    keys = [(row.noise_level, row.noise_seed, row.layer, row.measure) for row in report.measurements]
    assert keys == [
        (*state, layer, key)
        for state in states
        for layer in (0, 3)
        for key in ("isoscore", "two_nn", "top_dimension_energy")
    ]
    assert report.scores is not None
    assert [(score.noise_level, score.noise_seed) for score in report.scores] == states
    assert {(score.task, score.metric, score.n) for score in report.scores} == {("cola", "matthews_correlation", 30)}
    assert report.scores[0].score == 1.0
    told = report.settings["perturbation"]
    assert (told["kind"], told["noise_kind"], told["targets"]) == ("noise", "absolute", "published")
    assert told["noise_draws"] == "published"
    assert report.settings["probes"]["tasks"][0]["training_rows"] == 60
    jsonschema.validate(json.loads(output.read_text()), json_schema())
    assert not (tmp_path / "study.json.parts").exists()


def test_level_0_is_what_measure_says_to_the_bit(folder: str, corpus_file: Path) -> None:
    options: dict[str, Any] = {"corpora": [str(corpus_file)], "sequences": 40, "max_length": 32, "device": "cpu"}
    options |= {"measures": MEASURES.split(","), "layers": "all"}
    plain = measure(folder, **options)
    study = perturb(folder, levels="0,5", seeds=1, **options)
    untouched = [row.model_copy(update={"noise_level": None}) for row in study.measurements if row.noise_level == 0]
    assert untouched == plain.measurements
    assert study.subject == plain.subject
    assert study.sample.fingerprint == plain.sample.fingerprint
    noisy = [row for row in study.measurements if row.noise_level == 5]
    changed = [one.value != other.value for one, other in zip(noisy, untouched, strict=True)]
    assert changed == [row.layer != 0 for row in noisy]  # the embeddings have no noise


def test_the_levels_do_not_depend_on_their_company(folder: str, corpus_file: Path) -> None:
    options: dict[str, Any] = {
        "corpora": [str(corpus_file)],
        "sequences": 40,
        "max_length": 32,
        "measures": ["isoscore"],
    }
    many = perturb(folder, levels="5,20", seeds=2, **options).measurements
    alone = perturb(folder, levels="20", seeds=1, seed=0, **options).measurements
    assert alone == [row for row in many if (row.noise_level, row.noise_seed) == (20, 0)]


def test_a_killed_study_goes_on_and_ends_the_same(
    folder: str, corpus_file: Path, glue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, output = tmp_path / "whole.json", tmp_path / "study.json"
    more = ("--levels", "0,10", "--seeds", "2", "--probe", f"cola={glue}")
    assert cli.main(line(folder, corpus_file, whole, *more)) == 0
    code = (
        "import os, signal, sys\n"
        "from geoscope.batches.finished_work import FinishedReports\n"
        "kept, keep = [], FinishedReports.keep\n"
        "def keep_and_die(self, name, report):\n"
        "    keep(self, name, report)\n"
        "    kept.append(name)\n"
        "    if len(kept) == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "FinishedReports.keep = keep_and_die\n"
        "from geoscope.cli.app import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, *line(folder, corpus_file, output, *more)]
    killed = subprocess.run(command, capture_output=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert killed.returncode == -signal.SIGKILL
    parts = tmp_path / "study.json.parts"
    assert not output.exists()
    assert len(list(parts.glob("*.json"))) == 2
    capsys.readouterr()
    assert cli.main(line(folder, corpus_file, output, *more)) == 0
    assert capsys.readouterr().err.count("read back") == 2
    assert measurements(output) == measurements(whole)
    assert not parts.exists()


def test_parts_of_other_settings_are_not_taken(folder: str, corpus_file: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"corpora": [str(corpus_file)], "max_length": 32, "parts": tmp_path / "parts", "seeds": 1}

    def run(**more: Any) -> list[str]:
        told: list[str] = []
        perturb(
            folder,
            **{"levels": "10", "sequences": 30, "measures": ["isoscore"], **options, **more},
            announce=told.append,
        )
        return [text.split(", ")[-1] == "read back" for text in told]

    assert run() == [False]
    assert run() == [True]
    assert run(levels="5,10,20") == [False, True, False]  # more levels of the same study
    for other in (
        {"sequences": 20},
        {"measures": ["two_nn"]},
        {"noise_kind": "relative"},
        {"targets": "*query.weight"},
    ):
        assert run(**other) == [False]


def test_a_part_that_was_cut_is_made_again(tmp_path: Path, folder: str, corpus_file: Path) -> None:
    options: dict[str, Any] = {
        "corpora": [str(corpus_file)], "max_length": 32, "sequences": 30, "measures": ["isoscore"], "levels": "10",
        "seeds": 1, "parts": tmp_path / "parts",
    }  # fmt: skip
    first = perturb(folder, **options)
    (part,) = (tmp_path / "parts").iterdir()
    part.write_bytes(part.read_bytes()[:100])
    assert perturb(folder, **options).measurements == first.measurements
    assert Report.read(part).measurements == first.measurements


def test_rows_and_columns_in_every_form(folder: str, corpus_file: Path, glue: Path, tmp_path: Path) -> None:
    more = ("--levels", "0,10", "--seeds", "1", "--probe", f"cola={glue}")
    assert cli.main(line(folder, corpus_file, tmp_path / "study.csv", *more)) == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "study.csv").read_text())))
    assert [(row["noise_level"], row["noise_seed"]) for row in rows] == [("0.0", "")] * 3 + [("10.0", "0")] * 3
    assert cli.main(line(folder, corpus_file, tmp_path / "study.txt", *more)) == 0
    table = (tmp_path / "study.txt").read_text()
    assert "noise level" in table
    assert "matthews_correlation" in table
    assert cli.main(line(folder, corpus_file, tmp_path / "study.md", *more)) == 0
    assert "| cola | matthews_correlation |" in (tmp_path / "study.md").read_text()


@pytest.mark.parametrize(
    ("kind", "states"),
    [
        ("shuffle-embeddings", [{"noise_seed": 3}, {"noise_seed": 4}]),
        ("untrained", [{"noise_seed": 3}, {"noise_seed": 4}]),
    ],
)
def test_the_non_standard_models(folder: str, corpus_file: Path, tmp_path: Path, kind: str, states: list[Any]) -> None:
    output = tmp_path / "study.json"
    assert cli.main(line(folder, corpus_file, output, "--kind", kind, "--seeds", "2", "--seed", "3")) == 0
    report = Report.read(output)
    assert [row.keys for row in report.measurements if row.measure == "isoscore"] == states
    assert report.settings["perturbation"]["kind"] == kind
    values = [row.value for row in report.measurements if row.measure == "isoscore"]
    assert values[0] != values[1]


def test_a_transform_moves_the_rows_and_no_weight(
    folder: str, corpus_file: Path, glue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    output = tmp_path / "study.json"
    pooled: list[str] = []
    batches = Extraction.batches

    def counted(self: Extraction, *asked: Any) -> Any:
        pooled.append(self.pooling)
        return batches(self, *asked)

    monkeypatch.setattr(Extraction, "batches", counted)
    more = ("--kind", "transform=drop-top", "--levels", "0,1,3", "--probe", f"cola={glue}", "--no-errors")
    assert cli.main(line(folder, corpus_file, output, *more)) == 0
    assert pooled.count("mean") == 1  # the model is the same: what the probes read is read once
    report = Report.read(output)
    assert [row.keys for row in report.measurements[::3]] == [{"transform_level": at} for at in (0.0, 1.0, 3.0)]
    options: dict[str, Any] = {"corpora": [str(corpus_file)], "sequences": 40, "max_length": 32, "device": "cpu"}
    for level in (0, 1, 3):
        alone = measure(
            folder, measures=MEASURES.split(","), transform=f"drop-top={level}", errors=False, **options
        ).measurements
        rows = [row.model_copy(update={"transform_level": None}) for row in report.measurements]
        assert [
            row for row, kept in zip(rows, report.measurements, strict=True) if kept.transform_level == level
        ] == alone
    told = report.settings["perturbation"]
    assert (told["kind"], told["changed"]) == ("transform=drop-top", 0)
    assert [(fit["transform_level"], fit["transform"]) for fit in told["fits"]] == [
        (1, "drop-top=1"),
        (3, "drop-top=3"),
    ]
    assert "transform" not in report.settings
    assert [score.transform_level for score in report.scores or []] == [0.0, 1.0, 3.0]
    last = tmp_path / "last.json"
    assert cli.main(line(folder, corpus_file, last, *more[:3], "3", *more[4:])) == 0
    assert Report.read(last).scores == [score for score in report.scores or [] if score.transform_level == 3]
    jsonschema.validate(json.loads(output.read_text()), json_schema())
    capsys.readouterr()
    assert cli.main(["show", str(output)]) == 0
    table = capsys.readouterr().out
    assert "The model is the same at every level: its rows are transformed (drop-top)" in table
    assert "level 3" in table
    assert cli.main(["report", str(output), "-o", str(tmp_path / "study.html")]) == 0
    assert "transform&#39;s amount" in (tmp_path / "study.html").read_text().replace("'", "&#39;")
    assert cli.main(["correlate", str(output), "--format", "json"]) == 0
    (row, *_) = json.loads(capsys.readouterr().out)["associations"]
    assert [point["subject"].rpartition("/")[2] for point in row["points"]] == [
        "drop-top=0",
        "drop-top=1",
        "drop-top=3",
    ]
    assert cli.main(line(folder, corpus_file, tmp_path / "c.csv", "--kind", "transform=center", "--no-errors")) == 0
    assert {row["transform_level"] for row in csv.DictReader((tmp_path / "c.csv").open())} == {"0.0", "1.0"}


def test_swapped_embeddings_read_with_the_others_tokenizer(
    folder: str, checkpoint_folder: Callable[[str], Path], corpus_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "study.json"
    kind = f"swap-embeddings={checkpoint_folder('llama')}"
    assert cli.main(line(folder, corpus_file, output, "--kind", kind)) == 0
    report = Report.read(output)
    assert [row.keys for row in report.measurements] == [{}] * 3
    plain = measure(
        folder, corpora=[str(corpus_file)], sequences=40, max_length=32, measures=["isoscore"], device="cpu"
    )
    assert plain.sample.rows - report.sample.rows == 40  # llama's tokenizer adds one special token, bert's two
    assert report.subject == plain.subject


def test_too_much_noise_is_a_null_with_its_reason(
    folder: str, corpus_file: Path, glue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = perturbations.standard_normal

    def infinite(name: str, shape: tuple[int, ...], seed: int) -> Any:
        return np.full(shape, np.inf) if seed == 1 else draw(name, shape, seed)

    monkeypatch.setattr(perturbations, "standard_normal", infinite)
    report = perturb(
        folder, levels="10", seeds=2, corpora=[str(corpus_file)], sequences=40, max_length=32, measures=["isoscore"],
        probes=[f"cola={glue}"],
    )  # fmt: skip
    finite, broken = report.measurements
    assert finite.value is not None
    assert (broken.value, broken.n) == (None, 0)
    assert "NaN or infinite" in str(broken.reason)
    assert report.scores is not None
    assert [score.score is None for score in report.scores] == [False, True]


def test_saved_states_measure_as_the_study_says(folder: str, corpus_file: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "corpora": [str(corpus_file)],
        "sequences": 40,
        "max_length": 32,
        "measures": ["isoscore"],
    }
    study = perturb(folder, levels="0,10", seeds=1, save=tmp_path / "levels", **options)
    for name, row in zip(("level-0", "level-10-seed-0"), study.measurements, strict=True):
        again = measure(str(tmp_path / "levels" / name), **options)
        assert again.measurements[0].value == row.value


@pytest.mark.parametrize(
    ("more", "about"),
    [
        (["--levels", "much"], "expected --levels"),
        (["--levels", "200"], "expected --levels"),
        (["--kind", "salt"], "expected --kind"),
        (["--kind", "untrained", "--levels", "5"], "expected --levels only of noise or a transform"),
        (["--kind", "transform"], "expected --kind to be one of noise"),
        (["--kind", "transform=salt"], "expected a transform, center"),
        (["--kind", "transform=whiten=1"], "expected a transform, center"),
        (["--kind", "transform=whiten", "--levels", "0,2"], "expected whiten=A with a number from 0 to 1, got 2.0"),
        (["--kind", "transform=center", "--levels", "0.5"], "expected center at 0 or 1, got 0.5"),
        (["--kind", "transform=clip", "--levels", "0"], "expected clip=C with a number above 0"),
        (["--kind", "transform=whiten", "--transform", "unit"], "expected no --transform with --kind transform=whiten"),
        (["--kind", "transform=whiten", "--save", "x"], "expected no --save with --kind transform=whiten"),
        (["--kind", "transform=whiten", "--targets", "x"], "expected --targets only of noise"),
        (["--noise-draws", "seldom"], "expected --noise-draws to be one of published, straight"),
        (["--targets", "nothing.*"], "expected --targets"),
        (["--probe", "glue"], "expected a task"),
        (["--probe", "cola=no/where"], "expected a folder"),
        (["--measures", "volume"], "expected a measure"),
        (["--save", "no/where/at/all"], "expected --save"),
        (["--words", "4"], "expected --words"),
        (["--protocol", "mine"], "expected --protocol"),
        (["--noise-kind", "loud"], "noise-kind"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    folder: str, corpus_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], about: str
) -> None:
    assert cli.main(line(folder, corpus_file, tmp_path / "study.json", *more)) == ExitCode.MISTAKE
    told = capsys.readouterr().err
    assert about in told
    assert "Traceback" not in told
    assert not list(tmp_path.glob("study*"))


def test_a_protocol_sets_what_was_not_typed(folder: str, corpus_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "study.json"
    arguments = line(folder, corpus_file, output, "--levels", "10", "--seeds", "1", "--protocol", "razzhigaev2023")
    assert cli.main(arguments) == 0
    report = Report.read(output)
    assert report.settings["protocol"] == "razzhigaev2023"
    assert {row.layer for row in report.measurements} == {0, 1, 2, 3}  # the protocol's
    assert {row.measure for row in report.measurements} == set(MEASURES.split(","))  # typed
    assert report.sample.sequences == 40


def test_parts_keep_nothing_without_a_folder(tmp_path: Path) -> None:
    parts = FinishedReports(None)
    parts.keep("level-1", None)  # type: ignore[arg-type]  # not looked at
    assert parts.read("level-1") is None
