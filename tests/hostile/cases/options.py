"""Options: values of the wrong type, out of range, mistyped, too long; and names that would steer a screen."""

from __future__ import annotations

from collections.abc import Iterator

from hostile.case import DONE, MISTAKE, UNFINISHED, Case, refused, right
from hostile.folders import checkpoint
from hostile.inputs import MEASURE, TEXTS, npy, numbers, report, row, text

ROWS = {"x.npy": npy()}
R = {"r.json": text(report())}
M = checkpoint() | {"t.txt": TEXTS}
DIGITS = "9" * 5000
READ = "measure model --corpus t.txt --measures isoscore --no-errors"


def cases() -> Iterator[Case]:
    """Every option, names of everything, and what people do every day."""
    yield from _values()
    yield from _checkpoints()
    yield from _lines()
    yield from _names()
    yield from _everyday()


def _values() -> Iterator[Case]:
    numbers_of = {
        "--seed": ("-1", "x", "1.5", "", "nan", "1e400", DIGITS, str(2**64)),
        "--points": ("0", "-5", "x", "", "1.5", "some"),
        "--codebooks": ("0", "-1", "x", DIGITS),
        "--bits": ("0", "17", "x"),
        "--isoscore-zeta": ("-0.1", "1.1", "nan", "inf", "x", ""),
        "--quantizer": ("lsqq", ""),
        "--null": ("closd", "no"),
        "--population": ("endles",),
        "--measures": ("isotrpy", "", ",", "two_nn,", "two_nn,x", "\x1b[31m"),
        "--layers": ("x", "", "1,,2", "1-3", "99", "1.5", DIGITS, "-99", "0x1", "last,x"),
        "--quantizer-grid": ("x", "2x", "2x3x4", "0x8", "2x99", ""),
        "--memory": ("much",),
        "--device-memory": ("much", "0", "-1GB"),
        "--permutations": ("-1", "x", "1.5", "", DIGITS, "9"),
        "--between": ("layer", "", "tokens"),
        "--alpha-req-ranks": ("0", "x", "", "5", "5-5", "9-2", "1-", "-3-4", "1-2-3", f"1-{DIGITS}"),
        "--ray": ("",),
        "--device": ("gpu", ""),
        "--format": ("xml", "jsn", ""),
    }
    fine = {("--measures", "two_nn,"), ("--ray", "")}
    for option, values in numbers_of.items():
        for value in values:
            codes = (DONE, MISTAKE) if (option, value) in fine else (MISTAKE,)
            yield refused(
                f"measure {option} {value[:12]!r}",
                ["measure", "x.npy", option, value],
                "" if len(codes) > 1 else f"{option}|measure",
                codes=codes,
                files=ROWS,
            )
    for name, given, about in (
        ("between of one cloud", "--between layers", "layer|--between"),
        ("permutations of one cloud", "--between layers --permutations 9", "layer|--between"),
        ("details with text of rows", "--details-text", "--details-text|--details"),
    ):
        yield refused(name, f"measure x.npy --measures isoscore {given}", about, files=ROWS)
    for name, given in (
        ("details of rows", "--measures isoscore --details"),
        ("every field measure of rows", "--measures field --errors"),
        ("ranks beyond the dimensions", "--measures alpha_req --alpha-req-ranks 900-1000"),
    ):
        yield right(name, f"measure x.npy {given}", "", codes=(DONE, MISTAKE), files=ROWS)
    yield refused("verify nothing", "measures --verify nothing.npy", "nothing.npy", megabytes=600)
    yield right(
        f"measure --seed {2**63 - 1}",
        MEASURE.format("x.npy") + f" --seed {2**63 - 1}",
        "isoscore|--seed",
        codes=(DONE, MISTAKE),
        files=ROWS,
    )
    yield right(
        "measure --seed 2^32",
        "measure x.npy --measures isoscore,patchiness --codebooks 1 --bits 2 --null matched --seed 4294967296",
        "isoscore",
        files=ROWS,
    )
    yield refused(
        "codebooks without bound",
        "measure x.npy --measures patchiness --codebooks 1000000",
        "--codebooks|memory|codebooks",
        files=ROWS,
    )
    yield refused(
        "a grid without bound",
        "measure x.npy --measures patchiness --quantizer-grid " + ",".join(map(str, range(1, 400))) + "x8",
        "grid|codebooks",
        files=ROWS,
        seconds=90,
    )
    study = "perturb model --corpus t.txt --measures isoscore --no-errors"
    for option, values in {
        "--levels": ("x", "-1", "101", "", "nan", "0,,5", "inf", DIGITS),
        "--seeds": ("0", "-1", "x", "99999999999", DIGITS),
        "--kind": ("nois", "swap-embeddings="),
        "--targets": ("nothing*", "[", ""),
        "--probe": ("colaa", "cola=no", "squad", "="),
        "--noise-kind": ("absolut",),
        "--probe-rows": ("0",),
        "--finetune": ("mlm", "clm:t.txt", "x"),
    }.items():
        for value in values:
            codes = (DONE, MISTAKE) if (option, value) in (("--levels", "0,,5"), ("--targets", "")) else (MISTAKE,)
            yield refused(
                f"perturb {option} {value[:12]!r}",
                [*study.split(), option, value],
                "" if len(codes) > 1 else f"{option}|level|seed|task|weight",
                codes=codes,
                files=M,
                megabytes=1500,
            )
    for option, values in {"--draws": ("2", "0", "x", "99999999999"), "--margin": ()}.items():
        for value in values:
            yield refused(
                f"noise-floor {option} {value}", f"noise-floor x.npy {option} {value}", "--draws|draws", files=ROWS
            )
    tune = "finetune model --task mlm:t.txt -o out"
    for option, values in {
        "--epochs": ("0", "x", DIGITS),
        "--learning-rate": ("-1", "nan", "x"),
        "--batch-size": ("0", "16,0", "8,,x", "1.5", str(2**40)),
        "--selection": ("some", "all,some"),
        "--selection-factor": ("0", "x", "1,-1"),
        "--temperature": ("0", "nan", "x"),
        "--codebook-points": ("1",),
        "--codebook-steps": ("0",),
        "--track": ("some",),
        "--regularizer": ("istr", "istar=x", "istar=nan", "=", "entropy=1,,2"),
        "--shrinkage": ("2", "x"),
        "--weight": ("nan", "", "x"),
        "--seeds": ("0", str(2**70)),
        "--recipe": ("istar",),
        "--train-examples": ("1",),
    }.items():
        for value in values:
            codes = (DONE, MISTAKE, UNFINISHED) if value == str(2**40) else (MISTAKE,)
            yield refused(
                f"finetune {option} {value[:12]!r}",
                [*tune.split(), option, value],
                f"{option}|seed|weight" if len(codes) == 1 else "",
                codes=codes,
                files=M,
                made=["out", "out/*", "out/**"] if len(codes) > 1 else [],
                megabytes=1500,
            )
    tasks = (
        "colaa",
        "cola=no",
        "squad=no",
        "squad=t.txt",
        "mlm:",
        "mlm:no.txt",
        "clm:",
        "clm:no.txt",
        "no.csv",
        "",
        ".",
    )
    for task in (*tasks, "mlm:/dev/zero", "squad=/dev/zero"):
        yield refused(
            f"finetune --task {task!r}",
            ["finetune", "model", "--task", task, "-o", "out", "--seeds", "1"],
            "task|corpus",
            files=M,
            megabytes=1500,
        )


