"""`finetune`: runs in a folder, gone on with after a kill, and what they show of scores and geometry."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

pytest.importorskip("accelerate")
import torch
from safetensors.torch import load_file
from transformers import PreTrainedModel

from geoscope.cli.app import main
from geoscope.documents.rendering import render
from geoscope.errors import GeoscopeError
from geoscope.finetuning.recipes import DEFAULT, RECIPES
from geoscope.finetuning.results import finished_runs
from geoscope.finetuning.runs import TIMES
from geoscope.finetuning.significance import paired, within_seeds
from geoscope.finetuning.sweeps import finetune
from geoscope.report import Report
from geoscope.statistics import holm
from geoscope.subjects.models.checkpoints import load_checkpoint
from geoscope.tasks import tasks
from geoscope.training.arms import Arm, grid, numbers_of

pytestmark = pytest.mark.usefixtures("one_thread")
Folder = Callable[[str], Path]
SMALL: dict[str, Any] = {"epochs": 2, "batch_size": 8, "max_length": 32, "learning_rate": 1e-3, "device": "cpu"}
GRID: dict[str, Any] = {
    "selections": ["published"], "selection_factors": [1.0], "trainings": {}, "noise_weight": 0.0, "points_from": None,
    "reference_points": 250_000, "temperature": 0.2, "codebook_points": 10_000, "codebook_steps": None,
}  # fmt: skip


def write_task(path: Path, texts: tuple[str, ...], label: Callable[[int, str], Any] | None = None) -> Path:
    """A CSV of the sentences, labelled by their length unless told otherwise."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sentence", "label"])
        writer.writerows(
            [text, label(i, text) if label else int(len(text.split()) > 15)] for i, text in enumerate(texts)
        )
    return path


@pytest.fixture(scope="module")
def study(checkpoint_folder, tmp_path_factory):
    """A folder of two arms and two seeds on sentences of a file, and what was made of it."""
    rng = np.random.default_rng(1)
    texts = tuple(" ".join(f"w{word:02d}" for word in rng.integers(0, 60, rng.integers(5, 26))) for _ in range(50))
    folder = tmp_path_factory.mktemp("study")
    told: list[str] = []
    result = finetune(
        str(checkpoint_folder("bert")), task=str(write_task(folder / "lengths.csv", texts)), output=folder / "runs",
        regularizers=["none", "istar=5,-5"], seeds=2, announce=told.append, **SMALL,
    )  # fmt: skip
    return folder, result, told


def checkpoints(folder: Path) -> dict[str, str]:
    """The fingerprint of every run's weights."""
    return {f"{run.arm.name}/{run.seed}": run.read("scores.json")["fingerprint"] for run in finished_runs(folder)}


def test_a_run_folder_holds_it_all(study):
    folder, result, _ = study
    run = folder / "runs" / "istar_w5_z0.2_tokens" / "seed1"
    assert {path.name for path in run.iterdir()} == {
        "checkpoint", "geometry.json", "report.json", "scores.json", "settings.json", "times.json",
    }  # fmt: skip
    assert not list(folder.rglob("*.bin"))  # nothing pickled
    loaded = load_checkpoint(str(run / "checkpoint"), device="cpu")
    assert loaded.fingerprint == json.loads((run / "scores.json").read_text())["fingerprint"]
    scores = json.loads((run / "scores.json").read_text())
    assert [1 <= classes <= 2 for classes in scores["predicted_classes"]] == [True, True]  # an epoch each
    settings = json.loads((run / "settings.json").read_text())
    assert (settings["weight"], settings["shrinkage"], settings["seed"], settings["epochs"]) == (5.0, 0.2, 1, 2)
    assert [entry["epoch"] for entry in json.loads((run / "geometry.json").read_text())] == [0, 1, 2]
    report = Report.read(run / "report.json")
    assert report.subject.name == "istar_w5_z0.2_tokens/seed1"
    assert report.value("two_nn", 3) == next(
        row.value
        for row in result.measurements
        if (row.cloud, row.measure, row.epoch, row.seed, row.weight) == ("last", "two_nn", 2, 1, 5.0)
    )


def test_the_outlook_is_told_before_and_after_the_first_run(study):
    told = study[2]
    assert told[0].startswith("runs to make: 6 of 10 steps; their checkpoints will take")
    assert any("to go" in text for text in told)


