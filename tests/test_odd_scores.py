"""Odd files of scores, many as public bug reports describe them: read right, or refused in a sentence."""

from __future__ import annotations

import decimal
import gzip
import json
import re
import warnings
from functools import partial

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from geoscope.cli.app import main
from geoscope.correlations.score_files.scores import check_once, read_scores
from geoscope.errors import GeoscopeError

gzipped = partial(gzip.compress, mtime=0)  # the same bytes in every worker, which parameters must be

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
NAN = float("nan")


def put(folder, files):
    """Files of text, bytes, or JSON, under a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return folder


def read(path):
    """[(subject, task, value)] of what is taken without being named, and what is said."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        scores = read_scores(path)
    return [(one.subject, one.task, one.value) for one in scores if not one.asked_only], [str(w.message) for w in told]


def harness(model="a", /, *, date=None, shots=None, limit=None, **results):
    """A result of lm-evaluation-harness."""
    return {
        "results": results, "config": {"model_args": f"pretrained={model}", "limit": limit},
        **({} if date is None else {"date": date}),
        **({} if shots is None else {"n-shot": dict.fromkeys(results, shots)}),
    }  # fmt: skip


def mteb(task="STS22", /, *scores, **further):
    """A result of mteb, of languages that are counted through."""
    entries = [{"main_score": score, "hf_subset": f"l{n}", "languages": []} for n, score in enumerate(scores)]
    return {"task_name": task, "scores": {"test": entries}, **further}


# Tables

WIDE = [("a", "cola", 0.5), ("a", "sst2", 0.25), ("b", "cola", 0.75), ("b", "sst2", 1.0)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("subject,cola,sst2\na,.5,.25\nb,.75,1\n", "names in subject, scores in cola, sst2"),
        (",cola,sst2\na,.5,.25\nb,.75,1\n", "names in the first column, scores in cola, sst2"),  # pandas' index
        ("\ufeffModel,cola,sst2\r\n a ,.5,.25\r\nb,.75,1\r\n", "names in Model, scores in cola, sst2"),
        (",Model,cola,sst2\n0,a,.5,.25\n1,b,.75,1\n", "scores in cola, sst2; not read: the first column"),
        ("name,cola,sst2,Average\na,.5,.25,9\nb,.75,1,9\n", "scores in cola, sst2, Average (Average only if named"),
        ("run,cola,parameters,sst2\na,.5,7,.25\nb,.75,8,1\n", "names in run, scores in cola, sst2; beside them param"),
        ("model,cola,sst2,licence,link\na,.5,.25,mit,x\nb,.75,1,,\n", "beside them licence, link"),
        ("model,isoscore,cola,sst2\na,.1,.5,.25\nb,.1,.75,1\n", "scores in cola, sst2; beside them isoscore"),
        ("task,a,b\ncola,.5,.75\nsst2,.25,1\n", "one row a task: names in task, subjects in a, b"),  # mteb's data frame
    ],
)
def test_a_table_of_one_row_a_subject_is_read(tmp_path, text, told):
    (tmp_path / "wide.csv").write_text(text, encoding="utf-8")
    found, said = read(tmp_path / "wide.csv")
    assert sorted(found) == WIDE
    assert len(said) == 1
    assert told in said[0]


def test_another_delimiter_is_found_and_a_packed_file_read(tmp_path):
    (tmp_path / "scores.csv").write_text("subject;task;score\na;cola;.5\na;sst2;.25\nb;cola;.75\nb;sst2;1\n")
    found, said = read(tmp_path / "scores.csv")
    assert found == WIDE
    assert len(said) == 1
    assert "semicolon" in said[0]
    rows = [{"subject": one, "task": task, "score": value} for one, task, value in WIDE]
    (tmp_path / "scores.jsonl.gz").write_bytes(gzipped("\n".join(map(json.dumps, rows)).encode()))
    (tmp_path / "scores.json.gz").write_bytes(gzipped(json.dumps(rows).encode()))
    assert read(tmp_path / "scores.jsonl.gz")[0] == read(tmp_path / "scores.json.gz")[0] == WIDE
    put(tmp_path / "folder", {"r.json.gz": gzipped(json.dumps(harness(arc={"acc": 0.5})).encode())})
    assert read(tmp_path / "folder") == ([("a", "arc", 0.5)], [])