def _checkpoints() -> Iterator[Case]:
    """Names of subjects, and what is asked of a checkpoint."""
    for name in (
        "nowhere/no-model",
        "nosuchmodel",
        "a/b/c/d",
        "../..",
        "/",
        "/etc",
        "/dev/null",
        "http://localhost/x",
        "a" * 300,
        "-x",
        " ",
        "a b",
        "\u202e",
        "demo2",
        "~",
        "~nobody/x",
        "model\n",
    ):
        yield refused(
            f"a subject called {name[:20]!r}",
            ["measure", "--measures", "isoscore", "--corpus", "t.txt", "--", name],
            "expected",
            files=M,
        )
    for option, value in {
        "--revision": "main",
        "--subfolder": "../..",
        "--dtype": "float99",
        "--device": "cudaa",
        "--stack": "decoder",
        "--batch-tokens": "0",
        "--max-length": "0",
        "--device-map": "all",
        "--layers": "99",
        "--pooling": "meen",
        "--tokens": "most",
        "--sequences": "0",
    }.items():
        yield refused(
            f"{option} {value}",
            f"{READ} {option} {value}",
            option,
            files=M,
            codes=(DONE, MISTAKE) if option in ("--revision", "--stack") else (MISTAKE,),
        )


def _lines() -> Iterator[Case]:
    yield refused("an unknown command", "mesure x.npy", "did you mean measure|measure", files=ROWS)
    yield refused("an unknown option", "measure x.npy --sequencs 5", "did you mean --sequences", files=ROWS)
    yield refused("an option without its value", "measure x.npy --seed", "--seed", files=ROWS)
    yield refused("a flag with a value", "measure x.npy --quiet=yes", "--quiet", files=ROWS)
    yield refused("nothing to measure", "measure", "SUBJECT")
    yield refused("too much", "schema more of it", "more")
    yield refused("an empty subject", ["measure", ""], "empty")
    yield refused("an option of 100,000 letters", ["measure", "x.npy", "--" + "a" * 100_000], "option", files=ROWS)
    yield refused("a command of 100,000 letters", ["a" * 100_000], "command")
    yield refused("a command of escapes", ["\x1b[31m\u202e"], "command")
    yield refused("a format of 1 MB over lines", ["show", "r.json", "--format", "a\n" * 50_000], "--format", files=R)
    yield refused("half a character", ["show", "r.json", "--format", "\udcff\udcfe"], "--format", files=R)
    yield refused("a response file", "check @r.json 'isoscore>0.1'", "@r.json", files=R)
    yield refused(
        "a thousand limits that are none",
        ["check", "r.json", *(f"m{place}<1" for place in range(1000))],
        "measure",
        files=R,
    )
    yield right(
        "a thousand limits", ["check", "r.json", *(f"isoscore<{place}" for place in range(1, 1001))], "held", files=R
    )
    yield refused(
        "a thousand subjects that are not there",
        ["measure", *(f"no{place}.npy" for place in range(1000))],
        "no0.npy|no1.npy|no99",
        files=ROWS,
        made=[],
    )
    yield refused(
        "a subject twice in a folder",
        MEASURE.format("x.npy x.npy") + " -o out",
        files=ROWS,
        codes=(DONE, MISTAKE),
        made=["out", "out/*"],
    )
    yield refused(
        "all of several are damaged",
        MEASURE.format("x.npy y.npy"),
        "x.npy",
        "y.npy",
        files={"x.npy": b"", "y.npy": b"\x93NUMPY"},
    )


