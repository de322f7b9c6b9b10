"""`perturb --finetune`: the scores of each state's own weights, fine-tuned as `finetune` does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest

pytest.importorskip("accelerate")
import torch

from geoscope.cli import app as cli
from geoscope.cli.exits import ExitCode
from geoscope.correlations.correlate import correlate
from geoscope.documents.rendering import render
from geoscope.finetuning.sweeps import finetune
from geoscope.report import Report, Score, json_schema
from geoscope.studies import fine_tuned_scores as fine_tunings
from geoscope.studies import perturbations
from geoscope.studies.fine_tuned_scores import FineTunings
from geoscope.studies.study import open_study, perturb
from geoscope.subjects.models.checkpoints import fingerprint_of

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL: dict[str, Any] = {
    "sequences": 20, "max_length": 16, "measures": ["isoscore"], "device": "cpu", "errors": False, "null": "none",
}  # fmt: skip


@pytest.fixture
def folder(checkpoint_folder: Callable[[str], Path]) -> str:
    return str(checkpoint_folder("bert"))


@pytest.fixture
def task(tmp_path: Path) -> str:
    """A regression, whose correlations tell apart any two models: 40 sentences and a number for each."""
    rng = np.random.default_rng(3)
    lines = [f"{' '.join(f'w{word:02d}' for word in rng.integers(0, 60, 8))}\t{rng.random():.3f}" for _ in range(40)]
    path = tmp_path / "marks.tsv"
    path.write_text("\n".join(["sentence\tlabel", *lines]) + "\n")
    return str(path)


@pytest.fixture
def options(corpus_file: Path, task: str) -> dict[str, Any]:
    return {
        "corpora": [str(corpus_file)],
        "levels": "0,20",
        "seeds": 1,
        "finetune": [task],
        "finetune_epochs": 2,
        **SMALL,
    }


def found(report: Report) -> list[Score]:
    return [score for score in report.scores or [] if score.method == "finetune"]


def test_a_score_is_that_of_finetune_on_the_saved_state(
    folder: str, options: dict[str, Any], task: str, tmp_path: Path
) -> None:
    told: list[str] = []
    chosen = {**options, "finetune_examples": 20, "seed": 5}
    report = perturb(folder, **chosen, save=tmp_path / "states", announce=told.append)
    assert told[0] == "fine-tunings to make: 2 of marks (2 steps each)"
    assert [(score.noise_level, score.noise_seed, score.metric, score.n) for score in found(report)] == [
        (0.0, None, "spearman", 8), (0.0, None, "pearson", 8), (20.0, 5, "spearman", 8), (20.0, 5, "pearson", 8),
    ]  # fmt: skip
    for name, level in (("level-0", 0), ("level-20-seed-5", 20)):
        alone = finetune(
            str(tmp_path / "states" / name), task=task, output=tmp_path / name, epochs=2, max_length=16, seeds=1,
            seed=5, train_examples=20, device="cpu", measures=["isoscore"],
        )  # fmt: skip
        values = {spread.measure: spread.mean for spread in alone.arms[0].scores}
        mine = {score.metric: score.score for score in found(report) if score.noise_level == level}
        assert mine == {metric: values[metric] for metric in mine}
    assert found(report)[1].score != found(report)[3].score
    assert report.settings["finetune"]["tasks"][0]["train"]["examples"] == 20
    assert report.settings["finetune"]["hyperparameters"]["epochs"] == 2
    assert found(perturb(folder, **chosen)) == found(report)  # nor does it matter where the weights are kept
    jsonschema.validate(json.loads(report.to_json()), json_schema())


def test_the_studys_model_and_numbers_are_what_they_are_without_it(
    folder: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def keep(*arguments: Any) -> Any:
        opened.append(open_study(*arguments))
        model = opened[0].perturbation.checkpoint.model
        before.append((fingerprint_of(model), model.training, [p.grad for p in model.parameters()]))
        return opened[0]

    before: list[Any] = []
    monkeypatch.setattr("geoscope.studies.study.open_study", keep)
    report = perturb(folder, **options)
    checkpoint = opened[0].perturbation.checkpoint
    model = checkpoint.model
    assert [(fingerprint_of(model), model.training, [p.grad for p in model.parameters()])] == before
    assert not any(parameter.requires_grad for parameter in model.parameters())
    monkeypatch.undo()
    plain = perturb(folder, **{**options, "finetune": ()})
    assert plain.measurements == report.measurements
    assert plain.scores is None
    assert "finetune" not in plain.settings


def test_a_rerun_reads_the_scores_back(
    folder: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = perturb(folder, **options, parts=tmp_path / "parts")
    made: list[Path] = []
    train = FineTunings.scores

    def counted(self: FineTunings, weights: Path) -> list[Score]:
        made.append(weights)
        return train(self, weights)

    monkeypatch.setattr(FineTunings, "scores", counted)
    again = perturb(folder, **options, parts=tmp_path / "parts")
    assert not made
    assert again.to_json() == first.to_json()
    other = perturb(folder, **{**options, "finetune_epochs": 3}, parts=tmp_path / "parts")
    assert len(made) == 2
    assert [score.score for score in found(other)] != [score.score for score in found(first)]
    assert not any(weights.exists() for weights in made)


def test_beside_a_probe_the_two_are_told_apart(folder: str, corpus_file: Path, tmp_path: Path) -> None:
    place = tmp_path / "CoLA"
    place.mkdir()
    rng = np.random.default_rng(0)
    for name, rows in (("train", 40), ("dev", 20)):
        labels = rng.integers(0, 2, rows)
        lines = [f"x\t{k}\t\t{' '.join(f'w{w:02d}' for w in rng.integers(30 * k, 30 * k + 9, 5))}" for k in labels]
        (place / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    output, both = tmp_path / "study.json", f"cola={place}"
    line = [
        "perturb", folder, "--corpus", str(corpus_file), "--sequences", "20", "--max-length", "16", "--device", "cpu",
        "--measures", "isoscore", "--levels", "0,5,50", "--seeds", "2", "--probe", both, "--finetune", both,
        "--finetune-epochs", "2", "--finetune-examples", "32", "--no-progress", "-o", str(output),
    ]  # fmt: skip
    assert cli.main(line) == 0
    report = Report.read(output)
    kinds = [(score.task, score.method, score.n) for score in report.scores or []]
    assert kinds == [("cola", "probe", 20), ("cola", "finetune", 20)] * 5
    for form in ("table", "markdown"):
        assert "finetune" in render(report, form)
    assert "cola, matthews_correlation, fine-tuned" in render(report, "html")
    tasks = correlate([], output, tasks=["cola/probe"]).tasks
    assert tasks == ["cola/probe"]
    alone = report.model_copy(
        update={"scores": [s.model_copy(update={"score": s.n + i}) for i, s in enumerate(found(report))]}
    )
    assert correlate([], alone).tasks == ["cola"]


def test_a_model_that_diverges_has_null_scores(
    folder: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = perturbations.standard_normal

    def infinite(name: str, shape: tuple[int, ...], seed: int) -> Any:
        return np.full(shape, np.inf) if seed == 1 else draw(name, shape, seed)

    monkeypatch.setattr(perturbations, "standard_normal", infinite)
    broken = found(perturb(folder, **{**options, "levels": "20", "seeds": 2}))[2:]
    assert [score.score for score in broken] == [None, None]
    assert "NaN or infinite" in str(broken[0].reason)
    values = {"loss": float("nan"), "spearman": 0.5, "pearson": 0.5}
    monkeypatch.setattr(fine_tunings, "train_for_scores", lambda *_: values)
    diverged = found(perturb(folder, **{**options, "levels": "0"}))
    assert {(score.score, score.reason) for score in diverged} == {(None, "the loss after fine-tuning is not finite")}


def test_weights_that_the_files_lack_are_drawn_by_the_seed(
    folder: str, options: dict[str, Any], tmp_path: Path
) -> None:
    from transformers import AutoModel, AutoTokenizer

    whole = AutoModel.from_pretrained(folder)
    held = {name: tensor for name, tensor in whole.state_dict().items() if "pooler" not in name}
    whole.save_pretrained(tmp_path / "bare", state_dict=held)
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "bare")
    scores = []
    for state in (1, 2):
        torch.manual_seed(state)
        scores.append(found(perturb(str(tmp_path / "bare"), **{**options, "levels": "0", "finetune_epochs": 2})))
    assert scores[0] == scores[1]


def test_swapped_embeddings_are_learnt_with_their_own_vocabulary(
    folder: str, checkpoint_folder: Callable[[str], Path], options: dict[str, Any], task: str, tmp_path: Path
) -> None:
    kind = f"swap-embeddings={checkpoint_folder('gpt2')}"
    chosen = {**options, "levels": None, "kind": kind, "save": tmp_path / "states"}
    report = perturb(folder, **chosen)
    alone = finetune(
        str(tmp_path / "states" / "changed"), task=task, output=tmp_path / "runs", epochs=2, max_length=16, seeds=1,
        device="cpu", measures=["isoscore"],
    )  # fmt: skip
    values = {spread.measure: spread.mean for spread in alone.arms[0].scores}
    assert {score.metric: score.score for score in found(report)}.items() <= values.items()


@pytest.mark.parametrize(
    ("kind", "spec", "about"),
    [
        ("bert", "mlm:sample", "expected --finetune to name labelled tasks"),
        ("bert", "no/where.tsv", "expected a task of"),
        ("bert", "{task},a/{task}", "expected --finetune to name each task once"),
        ("t5", "{task}", "whose encoder alone is"),
    ],
)
def test_mistakes_are_told_before_any_work(
    checkpoint_folder: Callable[[str], Path],
    corpus_file: Path,
    task: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    spec: str,
    about: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "marks.tsv").write_text(Path(task).read_text())
    line = [
        "perturb", str(checkpoint_folder(kind)), "--corpus", str(corpus_file), "--sequences", "20",
        "--max-length", "16", "--finetune", spec.format(task="marks.tsv"), "--no-progress", "-o", "study.json",
    ]  # fmt: skip
    assert cli.main(line) == ExitCode.MISTAKE
    told = capsys.readouterr().err
    assert about in told
    assert "Traceback" not in told
    assert not list(tmp_path.glob("study*"))
