"""Outputs: those that are inputs, under whatever name; folders of others; two runs on one folder."""

from __future__ import annotations

from collections.abc import Iterator

from hostile.case import DONE, MISTAKE, UNFINISHED, Case, refused, right
from hostile.cases.gates import pair
from hostile.folders import checkpoint, extracted
from hostile.inputs import MEASURE, SCORES, TEXTS, Folder, HardLink, Link, labels, npy, numbers, report, studied, text

R = {"r.json": text(report())}
PAIR = pair()
ROWS = {"x.npy": npy(), "y.npy": npy(numbers(200, 8, 1))}
READ = "read|input"


def cases() -> Iterator[Case]:
    """Every case of what is written where."""
    yield from _over_inputs()
    yield from _places()
    yield from _foreign()
    yield from _at_once()


def _over_inputs() -> Iterator[Case]:
    """Refused before the run, and the input is as it was."""
    ways = {
        "itself": "r.json",
        "through a dot": "./r.json",
        "through its folder": "../work/r.json",
        "through a link": "link.json",
        "a hard link": "hard.json",
        "through a linked folder": "here/r.json",
        "through a link of a link": "link2.json",
    }
    held = R | {
        "link.json": Link("r.json"),
        "link2.json": Link("link.json"),
        "hard.json": HardLink("r.json"),
        "here": Link("."),
    }
    for way, place in ways.items():
        yield refused(f"check over its report, {way}", f"check r.json 'isoscore>0.1' -o {place}", READ, files=held)
        yield refused(f"show over its report, {way}", f"show r.json --format json -o {place}", READ, files=held)
    for way in ("link.json", "hard.json"):
        yield refused(f"the report is named by {way}", f"check {way} 'isoscore>0.1' -o r.json", READ, files=held)
    yield refused("compare over its base", "compare a.json b.json -o a.json", READ, files=PAIR)
    yield refused("compare over its candidate", "compare a.json b.json -o c.html -o b.json", READ, files=PAIR)
    yield refused(
        "compare over its third",
        "compare a.json b.json c.json -o c.json",
        READ,
        files=PAIR | {"c.json": text(report(name="c"))},
    )
    yield refused("a page over its report", "report r.html -o r.html", READ, files={"r.html": text(report())})
    yield refused("rows", MEASURE.format("x.npy") + " --format json -o x.npy", READ, files=ROWS)
    yield refused(
        "rows of another folder", MEASURE.format("../work/x.npy") + " --format json -o x.npy", READ, files=ROWS
    )
    yield refused(
        "groups",
        MEASURE.format("x.npy") + " --groups g.npy --format json -o g.npy",
        READ,
        files=ROWS | {"g.npy": labels(range(300))},
    )
    yield refused(
        "the reference",
        MEASURE.format("x.npy") + " --isoscore-reference c.npy --format json -o c.npy",
        READ,
        files=ROWS | {"c.npy": npy(numbers(8, 8))},
    )
    model = checkpoint() | {"t.txt": TEXTS}
    yield refused("the corpus", "measure model --corpus t.txt --measures isoscore -o t.txt", READ, files=model)
    yield refused(
        "the corpus under a name", "measure model --corpus ptb=t.txt --measures isoscore -o t.txt", READ, files=model
    )
    yield refused(
        "a file of the checkpoint",
        "measure model --corpus t.txt --measures isoscore -o model/config.json",
        READ,
        files=model,
    )
    yield refused(
        "its weights",
        "measure model --corpus t.txt --measures isoscore --format json -o model/model.safetensors",
        READ,
        files=model,
    )
    yield refused(
        "rows of a folder that extract wrote",
        MEASURE.format("rows") + " --format json -o rows/layer-02.npy",
        READ,
        files=extracted(),
    )
    yield refused(
        "what describes such rows", MEASURE.format("rows") + " -o rows/embeddings.json", READ, files=extracted()
    )
    yield refused(
        "the scores", "correlate reports scores.csv -o scores.csv", READ, files=studied() | {"scores.csv": SCORES}
    )
    yield refused(
        "a report of a folder",
        "correlate reports scores.csv -o reports/m0.json",
        READ,
        files=studied() | {"scores.csv": SCORES},
    )
    yield refused(
        "a study over its own corpus", "perturb model --corpus t.txt --levels 0,1 --seeds 1 -o t.txt", READ, files=model
    )
    yield refused("a floor over its subject", "noise-floor x.npy --format json -o x.npy", READ, files=ROWS)
    yield refused("what stdin is read from", "check - 'isoscore>0.1' -o r.json", READ, stdin="@r.json", files=R)
    yield refused(
        "the job's summary is an input",
        "check r.json 'isoscore>0.1' --step-summary",
        READ,
        files=R,
        environment={"GITHUB_STEP_SUMMARY": "r.json"},
    )
    yield refused(
        "the project's file",
        "check r.json 'isoscore>0.1' --format json -o pyproject.toml",
        READ,
        files=R | {"pyproject.toml": "[tool.geoscope]\nseed = 1\n"},
    )
    yield refused("extraction into its checkpoint", "extract model --corpus t.txt -o model", files=model)
    yield refused("extraction over a checkpoint's parent", "extract model --corpus t.txt -o .", files=model)
    yield refused(
        "a study's checkpoints into its own",
        "perturb model --corpus t.txt --levels 0,1 --seeds 1 --save model",
        files=model,
    )
    yield refused("fine-tuning into its checkpoint", "finetune model --task mlm:t.txt -o model", files=model)
    for what, command in {
        "an extraction": "extract model --corpus t.txt -o ~nobodyx/d",
        "a batch": "measure model other --corpus t.txt -o ~nobodyx/d",
        "a study's checkpoints": "perturb model --corpus t.txt --levels 0,1 --seeds 1 --save ~nobodyx/d",
        "a probe's task": "perturb model --corpus t.txt --levels 0,1 --seeds 1 --probe cola=~nobodyx/d",
        "a fine-tuning": "finetune model --task mlm:t.txt -o ~nobodyx/d",
        "a task": "finetune model --task ~nobodyx/d.csv -o d",
    }.items():
        yield refused(f"{what} in the home of nobody", command, "nobodyx", files=model)


