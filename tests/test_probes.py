"""GLUE's tasks, scores and probes: files read as they are, scores as scikit-learn's, probes that find what is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoscope.errors import GeoscopeError, Undefined
from geoscope.studies.perturbations import ChangedWeights
from geoscope.studies.probes import Probes
from geoscope.subjects.checkpoint_files import hub
from geoscope.subjects.models.checkpoints import Checkpoint
from geoscope.tasks.examples import Examples
from geoscope.tasks.metrics import SCORES, accuracy, f1, matthews_correlation, pearson, spearman
from geoscope.tasks.text_task_files import load_task
from geoscope.tasks.text_tasks import TASKS, TaskData
from geoscope.transforms import steps_of

Load = Callable[[str], Checkpoint]


# Tasks


def test_glues_own_files_are_read(tmp_path: Path) -> None:
    def folder(name: str, **files: str) -> str:
        (tmp_path / name).mkdir()
        for file, content in files.items():
            (tmp_path / name / f"{file.replace('_', '-')}.tsv").write_text(content, encoding="utf-8")
        return f"{name}={tmp_path / name}"

    cola = load_task(folder("cola", train="gj04\t1\t\tIt is.\ngj04\t0\t*\tIs it be\n", dev='x\t1\t\tA "word.\n'))
    assert cola.splits["train"] == Examples((("It is.",), ("Is it be",)), (1, 0))
    assert cola.splits["validation"].texts == (('A "word.',),)  # quotes are no quoting
    sst2 = load_task(folder("sst2", dev="sentence\tlabel\ngood film \t1\nbad \t0\n"))
    assert sst2.splits["validation"] == Examples((("good film",), ("bad",)), (1, 0))
    header = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
    mrpc = load_task(folder("mrpc", train=header + '1\t7\t8\tone "two\tthree\n'))
    assert mrpc.splits["train"] == Examples((('one "two', "three"),), (1,))
    rte = load_task(
        folder("rte", train="index\tsentence1\tsentence2\tlabel\n0\ta\tb\tnot_entailment\n1\tc\td\tentailment\n")
    )
    assert rte.splits["train"] == Examples((("a", "b"), ("c", "d")), (1, 0))
    stsb = load_task(folder("stsb", sts_test="g\tf\ty\t1\t2.500\ta\tb\n", sts_dev="g\tf\ty\t1\t0.25\tc\td\textra\n"))
    assert list(stsb.splits) == ["validation", "test"]
    assert stsb.splits["test"] == Examples((("a", "b"),), (2.5,))


def test_tables_with_names_are_read_by_name(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "train.csv").write_text('label,idx,sentence\n1,0,"a, b"\n0,1,c\n')
    table = pa.table({"sentence": ["d", "e"], "label": [0, -1], "idx": [0, 1]})
    pq.write_table(table, tmp_path / "validation-00000-of-00001.parquet")
    (tmp_path / "notes.txt").write_text("mine")
    found = load_task(f"CoLA={tmp_path}")
    assert found.task.name == "cola"
    assert found.splits["train"] == Examples((("a, b",), ("c",)), (1, 0))
    assert found.splits["validation"] == Examples((("d",),), (0,))  # -1 is GLUE's word for a hidden label


def test_a_bare_name_goes_through_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = {
        "train": {"sentence": ["a", "b"], "label": [1, 0]},
        "validation": {"sentence": ["c"], "label": [1]},
        "test": {"sentence": ["d"], "label": [-1]},
    }
    asked = []
    monkeypatch.setattr(hub, "load_dataset", lambda *names: asked.append(names) or splits)
    found = load_task("cola")
    assert asked == [("nyu-mll/glue", "cola", None)]
    assert {name: len(part) for name, part in found.splits.items()} == {"train": 2, "validation": 1}

    def unreachable(*_: Any) -> Any:
        raise hub.OutOfReach("no network")

    monkeypatch.setattr(hub, "load_dataset", unreachable)
    with pytest.raises(GeoscopeError, match=r"no network; give a folder with its files: cola=DIR"):
        load_task("cola")


@pytest.mark.parametrize(
    ("spec", "content", "about"),
    [
        ("colla=DIR", None, "expected a task of cola, sst2"),
        ("cola=DIR/none", None, "expected a folder"),
        ("cola=DIR", None, "expected labelled train, dev or test files"),
        ("cola=DIR", "x\t1\n", "at least 4 cells in a row, got 2 in line 1"),
        ("cola=DIR", "x\t2\t\tText\n", "unacceptable, acceptable"),
        ("stsb=DIR", "g\tf\ty\t1\tmuch\ta\tb\n", "a number of 0 or more"),
    ],
)
def test_what_is_no_task_is_told(tmp_path: Path, spec: str, content: str | None, about: str) -> None:
    if content is not None:
        (tmp_path / "train.tsv").write_text(content)
    with pytest.raises(GeoscopeError, match=about):
        load_task(spec.replace("DIR", str(tmp_path)))


# Scores


def test_scores_are_scikit_learns_and_scipys() -> None:
    from scipy import stats
    from sklearn import metrics

    rng = np.random.default_rng(0)
    for classes in (2, 3):
        truth, predicted = rng.integers(0, classes, 200), rng.integers(0, classes, 200)
        predicted[:100] = truth[:100]
        assert accuracy(truth, predicted) == pytest.approx(metrics.accuracy_score(truth, predicted), abs=1e-12)
        expected = metrics.matthews_corrcoef(truth, predicted)
        assert matthews_correlation(truth, predicted) == pytest.approx(expected, abs=1e-12)
    truth, predicted = truth == 1, predicted == 1
    assert f1(truth, predicted) == pytest.approx(metrics.f1_score(truth, predicted), abs=1e-12)
    x, y = rng.integers(0, 20, 300).astype(float), rng.standard_normal(300)
    y += 0.1 * x
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_scores_at_their_ends() -> None:
    assert matthews_correlation([0, 1, 1], [0, 1, 1]) == 1.0
    assert matthews_correlation([0, 1], [1, 0]) == -1.0
    assert matthews_correlation([0, 1, 1], [1, 1, 1]) == 0.0
    assert f1([0, 0], [0, 0]) == 0.0
    assert pearson([1, 2, 3], [2, 4, 6]) == 1.0
    for name in ("pearson", "spearman"):
        with pytest.raises(Undefined):
            SCORES[name]([1, 2, 3], [5, 5, 5])
    with pytest.raises(Undefined):
        accuracy([], [])
    with pytest.raises(ValueError, match="one length"):
        accuracy([1], [1, 0])
    assert {name for task in TASKS.values() for name in task.scores} <= set(SCORES)


# Probes


def words(rng: np.random.Generator, low: int, high: int, count: int) -> str:
    return " ".join(f"w{number:02d}" for number in rng.integers(low, high, count))


def single(rows: int, seed: int, *, noise: bool = False) -> Examples:
    """Sentences of four words or of four others, which is the label; or of any."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, rows)
    texts = [words(rng, 0, 60, 8) if noise else words(rng, 30 * label, 30 * label + 4, 8) for label in labels]
    return Examples(tuple((text,) for text in texts), tuple(int(label) for label in labels))


