"""The command line's side of the settings: groups spread into a command's options, and what only commands have."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, TypedDict, get_type_hints, is_typeddict

import typer

from geoscope.cli.configured import Configured
from geoscope.cli.help import print_help, print_whole_help
from geoscope.cli.places import hold_apart
from geoscope.forms.output import Form, GateForm
from geoscope.settings.option import Field, Option, fields_of, standing_in

_OUTPUT = "Output"
_CONTEXT = "context"

_COMPLETING = "_GEOSCOPE_COMPLETE" in os.environ
"""Whether a shell asks what completes a line: typer takes its time to look at every function that might tell."""

TYPED = "command line"
"""Where an option is from that was typed."""

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
        default_factory=list,
        show_default=False,
        help="MEASURE[@LAYER] then <, <=, > or >=, then a number, in quotes: 'anisotropy<0.5' 'two_nn@last>5'. "
        "Or collapse: all its signs, on every layer above the embeddings. "
        "The project's bounds where none is given on the same.",
    ),
]
FolderOption = Annotated[
    str,
    typer.Option("--output", "-o", metavar="DIR", show_default=False, help="Folder to write.", rich_help_panel=_OUTPUT),
]

_BY_SUFFIX = "-o's suffix; a table on a terminal, json in a pipe"
_TEXT_BY_SUFFIX = "-o's suffix, else a table"


class Destinations(TypedDict):
    """Where a result goes."""

    output: Annotated[
        list[str],
        Option(
            (), "Where to write, whole or not at all; may be repeated, each in the form of its suffix.",
            _OUTPUT, flags=("--output", "-o"), metavar="FILE", shown="stdout", repeated=True, often=10, written=True,
        ),
    ]  # fmt: skip


class Written(Destinations):
    """In which form a result goes where."""

    form: Annotated[
        Form | None, Option(None, "Form of the output.", _OUTPUT, flags=("--format",), shown=_BY_SUFFIX, often=9)
    ]


class TextWritten(Destinations):
    """The same of what is read more than it is computed with."""

    form: Annotated[
        Form | None, Option(None, "Form of the output.", _OUTPUT, flags=("--format",), shown=_TEXT_BY_SUFFIX, often=9)
    ]


class StepSummary(TypedDict):
    """What a job on GitHub gets beside."""

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


class GateWritten(Destinations, StepSummary):
    """The same of what can fail a limit."""

    form: Annotated[
        GateForm | None, Option(None, "Form of the output.", _OUTPUT, flags=("--format",), shown=_BY_SUFFIX, often=9)
    ]


class GateTextWritten(Destinations):
    """The same of what can fail a limit, and is read more than it is computed with."""

    form: Annotated[
        GateForm | None,
        Option(None, "Form of the output.", _OUTPUT, flags=("--format",), shown=_TEXT_BY_SUFFIX, often=9),
    ]


class Quiet(TypedDict):
    """Whether anything is said beside the result."""

    quiet: Annotated[bool, Option(False, "Nothing on stderr but errors.", _OUTPUT, flags=("--quiet", "-q"), often=6)]


class Telling(Quiet):
    """What is said while it runs."""

    no_progress: Annotated[bool, Option(False, "Nothing of how far it has come.", _OUTPUT)]


class _Everywhere(TypedDict):
    """What every command has."""

    no_config: Annotated[bool, Option(False, "Read nothing from pyproject.toml or geoscope.toml.", _OUTPUT)]


_HELP = {
    "help": typer.Option("--help", "-h", help="This help.", is_eager=True, callback=print_help, show_default=False),
    "help_all": typer.Option(
        "--help-all", help="The help with every option.", is_eager=True, callback=print_whole_help, show_default=False
    ),
}


class Spread:
    """A command with every parameter that is a group of options spread into these.

    A group of settings (total=False) arrives with the options that were typed, or that the environment or the project's
    file says, so that others can come from a protocol or a report; a group of the command line's own with all of its
    options. Where each is from stands in the context's `obj`, by its name.

    What it is spread into is worked out when it is asked for: a line needs one command of all.
    """

    def __init__(self, command: Callable[..., None]) -> None:
        self.__name__, self.__module__, self.__doc__ = command.__name__, command.__module__, command.__doc__
        self.__annotations__: dict[str, Any] = {}
        self._command = command

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self._command, include_extras=True)

    @cached_property
    def _groups(self) -> dict[str, Any]:
        return {name: kind for name, kind in self._hints.items() if is_typeddict(kind)}

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Its options by name."""
        held = [field for kind in self._groups.values() for field in fields_of(kind).values() if field.option.typed]
        return {field.name: field for field in held} | dict(fields_of(_Everywhere))

    @cached_property
    def _outputs(self) -> list[str]:
        """What of its own is written."""
        own = inspect.signature(self._command).parameters
        return [name for name in own if name not in self._groups and _is_output(self._hints[name])]

    @property
    def __signature__(self) -> inspect.Signature:
        parameters = [_parameter(_CONTEXT, typer.Context)] * (_CONTEXT not in self._hints)
        for own in inspect.signature(self._command).parameters.values():
            if own.name not in self._groups:
                parameters.append(own.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=self._hints[own.name]))
        parameters += [_parameter(name, *_typer_option(field)) for name, field in self.fields.items()]
        parameters += [_parameter(name, Annotated[bool, option], False) for name, option in _HELP.items()]
        return inspect.Signature(parameters)

    def __call__(self, **given: Any) -> None:
        context: typer.Context = given[_CONTEXT]
        values, context.obj, project = _in_force(self.fields, given, context)
        made = {
            name: {
                each: values.get(each, field.option.default)
                for each, field in fields_of(kind).items()
                if each in values or (_whole(kind) and each in self.fields)
            }
            for name, kind in self._groups.items()
        }
        left = {name: value for name, value in given.items() if name in self._hints and name not in self._groups}
        _hold_apart({**left, "project": project}, self._outputs, self.fields, values)
        with standing_in(self.fields, values):
            self._command(**left, **made)


