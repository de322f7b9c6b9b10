"""doctor: what is known is found, what is broken is a row of its table, and the exit code says which it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoscope.cli.app import main
from geoscope.diagnosis import examining, known_answers
from geoscope.diagnosis.diagnosis import Diagnosis
from geoscope.diagnosis.known_answers import DEMO, NEAREST, QUANTIZED, TREE, Answer
from geoscope.diagnosis.surroundings import SURROUNDINGS
from geoscope.passes.quantizers.codebooks import QUANTIZERS, QuantizerSettings, quantize
from geoscope.requirements import REQUIREMENTS

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def diagnosis(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Diagnosis]:
    path = tmp_path_factory.mktemp("doctor") / "doctor.json"
    return main(["doctor", "-o", str(path), "--quiet"]), Diagnosis.read(path)


def test_all_is_right_here(diagnosis: tuple[int, Diagnosis]) -> None:
    code, found = diagnosis
    assert found.of("wrong") == []
    assert code == 0
    names = {each.name for each in found.of("right")}
    assert {f"error of --quantizer {kind}" for kind in QUANTIZERS} <= names
    assert {"nearest neighbours", "minimum spanning tree", "demo's isoscore", "torch"} <= names
    told = {each.name: each for each in found.of("told")}
    assert {"memory", "threads", "BLAS", "FAISS's kernels", "GPUs", "disk here", "the hub"} <= told.keys()
    assert [each.name for each in told.values() if each.found is None] == []
    assert {each.name for each in REQUIREMENTS} == {each.name for each in found.findings if each.group == "libraries"}


def test_another_number_than_is_known_ends_with_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [Answer("one", "by hand", lambda: 2.0, 1.0), Answer("two", "by hand", lambda: 1 / 0, 0.0, 1.0)]
    monkeypatch.setattr(examining, "known_answers", lambda: iter(asked))
    monkeypatch.setattr(examining, "REQUIREMENTS", ())
    assert main(["doctor", "--quiet"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["kind"] == "diagnosis"
    assert [(each["found"], each["outcome"]) for each in found["findings"][:2]] == [(2.0, "wrong"), (None, "wrong")]
    assert main(["doctor", "--format", "table", "--no-progress"]) == 3
    told = capsys.readouterr().out
    assert "one: expected 1 (by hand), got 2" in told
    assert "ZeroDivisionError: division by zero" in told
    assert "2 of 2 wrong" in told


def test_a_library_that_cannot_be_imported_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoilt(name: str) -> None:
        raise ImportError("libgomp.so.1: cannot open shared object file")

    required = next(each for each in REQUIREMENTS if each.module == "faiss")
    with monkeypatch.context() as broken:
        broken.setattr(examining, "import_module", spoilt)
        found = examining._library(required)
        assert found.outcome == "wrong"
        assert str(found.reason).startswith("cannot be imported: ImportError: libgomp.so.1")
    monkeypatch.setitem(sys.modules, "faiss", None)
    answers = {each.name: each for each in known_answers.known_answers()}
    assert examining._answer(answers["error of --quantizer pq"]).outcome == "wrong"
    assert examining._answer(answers["isoscore"]).outcome == "right"
    assert examining._told("FAISS's kernels", SURROUNDINGS["FAISS's kernels"]).reason is not None


@pytest.mark.slow
def test_it_ends_with_a_table_though_faiss_be_broken(tmp_path: Path) -> None:
    (tmp_path / "faiss.py").write_text("raise ImportError('libgomp.so.1: cannot open shared object file')")
    path = os.pathsep.join(filter(None, [str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH")]))
    told = subprocess.run(
        [sys.executable, "-m", "geoscope", "doctor", "--quiet", "--format", "csv"],
        capture_output=True, text=True, timeout=600, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert (told.returncode, told.stderr) == (3, "")
    wrong = [line for line in told.stdout.splitlines() if ",wrong," in line]
    assert any(line.startswith("libraries,faiss") and "libgomp" in line for line in wrong)
    assert any("error of --quantizer pq" in line for line in wrong)
    assert any(line.startswith("answers,isoscore,right") for line in told.stdout.splitlines())


def test_what_is_not_installed_is_skipped_or_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "find_spec", lambda name: None)
    found = {each.name: examining._library(each) for each in REQUIREMENTS}
    assert (found["torch"].outcome, found["torch"].reason) == ("wrong", "not installed; pip install 'torch'")
    assert (found["ray"].outcome, found["ray"].reason) == ("skipped", "not installed; pip install 'geoscope[ray]'")
    monkeypatch.setattr(known_answers, "find_spec", lambda name: None)
    skipped = [each for each in known_answers.known_answers() if each.absent]
    assert {examining._answer(each).outcome for each in skipped} == {"skipped"}
    assert len(skipped) == len(DEMO)


def test_every_quantizer_has_an_answer_that_holds_whatever_the_seed() -> None:
    assert tuple(QUANTIZED) == QUANTIZERS
    rows = np.random.default_rng(0).standard_normal((600, 16))
    for kind, (low, high) in QUANTIZED.items():
        for seed in range(3):
            codes = quantize(rows, QuantizerSettings(kind, 4, 6, seed=seed))
            assert low < codes.error / codes.centered_energy < high


def test_answers_are_those_of_other_code() -> None:
    from scipy.spatial.distance import cdist

    rows = np.random.default_rng(0).standard_normal((4000, 128))
    apart = cdist(rows, rows)
    np.fill_diagonal(apart, np.inf)
    assert np.partition(apart, 1, axis=1)[:, :2].sum() == pytest.approx(NEAREST, rel=1e-12)
    reached, total = apart[0].copy(), 0.0
    outside = np.ones(len(rows), dtype=bool)
    outside[0] = False
    for _ in range(len(rows) - 1):  # Prim's
        nearest = np.where(outside, reached, np.inf).argmin()
        total += reached[nearest]
        outside[nearest] = False
        reached = np.minimum(reached, apart[nearest])
    assert total == pytest.approx(TREE, rel=1e-12)


def test_the_demo_checkpoints_answers_are_those_of_a_plain_loop() -> None:
    import torch
    from IsoScore.IsoScore import IsoScore

    import geoscope
    from geoscope.subjects.models.checkpoints import load_checkpoint

    loaded = load_checkpoint("demo")
    index = geoscope.extract("demo", corpora="sample", sequences=12).index
    rows: list[Any] = []
    with torch.no_grad():
        for sequence in np.unique(index.sequences):
            ids = torch.tensor(index.token_ids[index.sequences == sequence])[None]
            rows.append(loaded.model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0].double())
    cloud = torch.cat(rows).numpy()
    units = cloud / np.linalg.norm(cloud, axis=1, keepdims=True)
    n = len(cloud)
    cosine = (np.square(units.sum(axis=0)).sum() - n) / (n * (n - 1))
    assert cosine == pytest.approx(DEMO["average_cosine_similarity"], abs=1e-5)
    assert float(IsoScore(cloud)) == pytest.approx(DEMO["isoscore"], abs=1e-5)