def test_istar_moves_isotropy_the_way_its_sign_says_in_every_seed(study):
    score = {
        (row.weight or 0.0, row.seed): row.value
        for row in study[1].measurements
        if (row.cloud, row.measure, row.epoch) == ("union", "isoscore_star", 2)
    }
    for seed in (0, 1):
        assert score[-5.0, seed] < score[0.0, seed] < score[5.0, seed]


def test_runs_of_a_seed_start_alike(study):
    before = {
        (row.cloud, row.measure, row.value) for row in study[1].measurements if row.epoch == 0 and row.cloud is not None
    }
    assert len(before) == len(study[1].before)


def test_results_are_means_over_seeds_tested_in_pairs(study):
    result = study[1]
    arms = {arm.name: arm for arm in result.arms}
    assert list(arms) == ["none", "istar_w-5_z0.2_tokens", "istar_w5_z0.2_tokens"]
    none, up = arms["none"].geometry[3], arms["istar_w5_z0.2_tokens"].geometry[3]
    assert up.mean == pytest.approx(np.mean(up.values))
    assert up.sd == pytest.approx(np.std(up.values, ddof=1))
    test = scipy.stats.ttest_rel(up.values, none.values)
    assert up.against_none.p == pytest.approx(test.pvalue)
    assert up.against_none.interval == pytest.approx(tuple(test.confidence_interval()))
    assert up.against_none.p <= up.against_none.p_adjusted <= 1
    assert none.against_none is None
    assert {trend.regularizer for trend in result.trends} == {"istar"}
    assert all(trend.settings == 3 and trend.runs == 6 for trend in result.trends)


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown", "html"])
def test_every_form_shows_every_arm(study, form):
    text = render(study[1], form)
    for name in ("none", "istar", "isoscore_star", "accuracy", "two_nn"):
        assert name in text
    assert "nan" not in text.lower().split()
    if form == "json":
        assert len(json.loads(text)["arms"]) == 3
    if form == "csv":
        rows = list(csv.DictReader(text.splitlines()))
        assert len(rows) == len(study[1].measurements)
        assert rows[0]["epoch"] == "0.0"
    if form == "html":
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "<script" not in text


def test_a_finished_run_is_not_made_again_and_new_ones_join_it(study, checkpoint_folder):
    folder, result, _ = study
    before = {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("seed*/*")}
    told: list[str] = []
    again = finetune(
        str(checkpoint_folder("bert")), task=str(folder / "lengths.csv"), output=folder / "runs",
        regularizers=["none", "entropy=0,1"], selection="all", seeds=1, announce=told.append, **SMALL,
    )  # fmt: skip
    assert told[0].startswith("runs to make: 1 of 10 steps (1 of 2 are done)")
    assert [arm.name for arm in again.arms] == [*(arm.name for arm in result.arms), "entropy_w1_all_first"]
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"learning_rate": 2e-3}, "learning_rate 0.001 (asked: 0.002)"),
        ({"epochs": 3}, "epochs 2 (asked: 3)"),
        ({"train_examples": 10}, "examples 40 (asked: 10)"),
        ({"measures": ["two_nn"]}, "measures"),
    ],
)
def test_a_folder_of_other_settings_is_refused(study, checkpoint_folder, changed, said):
    folder = study[0]
    with pytest.raises(GeoscopeError, match="same settings") as refused:
        finetune(
            str(checkpoint_folder("bert")), task=str(folder / "lengths.csv"), output=folder / "runs",
            regularizers=["none"], seeds=1, **SMALL | changed,
        )  # fmt: skip
    assert said in str(refused.value)


def test_a_run_of_settings_that_its_name_does_not_tell_is_refused(study, checkpoint_folder):
    folder = study[0]
    with pytest.raises(GeoscopeError, match=r"reference_points 250000 \(asked: 500\)"):
        finetune(
            str(checkpoint_folder("bert")), task=str(folder / "lengths.csv"), output=folder / "runs",
            regularizers=["istar=5"], seeds=1, reference_points=500, **SMALL,
        )  # fmt: skip


def test_a_folder_of_something_else_is_refused(checkpoint_folder, tmp_path, texts):
    task = str(write_task(tmp_path / "lengths.csv", texts))
    for place in (tmp_path, tmp_path / "lengths.csv"):
        with pytest.raises(GeoscopeError, match="a new folder or one of runs"):
            finetune(str(checkpoint_folder("bert")), task=task, output=place, **SMALL)