def test_a_table_with_a_level_seed_and_measure_a_row_keeps_them(tmp_path):
    (tmp_path / "wide.csv").write_text("subject,noise_level,noise_seed,layer,isoscore,cola\na,5,0,1,.5,.25\n")
    (score,) = read_scores(tmp_path / "wide.csv")
    assert (score.task, score.value, score.noise_level, score.noise_seed, score.layer) == ("cola", 0.25, 5.0, 0, 1)
    assert score.columns == {"isoscore": 0.5}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("model,cola\na,87.5%\nb,75%\n", "expected numbers in the column cola, got '87.5%' in line 2"),
        ('model,cola\na,"0,87"\nb,1\n', "expected numbers in the column cola, got '0,87' in line 2"),
        ("model,cola\na,0.87 ± 0.01\nb,1\n", "got '0.87 ± 0.01' in line 2"),
        ("model,cola\na,**0.87**\nb,1\n", "got '**0.87**' in line 2"),
        ("model,cola\na,1\nb,OOM\nc,2\n", "expected a number as cola, got 'OOM' in line 3"),
        ("model,cola\na,1\nb,2\na,3\n", "expected one score a subject and task, got two of a on cola"),
        ("model,cola,cola\na,1,2\n", "expected each column once, got cola twice"),
        ("model,cola\n,1\nb,2\n", "expected a model in every row, got none in line 2"),
        ("a,b\n1,2\n", "expected the columns subject, task and score, got a, b in"),
        ("model,organisation\na,x\n", "expected the columns subject, task and score, got model, organisation in"),
        ("first,second,cola\na,x,1\n", "name one of them subject"),
        (
            'subject,score\na,1\n"b,2\nc,3\n',
            "expected quotes around whole cells, got one that does not close in the row",
        ),
        ("subject,score\na,1,2\n", "expected 2 cells in a row, got 3 in line 2"),
        ("", "expected"),
        ("subject,task,score\n", "expected scores, got none in"),
        ("subject,score\na,nan\nb,\n", "expected scores, got none that is a number (2 are not) in"),
        # sentence-transformers' evaluator: one row a step of one model
        ("epoch,steps,cosine_pearson\n0,-1,.5\n1,-1,.6\n", "expected the columns subject, task and score, got epoch, "),
        # an export whose header names neither, with headings as rows
        ("Dataset Name\tAccuracy\nLeaderboard\t\nqa\t80.1\n", "expected "),
        ("Dataset,accuracy\n\nLeaderboard Datasets\nmnli,88.31\n", "expected 2 cells in a row, got 1 in line 3"),
        (
            "Rank,Overall Acc,Model,Cost\n1,88.5%,a,N/A\n2,87%,b,0.1\n",
            "in the column Overall Acc, got '88.5%' in line 2",
        ),
        (
            "model,NorNE\na,34.5 ± 1.2 / 56.1 ± 2.0\nb,\n",
            "in the column NorNE, got '34.5 ± 1.2 / 56.1 ± 2.0' in line 2",
        ),
        ("model_name,task_name,score\na,T,1\n", "got model_name, task_name, score in"),
        # documents one by one
        ("doc_id,question,acc\n3,q,1.0\n7,r,0.0\n", "got doc_id, question, acc in"),
        # a challenge's results with the reason beside an absent score
        ("id,position,status,score\n1,.5,success,\n", "got id, position, status, score in"),
    ],
)
def test_a_table_that_cannot_be_read_right_is_refused(tmp_path, text, told):
    (tmp_path / "scores.csv").write_text(text, encoding="utf-8")
    with pytest.raises(GeoscopeError, match=re.escape(told)):
        check_once(read_scores(tmp_path / "scores.csv"))