def _names() -> Iterator[Case]:
    """Names that would steer a terminal, turn what is read, or run in a page, reach none of these as they are."""
    names = {
        "escapes": "\x1b[31mred\x1b[0m",
        "a title": "\x1b]0;owned\x07",
        "C1": "a\x9b31m",
        "a right-to-left override": "a\u202egnp.exe",
        "isolates": "\u2066a\u2069",
        "zero-width": "a\u200bb\u200d\ufeff",
        "a backspace": "safe\x08\x08\x08\x08evil",
        "a line break": "a\n::error::owned",
        "a carriage return": "a\rgeoscope: 0 limits",
        "a separator": "a\u2028b",
        "markup": "<script>alert(1)</script><img src=x onerror=alert(2)>",
        "an attribute": '" onmouseover="alert(1)',
        "Markdown": "`a` **b** [x](javascript:alert(1)) | c |",
        "XML": "]]><x>&y;",
        "a formula": '=HYPERLINK("http://x")',
        "half a character": "a\ud800b",
        "1 MB": "n" * (1 << 20),
    }
    unsafe = ["<script>alert", "<img src=x", "^::error::owned", '="[^"<>]*" onmouseover="alert']
    for name, subject in names.items():
        files = {"r.json": text(report(name=subject)), "b.json": text(report(name=f"{subject}2"))}
        codes = (DONE, MISTAKE) if name == "half a character" else (DONE,)
        for form in ("table", "github", "markdown", "csv", "html", "junit"):
            if form in ("table", "html") or name in (
                "escapes",
                "a line break",
                "markup",
                "XML",
                "a right-to-left override",
                "a formula",
            ):
                absent = [
                    each
                    for each in unsafe
                    if not (form in ("markdown", "csv", "table") and each.startswith(("<", "=")))
                ]
                absent += ["(^|\n)=HYPERLINK"] if form == "csv" else []
                yield right(
                    f"{name} as a name, check as {form}",
                    f"check r.json 'isoscore>0.1' --format {form}",
                    codes=codes,
                    files=files,
                    absent=absent,
                )
        yield right(f"{name} as a name, compared", "compare r.json b.json --format table", codes=codes, files=files)
        yield right(
            f"{name} as a name, a page",
            "report r.json b.json -o p.html",
            codes=codes,
            files=files,
            must=["p.html"] if codes == (DONE,) else [],
            made=["p.html"],
            absent=unsafe[:2] + unsafe[3:],
            megabytes=500,
        )
        yield refused(f"{name} as a name, in a sentence", "check r.json 'patchiness>0.1'", "patchiness", files=files)
    for name in ("escapes", "a right-to-left override", "markup"):
        rows = [row(names[name], 0.2), row("isoscore", 0.2)]
        yield refused(
            f"{name} as a measure", "check r.json 'two_nn>0.1'", "two_nn", files={"r.json": text(report(*rows))}
        )
        yield right(
            f"{name} as a measure, shown", "show r.json", codes=(DONE, MISTAKE), files={"r.json": text(report(*rows))}
        )
        odd = row("isoscore", None) | {"reason": names[name]}
        yield right(
            f"{name} as a reason",
            "show r.json --format html -o p.html",
            files={"r.json": text(report(odd))},
            must=["p.html"],
            absent=unsafe[:2],
        )
        yield right(f"{name} as a reason, on a screen", "show r.json", files={"r.json": text(report(odd))})
        yield right(
            f"{name} in settings",
            "show r.json --format html -o p.html",
            files={"r.json": text(report(settings={names[name]: names[name]}))},
            must=["p.html"],
            absent=unsafe[:2],
        )
        yield refused(f"{name} as a file", ["show", f"{names[name].replace('/', '')}.json"], "expected")
        yield refused(f"{name} as rows", ["measure", f"{names[name].replace('/', '')}.npy"], "expected")


