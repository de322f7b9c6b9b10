"""Tasks by name: GLUE's, SST-5's and SQuAD's own layouts, splits, answers' scores, and how each kind is learnt."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("accelerate")
import torch

from geoscope.documents.rendering import render
from geoscope.errors import GeoscopeError, Undefined
from geoscope.finetuning.outcome import FineTuning
from geoscope.finetuning.preparation.answers import LONGEST_ANSWER, best_span
from geoscope.finetuning.prepared_tasks import Lesson
from geoscope.finetuning.sweeps import finetune
from geoscope.settings.texts import TASK_WORDS, TEXT_TASK_WORDS
from geoscope.subjects.checkpoint_files import hub
from geoscope.subjects.models.checkpoints import load_checkpoint
from geoscope.tasks import squad, tasks
from geoscope.tasks.answer_scores import answer_f1, exact_match, normalized
from geoscope.tasks.examples import Examples
from geoscope.tasks.text_task_files import load_task
from geoscope.tasks.text_tasks import TASKS

pytestmark = pytest.mark.usefixtures("one_thread")
Folder = Callable[[str], Path]
SMALL: dict[str, Any] = {
    "epochs": 1, "batch_size": 8, "max_length": 32, "learning_rate": 1e-3, "device": "cpu", "seeds": 1,
    "measures": ["isoscore_star"],
}  # fmt: skip
SCORED = json.loads((Path(__file__).parent / "fixtures" / "squad_scores.json").read_text(encoding="utf-8"))


def write(folder: Path, **files: str) -> Path:
    """Files by name, `_` before the last word for its dot."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(content, encoding="utf-8")
    return folder