def test_rows_without_a_score_are_left_out_and_counted_and_names_are_stripped(tmp_path):
    text = "subject,task,score\na,cola ,1\n a,sst2,\nb ,cola,nan\nb,sst2,-1\nc,cola,inf\n"
    (tmp_path / "scores.csv").write_text(text)
    found, said = read(tmp_path / "scores.csv")
    assert found == [("a", "cola", 1.0), ("b", "sst2", -1.0)]
    assert len(said) == 1
    assert f"3 scores in {tmp_path}/scores.csv are no number and left out: line 3 of" in said[0]


def test_json_lines_and_parquet_are_read_as_csv_is(tmp_path):
    long = [{"subject": one, "task": task, "score": value} for one, task, value in WIDE]
    wide = [{"model": "a", "cola": 0.5, "sst2": 0.25}, {"model": "b", "cola": 0.75, "sst2": 1.0}]
    for name, rows in (("long", long), ("wide", wide)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (tmp_path / f"{name}.json").write_text(json.dumps(rows))
        frame = pd.DataFrame(rows)
        frame.to_parquet(tmp_path / f"{name}.parquet")
        frame.set_index(next(iter(frame))).to_parquet(tmp_path / f"{name}-indexed.parquet")
        frame.to_csv(tmp_path / f"{name}.tsv", sep="\t", index=False, encoding="utf-16")
        for path in tmp_path.glob(f"{name}*"):
            assert sorted(read(path)[0]) == WIDE, path
        assert sorted(read(rows)[0]) == WIDE


def test_a_table_of_odd_columns_is_read(tmp_path):
    frame = pd.DataFrame({"cola": [0.5, 0.75], "sst2": [0.25, 1.0]}, index=["a", "b"])
    frame.to_parquet(tmp_path / "index.parquet")
    assert sorted(read(tmp_path / "index.parquet")[0]) == WIDE
    table = pa.table({
        "model": pa.array(["a", "b"]).dictionary_encode(), "cola": [decimal.Decimal("0.5"), decimal.Decimal("0.75")],
        "sst2": pa.array([0.25, 1.0], pa.float16()), "gated": [True, False], "tags": [["x"], []],
        "when": pa.array([0, 1], pa.timestamp("s")), "absent": pa.array([None, None], pa.float64()),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "types.parquet")
    found, said = read(tmp_path / "types.parquet")
    assert sorted(found) == WIDE
    assert said[0].endswith("scores in cola, sst2; beside them when; not read: gated, tags, absent")
    pq.write_table(pa.table([["a"], [1.0], [2.0]], names=["subject", "score", "score"]), tmp_path / "twice.parquet")
    with pytest.raises(GeoscopeError, match="expected each column once, got score twice"):
        read_scores(tmp_path / "twice.parquet")


def test_rows_of_a_data_frame_are_read_and_the_frame_itself_is_refused_in_a_sentence():
    frame = pd.DataFrame({"model": ["a", "b"], "cola": pd.array([0.5, None], "Float64"), "sst2": [0.25, 1.0]})
    assert sorted(read(frame.to_dict("records"))[0]) == [("a", "cola", 0.5), ("a", "sst2", 0.25), ("b", "sst2", 1.0)]
    with pytest.raises(GeoscopeError, match=r"got str; of a data frame give to_dict\('records'\)"):
        read_scores(frame)
    with pytest.raises(GeoscopeError, match="expected names of columns as text, got 0 in the scores"):
        read_scores(pd.DataFrame([["a", 1.0]]).to_dict("records"))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("s.json", f'[{{"subject": "a", "score": {"9" * 400}}}]', "expected scores, got none that is a number"),
        ("s.json", f'[{{"subject": "a", "score": {"9" * 5000}}}]', "expected JSON, got something else"),
        ("s.json", '{"results": {"arc": {"acc": ' + "9" * 400 + '}}, "model_name": "a"}', "got none that is a number"),
        ("s.json", "[" * 100_000, "expected JSON, got something else"),
        ("s.json", '[{"subject": "\\ud800", "score": 1}]', "expected whole characters, got half of one"),
        ("s.jsonl", '{"subject": "a", "score": 1}\n{"subject": "a\\udc00", "score": 1}\n', "expected whole characters"),
        ("s.jsonl", '{"subject": ["a"], "score": 1}\n', "expected a subject in every row, got none in line 1"),
        ("s.jsonl", '{"subject": "a", "score": {"acc": 1}}\n', "expected scores, got none that is a number"),
        ("s.jsonl", '{"subject": "a", "score": true}\n', "expected a number as score, got True in line 1"),
        ("s.csv", b"subject,score\na\x00,1\n", "expected text, got a NUL byte in line 2"),
        ("s.csv", "subject,score\n" + "a" * 200_000 + ",x\n", "expected a number as score, got 'x' in line 2"),
        ("s.json", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "expected "),
        ("s.json", "<!doctype html><title>404</title>", "expected "),
        (
            "s.parquet",
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "expected scores in parquet",
        ),
        ("s.json", '{"subject": {"0": "a"}, "score": {"1": 1}}', "expected scores as a list of rows"),
        ("s.csv", "subject,score\na,1_0\nb,2\n", "expected a number as score, got '1_0' in line 2"),
        ("s.csv", "subject,score\na,١٢\nb,2\n", "expected a number as score, got '١٢' in line 2"),
        (
            "s.jsonl",
            f'{{"subject": "a", "score": 1, "noise_level": 1{"0" * 400}}}',
            "expected a finite number as noise_level",
        ),
    ],
)
def test_a_hostile_file_is_refused_in_a_sentence(tmp_path, name, content, told):
    put(tmp_path, {name: content})
    with pytest.raises(GeoscopeError) as caught:
        read_scores(tmp_path / name)
    assert told in str(caught.value)


