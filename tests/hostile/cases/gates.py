"""Gates: limits held, failed and mistyped; a failed limit is 1, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hostile.case import Case, fails, refused, right, unlike
from hostile.inputs import VALUES, report, row, text

R = {"r.json": text(report())}


def pair(**parts: Any) -> dict[str, str]:
    """Two reports, the second of other parts."""
    return {"a.json": text(report(name="a")), "b.json": text(report(name="b", **parts))}


def _moved(factor: float) -> dict[str, str]:
    rows = [row(key, value * factor, 2) for key, value in VALUES.items()]
    return {
        "a.json": text(report(*(row(key, value, 2) for key, value in VALUES.items()), name="a")),
        "b.json": text(report(*rows, name="b")),
    }


def cases() -> Iterator[Case]:
    """Every gate."""
    yield right("a limit that holds", "check r.json 'isoscore>0.1'", "2 limits held", files=R)
    yield fails("a limit that fails", "check r.json 'isoscore>0.9'", "isoscore", files=R)
    yield fails("one of two fails", "check r.json 'isoscore>0.1' 'two_nn@last<2'", "two_nn", files=R)
    yield fails(
        "a null under a limit",
        "check r.json 'isoscore>0.1'",
        "undefined",
        "all rows are equal",
        files={"r.json": text(report(row("isoscore", None)))},
    )
    yield refused("a measure that is none", "check r.json 'isoscor>0.1'", "did you mean isoscore", files=R)
    yield refused(
        "a measure that the report lacks",
        "check r.json 'persistent_entropy>1'",
        "persistent_entropy",
        "--measures",
        files=R,
    )
    yield refused("a layer that the report lacks", "check r.json 'isoscore@7>0.1'", "layer 7", files=R)
    yield refused("no limit", "check r.json", "limit such as", files=R)
    yield unlike(
        "another schema version",
        "check r.json 'isoscore>0.1'",
        "schema version",
        "'2'",
        files={"r.json": text(report(schema_version="2"))},
    )
    yield right("a report on stdin", "check - 'isoscore>0.1'", "2 limits held", stdin=text(report()).encode())
    yield refused("nothing on stdin", "check - 'isoscore>0.1'", "standard input")
    yield right("a limit at the value itself", "check r.json 'isoscore@2>=0.22'", "held", files=R)

    wrong = {
        "no operator": "isoscore",
        "an equals sign": "isoscore=0.1",
        "two operators": "isoscore<<0.1",
        "no number": "isoscore<",
        "a word for a number": "isoscore<half",
        "NaN": "isoscore<nan",
        "infinity": "isoscore<inf",
        "a number beyond floats": "isoscore<1e999",
        "a layer that is no number": "isoscore@x<1",
        "empty": "",
        "blank": "  ",
        "an emoji": "isoscore\u2728<1",
        "a percent sign": "isoscore<50%",
        "a line break": "isoscore<1\nx",
        "a layer of 5,000 digits": f"isoscore@{'9' * 5000}<1",
        "a number of 5,000 digits": f"isoscore<{'9' * 5000}",
        "a name of 100,000 letters": f"{'a' * 100_000}<1",
    }
    for name, limit in wrong.items():
        yield refused(f"check, {name}", ["check", "r.json", limit], "expected", files=R)
    for name in ("no operator", "NaN", "empty", "a layer of 5,000 digits", "a name of 100,000 letters"):
        limit = wrong[name].replace("<", ":")
        yield refused(f"compare, {name}", ["compare", "a.json", "b.json", "--fail-on", limit], "expected", files=pair())
    yield refused(
        "compare, an amount beyond floats", "compare a.json b.json --fail-on isoscore:1e999", "finite", files=pair()
    )

    yield right("no change", "compare a.json b.json --fail-on isoscore:-10%", files=pair())
    yield fails("a drop", "compare a.json b.json --fail-on isoscore:-10%", "isoscore", files=_moved(0.5))
    yield right("a rise where a drop is limited", "compare a.json b.json --fail-on isoscore:-10%", files=_moved(1.5))
    yield refused(
        "compare, a measure that is none",
        "compare a.json b.json --fail-on two_n:-1",
        "did you mean two_nn",
        files=pair(),
    )
    yield refused(
        "compare, a measure that reports lack",
        "compare a.json b.json --fail-on patchiness:-1",
        "patchiness",
        files=pair(),
    )
    yield fails(
        "compare, a null under a limit",
        "compare a.json b.json --fail-on isoscore:-10%",
        "no change to hold",
        files={
            "a.json": text(report(name="a")),
            "b.json": text(report(*(row("isoscore", None, layer) for layer in (1, 2)), name="b")),
        },
    )
    unequal: dict[str, dict[str, Any]] = {
        "other pooling": {"sample": {"pooling": "mean"}},
        "other lengths": {"sample": {"max_length": 64}},
        "other corpora": {"sample": {"corpora": [{"name": "ptb", "fingerprint": "sha256:p", "sequences": 100}]}},
        "other tokens": {"settings": {"tokens": "content"}},
        "another population": {"settings": {"population": "corpus"}},
    }
    for name, parts in unequal.items():
        yield unlike(f"compare, {name}", "compare a.json b.json", files=pair(**parts))
        yield unlike(
            f"compare under a limit, {name}", "compare a.json b.json --fail-on isoscore:-99%", files=pair(**parts)
        )
    yield unlike(
        "compare, another schema version", "compare a.json b.json", "schema version", files=pair(schema_version="9")
    )
    yield refused("compare, one subject", "compare a.json", "CANDIDATE", files=pair())
    for share in ("x", "-5%", "nan", "inf", "1e999%", ""):
        yield refused(
            f"compare, --margin {share!r}", ["compare", "a.json", "b.json", "--margin", share], "--margin", files=pair()
        )
    for form in ("junit", "github", "markdown", "csv", "json", "html"):
        yield right(f"check as {form}", f"check r.json 'isoscore>0.1' --format {form}", files=R)
    yield fails("check as junit, failing", "check r.json 'isoscore>0.9' -o j.xml", "<failure", files=R, must=["j.xml"])
    yield right(
        "several outputs",
        "compare a.json b.json -o c.json -o c.html -o c.csv",
        files=pair(),
        must=["c.json", "c.html", "c.csv"],
    )
    yield right(
        "the summary of a job",
        "check r.json 'isoscore>0.1' --step-summary",
        files=R | {"summary.md": "# Job\n"},
        environment={"GITHUB_STEP_SUMMARY": "summary.md"},
        made=["summary.md"],
    )