def loaded(spec: str) -> tuple[tasks.Task, list[str]]:
    """The task, and what was warned of."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        task = tasks.load(spec)
    return task, [str(each.message) for each in told]


# GLUE and SST-5


def test_every_name_can_be_typed() -> None:
    assert tuple(TASKS) == TEXT_TASK_WORDS
    assert (*TASKS, squad.NAME) == TASK_WORDS


def test_mnli_is_read_in_its_two_halves(tmp_path: Path) -> None:
    head = "index\tpromptID\tgenre\tsentence1_parse\tsentence1\tsentence2\tlabel1\tgold_label\n"
    held = "index\tpromptID\tgenre\tsentence1_parse\tsentence1\tsentence2\n"
    row = '0\t9\tfiction\t(a)\tIt {0}.\tThat "{0}\n'
    labelled = row.rstrip("\n") + "\tneutral\t{1}\n"
    folder = write(
        tmp_path / "mnli",
        train_tsv=head + "".join(labelled.format(i, name) for i, name in enumerate(TASKS["mnli"].classes)),
        dev_matched_tsv=head + labelled.format("in", "contradiction") + labelled.format("none", "-"),
        dev_mismatched_tsv=head + labelled.format("out", "neutral"),
        test_matched_tsv=held + row.format("hidden"),
        test_mismatched_tsv=held + row.format("hidden"),
    )
    matched, other = load_task(f"MNLI={folder}"), load_task(f"mnli_mm={folder}")
    assert matched.splits["train"].labels == other.splits["train"].labels == (0, 1, 2)
    assert matched.splits["validation"] == Examples((("It in.", 'That "in'),), (2,))
    assert other.splits["validation"] == Examples((("It out.", 'That "out'),), (1,))
    assert (matched.task.name, other.task.name) == ("mnli", "mnli-mm")
    assert "test" not in matched.splits  # without labels, so never scored


def test_qqps_rows_that_are_cut_off_are_left_out_and_counted(tmp_path: Path) -> None:
    head = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
    folder = write(
        tmp_path / "q",
        train_tsv=head + "0\t1\t2\tWhy?\tHow?\t0\n3\t4\t5\tWho\n6\t7\t8\tA?\tB?\t1\n",
        dev_tsv=head + "0\t1\t2\tC?\tD?\t1\n",
        test_tsv="id\tquestion1\tquestion2\n0\tE?\tF?\n",
    )
    with pytest.warns(UserWarning, match=r"1 row of .*train.tsv has fewer than 6 cells \(line 3\) and is left out"):
        found = load_task(f"qqp={folder}")
    assert found.splits["train"] == Examples((("Why?", "How?"), ("A?", "B?")), (0, 1))
    assert list(found.splits) == ["train", "validation"]
    (folder / "dev.tsv").write_text("question\tsentence\tlabel\na\tb\n")
    with pytest.raises(GeoscopeError, match="expected 3 cells in a row, got 2 in line 2"):
        load_task(f"qnli={folder}")  # where no release has such rows


@pytest.mark.parametrize("name", ["cola", "sst2", "mrpc", "rte", "stsb", "qnli", "wnli"])
def test_test_files_as_glue_ships_them_are_left_out(tmp_path: Path, name: str) -> None:
    task = TASKS[name]
    texts = [names[-1] for names in task.columns[:-1]]
    label = task.columns[-1][-1]
    given = ["a", "b"][: len(texts)]
    folder = write(
        tmp_path / "x",
        train_tsv="\t".join([*texts, label]) + "\n" + "\t".join([*given, "1"]) + "\n",
        test_tsv="\t".join(["index", *texts]) + "\n" + "\t".join(["0", *given]) + "\n",
    )
    found = load_task(f"{name}={folder}")
    assert {split: len(part) for split, part in found.splits.items()} == {"train": 1}
    (folder / "test.tsv").rename(folder / "dev.tsv")
    with pytest.raises(GeoscopeError, match="expected the columns"):
        load_task(f"{name}={folder}")


def test_sst5_is_read_from_lines_and_tables(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "sst5",
        sst_train_txt="__label__5 A joy , `` really '' .\n\n__label__1\tDull\n",
        sst_dev_txt="__label__3 So so\n",
        test_jsonl='{"text": "Good", "label": 3, "label_text": "positive"}\n',
    )
    found = load_task(f"SST-5={folder}")
    assert found.splits["train"] == Examples((("A joy , `` really '' .",), ("Dull",)), (4, 0))
    assert found.splits["validation"].labels == (2,)
    assert found.splits["test"] == Examples((("Good",),), (3,))
    for line in ("__label__6 Six\n", "__label__0 None\n", "Bare\n"):
        write(folder, sst_dev_txt="__label__2 a\n" + line)
        with pytest.raises(GeoscopeError, match=r"__label__1 to __label__5 and a text .* in line 2 of"):
            load_task(f"sst5={folder}")


def test_names_go_through_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = {"premise": ["a"], "hypothesis": ["b"], "label": [2]}
    answers = [{"text": ["is"], "answer_start": [3]}]
    asked: list[tuple[Any, ...]] = []
    held: dict[str, Any] = {
        "nyu-mll/glue": {
            "train": pair, "validation_matched": pair, "validation_mismatched": {**pair, "label": [0]},
            "test_matched": {**pair, "label": [-1]},
        },
        "SetFit/sst5": {"train": {"text": ["a"], "label": [4], "label_text": ["very positive"]}},
        "rajpurkar/squad": {
            "train": {"title": ["t"], "context": ["It is."], "question": ["What?"], "answers": answers}
        },
    }  # fmt: skip

    def found(name: str, configuration: str | None, revision: str | None) -> Any:
        asked.append((name, configuration))
        return held[name]

    monkeypatch.setattr(hub, "load_dataset", found)
    mismatched = load_task("mnli-mm").splits
    assert {split: part.labels for split, part in mismatched.items()} == {"train": (2,), "validation": (0,)}
    assert load_task("sst5").splits["train"] == Examples((("a",),), (4,))
    assert squad.load_questions(None)["train"].answers == ((("is", 3),),)
    assert asked == [("nyu-mll/glue", "mnli"), ("SetFit/sst5", None), ("rajpurkar/squad", None)]


def test_a_dev_file_alone_is_split_by_its_questions_and_said(tmp_path: Path) -> None:
    rows = "".join(f"{i}\tQ{i // 2}?\tS{i}.\t{('entailment', 'not_entailment')[i % 2]}\n" for i in range(40))
    folder = write(tmp_path / "qnli", dev_tsv="index\tquestion\tsentence\tlabel\n" + rows)
    task, (told,) = loaded(f"qnli={folder}")
    assert (len(task.train), len(task.evaluation)) == (32, 8)
    assert not {texts[0] for texts in task.train.texts} & {texts[0] for texts in task.evaluation.texts}
    assert task.split == "20% of the questions of the dev file are held out, and their examples evaluated with"
    assert told.endswith(f"has no train file: {task.split}; the other 32 of 40 are trained on.")
    assert loaded(f"qnli={folder}")[0] == task


# SQuAD


def article(*paragraphs: tuple[str, list[tuple[str, str]]]) -> dict[str, Any]:
    """An article in SQuAD's layout: contexts, each with questions and answers, each where its text first is."""
    return {
        "title": "made",
        "paragraphs": [
            {
                "context": context,
                "qas": [
                    {"id": "x", "question": question, "answers": [{"text": text, "answer_start": context.index(text)}]}
                    for question, text in asked
                ],
            }
            for context, asked in paragraphs
        ],
    }


