"""The command line's side of the settings: groups spread into a command's options, and what only commands have."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, Literal, TypedDict, get_origin, get_type_hints, is_typeddict

import typer

from geoscope.files import STDOUT
from geoscope.forms.output import Form, GateForm
from geoscope.settings.option import Field, Option, fields_of

_OUTPUT = "Output"
_CONTEXT = "context"

SubjectsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SUBJECT...",
        show_default=False,
        help="A Hugging Face id, a checkpoint folder, an embeddings file (.npy .npz .safetensors .parquet), "
        "a folder written by extract, or demo. Several, such as runs/checkpoint-*, are measured in the order of their "
        "steps; -o then names a folder that gets a report of each (run again to go on), and all of them go to stdout.",
    ),
]
CheckpointArgument = Annotated[
    str,
    typer.Argument(show_default=False, help="A Hugging Face id, a checkpoint folder, or demo."),
]

_COMPARED = "a report (.json, or - for standard input), or any subject that measure takes"
BaseArgument = Annotated[str, typer.Argument(show_default=False, help=f"What to hold against: {_COMPARED}.")]
CandidatesArgument = Annotated[
    list[str], typer.Argument(metavar="CANDIDATE...", show_default=False, help=f"What to hold against it: {_COMPARED}.")
]
ReportArgument = Annotated[str, typer.Argument(show_default=False, help="A report's .json, or - for standard input.")]
BoundsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="LIMIT...",
        show_default=False,
        help="MEASURE[@LAYER] then <, <=, > or >=, then a number, in quotes: 'anisotropy<0.5' 'two_nn@last>5'.",
    ),
]
FolderOption = Annotated[
    str,
    typer.Option("--output", "-o", metavar="DIR", show_default=False, help="Folder to write.", rich_help_panel=_OUTPUT),
]

_BY_SUFFIX = "-o's suffix; a table on a terminal, json in a pipe"


class Destination(TypedDict):
    """Where a result goes."""

    output: Annotated[
        str,
        Option(
            STDOUT, "Where to write, whole or not at all.",
            _OUTPUT, flags=("--output", "-o"), metavar="FILE", shown="stdout",
        ),
    ]  # fmt: skip


class Written(Destination):
    """In which form a result goes where."""

    form: Annotated[Form | None, Option(None, "Form of the output.", _OUTPUT, flags=("--format",), shown=_BY_SUFFIX)]


class GateWritten(Destination):
    """The same of what can fail."""

    form: Annotated[
        GateForm | None, Option(None, "Form of the output.", _OUTPUT, flags=("--format",), shown=_BY_SUFFIX)
    ]
    step_summary: Annotated[
        bool,
        Option(
            False, "Append Markdown to the file GITHUB_STEP_SUMMARY names; --format github does so too.", _OUTPUT
        ),
    ]  # fmt: skip


class Screens(TypedDict):
    """What is shown of a result to people."""

    all_measures: Annotated[
        bool,
        Option(
            False,
            "Show every row in a table, Markdown or page: also measures whose number is another's, and every layer.",
            _OUTPUT,
        ),
    ]


class Quiet(TypedDict):
    """Whether anything is said beside the result."""

    quiet: Annotated[bool, Option(False, "Nothing on stderr but errors.", _OUTPUT, flags=("--quiet", "-q"))]


class Telling(Quiet):
    """What is said while it runs."""

    no_progress: Annotated[bool, Option(False, "No progress bar.", _OUTPUT)]


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """The command with every parameter that is a group of options spread into these.

    A group of settings (total=False) arrives with the options that were typed, so that others can come from a protocol
    or a report; a group of the command line's own with all of its options.
    """
    hints = get_type_hints(command, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if is_typeddict(kind)}
    parameters = [_parameter(_CONTEXT, typer.Context)] * (_CONTEXT not in hints)
    for own in inspect.signature(command).parameters.values():
        if own.name not in groups:
            parameters.append(own.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[own.name]))
        for field in fields_of(groups[own.name]).values() if own.name in groups else ():
            if field.option.typed:
                parameters.append(_parameter(field.name, *_typer_option(field)))

    @wraps(command)
    def run(**given: Any) -> None:
        context: typer.Context = given[_CONTEXT]
        if _CONTEXT not in hints:
            del given[_CONTEXT]
        made = {name: _options_of(kind, given, context) for name, kind in groups.items()}
        left = {name: value for name, value in given.items() if name in hints and name not in groups}
        command(**left, **made)

    spread_out: Any = run
    spread_out.__signature__ = inspect.Signature(parameters)
    spread_out.__annotations__ = {each.name: each.annotation for each in parameters}
    del spread_out.__wrapped__
    return run


def _options_of(kind: type, given: Mapping[str, Any], context: typer.Context) -> dict[str, Any]:
    found = {}
    for name, field in fields_of(kind).items():
        if name not in given:
            continue
        if _whole(kind):
            found[name] = given[name]
        elif _typed(context, name):
            found[name] = _value(field, given[name])
    return found


def _value(field: Field, typed: Any) -> Any:
    """What was typed, as the library takes it."""
    parse = field.option.parse
    if field.option.repeated and parse is not None:
        return [each for text in typed for each in parse(text)]
    return field.read(typed)


def _whole(kind: type) -> bool:
    return bool(getattr(kind, "__total__", False))


def _typed(context: typer.Context, name: str) -> bool:
    """Whether a parameter was given, whatever its value."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _typer_option(field: Field) -> tuple[Any, Any]:
    """The option as typer takes it: its annotation and its default."""
    option = field.option
    kind: Any = next((part for part in field.parts if get_origin(part) is Literal or part in (int, float, bool)), str)
    if option.parse is not None or str in field.parts:
        kind = str
    if option.repeated:
        kind = list[str]
    default = option.default
    if option.shown is not None and (option.repeated or not isinstance(default, str)):
        default = None
    elif kind is str and default is not None:
        default = str(default)
    least, most = (None, None) if kind is str or option.repeated else (option.least, option.most)
    shown: Any = True if option.shown is None else option.shown
    made = typer.Option(
        *(option.flags or (field.flag,)), metavar=option.metavar, help=option.help, rich_help_panel=option.panel,
        min=least, max=most, show_default=shown,
    )  # fmt: skip
    return Annotated[kind if default is not None else kind | None, made], default