def test_the_columns_of_one_row_a_score_are_named_in_any_case(tmp_path):
    (tmp_path / "a.csv").write_text("Subject,TASK,Score\na,cola,.5\na,sst2,.25\nb,cola,.75\nb,sst2,1\n")
    assert read(tmp_path / "a.csv") == (WIDE, [])


def test_every_json_that_pandas_writes_is_read(tmp_path):
    frame = pd.DataFrame(WIDE, columns=["subject", "task", "score"])
    path = tmp_path / "a.json"
    for how in ({}, {"orient": "split"}, {"orient": "records"}, {"orient": "records", "lines": True}):
        frame.to_json(path, **how)
        assert read(path)[0] == WIDE


def test_columns_of_numbers_that_are_no_tasks_are_left_out_and_named(tmp_path):
    header = "model,cola,cola_stderr,year,seed,epoch,rank,size,sst2"
    (tmp_path / "a.csv").write_text(f"{header}\na,.5,.1,2019,1,2,1,7,.25\nb,.75,.1,2020,1,2,2,7,1\n")
    found, said = read(tmp_path / "a.csv")
    assert found == WIDE
    assert said[0].endswith("not read: cola_stderr, year, seed, epoch, rank, size")


def test_bytes_in_parquet_are_text_or_refused(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"subject": [b"a", b"b"], "score": [1.0, 2.0]}), path)
    assert read(path)[0] == [("a", "score", 1.0), ("b", "score", 2.0)]
    pq.write_table(pa.table({"subject": [b"\xff"], "score": [1.0]}), path)
    with pytest.raises(GeoscopeError, match="expected text or a number as subject, got bytes in row 1"):
        read_scores(path)


def test_seeds_are_exact_and_what_is_no_scores_at_all_is_a_sentence():
    rows = [{"subject": "a", "score": 1, "noise_seed": 2**53 + place} for place in range(2)]
    assert [score.noise_seed for score in read_scores(rows)] == [2**53, 2**53 + 1]
    assert read_scores([rows[0] | {"noise_seed": 10**400}])[0].noise_seed == 10**400
    for odd in (None, 3):
        with pytest.raises(GeoscopeError, match=r"expected the scores as a file or as mappings .*, got"):
            read_scores(odd)


