"""An option is one field: commands, functions, protocols and reports all have it from there."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
import typer.main

import geoscope
from geoscope.cli import app as cli
from geoscope.cli import options
from geoscope.correlations.correlate import correlate
from geoscope.errors import GeoscopeError
from geoscope.finetuning.sweeps import finetune
from geoscope.noise_floors import noise_floor
from geoscope.protocols import PROTOCOLS
from geoscope.settings import correlating, fine_tuning, judging, measuring, studying
from geoscope.settings.option import Option, completed, fields_of, numbers, read, takes
from geoscope.settings.told import options_told
from geoscope.size_curves import size_curve
from geoscope.studies.study import perturb

ROWS = np.random.default_rng(0).standard_normal((60, 4))

COMMANDS: dict[str, tuple[type, Any]] = {
    "measure": (measuring.MeasureKeywords, geoscope.measure),
    "compare": (judging.CompareOptions, geoscope.compare),
    "extract": (measuring.ExtractOptions, geoscope.extract),
    "noise-floor": (judging.FloorOptions, noise_floor),
    "size-curve": (judging.CurveOptions, size_curve),
    "perturb": (studying.StudyOptions, perturb),
    "correlate": (correlating.CorrelateOptions, correlate),
    "finetune": (fine_tuning.FineTuningOptions, finetune),
}


def parameters_of(command: str) -> dict[str, Any]:
    """A command's parameters by name."""
    return {each.name: each for each in typer.main.get_command(cli.app).commands[command].params}  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_every_option_of_its_function(command: str) -> None:
    group, function = COMMANDS[command]
    ours, theirs = parameters_of(command), inspect.signature(function).parameters
    for name, field in fields_of(group).items():
        if not field.option.typed:
            continue
        assert field.flag in ours[name].opts, name
        assert theirs[name].default == field.option.default
        assert field.option.help
        assert field.option.help in ours[name].help
    typed = {name for name, field in fields_of(group).items() if field.option.typed}
    library = {name for name in theirs if name in typed or theirs[name].default is not inspect.Parameter.empty}
    assert library - typed <= {"progress", "announce", "parts", "output", "texts"}


def test_whatever_measures_can_be_asked_the_same() -> None:
    of_layers = set(fields_of(measuring.Between))  # of one report's layers, beside its numbers
    of_measure = set(fields_of(measuring.MeasureOptions)) - of_layers
    lacking = {name: of_measure - set(fields_of(group)) for name, (group, _) in COMMANDS.items()}
    told = set(fields_of(measuring.Detailed))  # of one report
    assert lacking["size-curve"] == {"quantizer_grid"} | told  # it draws one number of a measure at a size
    assert lacking["compare"] == {"quantizer_grid"} | told  # it holds one number of a measure against one
    assert lacking["noise-floor"] == {"quantizer_grid", "errors", "null"} | told  # which it sets itself
    assert lacking["perturb"] == {"column", "groups"} | told  # which a checkpoint's rows know
    of_rows = {*fields_of(measuring.MeasureChoice), *fields_of(measuring.Sizes), *fields_of(measuring.Beside)}
    assert lacking["extract"] == of_rows | told | {"points", "column", "groups", "memory", "device_memory"}


@pytest.mark.parametrize("kind", [options.Written, options.GateWritten, options.Telling, measuring.MeasureOptions])
def test_every_field_is_an_option(kind: type) -> None:
    assert set(fields_of(kind)) == set(get_type_hints(kind))


def test_a_wrong_keyword_is_refused_with_the_nearest() -> None:
    with pytest.raises(GeoscopeError, match=r"expected an option, got 'sequnces'; did you mean sequences\?"):
        geoscope.compare(ROWS, ROWS, sequnces=3)  # type: ignore[call-arg]
    for function, subjects in (
        (geoscope.measure, (ROWS,)),
        (geoscope.extract, ("demo",)),
        (noise_floor, (ROWS,)),
        (perturb, ("demo",)),
        (correlate, ([], [])),
    ):
        with pytest.raises(GeoscopeError, match="expected an option, got 'colour'"):
            function(*subjects, colour=1)


NAMES = ("sequences", "sequnces")
CONFIG = """
[mypy]
plugins = pydantic.mypy
follow_imports = silent
ignore_missing_imports = True
[mypy-torch.*,transformers.*,datasets.*,scipy.*,numba.*]
follow_imports = skip
"""


