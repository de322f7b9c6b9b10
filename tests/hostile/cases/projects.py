"""Projects: pyproject.toml, geoscope.toml and the environment's options, damaged, mistyped or somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hostile.case import DONE, MISTAKE, Case, fails, refused, right
from hostile.inputs import Folder, Link, Pipe, Sparse, report, text

R = {"r.json": text(report())}
GATE = "check r.json 'isoscore>0.1'"
KEPT = "check r.json"


def cases() -> Iterator[Case]:
    """Every project's file, and every variable."""
    yield from _damaged()
    yield from _mistyped()
    yield from _variables()


def _damaged() -> Iterator[Case]:
    wrong: dict[str, Any] = {
        "no TOML": "[tool.geoscope\n",
        "a key twice": "seed = 1\nseed = 2\n",
        "Latin-1": "# caf\xe9\n".encode("latin-1"),
        "NUL": "a = '\0'\n",
        "UTF-16": "seed = 1\n".encode("utf-16"),
        "nesting": "a = " + "[" * 5000 + "]" * 5000 + "\n",
        "an integer of 5,000 digits": "seed = " + "9" * 5000 + "\n",
        "a picture": b"\x89PNG" + bytes(90),
    }
    for name, content in wrong.items():
        for file in ("geoscope.toml", "pyproject.toml"):
            # another tool's table may be what is wrong in a pyproject.toml: geoscope may say so or pass it over
            codes = (DONE, MISTAKE) if file == "pyproject.toml" else (MISTAKE,)
            yield refused(
                f"{file}, {name}",
                GATE,
                "" if file == "pyproject.toml" else file,
                codes=codes,
                files=R | {file: content},
            )
        yield right(
            f"geoscope.toml, {name}, left out", f"{GATE} --no-config", "held", files=R | {"geoscope.toml": content}
        )
    own = "[tool.geoscope.bounds]\nisoscore = '>0.1'\n"
    foreign = {
        "nesting": "[tool.other]\na = " + "[" * 90 + "]" * 90 + "\n",
        "a large file": "[tool.other]\n" + "".join(f"k{n} = {n}\n" for n in range(20_000)),
        "odd keys": "[tool.other]\n'a b'.\"\u202e\" = 1\n",
        "dates": "[tool.other]\na = 2020-01-01T00:00:00Z\n",
    }
    for name, content in foreign.items():
        yield right(f"another tool's part, {name}", KEPT, "held", files=R | {"pyproject.toml": content + own})
    yield right("geoscope.toml that is a folder", GATE, codes=(DONE, MISTAKE), files=R | {"geoscope.toml": Folder()})
    yield right("pyproject.toml that leads nowhere", GATE, "held", files=R | {"pyproject.toml": Link("no.toml")})
    yield right("pyproject.toml that is a pipe", GATE, "held", files=R | {"pyproject.toml": Pipe()})
    yield refused(
        "geoscope.toml of 3 GB",
        GATE,
        "geoscope.toml",
        files=R | {"geoscope.toml": Sparse(3 << 30, b"# ")},
        megabytes=1000,
        seconds=20,
    )
    yield right(
        "geoscope.toml that is a device", GATE, codes=(DONE, MISTAKE), files=R | {"geoscope.toml": Link("/dev/zero")}
    )


