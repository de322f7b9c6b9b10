"""What a SUBJECT is: one ladder for all commands, looked at before anything is drawn or fetched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_reports import report, row

import geoscope
from geoscope.cli.app import main
from geoscope.errors import GeoscopeError
from geoscope.noise_floors import noise_floor
from geoscope.subjects import opening, text_subjects
from geoscope.subjects.kinds import Kind, expect, kind_of
from geoscope.subjects.opening import embeddings_of, opened

ROWS = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one of each."""
    monkeypatch.chdir(tmp_path)
    np.save("rows.npy", ROWS)
    report(row("isoscore", 0.5)).write("report.json")
    for name, file in (("extracted", "embeddings.json"), ("model", "config.json"), ("gguf", "m.gguf"), ("other", "a")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("{}")
    (tmp_path / "empty").mkdir()
    for name in ("text.txt", "table.xlsx", "weights.pt"):
        (tmp_path / name).write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("demo", Kind.TEXT),
        ("org/name", Kind.TEXT),
        ("bert-base-uncased", Kind.TEXT),
        ("Qwen/Qwen2.5-0.5B", Kind.TEXT),
        ("model", Kind.TEXT),
        ("./model/", Kind.TEXT),
        (Path("gguf"), Kind.TEXT),
        ("rows.npy", Kind.ROWS),
        ("extracted", Kind.ROWS),
        ("report.json", Kind.REPORT),
        ("missing.json", Kind.REPORT),
        ("-", Kind.REPORT),
        (ROWS, Kind.HELD),
        (report(row("isoscore", 0.5)), Kind.REPORT),
    ],
)
def test_a_subject_is_what_it_looks_like(folder: Path, subject: Any, kind: Kind) -> None:
    assert kind_of(subject) is kind


WRONG = [
    ("missing.npy", "expected embeddings in missing.npy, got no file there; check the path"),
    ("emb.csv", "expected embeddings in emb.csv, got no file there; check the path"),
    ("weights/model.pt", "got weights/model.pt, where there is nothing"),
    ("table.xlsx", "got the file table.xlsx; convert it"),
    ("text.txt", "got the file text.txt; text is read by --corpus"),
    ("weights.pt", "got the file weights.pt, which only a pickle would read; save its rows as .npy or .safetensors"),
    ("/no/where", "got /no/where, where there is nothing"),
    ("./nowhere", "got ./nowhere, where there is nothing"),
    ("runs/a/checkpoint-10", "got runs/a/checkpoint-10, where there is nothing"),
    ("other", r"got the folder other, which has neither config.json nor embeddings.json \(a\); name another"),
    ("empty", r"got the folder empty, which has neither config.json nor embeddings.json \(it is empty\)"),
]