def made_questions(articles: int, *, words: int = 60, questions: int = 3) -> str:
    """Questions that quote the two words before and after their answer, on contexts of the tiny models' words."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(articles):
        context = [f"w{number:02d}" for number in rng.integers(0, 60, words)]
        asked = []
        for place in rng.integers(2, words - 4, questions):
            text = " ".join(context[place : place + 2])
            asked.append((" ".join(context[place - 2 : place + 4]), text))
        found.append(article((" ".join(context), asked)))
    return json.dumps({"version": "1.1", "data": found})


def test_squads_layout_is_read(tmp_path: Path) -> None:
    one = article(("The Rhine is long.", [("Which?", "The Rhine"), ("How?", "long")]))
    two = article(("It rained.", [("What?", "rained")]))
    hidden = {"data": [{"paragraphs": [{"context": "C", "qas": [{"id": "1", "question": "?"}]}]}]}
    write(tmp_path, **{"train-v1.1_json": json.dumps({"data": [one]}), "dev-v1.1_json": json.dumps({"data": [two]})})
    (tmp_path / "test.json").write_text(json.dumps(hidden))
    task, told = loaded(f"SQuAD={tmp_path}")
    assert (task.kind, task.scores, len(task.train), len(task.evaluation)) == ("answers", ("f1", "exact_match"), 2, 1)
    assert task.train.answers == ((("The Rhine", 0),), (("long", 13),))
    assert task.evaluation.contexts == ("It rained.",)
    assert (told, task.split) == ([], None)
    assert task.narrowed(1, 0).train == task.train.take([0]) or task.narrowed(1, 0).train == task.train.take([1])
    assert task.train.fingerprint != task.train.take([1, 0]).fingerprint


def test_one_file_is_split_by_its_articles_or_its_contexts(tmp_path: Path) -> None:
    path = tmp_path / "xquad.en.json"
    path.write_text(made_questions(10))
    for spec in (f"squad={path}", f"squad={tmp_path}"):
        task, (told,) = loaded(spec)
        assert (len(task.train), len(task.evaluation)) == (24, 6)
        assert not set(task.train.contexts) & set(task.evaluation.contexts)
        assert "20% of the articles of the dev file are held out" in told
    alone = article(*((f"Context {i}.", [("?", "Context")]) for i in range(5)))
    path.write_text(json.dumps({"data": [alone]}))
    assert "of the contexts" in loaded(f"squad={path}")[1][0]
    path.write_text(json.dumps({"data": [article(("One.", [("?", "One"), ("??", "One")]))]}))
    with pytest.raises(GeoscopeError, match="expected train and dev files of squad, got none for train"):
        loaded(f"squad={path}")


@pytest.mark.parametrize(
    ("change", "about"),
    [
        (lambda asked: asked.update(answers=[]), "SQuAD 1.1 has no question without one"),
        (lambda asked: asked["answers"][0].update(answer_start=2), "expected an answer to stand in its context"),
        (lambda asked: asked["answers"][0].update(answer_start=-6), "expected an answer to stand in its context"),
        (lambda asked: asked["answers"][0].update(answer_start="0"), "expected an answer to stand in its context"),
        (lambda asked: asked["answers"][0].update(text=""), "expected an answer to stand in its context"),
        (
            lambda asked: asked.pop("question"),
            r"SQuAD 1.1's layout .* got another \('question'\)",
        ),
        (lambda asked: asked.update(question=None), "expected a text in every row, got none in question 1"),
    ],
)
def test_what_is_no_squad_is_told(tmp_path: Path, change: Callable[[Any], Any], about: str) -> None:
    content = {"data": [article(("It rained.", [("What?", "rained")]))]}
    change(content["data"][0]["paragraphs"][0]["qas"][0])
    (tmp_path / "dev.json").write_text(json.dumps(content))
    with pytest.raises(GeoscopeError, match=about):
        tasks.load(f"squad={tmp_path}")


def test_places_without_squad_are_told(tmp_path: Path) -> None:
    for place, about in (
        (tmp_path / "no", "expected a folder with the files of the task squad"),
        (tmp_path, "got none"),
    ):
        with pytest.raises(GeoscopeError, match=about):
            tasks.load(f"squad={place}")
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("[]")
    with pytest.raises(GeoscopeError, match=r"or one \.json, of squad"):
        tasks.load(f"squad={tmp_path}")
    for content, about in (("[", "layout as JSON"), ("[]", "layout"), ('{"data": [1]}', "layout")):
        (tmp_path / "a.json").write_text(content)
        with pytest.raises(GeoscopeError, match=about):
            tasks.load(f"squad={tmp_path / 'a.json'}")
    with pytest.raises(GeoscopeError, match=r"expected a task of cola, .*, got 'squad'"):
        load_task("squad")  # which probes take


# Scores of answers


def test_scores_of_answers_are_a_public_scorers() -> None:
    """The scorer has float32: its percentages are so far off."""
    assert len(SCORED) == 200
    for case in SCORED:
        right, given = [case["answers"]], [case["given"]]
        assert 100 * exact_match(right, given) == case["exact_match"], case
        assert 100 * answer_f1(right, given) == pytest.approx(case["f1"], abs=2e-5), case
    assert 20 < sum(case["exact_match"] == 100 for case in SCORED) < 180
    assert sum(0 < case["f1"] < 100 for case in SCORED) > 50


def test_answers_are_compared_without_letters_punctuation_and_articles() -> None:
    assert normalized(" The  U.S., an 'Odd' theatre\n") == "us odd theatre"
    assert answer_f1([["the cat sat", "a cat"]], ["A cat!"]) == 1.0
    assert answer_f1([["cat sat on mat"]], ["cat cat"]) == pytest.approx(2 * 1 / 6)
    assert exact_match([["a"], ["b"]], ["the", "c"]) == 0.5
    with pytest.raises(Undefined):
        answer_f1([], [])
    with pytest.raises(ValueError, match="as many"):
        exact_match([["a"]], [])


def test_the_best_span_is_that_of_all_spans() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 31, 70):
        for _ in range(20):
            starts, ends = rng.standard_normal((2, n))
            allowed = [(i, j) for i in range(n) for j in range(i, min(n, i + LONGEST_ANSWER))]
            best = max(allowed, key=lambda span: starts[span[0]] + ends[span[1]])
            assert best_span(starts, ends) == (*best, starts[best[0]] + ends[best[1]])


# Windows


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama", "t5"])
def test_windows_hold_every_answer_and_give_it_back(checkpoint_folder: Folder, tmp_path: Path, kind: str) -> None:
    (tmp_path / "dev.json").write_text(made_questions(5, words=90))
    task, _ = loaded(f"squad={tmp_path}")
    lesson = Lesson(task, load_checkpoint(str(checkpoint_folder(kind)), device="cpu"), 30, "cpu")
    lesson.check()
    prepared: Any = lesson.prepared
    rows = lesson.evaluation
    assert len(rows) > 3 * len(task.evaluation)
    assert all(len(row["input_ids"]) <= 30 for row in rows)
    assert len(lesson.tracked(300)) == len(rows)
    assert set(lesson.tracked(300)[0]) == set(rows[0]) - {"start_positions", "end_positions"}
    found = [(row["start_positions"], row["end_positions"]) for row in rows]
    assert (0, 0) in found
    starts, ends = (np.zeros((len(rows), 30)) for _ in range(2))
    for place, (first, last) in enumerate(found):
        if (first, last) != (0, 0):
            starts[place, first] = ends[place, last] = 1.0
    right = [[answer.text for answer in answers] for answers in task.evaluation.answers]
    assert prepared.answers(starts, ends) == [each[0] for each in right]
    assert prepared.compute_metrics(type("P", (), {"predictions": (starts, ends)})) == {"f1": 1.0, "exact_match": 1.0}
    assert set("".join(prepared.answers(-starts, -ends))) - set("w0123456789 ") == set()
    with pytest.raises(ValueError, match="windows"):
        prepared.answers(starts[:-1], ends[:-1])


def test_what_no_window_can_hold_is_told(checkpoint_folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_text(made_questions(5))
    task, _ = loaded(f"squad={tmp_path}")
    checkpoint = load_checkpoint(str(checkpoint_folder("bert")), device="cpu")
    with pytest.raises(GeoscopeError, match="room for a question and its context, got 3"):
        Lesson(task, checkpoint, 3, "cpu").check()


# Learning


def test_questions_are_learnt_and_scored_in_order(checkpoint_folder: Folder, tmp_path: Path) -> None:
    """Batches of alike length are in another order: the score is that of the saved model, a window at a time."""
    from transformers import AutoModelForQuestionAnswering

    (tmp_path / "dev.json").write_text(made_questions(8))
    spec = f"squad={tmp_path}"
    with pytest.warns(UserWarning, match="has no train file"):
        result = finetune(
            str(checkpoint_folder("bert")), task=spec, output=tmp_path / "runs", regularizers=["istar=5"], **SMALL
        )
    assert result.settings["task"]["kind"] == "answers"
    assert "of the articles" in result.settings["task"]["split"]
    assert [score.measure for score in result.arms[0].scores] == ["f1", "exact_match", "loss"]
    assert result.arms[0].penalties[0].penalty_without_gradient == 0.0
    run = tmp_path / "runs" / "istar_w5_z0.2_tokens" / "seed0" / "checkpoint"
    lesson = Lesson(loaded(spec)[0], load_checkpoint(str(run), device="cpu"), 32, "cpu")
    model = AutoModelForQuestionAnswering.from_pretrained(run).eval()
    starts, ends = [], []
    with torch.no_grad():
        for row in lesson.prepared.plain():
            given = model(**{name: torch.tensor([values]) for name, values in row.items()})
            starts.append(given.start_logits[0].numpy())
            ends.append(given.end_logits[0].numpy())
    prepared: Any = lesson.prepared
    answers = prepared.answers(starts, ends)
    assert len(set(answers)) > 1
    right = [[answer.text for answer in each] for each in lesson.task.evaluation.answers]
    assert result.arms[0].scores[0].mean == pytest.approx(answer_f1(right, answers), abs=1e-12)
    for form in ("table", "csv", "markdown", "html"):
        assert "exact_match" in render(result, form)
    assert lesson.task.split in " ".join(render(result, "table").split())
    assert FineTuning.model_validate_json(render(result, "json")).settings["task"]["split"] == lesson.task.split


def test_of_an_encoder_decoder_the_encoder_learns(checkpoint_folder: Folder, tmp_path: Path, texts: Any) -> None:
    rows = [f"{text}\t{other}\t{i % 3}" for i, (text, other) in enumerate(zip(texts, texts[::-1], strict=True))]
    (tmp_path / "pairs.tsv").write_text("\n".join(["sentence1\tsentence2\tlabel", *rows]))
    folder = str(checkpoint_folder("t5"))
    result = finetune(
        folder, task=str(tmp_path / "pairs.tsv"), output=tmp_path / "runs", regularizers=["istar=5"], **SMALL
    )
    assert result.settings["task"]["head"] == "the mean of the encoder's last states"
    run = str(tmp_path / "runs" / "istar_w5_z0.2_tokens" / "seed0" / "checkpoint")
    from transformers import T5Model

    before, after = (T5Model.from_pretrained(place).state_dict() for place in (folder, run))
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert {"encoder"} <= moved
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith("decoder.block"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_checkpoint(run, device="cpu").architecture == "T5Model"


@pytest.mark.parametrize("kind", ["gpt2", "llama", "t5"])
@pytest.mark.parametrize("task", ["labels", "answers"])
def test_padding_moves_no_prediction(checkpoint_folder: Folder, tmp_path: Path, kind: str, task: str) -> None:
    """Nor is it taken for the last token, whatever it is made of."""
    if task == "labels":
        (tmp_path / "x.csv").write_text(
            "sentence,label\n" + "".join(f"{'w01 ' * n}w{n:02d},{n % 2}\n" for n in range(10))
        )
        spec = str(tmp_path / "x.csv")
    else:
        (tmp_path / "x.json").write_text(made_questions(5, words=20))
        spec = f"squad={tmp_path / 'x.json'}"
    learnt, _ = loaded(spec)
    lesson = Lesson(learnt, load_checkpoint(str(checkpoint_folder(kind)), device="cpu"), 40, "cpu")
    model = lesson.model().eval()
    by_length = sorted(lesson.train, key=lambda row: len(row["input_ids"]))
    kept = [by_length[0], by_length[-1]]
    assert task == "answers" or len(kept[0]["input_ids"]) < len(kept[1]["input_ids"])
    with torch.no_grad():
        together = model(**lesson.prepared.collator([dict(row) for row in kept]))
        for place, row in enumerate(kept):
            alone = model(**lesson.prepared.collator([dict(row)]))
            for name in ("logits", "start_logits"):
                if name in alone:
                    mine = together[name][place]
                    mine = mine if name == "logits" else mine[: len(row["input_ids"])]
                    torch.testing.assert_close(mine, alone[name][0], rtol=1e-4, atol=1e-5)


def test_causal_language_modelling_tells_every_token_but_the_first(
    checkpoint_folder: Folder, tmp_path: Path, corpus_file: Path
) -> None:
    corpus_file.write_text(corpus_file.read_text() + "w01\n")
    checkpoint = load_checkpoint(str(checkpoint_folder("gpt2")), device="cpu")
    lesson = Lesson(tasks.load(f"clm:{corpus_file}"), checkpoint, 32, "cpu")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        rows = [*lesson.train, *lesson.evaluation]
    short = sum(len(text.split()) < 2 for text in corpus_file.read_text().splitlines())
    assert sum(int(str(each.message).split()[0]) for each in told) == short > 0
    assert len(rows) == len(corpus_file.read_text().splitlines()) - short
    assert min(len(row["input_ids"]) for row in rows) == 2
    rows = [rows[0], {"input_ids": [5, 0], "attention_mask": [1, 1], "labels": [5, 0]}]  # 0 is padding, and a token
    batch = lesson.prepared.collator([dict(row) for row in rows])
    assert batch["labels"][1].tolist() == [5, 0] + [-100] * (len(batch["labels"][1]) - 2)
    with pytest.warns(UserWarning, match="fewer than two tokens"):
        result = finetune(
            str(checkpoint_folder("gpt2")), task=f"clm:{corpus_file}", output=tmp_path / "runs",
            regularizers=["cosreg"], **SMALL,
        )  # fmt: skip
    assert result.settings["task"]["kind"] == "clm"
    assert result.measurements[-1].n == len(lesson.evaluation) < len(lesson.task.evaluation) + 1
    assert [score.measure for score in result.arms[0].scores] == ["loss"]
    for kind in ("bert", "t5"):
        with pytest.raises(GeoscopeError, match="expected a decoder for clm"):
            finetune(str(checkpoint_folder(kind)), task=f"clm:{corpus_file}", output=tmp_path / "other", **SMALL)


def test_text_without_a_token_and_a_tokenizer_without_padding_are_read(checkpoint_folder: Folder) -> None:
    checkpoint = load_checkpoint(str(checkpoint_folder("llama")), device="cpu")
    checkpoint.tokenizer.add_special_tokens({"pad_token": "[PAD]"})  # of which the model has no embedding
    task = tasks.Task("x", "classification", ("accuracy",), ("a", "b"), *[Examples((("",), ("w01",)), (0, 1))] * 2)
    lesson = Lesson(task, checkpoint, 8, "cpu")
    gpt2 = Lesson(task, load_checkpoint(str(checkpoint_folder("gpt2")), device="cpu"), 8, "cpu")
    assert gpt2.tokenizer.pad_token == "<|endoftext|>"
    assert lesson.tokenizer.pad_token == "</s>"
    for each in (lesson, gpt2):
        assert each.tokenizer.padding_side == "right"
        assert all(row["input_ids"] for row in each.train)
        assert torch.isfinite(each.model()(**each.prepared.collator([dict(row) for row in each.train])).logits).all()
    bare = load_checkpoint(str(checkpoint_folder("llama")), device="cpu")
    for name in ("bos_token", "eos_token", "unk_token", "pad_token"):
        setattr(bare.tokenizer, name, None)
    with pytest.raises(GeoscopeError, match="expected a tokenizer with a token for padding"):
        Lesson(task, bare, 8, "cpu").check()