# Results of tools


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        # only predicted, so 999 is no score; a count of samples and a name are none either
        ({"r.json": harness(arc={"bypass,none": 999, "bypass_stderr,none": "N/A"},
                           gsm={"sample_len": 8, "acc,none": 1})},
         [("a", "gsm", 1.0)]),
        # a group whose metric none of its tasks has
        ({"r.json": harness(mmlu={"alias": "mmlu", "name": "mmlu", "sample_len": 114},
                           law={"exact_match,strict-match": 0.5})},
         [("a", "law", 0.5)]),
        # groups stand after what is in them, and groups of groups in between
        ({"r.json": {**harness(law={"acc,none": 0.1}, stem={"acc,none": 0.2}, mmlu={"acc,none": 0.4}),
                     "group_subtasks": {"mmlu": ["stem"], "stem": ["law"]}}},
         [("a", "mmlu", 0.4)]),
        # before 0.4: no filters, a list of shots; the model behind other arguments
        ({"r.json": {"results": {"jsquad-1.1-0.2": {"exact_match": 0.0, "f1": 0.5}},
                     "versions": {"jsquad-1.1-0.2": 1.1},
                     "config": {"model": "hf-causal", "model_args": "use_fast=False,pretrained=org/a,dtype=half",
                                "num_fewshot": [2, 3], "limit": 3}}},
         [("org/a", "jsquad-1.1-0.2", 0.0)]),
        ({"r.json": {"results": {"arc": {"acc,none": 1}}, "config": {"model_args": {"pretrained": "org/a"}}}},
         [("org/a", "arc", 1.0)]),
        ({"r.json": {"results": {"arc": {"acc,none": 1}}, "config": {"model_args": '{"pretrained": "org/a"}'}}},
         [("org/a", "arc", 1.0)]),
        ({"r.json": {"results": {"arc": {"acc": 1}}, "config": {"model_name": "org/a", "model_sha": "main"}}},
         [("org/a", "arc", 1.0)]),
        # what a leaderboard wrote with lighteval's first versions
        ({"r.json": {"config_general": {"model_name": "org/a"}, "results": {
            "harness|arc:challenge|25": {"acc": 0.5, "acc_stderr": 0.1, "acc_norm": 0.6}, "all": {"acc": 0.5}}}},
         [("org/a", "harness|arc:challenge|25", 0.5)]),
        ({"r.json": {"config_general": {"model_config": {"model_name": "org/a"}}, "results": {
            "lighteval|mmlu:law|5|0": {"acc": 0.5}, "lighteval|mmlu:art|5|0": {"acc": NAN},
            "lighteval|mmlu:_average|5|0": {"acc": 0.25}, "lighteval|gsm8k|5|0": {"qem": None, "em": 0.5}}}},
         [("org/a", "lighteval|mmlu:_average|5|0", 0.25)]),
        # the Trainer, with the mismatched half of MNLI beside the matched one; with a loss alone; after prediction
        ({"a/eval_results.json": {"epoch": 3.0, "eval_accuracy": 0.25, "eval_accuracy_mm": 0.5, "eval_loss": 1.0,
                                  "eval_loss_mm": 1.0, "eval_runtime_mm": 9, "eval_samples_mm": 9832,
                                  "eval_samples_per_second_mm": 6.5, "eval_mem_cpu_alloc_delta": 12}},
         [("a", "eval", 0.25)]),
        ({"a/all_results.json": {"eval_loss": 2.0, "perplexity": 7.4, "eval_runtime": 1, "train_loss": 3}},
         [("a", "eval", 2.0)]),
        ({"a/predict_results.json": {"predict_accuracy": 0.5, "predict_loss": 1, "predict_runtime": 2}},
         [("a", "predict", 0.5)]),
        ({"a/eval_results.json": {"eval_accuracy": 1.0, "eval_loss": NAN}, "a/all_results.json":
          {"eval_accuracy": 1.0, "eval_loss": NAN, "train_loss": 1.0}, "a/config.json": {}, "a/trainer_state.json": {}},
         [("a", "eval", 1.0)]),
        # mteb: copied from a model's card, without a time or version; languages without a name; one language NaN
        ({"org__a/external/ArxivClusteringS2S.json": mteb("ArxivClusteringS2S", 0.5, evaluation_time=-1)},
         [("org/a", "ArxivClusteringS2S", 0.5)]),
        ({"run_STSBenchmark/model-meta.json": {}, "org__a/STSBenchmark.json":
          {"mteb_version": "1.4", "task_name": "STSBenchmark", "scores": {"test": [{"main_score": 0.5756}]}}},
         [("org/a", "STSBenchmark", 0.5756)]),
        ({"org__a/1/STS22.json": mteb("STS22", 0.5, NAN), "org__a/1/SICK.json": mteb("SICK", 0.5, 1)},
         [("org/a", "SICK", 0.75)]),
        # before 1.11: by language, a renamed task; in folders of the user's own
        ({"komninos/STS22.json": {"mteb_dataset_name": "STS22", "mteb_version": "1.0.2", "test": {
            "en": {"cos_sim": {"pearson": 0.1, "spearman": -0.25}}, "de": {"cos_sim": {"spearman": 0.75}}}}},
         [("komninos", "STS22", 0.25)]),
        ({"org/a/PPC.json": {"mteb_dataset_name": "PPC", "test": {"cos_sim": {"ap": 0.1}, "max": {"ap": 0.5}}}},
         [("a", "PpcPC", 0.5)]),
        ({"org__a/GermanQuAD-Retrieval.json": {"mteb_dataset_name": "GermanQuAD-Retrieval", "test": {
            "ndcg_at_10": 0.1, "mrr_at_5": 0.5}}},
         [("org/a", "GermanQuAD-Retrieval", 0.5)]),
        # several models in one file, NaN as null, as mteb's BenchmarkResults writes it
        ({"all.json": {"model_results": [
            {"model_name": "a", "model_revision": None, "task_results": [mteb("T", 0.5)]},
            {"model_name": "b", "model_revision": "1", "task_results": [mteb("T", None)]}]}},
         [("a", "T", 0.5)]),
    ],
)  # fmt: skip
def test_results_are_read_right(tmp_path, files, wanted):
    put(tmp_path, files)
    assert read(tmp_path)[0] == wanted
    for name in files:
        if len(files) == 1:
            assert read(tmp_path / name)[0] == wanted