@pytest.mark.parametrize(("subject", "words"), WRONG)
def test_what_is_no_subject_is_one_sentence_for_all_commands(
    folder: Path, subject: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(*_: Any, **__: Any) -> None:
        raise AssertionError("text was drawn for a subject that is none")

    monkeypatch.setattr(text_subjects, "load_corpus", drawn)
    for call in (
        lambda: geoscope.measure(subject),
        lambda: geoscope.extract(subject),
        lambda: noise_floor(subject),
        lambda: geoscope.compare("report.json", subject),
        lambda: geoscope.compare(subject, subject, similarity=True),
    ):
        with pytest.raises(GeoscopeError, match=words):
            call()


@pytest.mark.parametrize(
    "command", ["measure", "extract -o out", "perturb", "noise-floor", "finetune --task sst2 -o o"]
)
def test_a_wrong_subject_is_not_blamed_on_the_corpora(
    folder: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *rest = command.split()
    assert main([first, "no/such/folder", *rest]) == 2
    told = capsys.readouterr().err
    assert "got no/such/folder, where there is nothing" in told
    assert "ptb" not in told


def test_a_checkpoint_is_looked_for_before_text_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(GeoscopeError, match="no-such-name"):
        geoscope.measure("no-such-name")
    with pytest.raises(GeoscopeError, match="bbc"):  # what costs nothing to look at is looked at first
        geoscope.measure("no-such-name", corpora=["bbc"])


@pytest.mark.parametrize("subject", ["report.json", "-"])
def test_a_report_has_no_rows(folder: Path, subject: str) -> None:
    with pytest.raises(GeoscopeError, match=f"expected a subject with rows to read, got a report, {subject}"):
        geoscope.measure(subject)


def test_what_needs_a_model_is_given_rows(folder: Path) -> None:
    with pytest.raises(GeoscopeError, match=r"expected a checkpoint to read text with, got embeddings, rows\.npy"):
        geoscope.extract("rows.npy")
    assert expect("rows.npy", [Kind.ROWS], "rows") is Kind.ROWS


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"corpora": ["sample"]}, "--corpus only with a checkpoint"),
        ({"words": "4-49"}, "--words only with a checkpoint"),
    ],
)
def test_rows_that_there_are_choose_no_text(folder: Path, options: dict[str, Any], words: str) -> None:
    for call in (lambda **o: geoscope.measure("rows.npy", **o), lambda **o: noise_floor(ROWS, **o)):
        with pytest.raises(GeoscopeError, match=words):
            call(**options)


def test_rows_are_the_same_opened_or_held(
    checkpoint_folder: Callable[[str], Path], corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = str(checkpoint_folder("bert"))
    options = {"corpora": [str(corpus_file)], "layers": "all", "max_length": 32, "device": "cpu"}
    read = opened(subject, options)
    held = embeddings_of(subject, options)
    assert held.layers == read.layers == (0, 1, 2, 3)
    for layer in held.layers:
        rows = np.empty_like(held.rows(layer))
        for batch in read.source.batches([layer]):
            rows[batch.offsets] = batch.rows[layer]
        assert (rows == held.rows(layer)).all()
    again = opened(held, {"layers": "1"})
    assert again.layers == (1,)
    assert {**again.sample, "rows": 0} == {**read.sample, "rows": 0}
    assert opening.wanted_layers(held, {"layers": "-1,0"}, extracted=False) == [0, 3]
    with pytest.raises(GeoscopeError, match="--groups only with an embeddings file"):
        opened(subject, {**options, "groups": "x"})
    with pytest.raises(GeoscopeError, match="no groups beside Embeddings"):
        opened(held, {"groups": "x"})


def test_options_that_choose_rows_that_are_there_already_are_told(tmp_path: Path, recwarn: Any) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((40, 3)))
    asked: dict[str, Any] = {"measures": ["isoscore"], "errors": False, "null": "none"}
    with pytest.warns(UserWarning, match=r"^--max-length, --pooling choose rows of a checkpoint's; those of "):
        geoscope.measure(tmp_path / "x.npy", pooling="mean", max_length=8, sequences=5000, **asked)
    recwarn.clear()
    geoscope.measure(tmp_path / "x.npy", pooling="tokens", **asked)
    assert not recwarn.list


def test_what_rows_were_made_with_may_be_said_again(
    checkpoint_folder: Callable[[str], Path], corpus_file: Path, tmp_path: Path, recwarn: Any
) -> None:
    geoscope.extract(
        str(checkpoint_folder("bert")), corpora=[str(corpus_file)], pooling="mean", max_length=8, output=tmp_path / "E"
    )
    recwarn.clear()
    asked: dict[str, Any] = {"measures": ["isoscore"], "errors": False, "null": "none"}
    geoscope.measure(tmp_path / "E", pooling="mean", max_length=8, **asked)
    assert not recwarn.list
    with pytest.warns(UserWarning, match=r"^--pooling chooses rows of a checkpoint's; "):
        geoscope.measure(tmp_path / "E", pooling="cls", **asked)