def _places() -> Iterator[Case]:
    """Where nothing can be written is found out before the run."""
    for name, place in {
        "a folder that is not there": "no/where/c.json",
        "a folder": "d",
        "under a file": "r.json/c.json",
        "a suffix that is no form": "c.xyz",
        "no suffix": "c",
        "a name too long": "c" * 300 + ".json",
        "an empty name": "",
        "a dot": ".",
        "a NUL": "c\0.json",
    }.items():
        if "\0" in place:
            continue
        yield refused(
            f"-o, {name}", ["check", "r.json", "isoscore>0.1", "-o", place], "-o|output|path", files=R | {"d": Folder()}
        )
    yield refused("one file twice", "check r.json 'isoscore>0.1' -o c.json -o ./c.json", "c.json", files=R)
    yield refused(
        "two names of one file",
        "check r.json 'isoscore>0.1' -o c.json -o l.json",
        files=R | {"c.json": "{}", "l.json": HardLink("c.json")},
    )
    yield right(
        "over an older result",
        "check r.json 'isoscore>0.1' -o c.json",
        files=R | {"c.json": "{}"},
        made=["c.json"],
        must=["c.json"],
    )
    yield right(
        "through a link to an older result",
        "check r.json 'isoscore>0.1' -o l.json",
        files=R | {"c.json": "{}", "l.json": Link("c.json")},
        made=["c.json"],
    )
    yield refused(
        "a link that leads nowhere",
        "check r.json 'isoscore>0.1' -o l.json",
        codes=(DONE, MISTAKE),
        files=R | {"l.json": Link("no/where.json")},
        made=["no"],
    )
    yield refused(  # nothing is lost where such a link becomes a file
        "a link to itself",
        "check r.json 'isoscore>0.1' -o l.json",
        codes=(DONE, MISTAKE),
        files=R | {"l.json": Link("l.json")},
        made=["l.json"],
    )
    yield refused(
        "an input that links to itself", "check l.json 'isoscore>0.1'", "l.json", files={"l.json": Link("l.json")}
    )
    yield right(
        "a name that begins with a dash",
        ["check", "--format", "json", "-o", "./-x.json", "r.json", "isoscore>0.1"],
        files=R,
        must=["-x.json"],
    )
    yield right(
        "a name of spaces and quotes", ["show", "r.json", "-o", "a 'b' \"c\".csv"], files=R, must=["a 'b' \"c\".csv"]
    )
    yield right("a name of other scripts", ["show", "r.json", "-o", "отчёт-報告.csv"], files=R, must=["отчёт-報告.csv"])


