"""Targets: every reader and grammar that is fuzzed, right inputs to begin from, and what is called with what comes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from hostile import inputs

from fuzzing.mutation import changed_bytes, changed_json, changed_text, json_bytes
from geoscope.errors import GeoscopeError


@dataclass(frozen=True)
class Target:
    """One reader or grammar. called: with a mutated input and a folder to write it in."""

    name: str
    seeds: Sequence[Any]
    called: Callable[[Any, Path], Any]
    words: Sequence[str] = ()
    structured: bool = False

    def made(self, random: Random) -> Any:
        """A mutated input: text of a grammar, or bytes of a file."""
        if self.words:
            return changed_text(self.seeds, random, self.words)
        seed = random.choice(self.seeds)
        if self.structured and random.random() < 0.8:
            return json_bytes(changed_json(seed, random))
        held = [json_bytes(each) if self.structured else each for each in self.seeds]
        return changed_bytes(random.choice(held), random, held)


DIGITS = (
    "0",
    "1",
    "9",
    ".",
    "-",
    "+",
    "e",
    "E",
    ",",
    " ",
    "%",
    "inf",
    "nan",
    "1e999",
    "9" * 40,
    "9" * 5000,
    "\u0661",
    "_",
    "x",
    "",
)
_NAMES = (
    "isoscore",
    "two_nn",
    "anisotropy",
    "isotropy",
    "warning_signs",
    "@",
    "last",
    ":",
    "<",
    "<=",
    ">",
    ">=",
    "=",
    *DIGITS,
)


def _grammars() -> list[Target]:
    from geoscope.comparisons.limits import bound_of_target, limit_of_target, parse_bound, parse_limit
    from geoscope.correlations.covariates import parse_given
    from geoscope.estimates.quantizer_grid import grid_of
    from geoscope.settings.texts import counts_of, keys_of, layers_of, names_of, points_of, share_of, transforms_of
    from geoscope.sizes import parse_size
    from geoscope.studies.levels import parse_levels
    from geoscope.subjects.kinds import kind_of
    from geoscope.subjects.layers import resolve_layers
    from geoscope.subjects.texts.corpus_places import place_of
    from geoscope.subjects.texts.words import parse_words
    from geoscope.training.arms import parse_regularizer

    def apart(made: Callable[[str, str, str], Any], text: str) -> Any:
        target, _, amount = text.partition(" ")
        return made(target, amount, "a file")

    def layers(text: str) -> Any:
        wanted: Any = layers_of(text)
        for there in ((0, 1, 2, 3), (None,), (0,), (2, 7)):
            try:
                found = resolve_layers(wanted, there)
                assert set(found) <= set(there)
            except Exception as error:
                if type(error).__name__ != "GeoscopeError":
                    raise
        return wanted

    def right(made: Callable[[str], Any], text: str) -> Any:
        found = made(text)
        assert made(str(found)) == found, f"{found} is read as another"
        return found

    grammars: dict[str, tuple[Callable[[str], Any], Sequence[str], Sequence[str]]] = {
        "a bound": (partial(right, parse_bound), ("isoscore<0.5", "two_nn@last>=5", "anisotropy@-1<1e-3"), _NAMES),
        "a limit": (partial(right, parse_limit), ("isoscore:-10%", "two_nn@6:2.0", "anisotropy:+0.05"), _NAMES),
        "a bound of a file": (partial(apart, bound_of_target), ("isoscore <0.5", "two_nn@last >5"), (*_NAMES, " ")),
        "a limit of a file": (partial(apart, limit_of_target), ("isoscore -10%", "two_nn@6 +2"), (*_NAMES, " ")),
        "--layers": (layers, ("last", "all", "union", "0,6,-1", "0,last"), ("last", "all", "union", *DIGITS)),
        "--measures": (keys_of, ("isotropy,two_nn", "isoscore"), _NAMES),
        "--points": (points_of, ("all", "5"), ("all", *DIGITS)),
        "--margin": (share_of, ("5%", "0.05"), DIGITS),
        "--memory": (parse_size, ("4GB", "500 MB", "2GiB", "17"), ("G", "i", "B", "k", "T", *DIGITS)),
        "--levels": (parse_levels, ("0,0.5,1", "marbut2024", "100"), ("marbut2024", *DIGITS)),
        "--rows": (counts_of, ("250,500", "1"), (",", *DIGITS)),
        "--transform": (transforms_of, ("whiten=0.5,unit", "drop-top=3"), ("clip=", "drop-dims=", "center", *DIGITS)),
        "--words": (parse_words, ("4-49",), DIGITS),
        "--given": (lambda text: parse_given([text]), ("log:noise_level", "a,b"), ("log:", ":", "isoscore", *DIGITS)),
        "--probe": (names_of, ("cola,sst2=x",), ("cola", "=", "/", *DIGITS)),
        "--regularizer": (
            parse_regularizer,
            ("istar=1,2", "none", "entropy"),
            ("istar", "none", "cosreg", "=", *DIGITS),
        ),
        "--quantizer-grid": (
            lambda text: grid_of(quantizer_grid=text, seed=0),
            ("2,4,8x6,8", "1x1"),
            ("x", "2", "8", *DIGITS),
        ),
        "--corpus": (
            place_of,
            ("ptb", "a/b:train:text", "ptb=x.txt", "-", "x.jsonl.gz"),
            ("ptb", "sample", "=", ":", "/", ".txt", ".gz", "~", "-", "\0", "a" * 300, "..", *DIGITS),
        ),
        "a subject": (
            kind_of,
            ("demo", "org/name", "x.npy", "./a", "r.json", "~/x"),
            ("demo", "/", ".npy", ".json", "~", "..", "\0", "a" * 300, "-", "\ud800", *DIGITS),
        ),
    }
    return [
        Target(name, seeds, lambda text, _, called=called: called(text), words)
        for name, (called, seeds, words) in grammars.items()
    ]


def _options() -> list[Target]:
    from geoscope.cli.configured import Configured
    from geoscope.settings.fine_tuning import FineTuningOptions
    from geoscope.settings.judging import CompareOptions, FloorOptions
    from geoscope.settings.measuring import MeasureOptions
    from geoscope.settings.option import fields_of
    from geoscope.settings.studying import StudyOptions

    fields = [
        each
        for group in (MeasureOptions, CompareOptions, FloorOptions, StudyOptions, FineTuningOptions)
        for each in fields_of(group).values()
        if each.option.typed
    ]

    def typed(text: str, _: Path) -> None:
        name, _, value = text.partition("\x1e")
        chosen = [each for each in fields if each.name == name] or fields[len(value) % len(fields) :][:1]
        chosen[0].read_text([value] if chosen[0].option.repeated else value)

    def kept(data: bytes, _: Path) -> None:
        content = json.loads(data.decode("utf-8", "replace"))
        if not isinstance(content, dict):
            return
        around = Configured({}, Path("geoscope.toml"), content, {})
        around.check(each.key for each in fields)
        for each in fields:
            around.of(each)

    names = tuple(f"{each.name}\x1e" for each in fields)
    words = ("auto", "cpu", "tokens", "yes", "no", "true", "noise", "lsq", "none", "closed", *_NAMES)
    kinds: dict[str, Any] = {each.key: 5 for each in fields if each.option.least is not None} | {
        "corpus": ["a.txt"],
        "measures": ["two_nn"],
        "errors": True,
        "pooling": "mean",
    }
    return [
        Target(
            "a typed option",
            tuple(f"{name}{value}" for name in names for value in ("5", "all", "")),
            typed,
            (*names, *words),
        ),
        Target(
            "options of a file",
            ({}, kinds, *({key: value} for key, value in kinds.items())),
            _json_only(kept),
            structured=True,
        ),
    ]


def _json_only(called: Callable[[bytes, Path], Any]) -> Callable[[bytes, Path], Any]:
    def run(data: bytes, folder: Path) -> Any:
        try:
            json.loads(data.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None
        return called(data, folder)

    return run


def _results() -> list[Target]:
    from geoscope.comparisons.checks import check_report
    from geoscope.comparisons.comparison import compare_reports
    from geoscope.comparisons.limits import parse_bound, parse_limit
    from geoscope.documents.rendering import render, result_of
    from geoscope.report import Report

    made = inputs.report()
    study = inputs.report(
        *(
            inputs.row("isoscore", 0.2, 2, noise_level=level, noise_seed=0, replicates=[0.2] * 20)
            for level in (0.0, 5.0)
        )
    )
    bounds, limits = [parse_bound("isoscore>0.1"), parse_bound("two_nn@last<5")], [parse_limit("isoscore:-10%")]
    whole = Report.from_content(made, "r")
    check = json.loads(check_report(whole, bounds).to_json())
    comparison = json.loads(compare_reports(whole, [whole], limits=limits).to_json())
    held = (made, study, check, comparison)

    def report(data: bytes, _: Path) -> None:
        read = Report.from_json(data)
        if b"\\ud8" in data.lower():  # half a character has no text of its own
            return
        assert Report.from_json(read.to_json().encode("utf-8", "surrogatepass")) == read, "its JSON reads as another"

    def checked(data: bytes, _: Path) -> None:
        read = Report.from_json(data)
        for bound in bounds:
            refused(lambda bound=bound: check_report(read, [bound]))

    def shown(data: bytes, _: Path) -> None:
        read = result_of(data.decode("utf-8", "replace"))
        for form in ("table", "markdown", "csv", "html", "json"):
            render(read, form)

    return [
        Target("a report", (made, study), report, structured=True),
        Target("a report under limits", (made, study), checked, structured=True),
        Target("a saved result, shown", held, shown, structured=True),
    ]


def refused(called: Callable[[], Any]) -> None:
    """Call what may refuse its input."""
    with suppress(GeoscopeError):
        called()


def targets() -> list[Target]:
    """All of them."""
    from fuzzing.readers import arrays, tables

    return [*_grammars(), *_options(), *_results(), *arrays(), *tables()]