def spread(command: Callable[..., None]) -> Spread:
    """The command with its groups of options spread."""
    return Spread(command)


def _is_output(hint: Any) -> bool:
    """Whether a parameter of a command's own is its -o."""
    return any("-o" in (getattr(each, "param_decls", None) or ()) for each in getattr(hint, "__metadata__", ()))


def _hold_apart(
    own: Mapping[str, Any], outputs: Sequence[str], fields: Mapping[str, Field], values: Mapping[str, Any]
) -> None:
    """Refuse an output that is an input: of the arguments, of the command's own options, and of every group's.

    outputs: those of its own that are written. Here and not in the commands, so that what is new is held too.
    """
    reads: list[Any] = [value for name, value in own.items() if name not in (*outputs, _CONTEXT)]
    writes: list[tuple[str, str]] = [("-o", own[name]) for name in outputs]
    for name, field in fields.items():
        given = values.get(name, field.option.default)
        reads += field.may_be_read(given)
        if field.option.written and given is not None:
            flag = min(field.option.flags, key=len, default=field.flag)
            writes += [(flag, str(place)) for place in ([given] if isinstance(given, str) else given)]
    if "step_summary" in fields and (values.get("step_summary") or values.get("form") == "github"):
        from geoscope.forms.github import SUMMARY_VARIABLE

        summary = os.environ.get(SUMMARY_VARIABLE)
        writes += [(SUMMARY_VARIABLE, summary)] if summary else []
    hold_apart(reads, writes)


def _in_force(
    fields: Mapping[str, Field], given: Mapping[str, Any], context: typer.Context
) -> tuple[dict[str, Any], dict[str, str], Path | None]:
    """The value of every option that is typed or configured, where each of these is from, and the project's file."""
    values = {name: field.read_text(given[name]) for name, field in fields.items() if _typed(context, name)}
    sources = dict.fromkeys(values, TYPED)
    around = Configured.here(use_files=not values.get("no_config", False))
    if around.kept or around.environment:
        around.check(field.key for command in context.find_root().obj.values() for field in command.fields.values())
    for name, field in fields.items():
        found = around.of(field) if name not in values else None
        if found is not None:
            values[name], sources[name] = found
    return values, sources, around.path


def _whole(kind: type) -> bool:
    return bool(getattr(kind, "__total__", False))


def _typed(context: typer.Context, name: str) -> bool:
    """Whether a parameter was given, whatever its value."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _typer_option(field: Field) -> tuple[Any, Any]:
    """The option as typer takes it: its annotation and its default. Its text is read here, not by typer."""
    option = field.option
    told: dict[str, Any] = {"help": option.help, "rich_help_panel": option.panel}
    flags = option.flags or (field.flag,)
    if field.is_flag:
        return Annotated[bool, typer.Option(*flags, **told)], option.default
    shown = option.shown if option.shown is not None else "" if option.default is None else str(option.default)
    made = typer.Option(
        *flags,
        metavar=field.metavar,
        show_default=shown or False,
        autocompletion=completing(field) if _COMPLETING and field.words else None,
        **told,
    )
    return Annotated[(list[str] if option.repeated else str) | None, made], None


def completing(field: Field) -> Callable[[str], list[str]]:
    """What completes the option's value as it is being typed: its words, the last of several with commas between."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        if comma and field.option.parse is None:
            return []
        return [f"{before}{comma}{word}" for word in field.words if word.startswith(last)]

    return complete