@pytest.mark.parametrize(
    "content",
    [
        {"arc": {"acc,none": 0.5}},  # the inside of a result alone
        {"results": [{"task_name": "arc", "prompt_name": "p", "acc": 0.5}], "config": {}},
        {
            "results": {"total_samples": 1, "completed_samples": 1, "scores": []},
            "eval": {"model": "m"},
        },  # another tool's
        {"abstract_algebra": {"0": "B", "1": "C"}},  # answers
        [{"doc_id": 0, "question": "q", "acc": 1.0}],  # documents one by one
        {"date": "2024", "hash": "0", "eval": {"HumanEval/0": []}},
        {"mteb_dataset_name": "Cmnli", "validation": {"cos_sim": {"accuracy": 0.5, "ap": 0.5}, "dot": {"ap": 0.5}}},
        {"mteb_dataset_name": "T", "test": {}},
        {"mteb_dataset_name": "T"},
        {"task_name": "T", "scores": {"test": [{"hf_subset": "en"}]}},
        {"task_name": "T", "scores": {"test": [0.5]}},
        {"task_name": "T", "scores": {"test": {"main_score": 0.5}}},
        {"task_name": "T", "scores": {}},
        {"model_name": "m", "task_results": [1]},
        {"results": {"arc": {"acc": 1}}, "config": "x"},
        {"results": {}, "config_general": {"model_name": "m"}},
        {"results": {}},
        {"eval_loss": "low"},
        {"train_loss": 1.0},
        {},
        [],
        None,
        "text",
        "{",
    ],
)
def test_a_file_that_is_no_result_is_counted_beside_one_and_refused_alone(tmp_path, content):
    put(tmp_path, {"org__other/eval_results.json": content})
    with pytest.raises(GeoscopeError, match="expected "):
        read_scores(tmp_path)
    with pytest.raises(GeoscopeError, match="expected "):
        read_scores(tmp_path / "org__other" / "eval_results.json")
    put(tmp_path, {"good.json": harness(arc={"acc": 0.5})})
    found, said = read(tmp_path)
    assert found == [("a", "arc", 0.5)]
    if content not in ({"results": {}, "config_general": {"model_name": "m"}},):  # a result of no task
        assert len(said) == 1
        assert "eval_results.json" in said[0]