def _foreign() -> Iterator[Case]:
    """Only what geoscope wrote is deleted."""
    model = checkpoint() | {"t.txt": TEXTS}
    study = "perturb model --corpus t.txt --levels 0,5 --seeds 1 --measures isoscore --no-errors -o s.json"
    yield right(
        "files of others in a study's folder",
        study,
        files=model | {"s.json.parts/mine.json": "{}", "s.json.parts/n.txt": "n"},
        codes=(DONE, MISTAKE),
        made=["s.json"],
    )
    yield right(
        "a report of others in a study's folder",
        study,
        files=model | {"s.json.parts/r.json": text(report())},
        codes=(DONE, MISTAKE),
        made=["s.json"],
    )
    yield refused(
        "a folder of others for reports", MEASURE.format("x.npy y.npy") + " -o d", "d", files=ROWS | {"d/mine.txt": "n"}
    )
    yield refused(
        "a folder of others for rows", "extract model --corpus t.txt -o d", "d", files=model | {"d/mine.txt": "n"}
    )
    yield refused(
        "a file of others among rows",
        "extract model --corpus t.txt -o rows",
        "rows",
        files=model | extracted() | {"rows/mine.txt": "n"},
    )
    yield right(
        "rows over older rows",
        "extract model --corpus t.txt --layers 2 -o rows",
        files=model | extracted(),
        made=["rows/*"],
    )
    yield right(
        "a stale temporary file of a dead process",
        "show r.json -o t.csv",
        files=R | {".t.csv.0123abcd.tmp": "half"},
        must=["t.csv"],
        made=[".t.csv.0123abcd.tmp"],
    )
    yield right(
        "another's temporary file",
        "show r.json -o t.csv",
        files=R | {".other.tmp": "mine", "t.tmp": "mine"},
        must=["t.csv"],
    )


def _at_once() -> Iterator[Case]:
    """One waits for the other, or is refused in a sentence, and nothing is lost."""
    several = MEASURE.format("x.npy y.npy") + " -o out"
    codes = (DONE, MISTAKE, UNFINISHED)
    yield right(
        "two runs on one folder",
        several,
        codes=codes,
        files=ROWS,
        twice=True,
        made=["out", "out/*"],
        must=["out/settings.json", "out/x*.json", "out/y*.json"],
    )
    yield right(
        "two results on one file", "check r.json 'isoscore>0.1' -o c.json", files=R, twice=True, must=["c.json"]
    )
    yield right(
        "two extractions into one folder",
        "extract model --corpus t.txt -o rows",
        codes=codes,
        files=checkpoint() | {"t.txt": TEXTS},
        twice=True,
        made=["rows", "rows/*"],
        must=["rows/rows.npy", "rows/embeddings.json"],
    )
    yield right(
        "two studies on one file",
        "perturb model --corpus t.txt --levels 0,5 --seeds 1 --measures isoscore --no-errors -o s.json",
        codes=codes,
        files=checkpoint() | {"t.txt": TEXTS},
        twice=True,
        made=["s.json.parts", "s.json.parts/*"],
        must=["s.json"],
    )
    yield right(
        "a run goes on where it was",
        several,
        files=ROWS,
        made=["out", "out/*"],
        must=["out/settings.json", "out/x*.json", "out/y*.json"],
    )
