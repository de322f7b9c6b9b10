"""Kept rows: an interrupted reading goes on to the same bytes, by checksums and only where all else is the same."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import geoscope
from geoscope.cli import app as cli
from geoscope.errors import GeoscopeError
from geoscope.report import Report
from geoscope.subjects.embeddings import kept_rows
from geoscope.subjects.models.extraction import Extraction

pytestmark = pytest.mark.usefixtures("one_thread")


class Stopped(BaseException):
    """Whatever ends a run in its middle."""


@pytest.fixture
def options(corpus_file: Path) -> dict[str, Any]:
    return {
        "corpora": [str(corpus_file)], "sequences": 40, "max_length": 60, "layers": "0,-1", "batch_tokens": 96,
        "device": "cpu",
    }  # fmt: skip


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each forward pass; a negative first entry is how many passes there are before it stops."""
    made: list[int] = []
    read = Extraction._read

    def counted(self: Extraction, sequences: Any, layers: Any) -> Any:
        if made and made[0] < 0 and len(made) > -made[0]:
            raise Stopped
        made.append(len(sequences))
        return read(self, sequences, layers)

    monkeypatch.setattr(Extraction, "_read", counted)
    return made


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_interrupted_extraction_goes_on_to_the_same_bytes(
    checkpoint_folder: Callable[[str], Path], options: dict[str, Any], reads: list[int], tmp_path: Path
) -> None:
    subject, whole, out = str(checkpoint_folder("bert")), tmp_path / "whole", tmp_path / "out"
    geoscope.extract(subject, output=whole, **options)
    passes = len(reads)
    assert passes > 6
    reads[:] = [-4]
    with pytest.raises(Stopped):
        geoscope.extract(subject, output=out, **options)
    parts = tmp_path / "out.parts"
    assert not out.exists()
    assert len((parts / "read.jsonl").read_bytes().splitlines()) == 3  # one pass tried what padding does
    with (parts / "read.jsonl").open("ab") as file:
        file.write(b'{"rows": "cut o')
    reads.clear()
    geoscope.extract(subject, output=out, **options)
    assert len(reads) == passes - 4
    assert bytes_of(out) == bytes_of(whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "whole", "words.txt"]


def test_rows_that_are_not_as_they_were_kept_are_read_again(
    checkpoint_folder: Callable[[str], Path], options: dict[str, Any], reads: list[int], tmp_path: Path
) -> None:
    subject = str(checkpoint_folder("bert"))
    geoscope.extract(subject, output=tmp_path / "whole", **options)
    passes = len(reads)
    for harm in ("a bit", "a shorter file", "no file", "another layer's"):
        reads[:] = [1 - passes]
        with pytest.raises(Stopped):
            geoscope.extract(subject, output=tmp_path / "out", **options)
        layers = sorted((tmp_path / "out.parts" / "rows").iterdir())
        if harm == "a bit":
            rows = np.load(layers[0], mmap_mode="r+")
            place = int(np.flatnonzero(np.abs(rows).sum(1))[0])
            rows[place, 3] = np.nextafter(rows[place, 3], np.float32(9))
            del rows
        elif harm == "a shorter file":
            os.truncate(layers[1], 500)
        elif harm == "no file":
            layers[0].unlink()
        else:
            layers[0].write_bytes(layers[1].read_bytes())
        reads.clear()
        geoscope.extract(subject, output=tmp_path / "out", **options)
        assert len(reads) == (2 if harm == "a bit" else passes)
        assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


def test_what_is_kept_of_another_reading_is_begun_anew(
    checkpoint_folder: Callable[[str], Path], options: dict[str, Any], reads: list[int], tmp_path: Path
) -> None:
    reads[:] = [-3]
    with pytest.raises(Stopped):
        geoscope.extract(str(checkpoint_folder("bert")), output=tmp_path / "out", **options)
    reads.clear()
    with pytest.warns(UserWarning, match=r"out.parts holds unfinished work of other settings.*begun anew"):
        geoscope.extract(str(checkpoint_folder("roberta")), output=tmp_path / "out", **options)
    geoscope.extract(str(checkpoint_folder("roberta")), output=tmp_path / "whole", **options)
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