def test_a_type_checker_refuses_it_too(tmp_path: Path) -> None:
    script, config = tmp_path / "theirs.py", tmp_path / "mypy.ini"
    script.write_text("import geoscope\n" + "".join(f"geoscope.compare('a', 'b', {name}=3)\n" for name in NAMES))
    config.write_text(CONFIG)
    told = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", str(config), str(script)],
        capture_output=True, text=True, cwd=Path(__file__).resolve().parent.parent, timeout=300,
    )  # fmt: skip
    assert 'Unexpected keyword argument "sequnces" for "compare"; did you mean "sequences"?' in told.stdout
    assert told.stdout.count("error:") == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"pooling": "max"},
            "expected --pooling to be one of tokens, mean, cls, last, model, vocabulary, got 'max'; give one of them",
        ),
        ({"null": "match"}, r"got 'match'; did you mean matched\?"),
        ({"sequences": 0}, "expected --sequences to be a whole number of at least 1, got 0; give one"),
        ({"sequences": "5"}, "expected --sequences to be a whole number of at least 1, got '5'"),
        ({"sequences": None}, "expected --sequences to be a whole number of at least 1, got None"),
        ({"seed": 1.5}, "expected --seed to be a whole number of at least 0, got 1.5"),
        (
            {"isoscore_zeta": float("nan")},
            "expected --isoscore-zeta to be a number of at least 0 and at most 1, got n",
        ),
        ({"device": 0}, "expected --device to be a text, got 0; give one"),
        ({"words": 5}, "expected --words to be a text, got 5; give one"),
        ({"revision": ["main"]}, r"expected --revision to be a text, got \['main'\]; give one"),
        ({"measures": 5}, "expected --measures to be a list, got 5; give one"),
        ({"layers": 1.5}, "expected --layers to be a list, got 1.5; give one"),
        ({"errors": "no"}, "expected --errors to be True or False, got 'no'"),
        ({"points": "some"}, "expected --points to be a number above 0 or all, got 'some'"),
        ({"bits": 17}, "expected --bits to be a whole number of at least 1 and at most 16, got 17"),
        ({"measures": "isotrpy"}, "expected a measure or a family, got 'isotrpy'"),
    ],
)
def test_a_value_that_an_option_cannot_have_is_a_sentence(given: dict[str, Any], words: str) -> None:
    with pytest.raises(GeoscopeError, match=words):
        geoscope.measure(ROWS, **given)


def test_values_are_read_alike_wherever_they_are_from() -> None:
    found = read(
        measuring.MeasureOptions,
        {"points": "all", "measures": "two_nn, isotropy", "corpora": "sample", "seed": np.int64(3), "bits": 6.0,
         "errors": np.bool_(False), "isoscore_zeta": np.float32(0.5), "layers": 6},
    )  # fmt: skip
    assert found == {
        "points": None, "measures": ["two_nn", "isotropy"], "corpora": ["sample"], "seed": 3, "bits": 6,
        "errors": False, "isoscore_zeta": 0.5, "layers": 6,
    }  # fmt: skip
    assert type(found["seed"]) is int


def test_protocols_set_options_that_there_are() -> None:
    for protocol in PROTOCOLS.values():
        assert read(measuring.MeasureOptions, protocol.options)


def test_a_report_tells_every_option_that_changes_a_number() -> None:
    """Or else two reports could not be told apart, and a subject not measured as another was."""
    report = geoscope.measure(ROWS, measures=["isoscore"])
    held = report.model_dump()
    told_if_given = ("groups", "protocol", "words", "before_final_norm", "stack", "alpha_req_ranks")
    for name in numbers(measuring.OneSize, {}):
        option = fields_of(measuring.OneSize)[name].option
        if name in ("trust_remote_code", "allow_pickle", "text_columns"):  # how files are read, not what is in them
            continue
        assert option.told is not None, f"say where a report tells {name}"
        part, *rest = option.told.split(".")
        if part == "settings" and option.default is not None and name not in told_if_given:
            found: Any = held["settings"]
            for step in rest:
                found = found[step]
        else:
            assert part in held


def test_options_are_told_as_they_were_asked() -> None:
    asked: dict[str, Any] = {
        "measures": ["isoscore_star", "reconstruction_error_heldout"], "isoscore_zeta": 0.25, "quantizer": "pq",
        "codebooks": 2, "bits": 4, "seed": 5, "points": 40, "population": "corpus",
    }  # fmt: skip
    report = geoscope.measure(ROWS, **asked)
    told = options_told(report, {}, text=False)
    assert {name: told[name] for name in asked} == asked
    again = geoscope.measure(ROWS, **told)
    assert again.measurements == report.measurements


class Toy(measuring.Sizes, total=False):
    """A group with an option of its own."""

    colour: options.Annotated[str, Option("red", "Of what is drawn.")]


def test_an_option_takes_one_edit() -> None:
    @takes(Toy)
    def draw(subject: str, **given: Any) -> dict[str, Any]:
        return {"subject": subject, **completed(Toy, given)}

    assert draw("x", colour="blue") == {"subject": "x", "colour": "blue", "quantizer_grid": None}
    assert draw("x") == {"subject": "x", "colour": "red", "quantizer_grid": None}
    assert "colour: str = 'red'" in str(inspect.signature(draw))
    with pytest.raises(GeoscopeError, match=r"got 'color'; did you mean colour\?"):
        draw("x", color="blue")