def _mistyped() -> Iterator[Case]:
    wrong = {
        "an unknown key": ("sequencs = 5\n", "did you mean sequences"),
        "an unknown key of nothing near": ("zzzzzzzz = 5\n", "zzzzzzzz"),
        "a table that is a text": ("bounds = 'x'\n", "bounds"),
        "limits that are a list": ("limits = [1]\n", "limits"),
        "a number that is a text": ("sequences = 'many'\n", "sequences"),
        "a number below its least": ("sequences = 0\n", "sequences"),
        "a choice that is none": ("pooling = 'meen'\n", "mean"),
        "a list for a number": ("seed = [1, 2]\n", "seed"),
        "a table for a number": ("[seed]\na = 1\n", "seed"),
        "NaN": ("isoscore-zeta = nan\n", "isoscore-zeta"),
        "infinity": ("isoscore-zeta = inf\n", "isoscore-zeta"),
        "a date": ("seed = 2020-01-01\n", "seed"),
        "a word for yes": ("errors = 'perhaps'\n", "errors"),
        "a seed of 2^64": (f"seed = {2**64}\n", "seed"),
        "a list of numbers for texts": ("corpus = [1, 2]\n", "corpus"),
        "an empty key": ("'' = 1\n", "option"),
        "a key of escapes": ('"\\u001b[31m" = 1\n', "option"),
        "a key of 100,000 letters": ("a" * 100_000 + " = 1\n", "option"),
    }
    for name, (content, words) in wrong.items():
        line = (
            "measure x.npy"
            if not name.startswith(("a table that", "limits", "an unknown", "an empty", "a key"))
            else GATE
        )
        yield refused(
            f"geoscope.toml, {name}", line, words, files=R | {"geoscope.toml": content, "x.npy": b"\x93NUMPY"}
        )
    for name, side in {
        "a number": "0.5",
        "no operator": "'0.5'",
        "a table": "{a = 1}",
        "a list of numbers": "[1, 2]",
        "empty": "''",
        "nested": "[['<1']]",
        "NaN": "'<nan'",
    }.items():
        yield refused(
            f"bounds, {name}",
            KEPT,
            "isoscore|bound|limit",
            files=R | {"geoscope.toml": f"[bounds]\nisoscore = {side}\n"},
        )
    yield refused(
        "bounds, a measure that is none",
        KEPT,
        "did you mean isoscore",
        files=R | {"geoscope.toml": "[bounds]\nisoscor = '<1'\n"},
    )
    yield refused(
        "bounds, a measure that the report lacks",
        KEPT,
        "patchiness",
        files=R | {"geoscope.toml": "[bounds]\npatchiness = '<1'\n"},
    )
    yield fails("bounds that fail", KEPT, "isoscore", files=R | {"geoscope.toml": "[bounds]\nisoscore = '>0.9'\n"})
    yield right(
        "bounds that hold",
        KEPT,
        "held",
        files=R | {"pyproject.toml": "[tool.geoscope.bounds]\nisoscore = ['>0.1', '<0.9']\n"},
    )
    yield right(
        "what is typed goes first",
        "check r.json 'isoscore>0.1'",
        "held",
        files=R | {"geoscope.toml": "[bounds]\nisoscore = '>0.9'\n"},
    )
    yield right(
        "configuration of a broken value",
        "config measure",
        codes=(MISTAKE,),
        files={"geoscope.toml": "sequences = 'x'\n"},
    )
    yield right("configuration", "config", "seed", files={"geoscope.toml": "seed = 3\n"})
    yield refused("configuration of a command that is none", "config mesure", "did you mean measure")


def _variables() -> Iterator[Case]:
    wrong = {
        "SEQUENCES": "many",
        "SEED": "-1",
        "POOLING": "meen",
        "LAYERS": "x",
        "MEASURES": "isoscor",
        "ERRORS": "perhaps",
        "MARGIN": "x",
        "DRAWS": "2",
        "BITS": "99",
    }
    for name, value in wrong.items():
        commands = {"MARGIN": "compare r.json r.json", "DRAWS": "noise-floor x.npy"}
        yield refused(
            f"GEOSCOPE_{name}={value}",
            commands.get(name, "measure x.npy"),
            f"--{name.lower()}|GEOSCOPE_{name}",
            files=R | {"x.npy": b"\x93NUMPY"},
            environment={f"GEOSCOPE_{name}": value},
        )
    for value in ("'", '"a', "\\", "a 'b"):
        yield refused(
            f"GEOSCOPE_CORPUS={value}",
            "measure demo",
            "GEOSCOPE_CORPUS|corpus|quot",
            environment={"GEOSCOPE_CORPUS": value},
        )
    yield refused(
        "a variable mistyped", GATE, "did you mean GEOSCOPE_SEQUENCES", files=R, environment={"GEOSCOPE_SEQUENCE": "5"}
    )
    yield right("a variable of others", GATE, "held", files=R, environment={"GEOSCOPE_HOME_OF_THE_TEAM": "x"})
    yield right("an empty variable", GATE, "held", files=R, environment={"GEOSCOPE_SEQUENCES": ""})
    yield refused(
        "a variable of 5,000 digits",
        "measure x.npy",
        "SEED|seed",
        files={"x.npy": b"\x93NUMPY"},
        environment={"GEOSCOPE_SEED": "9" * 5000},
    )
    yield refused(
        "a variable of escapes",
        "measure x.npy",
        "layers",
        files={"x.npy": b"\x93NUMPY"},
        environment={"GEOSCOPE_LAYERS": "\x1b[31m\u202e"},
    )
    yield refused(
        "a variable of 100,000 letters",
        "measure x.npy",
        "pooling",
        files={"x.npy": b"\x93NUMPY"},
        environment={"GEOSCOPE_POOLING": "a" * 100_000},
    )