def pairs(rows: int, seed: int) -> tuple[Examples, Examples]:
    """Pairs that share no word, or all but one; the label, and how many words of six they share."""
    rng = np.random.default_rng(seed)
    texts, shared = [], []
    for _ in range(rows):
        first, other = words(rng, 0, 60, 6).split(), words(rng, 0, 60, 6).split()
        kept = int(rng.choice([0, 5]))
        texts.append((" ".join(first), " ".join(first[:kept] + other[kept:])))
        shared.append(kept)
    return Examples(tuple(texts), tuple(int(kept > 0) for kept in shared)), Examples(
        tuple(texts), tuple(map(float, shared))
    )


def data(name: str, **splits: Examples) -> TaskData:
    return TaskData(TASKS[name], splits)


def probed(loaded: Checkpoint, *tasks: TaskData, rows: int = 400, seed: int = 0) -> Probes:
    return Probes(loaded, tasks, rows=rows, seed=seed, layer=3, max_length=32)


def values(probes: Probes) -> dict[tuple[str, str], float | None]:
    return {(score.task, score.metric): score.score for score in probes.scores()}


def test_what_is_in_the_rows_is_found_and_what_is_not_is_not(checkpoint: Load) -> None:
    found = values(
        probed(
            checkpoint("bert"),
            data("cola", train=single(400, 0), validation=single(200, 1)),
            data("sst2", train=single(400, 2, noise=True), validation=single(200, 3, noise=True)),
        )
    )
    assert found["cola", "matthews_correlation"] > 0.9
    assert abs(found["sst2", "accuracy"] - 0.5) < 4 * np.sqrt(0.25 / 200)


def test_pairs_are_told_by_what_they_share(checkpoint: Load) -> None:
    (train, train_scores), (dev, dev_scores) = pairs(400, 0), pairs(150, 1)
    found = values(
        probed(
            checkpoint("bert"),
            data("mrpc", train=train, validation=dev),
            data("stsb", validation=train_scores, test=dev_scores),
        )
    )
    assert set(found) == {("mrpc", "f1"), ("mrpc", "accuracy"), ("stsb", "spearman"), ("stsb", "pearson")}
    assert found["mrpc", "accuracy"] > 0.8
    assert found["stsb", "pearson"] > 0.6


def test_one_split_is_scored_by_its_folds(checkpoint: Load) -> None:
    probes = probed(checkpoint("bert"), data("rte", train=pairs(300, 0)[0]), data("cola", train=single(300, 0)))
    told = probes.settings["tasks"]
    assert [task["scored_on"] for task in told] == ["5 folds of train"] * 2
    found = values(probes)
    assert 0.75 < found["rte", "accuracy"] < 1.0  # each predicted by a model that had not seen it
    assert found["cola", "matthews_correlation"] > 0.9