def test_what_tools_put_beside_results_is_not_counted_and_tables_are(tmp_path):
    put(tmp_path, {
        "a/r.json": harness(arc={"acc": 0.5}), "a/samples_arc_2026.jsonl": "", "b/1/model_meta.json": {"name": "b"},
        "b/1/T.json": mteb("T", 1.0), "b/1/run_settings.jsonl": "", "c/config.json": {}, "c/tokenizer.json": {},
        ".ipynb_checkpoints/r-checkpoint.json": harness(arc={"acc": 0.25}), "notes.csv": "x", "log.txt": "x",
    })  # fmt: skip
    found, said = read(tmp_path)
    assert found == [("a", "arc", 0.5), ("b", "T", 1.0)]
    assert said == [f"1 file in {tmp_path} is no result and is not read: notes.csv"]


def test_numbers_of_collapsed_models_are_left_out_and_counted(tmp_path):
    text = '{"results": {"arc": {"acc,none": NaN}, "gsm": {"em,none": null}, "ppl": {"word_perplexity": Infinity}, '
    put(tmp_path, {
        "r.json": text + '"copa": {"acc,none": 0.5, "acc_norm,none": NaN}}, "model_name": "a"}',
        "org__b/1/T.json": mteb("T", NAN), "c/eval_results.json": {"eval_loss": NAN, "eval_runtime": 1},
    })  # fmt: skip
    found, said = read(tmp_path)
    assert found == [("a", "copa", 0.5)]
    assert said == [
        f"5 scores in {tmp_path} are no number and left out: c on eval, org/b on T, a on arc and 2 more"
    ]  # fmt: skip


# Runs

OLD, NEW = "results_2026-01-01T00-00-00.000001.json", "results_2026-01-02T00-00-00.5.json"