def test_correlate_reads_the_runs(study, capsys):
    folder = study[0]
    assert main(["correlate", str(folder / "runs"), "--format", "json"]) == 0
    assert "isoscore_star" in capsys.readouterr().out


def test_a_killed_run_goes_on_to_the_same_weights(checkpoint_folder, tmp_path, texts, capsys):
    """SIGKILL once the first epoch's state is on disk; run again; the weights are those of a run left alone."""
    task = write_task(tmp_path / "lengths.csv", texts * 3)
    options = [
        "finetune", str(checkpoint_folder("bert")), "--task", str(task), "--regularizer", "istar", "--seeds", "1",
        "--epochs", "3", "--batch-size", "4", "--max-length", "32", "--device", "cpu", "--format", "json",
    ]  # fmt: skip
    options = [*options, "-o", str(tmp_path / "killed")]
    command = [str(Path(sys.executable).with_name("geoscope")), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    state = tmp_path / "killed" / "istar_w1_z0.2_tokens" / "seed0" / "training"
    while process.poll() is None and not list(state.glob("checkpoint-*/trainer_state.json")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not checkpoints(tmp_path / "killed")
    assert list(state.glob("checkpoint-*"))
    assert main(options) == 0
    assert json.loads(capsys.readouterr().out)["arms"][0]["seeds"] == [0]
    assert not state.exists()
    assert main([*options[:-1], str(tmp_path / "whole"), "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert checkpoints(tmp_path / "killed") == checkpoints(tmp_path / "whole")
    place = Path("istar_w1_z0.2_tokens/seed0")
    left, right = (
        load_file(tmp_path / name / place / "checkpoint" / "model.safetensors") for name in ("killed", "whole")
    )
    assert all(torch.equal(left[name], right[name]) for name in right)
    for file in ("geometry.json", "scores.json"):
        assert (tmp_path / "killed" / place / file).read_text() == (tmp_path / "whole" / place / file).read_text()


@pytest.mark.parametrize("labels", ["classes", "numbers"])
def test_a_run_killed_after_its_last_epoch_leaves_the_same_bytes(
    checkpoint_folder, tmp_path, texts, monkeypatch, labels
):
    label = None if labels == "classes" else lambda i, text: len(text.split()) / 30
    task = str(write_task(tmp_path / "lengths.csv", texts[:24], label))
    options: dict[str, Any] = {"task": task, "seeds": 1, "measures": ["isoscore"], **SMALL, "epochs": 1}
    folder = str(checkpoint_folder("bert"))
    finetune(folder, output=tmp_path / "whole", **options)
    save = PreTrainedModel.save_pretrained

    def dying(model: Any, place: Any, *args: Any, **keywords: Any) -> None:
        if Path(place).name == "checkpoint":
            raise KeyboardInterrupt
        save(model, place, *args, **keywords)

    with monkeypatch.context() as patched:
        patched.setattr(PreTrainedModel, "save_pretrained", dying)
        with pytest.raises(KeyboardInterrupt):
            finetune(folder, output=tmp_path / "killed", **options)
    finetune(folder, output=tmp_path / "killed", **options)
    written = {path.relative_to(tmp_path / "whole"): path for path in (tmp_path / "whole").rglob("*") if path.is_file()}
    assert len(written) > 8
    for place, path in written.items():
        if place.name != TIMES:  # which are of the machine
            assert (tmp_path / "killed" / place).read_bytes() == path.read_bytes(), place


def test_a_state_cut_off_by_the_kill_is_passed_over(tmp_path):
    from geoscope.finetuning.runs import last_whole_state

    assert last_whole_state(tmp_path) is None
    for step, content in ((9, '{"global_step": 9}'), (10, '{"global_step": 10}'), (20, '{"global_st')):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(content)
    (tmp_path / "checkpoint-30").mkdir()
    assert last_whole_state(tmp_path) == str(tmp_path / "checkpoint-10")


def test_masked_language_modelling_trains_over_the_whole_space(checkpoint_folder, tmp_path, corpus_file):
    folder = masked_checkpoint(checkpoint_folder("bert"), tmp_path)
    result = finetune(
        str(folder), task=f"mlm:{corpus_file}", output=tmp_path / "runs", regularizers=["none", "istar"], seeds=1,
        **SMALL,
    )  # fmt: skip
    assert result.settings["task"]["kind"] == "mlm"
    assert [arm.scores[0].measure for arm in result.arms] == ["loss", "loss"]
    assert result.arms[0].scores[0].mean != result.arms[1].scores[0].mean
    fingerprints = checkpoints(tmp_path / "runs")
    assert len(set(fingerprints.values())) == 2
    with pytest.raises(GeoscopeError, match="mask token"):
        finetune(str(checkpoint_folder("bert")), task=f"mlm:{corpus_file}", output=tmp_path / "other", **SMALL)


def masked_checkpoint(folder: Path, place: Path) -> Path:
    """The tiny BERT with a tokenizer that masks, by its unknown token."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.mask_token = "[UNK]"
    tokenizer.save_pretrained(place / "masked")
    AutoModel.from_pretrained(folder).save_pretrained(place / "masked")
    return place / "masked"


def test_the_masks_of_an_evaluation_are_always_the_same(checkpoint_folder, tmp_path, corpus_file):
    from geoscope.finetuning.prepared_tasks import Lesson

    folder = masked_checkpoint(checkpoint_folder("bert"), tmp_path)
    loaded, task = load_checkpoint(str(folder), device="cpu"), tasks.load(f"mlm:{corpus_file}")
    lessons = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        lessons.append(Lesson(task, loaded, 32, "cpu").evaluation)
    assert lessons[0] == lessons[1]
    asked = [label for example in lessons[0] for label in example["labels"] if label != -100]
    assert 0 < len(asked) < sum(len(example["labels"]) for example in lessons[0]) / 2


@pytest.mark.parametrize("kind", ["gpt2", "roberta"])
def test_pairs_and_other_architectures_train(checkpoint_folder, tmp_path, texts, kind):
    """gpt2 has no padding token and no first token that stands for a sequence."""
    rows = [f"{text}\t{other}\t{len(text) / 100:.2f}" for text, other in zip(texts, texts[::-1], strict=True)]
    (tmp_path / "pairs.tsv").write_text("\n".join(["sentence1\tsentence2\tscore", *rows]))
    result = finetune(
        str(checkpoint_folder(kind)), task=str(tmp_path / "pairs.tsv"), output=tmp_path / "runs",
        regularizers=["cosreg"], seeds=1, **SMALL | {"max_length": 60},
    )  # fmt: skip
    assert [score.measure for score in result.arms[0].scores] == ["spearman", "pearson", "loss"]
    assert result.settings["task"]["kind"] == "regression"


def test_weight_0_is_none():
    arms = grid(["istar=0,1", "none", "entropy"], [0.0], [0.2, 0.4], **GRID)
    assert [arm.name for arm in arms] == ["none", "istar_w1_z0.2_tokens", "istar_w1_z0.4_tokens"]


def test_arms_are_named_by_their_settings():
    weights, shrinkages = (-5.0, 1.0), (0.2, 0.8)
    arms = grid(["istar", "cosreg", "entropy=2"], weights, shrinkages, **GRID | {"noise_weight": 0.05})
    assert [arm.name for arm in arms] == [
        "istar_w-5_z0.2_tokens", "istar_w-5_z0.8_tokens", "istar_w1_z0.2_tokens", "istar_w1_z0.8_tokens",
        "cosreg_w-5_last", "cosreg_w1_last", "entropy_w2_published_noise0.05_first",
    ]  # fmt: skip
    assert "selection" not in arms[0].settings
    assert arms[0].settings["reference_points"] == 250_000
    assert Arm("none").settings == {"regularizer": "none"}


@pytest.mark.parametrize("text", ["", "1,x", "nan", "inf", ","])
def test_what_is_no_list_of_numbers_is_refused(text):
    with pytest.raises(GeoscopeError, match="--weight"):
        numbers_of(text, "--weight")


def test_recipes_are_the_papers(study):
    istar, shrink = RECIPES["istar2024"], RECIPES["shrink2025"]
    arms = grid(istar.regularizers, [1.0], istar.shrinkages, **GRID | {"points_from": istar.points_from})
    assert len(arms) == 1 + 6 * 4 + 1
    assert {arm.points_from for arm in arms} == {None, "published"}
    assert istar.hyperparameters.schedule == "constant"
    assert (shrink.hyperparameters.batch_size, shrink.hyperparameters.epochs) == (64, 10)
    assert (shrink.hyperparameters.learning_rate, shrink.hyperparameters.weight_decay) == (8e-5, 8e-6)
    assert shrink.selection == "published"
    assert all(recipe.paper and (recipe.unknown or name == "trainer-defaults") for name, recipe in RECIPES.items())
    assert DEFAULT.regularizers == ("none",)
    with pytest.raises(GeoscopeError, match="--recipe"):
        finetune("demo", task="cola", output=study[0] / "x", recipe="istar2025")


def test_the_trainers_defaults_are_the_trainers(tmp_path):
    from transformers import TrainingArguments

    theirs, ours = TrainingArguments(str(tmp_path)), RECIPES["trainer-defaults"].hyperparameters
    assert ours.epochs == theirs.num_train_epochs
    assert (ours.batch_size, ours.learning_rate) == (theirs.per_device_train_batch_size, theirs.learning_rate)
    assert (ours.weight_decay, ours.clip, ours.warmup) == (
        theirs.weight_decay,
        theirs.max_grad_norm,
        theirs.warmup_steps,
    )
    assert (ours.schedule, ours.grouped) == (theirs.lr_scheduler_type, theirs.train_sampling_strategy != "random")
    assert ours.max_length == 128


def test_accelerate_is_asked_for_by_its_extra(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("geoscope.finetuning.sweeps.find_spec", lambda name: None)
    assert main(["finetune", "demo", "--task", "cola", "-o", str(tmp_path / "runs")]) == 2
    said = capsys.readouterr()
    assert "pip install 'geoscope[train]'" in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--task", "colla"], "expected a task of cola"),
        (["--task", "FILE", "--regularizer", "istra"], "--regularizer"),
        (["--task", "FILE", "--weight", "1,a"], "--weight"),
        (["--task", "FILE", "--shrinkage", "2"], "a --shrinkage between 0 and 1"),
        (["--task", "FILE", "--max-length", "600"], "--max-length"),
    ],
)
def test_mistakes_are_sentences(checkpoint_folder, tmp_path, texts, capsys, options, said):
    file = str(write_task(tmp_path / "lengths.csv", texts))
    given = [file if option == "FILE" else option for option in options]
    assert main(["finetune", str(checkpoint_folder("bert")), *given, "-o", str(tmp_path / "runs")]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()


def test_a_glue_task_is_read_from_a_folder(tmp_path):
    for split, count in (("train", 6), ("dev", 3)):
        (tmp_path / f"{split}.tsv").write_text("".join(f"gj04\t{i % 2}\t*\tSentence {i}.\n" for i in range(count)))
    task = tasks.load(f"cola={tmp_path}")
    assert (len(task.train), len(task.evaluation), task.scores) == (6, 3, ("matthews_correlation",))
    narrowed = task.narrowed(4, 0)
    assert len(narrowed.train) == 4
    assert narrowed.train == task.narrowed(4, 0).train != task.narrowed(4, 1).train
    assert narrowed.evaluation == task.evaluation
    (tmp_path / "dev.tsv").unlink()
    with pytest.raises(GeoscopeError, match="none for validation"):
        tasks.load(f"cola={tmp_path}")


def test_labels_of_a_file_are_classes_or_numbers(tmp_path, texts):
    words = tasks.load(str(write_task(tmp_path / "a.csv", texts, lambda i, _: ("red", "blue", "green")[i % 3])))
    assert (words.kind, words.classes, words.scores[0]) == ("classification", ("blue", "green", "red"), "accuracy")
    places = tasks.load(str(write_task(tmp_path / "b.csv", texts, lambda i, _: 10 * (i % 2))))
    assert places.classes == ("0", "10")
    assert set(places.train.labels) == {0, 1}
    numbers = tasks.load(str(write_task(tmp_path / "c.csv", texts, lambda i, _: i / 7)))
    assert (numbers.kind, numbers.outputs, numbers.classes) == ("regression", 1, ())
    assert len(numbers.train) == 32
    assert not set(numbers.train.texts) & set(numbers.evaluation.texts)
    with pytest.raises(GeoscopeError, match="two classes"):
        tasks.load(str(write_task(tmp_path / "d.csv", texts, lambda i, _: 1)))


def test_predictions_of_one_class_are_told(checkpoint_folder, tmp_path, texts):
    folder = tmp_path / "alike"
    folder.mkdir()
    write_task(folder / "train.csv", texts[:16], lambda i, _: i % 2)
    write_task(folder / "dev.csv", (texts[9],) * 4, lambda i, _: i % 2)  # one text: one class, whatever was learnt
    given = SMALL | {"epochs": 1}
    result = finetune(
        str(checkpoint_folder("bert")), task=f"alike={folder}", output=tmp_path / "runs", seeds=1, **given
    )
    assert [arm.one_class for arm in result.arms] == [[0]]
    assert "all predictions are of one class in 1 of 1 seeds of none" in " ".join(render(result, "table").split())


def test_a_training_of_which_nothing_can_be_learnt_is_refused(checkpoint_folder, tmp_path, texts):
    given = SMALL | {"epochs": 1, "batch_size": 64}
    task = str(write_task(tmp_path / "lengths.csv", texts))
    with pytest.raises(GeoscopeError, match="at least two steps"):
        finetune(str(checkpoint_folder("bert")), task=task, output=tmp_path / "runs", seeds=1, **given)
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_files_has_its_own_split(tmp_path, texts):
    folder = tmp_path / "mine"
    folder.mkdir()
    write_task(folder / "train.csv", texts[:30])
    with pytest.raises(GeoscopeError, match=r"dev\.tsv"):
        tasks.load(f"mine={folder}")
    write_task(folder / "dev.csv", texts[30:])
    task = tasks.load(f"mine={folder}")
    assert (task.name, len(task.train), len(task.evaluation)) == ("mine", 30, 10)


def test_a_file_without_its_columns_is_refused(tmp_path):
    file = tmp_path / "x.csv"
    for header in ("words,more,label", "words,more,mark"):
        file.write_text(f"{header}\na,b,1\n")
        with pytest.raises(GeoscopeError, match="sentence, or sentence1 and sentence2"):
            tasks.load(str(file))
    file.write_text("sentence,label\na\n")
    with pytest.raises(GeoscopeError, match="expected 2 cells in a row, got 1 in line 2"):
        tasks.load(str(file))
    (tmp_path / "x.docx").write_text("")
    with pytest.raises(GeoscopeError, match=r"\.docx"):
        tasks.load(str(tmp_path / "x.docx"))


def test_a_parquet_file_is_read(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"text": [f"w{i:02d}" for i in range(10)], "label": [i % 2 for i in range(10)]}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    task = tasks.load(str(tmp_path / "x.parquet"))
    assert (task.name, len(task.train), len(task.evaluation)) == ("x", 8, 2)


def test_differences_that_do_not_vary_have_no_p():
    assert paired([1.0], [0.5]).reason == "one seed has no spread"
    same = paired([0.1, 0.2, 0.3], [0.0, 0.1, 0.2])
    assert (same.difference, same.p) == (pytest.approx(0.1), None)
    assert "same difference" in same.reason


def test_holm_steps_down():
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_a_trend_within_seeds_is_the_regression_with_a_constant_a_seed():
    rng = np.random.default_rng(0)
    seeds = np.repeat([0, 1, 2], 6)
    x = rng.standard_normal(18) + seeds
    y = 0.5 * x - 3.0 * seeds + rng.standard_normal(18)
    slope, correlation, p, reason = within_seeds(list(zip(x, y, seeds.tolist(), strict=True)))
    design = np.column_stack([x, *(seeds == seed for seed in (0, 1, 2))])
    found, (rest,), *_ = np.linalg.lstsq(design, y, rcond=None)
    error = np.sqrt(rest / (18 - 4) * np.linalg.inv(design.T @ design)[0, 0])
    assert slope == pytest.approx(found[0])
    assert p == pytest.approx(2 * scipy.stats.t.sf(abs(found[0] / error), 14))
    assert np.sign(correlation) == np.sign(slope)
    assert reason is None
    alike = [(1.0, 0.0, 0), (1.0, 1.0, 0), (1.0, 2.0, 1), (1.0, 3.0, 1)]
    assert within_seeds(alike).reason == "the measure is the same in all 4 points"
    assert within_seeds([(0.0, 0.0, 0), (1.0, 1.0, 1)]).reason == within_seeds([]).reason == "too few runs"