def test_the_draw_of_training_rows_is_seeded_and_recorded(checkpoint: Load) -> None:
    task = data("cola", train=single(300, 0), validation=single(50, 1))
    told = [probed(checkpoint("bert"), task, rows=120, seed=seed).settings["tasks"][0] for seed in (0, 0, 1)]
    assert told[0] == told[1]
    assert told[0]["training_rows"] == 120
    assert told[0]["training_fingerprint"] != told[2]["training_fingerprint"]
    assert told[0]["scored_fingerprint"] == told[2]["scored_fingerprint"]


def test_scores_follow_the_weights_and_come_back_with_them(checkpoint: Load) -> None:
    loaded = checkpoint("bert")
    probes = probed(loaded, data("cola", train=single(300, 0), validation=single(150, 1)))
    before = probes.scores()
    with ChangedWeights(loaded.model, [name for name, _ in loaded.model.named_parameters()]) as weights:
        weights.change(lambda name, values: 0 * values if name.startswith("embeddings.word") else values)
        assert abs(values(probes)["cola", "matthews_correlation"]) < 0.3  # which words there were is gone
    assert probes.scores() == before


def test_transformed_rows_are_fitted_on_those_that_train(checkpoint: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same scores as of rows that were whitened before, by the training examples alone."""
    train, scored = single(120, 0), single(80, 1)
    probes = probed(checkpoint("bert"), data("cola", train=train, validation=scored))
    steps = steps_of("whiten=1")
    found = probes.scores(steps)
    pooled = probes._pooled()
    own = pooled[[probes._places[text] for (text,) in train.texts]]
    _, singular, axes = np.linalg.svd(own - own.mean(axis=0), full_matrices=False)
    kept = singular > 1e-5 * singular[0]
    white = (pooled - own.mean(axis=0)) @ (axes[kept].T / singular[kept] * np.sqrt(len(own) - 1)) @ axes[kept]
    monkeypatch.setattr(probes, "_pooled", lambda: white)
    assert [score.score for score in probes.scores()] == [score.score for score in found]
    monkeypatch.undo()
    assert probes.scores(steps_of("whiten=0")) == probes.scores()
    folds = probed(checkpoint("bert"), data("rte", train=pairs(80, 0)[0]))
    assert all(score.score is not None for score in folds.scores(steps_of("drop-top=2,unit")))


def test_what_cannot_be_trained_or_scored_is_a_null_with_its_reason(checkpoint: Load) -> None:
    one_class = Examples(single(50, 0).texts, (1,) * 50)
    same = Examples(pairs(40, 1)[1].texts, (2.0,) * 40)
    scores = probed(
        checkpoint("bert"),
        data("cola", train=one_class, validation=single(20, 1)),
        data("stsb", train=pairs(40, 0)[1], validation=same),
        data("rte", train=Examples((("w00", "w01"), ("w02", "w03")), (0, 1))),
    ).scores()
    assert all(score.score is None for score in scores)
    assert [score.n for score in scores] == [20, 40, 40, 2]
    assert "two classes" in str(scores[0].reason)
    assert "all the same" in str(scores[1].reason)


def test_without_scikit_learn_the_probes_say_what_to_install(checkpoint: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoscope.studies.probes.find_spec", lambda name: None)
    with pytest.raises(GeoscopeError, match=r"pip install geoscope\[study\]"):
        probed(checkpoint("bert"), data("cola", train=single(40, 0)))


def test_the_rows_are_the_means_of_the_layer(checkpoint: Load, texts: tuple[str, ...]) -> None:
    """A text's pooled row does not depend on which others it is read with."""
    loaded = checkpoint("gpt2")
    alone = Probes(
        loaded, [data("cola", train=Examples((("w01 w02 w03",),), (1,)))], rows=9, seed=0, layer=2, max_length=32
    )
    many = Examples((*((text,) for text in texts), ("w01 w02 w03",)), (0,) * len(texts) + (1,))
    among = Probes(loaded, [data("cola", train=many)], rows=99, seed=0, layer=2, max_length=32)
    import torch

    ids = loaded.tokenizer("w01 w02 w03", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        expected = (
            loaded.model(input_ids=ids, output_hidden_states=True)["hidden_states"][2][0].double().mean(0).numpy()
        )
    for probes in (alone, among):
        row = probes._pooled()[probes._places["w01 w02 w03"]]
        assert np.allclose(row, expected, atol=1e-5)


def test_a_task_of_three_classes_is_probed(checkpoint: Load) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 150)
    texts = tuple((words(rng, 20 * label, 20 * label + 4, 6), words(rng, 0, 60, 3)) for label in labels)
    examples = Examples(texts, tuple(map(int, labels)))
    task = data("mnli-mm", train=examples.take(range(100)), validation=examples.take(range(100, 150)))
    (score,) = probed(checkpoint("bert"), task).scores()
    assert (score.task, score.metric, score.n) == ("mnli-mm", "accuracy", 50)
    assert score.score > 0.9