@pytest.mark.parametrize(
    ("files", "wanted", "told"),
    [
        ({OLD: harness(arc={"acc": 0.1}, gsm={"acc": 0.2}), NEW: harness(arc={"acc": 0.3})},
         [("a", "gsm", 0.2), ("a", "arc", 0.3)], "a on arc, of 2026-01-02T00:00:00.5, not of 2026-01-01T00:00:00.0000"),
        ({OLD: harness("a,device=cpu", arc={"acc": 0.1}), NEW: harness("a,device=cuda", arc={"acc": 0.3})},
         [("a", "arc", 0.3)], "more than once"),
        # the date inside counts, as folders are copied and files renamed
        ({OLD: harness(date=2e9, arc={"acc": 0.1}), NEW: harness(date=1e9, arc={"acc": 0.3})},
         [("a", "arc", 0.1)], "a on arc, of 2033-05-18T03:33:20, not of 2001-09-09T01:46:40"),
        ({"x.json": harness(date=1, arc={"acc": 0.1}), "y.json": harness(date=2, arc={"acc": 0.3})},
         [("a", "arc", 0.3)], "more than once"),
        ({"x.json": harness(arc={"acc": 0.1}), "y.json": harness(arc={"acc": 0.1})}, [("a", "arc", 0.1)], None),
        ({f"x/{OLD}": {"config_general": {"model_name": "a", "start_time": 9.0}, "results": {"arc|0": {"acc": 0.1}}},
          f"y/{NEW}": {"config_general": {"model_name": "a", "start_time": 1.0}, "results": {"arc|0": {"acc": 0.3}}}},
         [("a", "arc|0", 0.3)], "a on arc|0, of 2026-01-02"),
        ({"org__a/1/T.json": mteb("T", 0.1, date=1e9), "org__a/2/T.json": mteb("T", 0.2, date="2030-01-01T00:00:00Z")},
         [("org/a", "T", 0.2)], "org/a on T, of 2030-01-01T00:00:00, not of 2001-09-09"),
        ({"org__a/external/T.json": mteb("T", 0.1), "org__a/2/T.json": mteb("T", 0.2)},
         [("org/a", "T", 0.2)], "T.json in 2, whose revision is known"),
    ],
)  # fmt: skip
def test_of_several_runs_the_newest_is_taken_and_said(tmp_path, files, wanted, told):
    found, said = read(put(tmp_path, files))
    assert found == wanted
    assert (told in said[0]) if told else not said


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"x.json": harness(arc={"acc": 0.1}), "y.json": harness(arc={"acc": 0.2})},
         "expected one run of a on arc, got 2 without a time to tell which is newer: "),
        ({OLD: harness(shots=0, arc={"acc": 0.1}), NEW: harness(shots=5, arc={"acc": 0.2})},
         "got 2 that differ in their n-shot (0 and 5): "),
        ({OLD: harness(arc={"acc": 0.1}), NEW: harness(limit=10, arc={"acc": 0.2})},
         "got 2 that differ in their limit (10 and none): "),
        # checkpoints of one training, which share a name
        ({OLD: harness("a,revision=step1,batch_size=4", arc={"acc": 0.1}),
          NEW: harness("a,revision=step2,batch_size=8", arc={"acc": 0.2})},
         "got 2 that differ in their model_args (pretrained=a, revision=step1 and pretrained=a, revision=step2): "),
        ({f"x/{NEW}": harness(arc={"acc": 0.1}), f"y/{NEW}": harness(arc={"acc": 0.2})},
         "got 2 of the same time, 2026-01-02T00:00:00.5: "),
        ({"org__a/1/T.json": mteb("T", 0.1), "org__a/2/T.json": mteb("T", 0.2)},
         "expected one run of org/a on T, got 2 without a time to tell which is newer: "),
        # a second revision with one language, which is not the mean of many
        ({"org__a/1/T.json": mteb("T", 0.1, 0.5, date=1), "org__a/2/T.json": mteb("T", 0.2, date=2)},
         "got 2 that differ in their languages (l0 and l0, l1): "),
        ({"x/m/eval_results.json": {"eval_loss": 1.0}, "y/m/eval_results.json": {"eval_loss": 2.0}},
         "expected one run of m on eval, got 2 without a time"),
    ],
)  # fmt: skip
def test_runs_that_leave_open_which_to_take_are_named(tmp_path, files, told):
    with pytest.raises(GeoscopeError) as caught:
        read_scores(put(tmp_path, files))
    assert told in str(caught.value)
    assert str(caught.value).endswith("leave all but one out of the folder")


def test_the_command_says_how_it_read_the_scores(tmp_path, capsys):
    (tmp_path / "wide.csv").write_text("model,isoscore,cola\na,.1,.5\nb,.2,.75\nc,.4,nan\nd,.5,1\n")
    command = ["correlate", str(tmp_path / "wide.csv"), "--format", "json"]
    assert main(command) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["tasks"] == ["cola"]
    assert "wide.csv has one row a subject: names in model, scores in cola; beside them isoscore" in captured.err
    assert "1 score in" in captured.err
    assert main([*command, "--quiet"]) == 0
    assert capsys.readouterr() == (captured.out, "")