def test_what_came_into_a_folder_while_it_was_written_stays(
    checkpoint_folder: Callable[[str], Path], options: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    geoscope.extract(str(checkpoint_folder("bert")), output=out, **options)

    def progress(done: int, total: int, what: str) -> None:
        (out / "notes.txt").write_text("mine")

    geoscope.extract(str(checkpoint_folder("bert")), output=out, **options, progress=progress)
    assert (out / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "words.txt"]


def test_a_measured_run_goes_on_and_serves_other_measures(
    checkpoint_folder: Callable[[str], Path], options: dict[str, Any], reads: list[int], tmp_path: Path
) -> None:
    subject, run = str(checkpoint_folder("bert")), tmp_path / "run"
    asked = {**options, "measures": ["isoscore", "two_nn"]}
    plain = geoscope.measure(subject, **asked)
    passes = len(reads)
    reads[:] = [-4]
    with pytest.raises(Stopped):
        geoscope.measure(subject, **asked, run=run)
    reads.clear()
    assert geoscope.measure(subject, **asked, run=run).to_json() == plain.to_json()
    assert len(reads) == passes - 4
    reads.clear()
    other = geoscope.measure(subject, **{**asked, "measures": ["anisotropy"], "points": 50}, run=run)
    assert reads == []
    assert other.to_json() == geoscope.measure(subject, **{**asked, "measures": ["anisotropy"], "points": 50}).to_json()
    with pytest.raises(
        GeoscopeError, match=r"--run to name a folder of rows with the same settings, got .*max_length 60"
    ):
        geoscope.measure(subject, **{**asked, "max_length": 30}, run=run)
    assert sorted(path.name for path in run.iterdir()) == ["read.jsonl", "rows", "settings.json"]


def test_weights_and_configuration_are_in_the_key(
    checkpoint_folder: Callable[[str], Path], options: dict[str, Any], tmp_path: Path
) -> None:
    import shutil

    subject, asked = tmp_path / "model", {**options, "measures": ["isoscore"]}
    shutil.copytree(checkpoint_folder("bert"), subject)
    geoscope.measure(str(subject), **asked, run=tmp_path / "run")
    (subject.rename(tmp_path / "moved")).rename(subject)
    geoscope.measure(str(subject), **asked, run=tmp_path / "run")
    config = json.loads((subject / "config.json").read_text())
    (subject / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))
    with pytest.raises(GeoscopeError, match="config sha256"):
        geoscope.measure(str(subject), **asked, run=tmp_path / "run")


def test_a_disk_without_room_is_told_before_any_work(
    checkpoint_folder: Callable[[str], Path], options: dict[str, Any], reads: list[int], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(kept_rows.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    for call, more, said in ((geoscope.extract, "output", "out.parts"), (geoscope.measure, "run", "out")):
        with pytest.raises(OSError, match=said) as raised:
            call(str(checkpoint_folder("bert")), **options, **{more: tmp_path / "out"})
        assert raised.value.errno == errno.ENOSPC
    assert reads == []
    assert not (tmp_path / "out.parts").exists()


def test_a_folder_for_a_run_is_one_checkpoints(
    checkpoint_folder: Callable[[str], Path], corpus_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.random.default_rng(0).standard_normal((40, 3)))
    Path("other").mkdir()
    Path("other/notes.txt").touch()
    bert = str(checkpoint_folder("bert"))
    for line, said in (
        ("a.npy --run w", "expected --run with a checkpoint that reads text, got a.npy, whose rows are there already"),
        ("a.npy a.npy --run w", "expected --run with one subject, measured here, got 2; leave it out"),
        (f"{bert} --run other --corpus {corpus_file}", "expected --run to name a new folder or one of such a run"),
        (f"{bert} --run a.npy --corpus {corpus_file}", "one of runs before, got a file, a.npy"),
    ):
        assert cli.main(["measure", *line.split()]) == 2
        assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "other", "words.txt"]
    line = f"{bert} --run w --corpus {corpus_file} --sequences 40 --max-length 30 --measures isoscore -q -o a.json"
    assert cli.main(["measure", *line.split()]) == 0
    assert Report.read("a.json").sample.rows == np.load(next(Path("w/rows").iterdir())).shape[0]