def _everyday() -> Iterator[Case]:
    """What a tool that refuses everything would get wrong."""
    yield right("help", "--help", "measure", "compare")
    yield right("the version", "--version", "geoscope")
    for command in (
        "measure",
        "compare",
        "check",
        "extract",
        "report",
        "show",
        "perturb",
        "correlate",
        "finetune",
        "noise-floor",
        "size-curve",
        "measures",
        "config",
        "protocols",
        "schema",
    ):
        yield right(f"{command} --help", f"{command} --help", command)
    yield right("the measures", "measures --format csv", "isoscore_star", "two_nn")
    yield right(
        "a measurement",
        MEASURE.format("x.npy") + " -o r.json -o r.html -o r.csv -o r.md",
        files=ROWS,
        must=["r.json", "r.html", "r.csv", "r.md"],
    )
    yield right("every measure", "measure x.npy --format table", "two_nn", "isoscore", files=ROWS)
    yield right(
        "several subjects",
        MEASURE.format("x.npy y.npy") + " -o out",
        files=ROWS | {"y.npy": npy(numbers(200, 8, 1))},
        made=["out", "out/*"],
        must=["out/x*.json", "out/y*.json"],
    )
    yield right(
        "a comparison of rows",
        "compare x.npy y.npy --measures isoscore",
        files=ROWS | {"y.npy": npy(numbers(300, 8, 1))},
        seconds=60,
        megabytes=1100,
    )
    yield right(
        "a comparison of a report and rows",
        "compare r.json b.json --fail-on isoscore:-50%",
        files={"r.json": text(report(name="a")), "b.json": text(report(name="b"))},
    )
    yield right(
        "extraction",
        "extract model --corpus t.txt --layers all -o rows",
        "wrote",
        files=M,
        made=["rows", "rows/*"],
        must=["rows/layer-00.npy", "rows/layer-02.npy", "rows/embeddings.json"],
    )
    yield right(
        "a study",
        "perturb model --corpus t.txt --levels 0,5 --seeds 1 --measures isoscore --no-errors -o s.json",
        files=M,
        must=["s.json"],
    )
    yield right(
        "a floor",
        "noise-floor x.npy --draws 3 --measures isoscore --format table",
        "isoscore",
        files={"x.npy": npy(numbers(900, 8))},
    )
    yield right(
        "a size curve",
        "size-curve x.npy --rows 100,300 --measures isoscore --format table",
        "At no size below all 900 rows",
        files={"x.npy": npy(numbers(900, 8))},
    )
    yield right(
        "transformed rows",
        "measure x.npy --transform drop-top=1,whiten=0.5,unit --measures isoscore --format table",
        "the rows were transformed before they were measured",
        files={"x.npy": npy(numbers(900, 8))},
    )
    yield right(
        "every layer of a checkpoint",
        "measure model --corpus t.txt --layers all --pooling mean --measures isoscore --no-errors --format table",
        "isoscore",
        files=M,
    )
    yield right("the demo", "measure demo --sequences 10 --measures isoscore --no-errors", "isoscore")
