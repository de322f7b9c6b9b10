"""Readers that are fuzzed: of arrays, tables, texts, scores, and of the files that describe a checkpoint."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hostile import folders, inputs

from fuzzing.targets import DIGITS, Target, refused


def _file(name: str, called: Callable[[Path], Any]) -> Callable[[bytes, Path], Any]:
    def run(data: bytes, folder: Path) -> Any:
        path = folder / name
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return called(path)

    return run


def arrays() -> list[Target]:
    """Readers of arrays."""
    import numpy as np

    from geoscope.subjects.embeddings.embedding_files import open_embeddings
    from geoscope.subjects.embeddings.embedding_folders import read_folder
    from geoscope.subjects.row_files.array_files import matrix, read_npy, read_npz, read_safetensors

    def npy(path: Path) -> None:
        for _, rows in matrix(read_npy(path), str(path)).blocks():
            assert rows.ndim == 2
            assert rows.dtype in (np.float32, np.float64)

    def named(read: Callable[[Path], Any], path: Path) -> None:
        held = read(path)
        for name in held.names:
            refused(lambda name=name: list(matrix(held.read(name), name).blocks()))

    def read_through(held: Any) -> None:
        for layer in held.layers:
            held.rows(layer)

    def rows(path: Path) -> None:
        read_through(open_embeddings(path, groups="seq" if path.stat().st_size % 2 else None))

    def folder(path: Path) -> None:
        read_through(read_folder(path.parent))

    small = inputs.numbers(12, 3)
    said = [
        inputs.npy(small),
        inputs.npy(small, "d", "<f8"),
        inputs.labels(range(9)),
        inputs.npy(small).replace(b"False", b"True "),
    ]
    archives = [
        inputs.zipped({"a.npy": said[0]}),
        inputs.zipped({"layer-01.npy": said[0], "layer-02.npy": said[1]}, compressed=True),
    ]
    tensors = [
        inputs.tensors({"a": ((12, 3), said[0][-144:])}),
        inputs.tensors({"layer-01": ((2, 2), bytes(16)), "layer-02": ((2, 2), bytes(16))}),
    ]
    records = [
        inputs.jsonl(6, 3).encode(),
        b"".join(json.dumps({"d0": 1.5, "d1": 2.5, "seq": n}).encode() + b"\n" for n in range(5)),
        b"[1.0, 2.0]\n[3.0, 4.0]\n",
    ]
    tables = [
        inputs.csv(6, 3).encode(),
        b"seq;a;b\n1;1,5;2,5\n1;2,5;3,5\n",
        b"1.0,2.0\n3.0,4.0\n",
        b'"seq","dim_0"\n"a",1\n',
    ]
    return [
        Target("a .npy", said, _file("x.npy", npy)),
        Target("an .npz", archives, _file("x.npz", partial(named, read_npz))),
        Target("a .safetensors", tensors, _file("x.safetensors", partial(named, read_safetensors))),
        Target("rows of a .jsonl", records, _file("x.jsonl", rows)),
        Target("rows of a .csv", tables, _file("x.csv", rows)),
        Target("what extract wrote", (folders.told_of_rows(),), _folder(folder), structured=True),
    ]


def _folder(called: Callable[[Path], Any]) -> Callable[[bytes, Path], Any]:
    def run(data: bytes, folder: Path) -> Any:
        if not (folder / "rows" / "rows.npy").is_file():
            inputs.put(folder, folders.extracted())
        path = folder / "rows" / "embeddings.json"
        path.write_bytes(data)
        return called(path)

    return run


def tables() -> list[Target]:
    """Readers of tables, texts, scores and descriptions."""
    from geoscope.correlations.harnesses import result_files
    from geoscope.correlations.score_files.numbers import cell_of, given_number, number_of, whole_number
    from geoscope.correlations.score_files.scores import read_scores
    from geoscope.settings.project_files import project_table
    from geoscope.subjects.checkpoint_files.adapters import read_adapter
    from geoscope.subjects.checkpoint_files.descriptions import read_json
    from geoscope.subjects.checkpoint_files.sentence_models import modules_of
    from geoscope.subjects.row_files.groups import read_labels
    from geoscope.subjects.tables.table_files import read_table
    from geoscope.subjects.texts.text_files import open_texts
    from geoscope.tasks.labelled_files import read_labelled
    from geoscope.tasks.squad import load_questions

    answered = {"id": "1", "question": "What?", "answers": [{"text": "rained", "answer_start": 3}]}
    asked = {"title": "t", "paragraphs": [{"context": "It rained.", "qas": [answered]}]}
    questions = [{"version": "1.1", "data": [asked, asked]}]

    def cells(data: str, _: Path) -> None:
        cell_of(data)
        for read in (number_of, given_number, whole_number):
            refused(lambda read=read: read(data, "score", "here"))

    def harness(path: Path) -> None:
        content = result_files.parsed(path)
        if result_files.is_result(content, path):
            result_files.results_of_file(content, path)

    def described(path: Path) -> None:
        refused(lambda: read_json(path, dict))
        read_json(path, list)

    def adapter(path: Path) -> None:
        (path.parent / "adapter_model.safetensors").write_bytes(b"")
        read_adapter(path.parent, "adapter", allow_pickle=False)

    def project(path: Path) -> None:
        project_table(path.parent)
        from geoscope.comparisons.configuration import find_bounds, find_limits

        refused(lambda: find_bounds(path.parent))
        find_limits(path.parent)

    scores = [inputs.SCORES.encode(), b"model,cola,rte\na,1,2\nb,2,3\nc,3,5\n", b"Task;a;b\ncola;1;2\n"]
    results = [
        {
            "results": {"cola": {"acc,none": 0.5, "alias": "cola", "acc_stderr,none": 0.1}},
            "model_name": "m0",
            "config": {"model": "hf", "model_args": "pretrained=x"},
            "date": 1.5,
        },
        {
            "task_name": "STS",
            "mteb_version": "1.20",
            "scores": {"test": [{"main_score": 0.5, "hf_subset": "default", "languages": ["eng"]}]},
        },
        {
            "mteb_dataset_name": "STS",
            "mteb_version": "1.0",
            "test": {"cos_sim": {"spearman": 0.5}, "evaluation_time": 3},
        },
        {"config_general": {"model_name": "m0"}, "results": {"cola|0": {"acc": 0.5}, "all": {"acc": 0.5}}},
        {"eval_accuracy": 0.5, "eval_loss": 1.5, "eval_runtime": 2.0, "epoch": 3.0},
    ]
    texts = [b'{"text": "the cat sat"}\n{"text": "on a mat"}\n', b'{"sentence": "a", "id": 1}\n', b'"a"\n"b"\n']
    own = [
        b"seed = 1\n[bounds]\nisoscore = '>0.1'\n",
        b"[tool.geoscope]\nlayers = 'all'\n[tool.geoscope.limits]\ntwo_nn = ['-1', '+2%']\n",
    ]
    adapters = [
        {
            "peft_type": "LORA",
            "base_model_name_or_path": "../base",
            "r": 2,
            "target_modules": ["query"],
            "revision": None,
        }
    ]
    modules = [
        [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        ]
    ]
    return [
        Target(
            "a cell of scores",
            ("0.5", "1e3", "-", "nan", "12 %"),
            cells,
            ("NaN", "inf", "-", "\x00", "1e999", "0.5", "\u0661", "%", *DIGITS),
        ),
        Target("scores in a .csv", scores, _file("s.csv", read_scores)),
        Target(
            "scores in a .jsonl",
            [b"".join(json.dumps({"subject": f"m{n}", "task": "a", "score": n}).encode() + b"\n" for n in range(4))],
            _file("s.jsonl", read_scores),
        ),
        Target(
            "scores in a .json",
            (
                [{"subject": "m", "task": "a", "score": 1.0}, {"subject": "n", "task": "a", "score": 2.0}],
                {"subject": {"0": "m"}, "score": {"0": 1}},
            ),
            _file("s.json", read_scores),
            structured=True,
        ),
        Target("results of a harness", results, _file("s.json", harness), structured=True),
        Target(
            "a table",
            [*scores, b'a,b\n"x, y",2\n'],
            _file("t.csv", lambda path: list(read_table(path, "a table").mappings())),
        ),
        Target("texts in a .jsonl", texts, _file("t.jsonl", lambda path: list(open_texts(path)))),
        Target(
            "texts in a .csv",
            [b"text\nthe cat\n", b'id,text\n1,"a, b"\n'],
            _file("t.csv", lambda path: list(open_texts(path))),
        ),
        Target(
            "texts in a .txt",
            [inputs.TEXTS.encode(), "\ufeffcaf\xe9\n".encode()],
            _file("t.txt", lambda path: list(open_texts(path))),
        ),
        Target(
            "a labelled file",
            [b"sentence\tlabel\nthe cat\t1\na dog\t0\n", b"sentence1,sentence2,label\na,b,x\nc,d,y\n"],
            _file("l.tsv", read_labelled),
        ),
        Target(
            "questions on a context",
            questions,
            _file("dev.json", lambda path: load_questions(str(path))),
            structured=True,
        ),
        Target("labels of rows", [b"1\n2\n3\n", b"seq\na\nb\nb\n"], _file("g.csv", lambda path: read_labels(path, 3))),
        Target("a project's file", own, _file("geoscope.toml", project)),
        Target("a description", (folders.BERT, [1]), _file("config.json", described), structured=True),
        Target("an adapter's description", adapters, _file("adapter_config.json", adapter), structured=True),
        Target(
            "modules of a sentence model",
            modules,
            _file("modules.json", lambda path: modules_of(path.parent)),
            structured=True,
        ),
    ]
