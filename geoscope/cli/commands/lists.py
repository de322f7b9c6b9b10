"""`measures`, `protocols` and `config`: what geoscope knows, and what it is told. Parse, call, print, exit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geoscope.cli import options
from geoscope.cli.configured import TABLES, Configured
from geoscope.cli.exits import ExitCode, settled
from geoscope.cli.outputs import chosen_outputs
from geoscope.errors import GeoscopeError
from geoscope.wording import meant

if TYPE_CHECKING:
    from geoscope.documents.listings.configuration import Setting
    from geoscope.settings.option import Field

CommandArgument = Annotated[
    str | None,
    typer.Argument(metavar="COMMAND", show_default=False, help="A command, to see every option of it."),
]
VerifyOption = Annotated[
    str | None,
    typer.Option(
        "--verify", metavar="SUBJECT", show_default=False,
        help="Public packages' own numbers beside geoscope's, of the points of what measure takes.",
    ),
]  # fmt: skip


@settled
@options.spread
def measures(written: options.Written, verify: VerifyOption = None) -> None:
    """List every measure: key, range, direction, null, cost, paper. Or hold them against public packages.

    --verify asks scikit-dimension, ripser, persim, IsoScore, dimensionality and FAISS for their own numbers of 2,000 of
    the subject's points, and ends with 3 where one differs and no reason is known. The extra `oracles` brings them.

    Examples:
        geoscope measures
        geoscope measures --format csv
        geoscope measures --verify demo
    """
    outputs = chosen_outputs(written, quiet=True)
    if verify is None:
        from geoscope.documents.listings.measures import MeasureList

        outputs.send(MeasureList())
        return
    from geoscope.diagnosis.verifying import verify as verified

    found = verified(verify)
    outputs.send(found)
    if found.of("disagrees"):
        raise typer.Exit(ExitCode.UNFINISHED)


@settled
@options.spread
def protocols(written: options.TextWritten) -> None:
    """List every protocol: the options it sets, and where its work did something else.

    Examples:
        geoscope protocols
        geoscope protocols --format json
    """
    from geoscope.documents.listings.protocols import ProtocolList

    chosen_outputs(written, quiet=True, piped="table").send(ProtocolList())


@settled
@options.spread
def config(context: typer.Context, written: options.TextWritten, command: CommandArgument = None) -> None:
    """Say which options are in force in this folder, and where each is from.

    What is typed goes first, then the environment (GEOSCOPE_SEQUENCES), then the project's file ([tool.geoscope] of
    pyproject.toml, or geoscope.toml), then a protocol, then the default.

    Examples:
        geoscope config                                     # what is set
        geoscope config measure                             # all of a command
    """
    from geoscope.documents.listings.configuration import InForce

    outputs = chosen_outputs(written, quiet=True, piped="table")
    known: Mapping[str, options.Spread] = context.find_root().obj
    if command is not None and command not in known:
        raise GeoscopeError(f"expected a command, got {command!r}; {meant(command, known, '`geoscope -h` lists them')}")
    around = Configured.here(use_files=not context.params["no_config"])
    fields = {name: each.fields for name, each in known.items() if command in (None, name)}
    settings = [*_settings(around, fields, whole=command is not None), *_of_tables(around, fields)]
    outputs.send(InForce(settings, None if around.path is None else str(around.path), command))


def _settings(around: Configured, fields: Mapping[str, Mapping[str, Field]], *, whole: bool) -> Iterator[Setting]:
    """Every option that is set, or (whole) every option; those that commands share are one."""
    from geoscope.documents.listings.configuration import Setting

    found: dict[tuple[str, str, str], list[str]] = {}
    for name, held in fields.items():
        for field, value, source in _of_command(around, held):
            if whole or source != _DEFAULT:
                shown = field.option.shown if source == _DEFAULT else None
                text = shown or ", ".join(field.texts(value))
                found.setdefault((field.key, text, source), []).append(name)
    for (option, text, source), commands in found.items():
        yield Setting(option, text, source, commands)


_DEFAULT = "default"


def _of_command(around: Configured, fields: Mapping[str, Field]) -> Iterator[tuple[Field, Any, str]]:
    """Every option of a command, its value, and where that is from."""
    from geoscope.protocols import PROTOCOLS

    said = {name: around.of(field) for name, field in fields.items()}
    protocol = str((said.get("protocol") or (None,))[0])
    of_protocol = PROTOCOLS[protocol].options if protocol in PROTOCOLS else {}
    for name, field in fields.items():
        configured = said[name]
        if configured is not None:
            yield field, *configured
        elif name in of_protocol:
            yield field, of_protocol[name], f"protocol {protocol}"
        else:
            yield field, field.option.default, _DEFAULT


def _of_tables(around: Configured, fields: Mapping[str, Any]) -> Iterator[Setting]:
    """The limits and bounds of the project's file, each of the command that holds them."""
    from geoscope.documents.listings.configuration import Setting

    for table, command in TABLES.items():
        for target, amounts in around.tables.get(table, {}).items() if command in fields else ():
            text = ", ".join(amounts) if isinstance(amounts, list) else str(amounts)
            yield Setting(f"{table}.{target}", text, str(around.path), [command])
