"""Scores: tables, results of evaluation harnesses and folders of them, beside reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hostile.case import DONE, MISTAKE, Case, refused, right, unlike
from hostile.inputs import SCORES, VALUES, Folder, Link, Sparse, nested, report, row, studied, text

S = studied()
LINE = "correlate reports {}"
ROWS = SCORES.splitlines()[1:]


def _table(*rows: str, names: str = "subject,task,score") -> str:
    return "\n".join([names, *ROWS[: 6 - len(rows)], *rows]) + "\n"


TABLES: dict[str, tuple[str, Any]] = {
    "empty": ("s.csv", ""),
    "a header alone": ("s.csv", "subject,task,score\n"),
    "a text as a score": ("s.csv", _table("m5,cola,good")),
    "a percent sign": ("s.csv", _table("m5,cola,50%")),
    "a comma for a point": ("s.csv", _table('m5,cola,"0,5"')),
    "a missing subject": ("s.csv", _table(",cola,5")),
    "two scores of one": ("s.csv", _table("m0,cola,5")),
    "a short row": ("s.csv", _table("m5,cola")),
    "a long row": ("s.csv", _table("m5,cola,5,6,7")),
    "an open quote": ("s.csv", _table('"m5,cola,5')),
    "NUL": ("s.csv", _table("m5,cola,\0")),
    "Latin-1": ("s.csv", _table("caf\xe9,cola,5").encode("latin-1")),
    "no subject column": ("s.csv", _table(names="who,what,how")),
    "two columns of one name": ("s.csv", _table(names="subject,score,score")),
    "a level that is a text": ("s.csv", _table("m5,cola,5,high", names="subject,task,score,noise_level")),
    "a seed that is half": (
        "s.csv",
        "subject,task,score,noise_seed\n" + "".join(f"m{n},cola,{n},0.5\n" for n in range(6)),
    ),
    "a layer beyond floats": (
        "s.csv",
        "subject,task,score,layer\n" + "".join(f"m{n},cola,{n},1e999\n" for n in range(6)),
    ),
    "subjects that no report is of": ("s.csv", SCORES.replace("m", "other")),
    "too few": ("s.csv", "\n".join(SCORES.splitlines()[:3]) + "\n"),
    "a record cut": ("s.jsonl", '{"subject": "m0", "task": "cola", "score": 1}\n{"subject": '),
    "lists as records": ("s.jsonl", "[1, 2]\n" * 6),
    "a score that is true": (
        "s.jsonl",
        "".join(text({"subject": f"m{n}", "task": "cola", "score": True}) + "\n" for n in range(6)),
    ),
    "an integer of 5,000 digits": ("s.jsonl", '{"subject": "m0", "task": "cola", "score": ' + "9" * 5000 + "}\n"),
    "nesting": ("s.jsonl", nested(60_000)),
    "half a surrogate": (
        "s.jsonl",
        "".join(f'{{"subject": "m{n}\\ud800", "task": "cola", "score": {n}}}\n' for n in range(6)),
    ),
    "JSON cut": ("s.json", '[{"subject": '),
    "JSON of texts": ("s.json", text(["a", "b"])),
    "JSON of another kind": ("s.json", text({"hello": {"a": 1}})),
    "nested JSON": ("s.json", nested(90_000)),
    "an empty list": ("s.json", "[]"),
    "null": ("s.json", "null"),
    "a damaged parquet": ("s.parquet", b"PAR1" + bytes(80) + b"PAR1"),
    "a pickle": ("s.pkl", b"\x80\x04N."),
    "a page": ("s.csv", "<!doctype html><html></html>"),
}


def harness() -> dict[str, Any]:
    """Results of evaluation harnesses in which something is wrong."""
    lm = {
        "results": {"cola": {"acc,none": 0.5, "alias": "cola"}},
        "model_name": "m0",
        "config": {"model": "hf"},
        "versions": {"cola": 1},
    }
    mteb = {
        "task_name": "STS",
        "mteb_version": "1.20",
        "scores": {"test": [{"main_score": 0.5, "hf_subset": "default"}]},
    }
    return {
        "lm-eval, results that are a list": lm | {"results": []},
        "lm-eval, results that are a text": lm | {"results": "good"},
        "lm-eval, a task that is a number": lm | {"results": {"cola": 5}},
        "lm-eval, a metric that is a list": lm | {"results": {"cola": {"acc,none": [0.5]}}},
        "lm-eval, a metric that is a text": lm | {"results": {"cola": {"acc,none": "good"}}},
        "lm-eval, no model": {name: value for name, value in lm.items() if name not in ("model_name", "config")},
        "lm-eval, a model that is a list": lm | {"model_name": ["m0"], "config": 5},
        "mteb, scores that are a list": mteb | {"scores": []},
        "mteb, a split that is a number": mteb | {"scores": {"test": 3}},
        "mteb, a score that is a text": mteb | {"scores": {"test": [{"main_score": "good"}]}},
        "mteb, a task that is a number": mteb | {"task_name": 7},
        "mteb, rows that are texts": mteb | {"scores": {"test": ["good"]}},
        "lighteval, results that are a text": {"config_general": {"model_name": "m0"}, "results": "x"},
        "lighteval, a model that is an object": {
            "config_general": {"model_name": {}},
            "results": {"cola|0": {"acc": 0.5}},
        },
        "lighteval, a general part that is a list": {"config_general": [], "results": {"cola|0": {"acc": 0.5}}},
        "Trainer, a number that is a list": {"eval_accuracy": [1], "epoch": 3.0, "eval_runtime": 1.0},
    }


def cases() -> Iterator[Case]:
    """Every table and result of a harness."""
    yield right("scores", LINE.format("s.csv"), "isoscore", "cola", files=S | {"s.csv": SCORES})
    yield right(
        "scores as JSON",
        LINE.format("s.csv") + " --format json -o c.json",
        files=S | {"s.csv": SCORES},
        must=["c.json"],
    )
    for name, (file, content) in TABLES.items():
        open_codes = {"subjects that no report is of", "too few", "a percent sign", "Latin-1"}
        words = "s\\.|score|subject|pickle" if name in open_codes else file
        codes = (MISTAKE, DONE) if name in ("too few", "a layer beyond floats") else (MISTAKE,)
        yield refused(
            f"scores, {name}",
            LINE.format(file),
            words if codes == (MISTAKE,) else "",
            codes=codes,
            files=S | {file: content},
        )
    for name, content in harness().items():
        codes = (MISTAKE, DONE) if "a metric that is" in name else (MISTAKE,)
        yield refused(name, LINE.format("s.json"), codes=codes, files=S | {"s.json": text(content)})
        yield refused(f"{name}, in a folder", LINE.format("s"), codes=codes, files=S | {"s/s.json": text(content)})
    yield refused("scores, a missing file", LINE.format("no.csv"), "no.csv", files=S)
    yield refused("scores, an empty folder", LINE.format("d"), "d", files=S | {"d": Folder()})
    yield refused("scores, a link to itself", LINE.format("s.csv"), "s.csv", files=S | {"s.csv": Link("s.csv")})
    yield refused("scores, a folder called .csv", LINE.format("s.csv"), "s.csv", files=S | {"s.csv": Folder()})
    yield refused(
        "scores, 3 GB of zeros",
        LINE.format("s.csv"),
        "s.csv",
        files=S | {"s.csv": Sparse(3 << 30, b"subject,task,score\n")},
        seconds=30,
        megabytes=1500,
    )
    yield refused("reports, none in the folder", "correlate d s.csv", "d", files={"d": Folder(), "s.csv": SCORES})
    yield refused(
        "reports, a damaged one",
        LINE.format("s.csv") + " --measures isoscore",
        codes=(DONE, MISTAKE),
        files=S | {"s.csv": SCORES, "reports/m9.json": "{"},
    )
    yield refused(
        "reports, one of a wrong type",
        LINE.format("s.csv"),
        "m9.json",
        files=S | {"s.csv": SCORES, "reports/m9.json": text(report() | {"measurements": 5})},
    )
    yield unlike(
        "reports of other samples",
        LINE.format("s.csv"),
        "pooling|compar",
        files=S | {"s.csv": SCORES, "reports/m9.json": text(report(name="m9", sample={"pooling": "mean"}))},
    )
    yield refused(
        "a subject twice",
        LINE.format("s.csv"),
        "m0|twice|two",
        files=S | {"s.csv": SCORES, "reports/n.json": S["reports/m0.json"]},
    )
    for option, value in {
        "--task": "nothing",
        "--given": "nothing",
        "--by": "task",
        "--measures": "isoscor",
        "--predict": "no.json",
    }.items():
        yield refused(
            f"{option} {value}",
            LINE.format("s.csv") + f" {option} {value}",
            f"{option}|{value}",
            files=S | {"s.csv": SCORES},
        )
    for given in ("", ",", "log:", "log:log:score", "log:isoscore,log:isoscore", ":" * 99, "score"):
        yield refused(
            f"--given {given[:20]!r}",
            [*LINE.format("s.csv").split(), "--given", given],
            codes=(DONE, MISTAKE),
            files=S | {"s.csv": SCORES},
        )
    names = {
        "escapes": "\x1b[31mred",
        "a right-to-left mark": "\u202eevil",
        "a zero-width space": "m\u200b",
        "a bell": "m\x07",
        "C1": "m\x9b31m",
        "markup": "<script>alert(1)</script>",
        "Markdown": "[a](javascript:x)|b|",
        "a formula": "=cmd|' /C calc'!A0",
    }
    for name, subject in names.items():
        renamed = {
            file: text(
                report(*(row(key, value + place / 50) for key, value in VALUES.items()), name=f"{subject}{place}")
            )
            for place, file in enumerate(S)
        }
        table = "".join(
            text({"subject": f"{subject}{place}", "task": f"cola{subject}", "score": place * place % 7}) + "\n"
            for place in range(6)
        )
        for form in ("table", "csv", "html")[: 3 if name in ("escapes", "markup") else 1]:
            yield right(
                f"names, {name}, as {form}",
                f"correlate reports s.jsonl --format {form}",
                files=renamed | {"s.jsonl": table},
                absent=["<script>alert"] if form == "html" else [],
            )
