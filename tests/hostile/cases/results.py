"""Saved results: reports and others that are damaged, hostile, of another version, or of another kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hostile.case import DONE, MISTAKE, Case, refused, right, unlike
from hostile.inputs import Repeated, Sparse, nested, npy, report, row, text, without

GATE = "check r.json 'isoscore>0.1'"
READERS = {
    "check": GATE,
    "show": "show r.json",
    "report": "report r.json -o p.html",
    "compare": "compare good.json r.json",
    "correlate": "correlate r.json s.csv",
}
GOOD = {"good.json": text(report()), "s.csv": "subject,task,score\nbase,cola,1\nb,cola,2\nc,cola,3\n"}


def damaged() -> dict[str, Any]:
    """Files that are no report, by what is wrong with them."""
    whole = text(report())
    return {
        "empty": "",
        "blank": " \n",
        "half": whole[: len(whole) // 2],
        "two values": whole + whole,
        "a trailing comma": whole[:-1] + ",}",
        "a list": "[]",
        "a text": '"report"',
        "a number": "1",
        "null": "null",
        "an empty object": "{}",
        "NaN as a value": whole.replace("0.31", "NaN"),
        "infinity as a value": whole.replace("0.31", "Infinity"),
        "a value beyond floats": whole.replace("0.31", "1e999"),
        "an integer of 5,000 digits": whole.replace("0.31", "9" * 5000),
        "so long an integer as n": whole.replace('"n": 1000', f'"n": {"9" * 5000}'),
        "nesting of 100,000": nested(100_000),
        "nesting in settings": whole.replace('"split": null', f'"split": {nested(50_000)}'),
        "half a surrogate as its name": text(report(name="\ud800")),
        "Latin-1": whole.replace("base", "caf\xe9").encode("latin-1"),
        "UTF-16": whole.encode("utf-16"),
        "NUL bytes": bytes(500),
        "an array": npy(),
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "a page": "<!doctype html><html><body>404</body></html>",
        "a pointer of git-lfs": "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n",
        "YAML": "schema_version: 1\nsubject: x\n",
        "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    }


def odd() -> dict[str, dict[str, Any]]:
    """Reports in which a part is missing or of a wrong type."""
    made = report()
    one = row("isoscore", 0.2)
    return {
        "no subject": without(made, "subject"),
        "no sample": without(made, "sample"),
        "no measurements": without(made, "measurements"),
        "measurements that are an object": made | {"measurements": {}},
        "measurements of texts": made | {"measurements": ["isoscore"]},
        "a subject that is a text": made | {"subject": "base"},
        "a name that is a number": report(subject={"name": 5}),
        "a name that is a list": report(subject={"name": ["a"]}),
        "layers below 0": report(subject={"layers": -3}),
        "layers that are a text": report(subject={"layers": "two"}),
        "rows below 0": report(sample={"rows": -1}),
        "sequences that are half": report(sample={"sequences": 0.5}),
        "settings that are a list": made | {"settings": []},
        "environment that is a text": made | {"environment": "x"},
        "a value that is a text": report(row("isoscore", 0.2) | {"value": "much"}),
        "a value that is a list": report(row("isoscore", 0.2) | {"value": [0.2]}),
        "a value without a reason": report(row("isoscore", 0.2) | {"value": None}),
        "an error below 0": report(one | {"standard_error": -1.0}),
        "a layer below 0": report(one | {"layer": -1}),
        "a layer that is a text": report(one | {"layer": "last"}),
        "a measure that is null": report(one | {"measure": None}),
        "n below 0": report(one | {"n": -5}),
        "replicates that are a text": report(one | {"replicates": "many"}),
        "corpora that are a text": report(sample={"corpora": "ptb"}),
        "scores that are a number": made | {"scores": 3},
        "a kind of no result": made | {"kind": "banana"},
        "a kind that is a list": made | {"kind": ["report"]},
        "a kind that is an object": made | {"kind": {}},
    }


def cases() -> Iterator[Case]:
    """Every damaged or odd result, to one command or several."""
    for place, (name, content) in enumerate(damaged().items()):
        other = list(READERS)[1 + place % 4]
        taken = {"codes": (DONE, MISTAKE), "made": ["p.html"]} if "surrogate" in name else {}  # it is JSON, if odd
        words = "" if taken or other == "correlate" else "r.json"
        yield refused(f"check, {name}", GATE, "" if taken else "r.json", files={"r.json": content}, **taken)
        yield refused(f"{other}, {name}", READERS[other], words, files={"r.json": content} | GOOD, **taken)
    for place, (name, made) in enumerate(odd().items()):
        which = list(READERS)[place % 4]
        if "kind" in name:
            which = "show"
        yield refused(f"{which}, {name}", READERS[which], "r.json", files={"r.json": text(made)} | GOOD)
    for version in ("2", "0", "1.0", 1, 2, [], {}, True, "9" * 5000):
        codes = (2, 4)
        yield unlike(
            f"check, schema version {str(version)[:8]!r} {type(version).__name__}",
            GATE,
            "schema.version",
            "r.json",
            codes=(4,) if isinstance(version, str) else codes,
            files={"r.json": text(report() | {"schema_version": version})},
        )
    for reader in ("show", "report", "compare"):
        yield unlike(
            f"{reader}, another schema version",
            READERS[reader],
            "schema version",
            "measure again|update",
            files={"r.json": text(report(schema_version="2"))} | GOOD,
        )
    yield from _of_other_kinds()
    yield from _large()
    yield from _missing()
    yield right(
        "keys of a later version",
        GATE,
        "held",
        files={"r.json": text(report(row("isoscore", 0.2, later=1)) | {"later": {}})},
    )
    yield right("a report of one cloud", GATE, "held", files={"r.json": text(report(row("isoscore", 0.2, None)))})
    yield right("show of all that there is", "show r.json --all-measures", "two_nn", files={"r.json": text(report())})
    yield right(
        "a page of two",
        "report r.json good.json -o p.html",
        files={"r.json": text(report(name="other"))} | GOOD,
        must=["p.html"],
    )
    yield right(
        "a study's page",
        "report r.json -o p.html",
        must=["p.html"],
        files={
            "r.json": text(
                report(
                    *(
                        row("isoscore", 0.2 + level / 50, 2, noise_level=level, noise_seed=0)
                        for level in (0.0, 1.0, 5.0)
                    )
                )
            )
        },
    )
    yield refused("no measurement", GATE, "isoscore", files={"r.json": text(report() | {"measurements": []})})
    yield refused(
        "show of no measurement",
        "show r.json",
        "",
        codes=(0, 2),
        files={"r.json": text(report() | {"measurements": []})},
    )


def _of_other_kinds() -> Iterator[Case]:
    held = {"schema_version": "1", "geoscope_version": "0.1.0"}
    for kind in ("comparison", "check", "noise_floor", "size_curve", "correlations", "fine_tuning"):
        yield refused(
            f"show, a {kind} of nothing", "show r.json", "r.json", files={"r.json": text(held | {"kind": kind})}
        )
        yield refused(
            f"check, a {kind}",
            GATE,
            "r.json",
            files={"r.json": text(held | {"kind": kind, "subject": {}, "limits": []})},
        )
    for kind, part in {
        "comparison": {"base": [], "candidates": 3, "settings": {}, "differences": {}},
        "check": {"subject": [], "limits": {}},
        "noise_floor": {"subject": 1},
        "size_curve": {"subject": {"name": "x"}, "sizes": [], "points": 3},
        "check of odd limits": {"subject": {}, "limits": [{"limit": 5}]},
    }.items():
        yield refused(
            f"show, a {kind} of wrong types",
            "show r.json",
            "r.json",
            files={"r.json": text(held | {"kind": kind.split()[0], **part})},
        )
    yield refused("several, of which one is none", "show good.json r.json", "r.json", files={"r.json": "[]"} | GOOD)
    yield right(
        "a check that was saved",
        "show r.json",
        "held",
        files={
            "r.json": text(
                held
                | {
                    "kind": "check",
                    "subject": {"name": "base"},
                    "limits": [
                        {
                            "limit": "isoscore>0.1",
                            "measure": "isoscore",
                            "layer": 2,
                            "held": True,
                            "value": 0.2,
                            "reason": None,
                        }
                    ],
                }
            )
        },
    )


def _large() -> Iterator[Case]:
    many = [row("isoscore", 0.2, layer) for layer in range(20_000)]
    yield right(
        "20,000 layers under a limit",
        GATE,
        "held",
        seconds=8,
        megabytes=400,
        files={"r.json": text(report(*many, subject={"layers": 20_000}))},
    )
    yield refused(
        "20,000 layers, and one that is not there",
        "check r.json 'isoscore@30000>0.1'",
        "layer 30000",
        seconds=8,
        megabytes=400,
        files={"r.json": text(report(*many, subject={"layers": 20_000}))},
    )
    thousands = [row(f"measure_{place}", 0.2, 2) for place in range(5000)]
    yield refused(
        "5,000 measures of unknown names",
        "check r.json 'two_nn>1'",
        "two_nn",
        files={"r.json": text(report(*thousands))},
    )
    yield refused(
        "5,000 layers under a failing limit, as a sentence",
        "check r.json 'isoscore>0.9' 'two_nn>1'",
        "two_nn",
        seconds=8,
        megabytes=300,
        files={"r.json": text(report(*many[:5000], subject={"layers": 5000}))},
    )
    yield Case(
        "5,000 failing layers",
        ["check", "r.json", "isoscore>0.9"],
        (1,),
        ["isoscore"],
        seconds=10,
        megabytes=400,
        files={"r.json": text(report(*many[:5000], subject={"layers": 5000}))},
    )
    yield Case(
        "5,000 failing layers as JSON",
        ["check", "r.json", "isoscore>0.9", "--format", "json"],
        (1,),
        ["isoscore"],
        seconds=10,
        megabytes=400,
        files={"r.json": text(report(*many[:5000], subject={"layers": 5000}))},
    )
    two = {name: text(report(*many[:10_000], name=name, subject={"layers": 10_000})) for name in ("a.json", "b.json")}
    yield right("comparison of 10,000 layers", "compare a.json b.json", files=two, seconds=12, megabytes=600)
    yield refused(
        "a report that is /dev/zero", "check /dev/zero 'isoscore>0.1'", "/dev/zero", seconds=20, megabytes=1200
    )
    yield refused(
        "a report of 6 GB",
        GATE,
        "r.json",
        files={"r.json": Sparse(6 << 30, b'{"schema_version": "1", ')},
        seconds=20,
        megabytes=1200,
    )
    yield refused(
        "show of 6 GB", "show r.json", "r.json", files={"r.json": Sparse(6 << 30, b"{")}, seconds=20, megabytes=1200
    )
    yield refused(
        "compare of 6 GB",
        READERS["compare"],
        "r.json",
        files={"r.json": Sparse(6 << 30, b"{")} | GOOD,
        seconds=20,
        megabytes=1200,
    )
    yield refused(
        "300 MB of brackets",
        "show r.json",
        "r.json",
        files={"r.json": Repeated(b"[" * (1 << 20), 300)},
        seconds=20,
        megabytes=1200,
    )
    yield refused(
        "a name of 1 MB that is wrong elsewhere",
        GATE,
        "r.json",
        files={"r.json": text(report(row("isoscore", 0.2) | {"n": -1}, name="a" * (1 << 20)))},
    )
    yield refused(
        "a version of 1 MB",
        GATE,
        "schema",
        codes=(2, 4),
        files={"r.json": text(report() | {"schema_version": "1" * (1 << 20)})},
    )
    yield refused(
        "a kind of 1 MB", "show r.json", "r.json", files={"r.json": text(report() | {"kind": "k" * (1 << 20)})}
    )


def _missing() -> Iterator[Case]:
    for name, line in {
        "check": "check no.json 'isoscore>0.1'",
        "show": "show no.json",
        "report": "report no.json -o p.html",
        "compare": "compare good.json no.json",
        "compare's base": "compare no.json good.json",
        "correlate": "correlate no.json s.csv",
    }.items():
        yield refused(f"{name}, no such file", line, "no.json", files=GOOD)
    yield refused("a folder in the place of a report", "check . 'isoscore>0.1'", "expected")
    yield refused("a NUL-less name too long", ["check", "a" * 5000 + ".json", "isoscore>0.1"], "expected")
    yield refused("a path of 300 folders", ["show", "/".join(["d" * 20] * 300) + ".json"], "expected")
    yield refused("an empty name", ["check", "", "isoscore>0.1"], "expected")
    yield refused("show, an empty name", ["show", ""], "expected")
    yield refused("a file below a file", ["show", "good.json/r.json"], "good.json", files=GOOD)
    yield refused("memory of the process", "show /proc/self/mem", "/proc/self/mem")
    yield refused("half a character as a name", ["show", "\udcff.json"], "expected")
