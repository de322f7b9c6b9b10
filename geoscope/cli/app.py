"""The commands: parse, call, print, exit. Computes nothing."""

from __future__ import annotations

import inspect
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from copy import copy
from typing import Annotated, cast

import typer
from typer.exceptions import TyperException

from geoscope import __version__, files, network
from geoscope.cli import exits, options
from geoscope.cli.commands import (
    batch_output,
    correlate_command,
    doctor_command,
    finetune_command,
    gates,
    lists,
    noise_floor_command,
    perturb_command,
    saved_results,
    size_curve_command,
)
from geoscope.cli.exits import ExitCode, settled
from geoscope.cli.help import Command, Commands, print_help, written
from geoscope.cli.options import Spread, spread
from geoscope.cli.outputs import chosen_outputs
from geoscope.cli.progress import heard
from geoscope.errors import GeoscopeError
from geoscope.run_folders import only_writer, parts_of
from geoscope.settings.loading import Cluster, Kept
from geoscope.settings.measuring import ExtractOptions, MeasureOptions
from geoscope.wording import meant

COMMANDS: dict[str, Spread] = {}
"""Every command by its name: what each knows of its options."""

app = typer.Typer(
    name="geoscope",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    cls=Commands,
    context_settings={"obj": COMMANDS},
)


def _command(function: Callable[..., None]) -> Callable[..., None]:
    """The function as a command, with help of its own."""
    name = function.__name__.replace("_", "-")
    COMMANDS[name] = cast(Spread, inspect.unwrap(function))
    return app.command(name, cls=Command, add_help_option=False)(function)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code, whatever happens."""
    network.keep_to_itself()
    with warnings.catch_warnings():
        exits.mind_warnings(quiet=False)
        try:
            try:
                program = _program(sys.argv[1:] if arguments is None else arguments)
                code = program(args=arguments, prog_name="geoscope", standalone_mode=False)
            except TyperException as error:
                code = _refuse(error)
        except SystemExit:  # typer's way of saying that nobody reads its help
            code = ExitCode.DONE
        except BaseException as error:
            code = exits.settle(error)
        exits.count_other_warnings()
    if code is None:
        return ExitCode.DONE
    # typer ends an interrupt that comes while it parses with 130
    return code if code in list(ExitCode) else ExitCode.UNFINISHED


def _program(arguments: Sequence[str]) -> typer.Typer:
    """The application, of its commands that alone which a line begins with: typer takes its time to build each."""
    program = copy(app)
    if arguments and arguments[0] in COMMANDS:
        program.registered_commands = [each for each in app.registered_commands if each.name == arguments[0]]
    return program


def _refuse(error: TyperException) -> ExitCode:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "geoscope"
    if type(error).__name__ == "NoArgsIsHelpError":
        files.send(f"{context.get_help() if context else ''}\n")
    else:
        exits.say(_sentence(error, command))
    return ExitCode.MISTAKE


_FURTHER = re.compile(r"unexpected extra argument\S* \((.*)\)$", re.DOTALL)


def _sentence(error: TyperException, command: str) -> str:
    """What is wrong with a line that typer refuses; the classes of what it raises are none of its public names."""
    see = f"see `{command} --help-all`" if " " in command else f"see `{command} --help`"
    context, option, parameter = (getattr(error, name, None) for name in ("ctx", "option_name", "param"))
    kind = type(error).__name__
    if kind == "NoSuchOption" and context is not None:
        names = [name for each in context.command.params for name in (*each.opts, *each.secondary_opts)]
        return f"expected an option of {command}, got {option}; {meant(str(option), names, see)}"
    if kind == "BadOptionUsage":
        wants = "requires" in error.format_message()
        return f"expected {option} with{'' if wants else 'out'} a value, got {'none' if wants else 'one'}; {see}"
    if kind == "MissingParameter" and parameter is not None:
        return f"expected {written(parameter)}, got nothing; {see}"
    message = error.format_message().rstrip(".")
    further = _FURTHER.search(message)
    return f"expected nothing more of {command}, got {further[1]}; {see}" if further else f"{message}; {see}"


def _print_version(asked: bool) -> None:
    if asked:
        files.send(f"geoscope {__version__}\n")
        raise typer.Exit


@app.callback(cls=Commands, add_help_option=False)
def geoscope(
    version: Annotated[
        bool,
        typer.Option("--version", help="The version.", callback=_print_version, is_eager=True, show_default=False),
    ] = False,
    help: Annotated[
        bool,
        typer.Option("--help", "-h", help="This help.", callback=print_help, is_eager=True, show_default=False),
    ] = False,
) -> None:
    """Measure the geometry of a transformer's latent space.

    Examples:
        geoscope measure bert-base-uncased                  # a table of numbers
        geoscope compare before.json after.json             # what changed
        geoscope check report.json 'anisotropy<0.5'         # a gate, for CI
    """


@_command
@settled
@spread
def measure(
    subjects: options.SubjectsArgument,
    measuring: MeasureOptions,
    cluster: Cluster,
    kept: Kept,
    written: options.Written,
    screens: options.Screens,
    telling: options.Telling,
) -> None:
    """Measure one subject and write one report, or several and one table of all.

    Examples:
        geoscope measure bert-base-uncased              # PTB and WikiText-2
        geoscope measure ./model --layers all -o report.json -o page.html
        geoscope measure rows.npy --groups sentences.npy  # embeddings you have
    """
    several, run = len(subjects) > 1, kept.get("run")
    if run is not None and (several or cluster):
        raise GeoscopeError(
            f"expected --run with one subject, measured here, got {'--ray' if cluster else len(subjects)}; leave it "
            "out: -o DIR keeps the report of every subject"
        )
    folder = batch_output.check_folder(written["output"]) if several else None
    places = {**written, "output": []} if several else written
    outputs = chosen_outputs(places, quiet=telling["quiet"])
    with only_writer(folder, "-o"), only_writer(run, "--run"), heard(telling) as ears:
        from geoscope.batches.batch import ReportBatch, measure_many
        from geoscope.measuring import measure as measured

        if several or cluster:
            batch = measure_many(
                subjects, output=folder, **measuring, **cluster, progress=ears.progress, announce=ears.announce
            )
        else:
            batch = ReportBatch(
                (measured(subjects[0], **measuring, **kept, progress=ears.progress, announce=ears.announce),), {}
            )
    if batch.reports:
        outputs.send(batch.reports if several else batch.only, all_measures=screens["all_measures"])
    ears.sum_up()
    batch_output.end(batch)


@_command
@settled
@spread
def extract(
    checkpoint: options.CheckpointArgument,
    folder: options.FolderOption,
    reading: ExtractOptions,
    telling: options.Telling,
) -> None:
    """Only extract, and keep the embeddings in a folder for later.

    Examples:
        geoscope extract ./checkpoint -o rows/
        geoscope extract ./checkpoint --layers all --pooling mean -o rows/
    """
    with only_writer(parts_of(folder), "-o", temporary=True), heard(telling) as ears:
        from geoscope.extracting import extract as extracted

        kept = extracted(checkpoint, output=folder, **reading, progress=ears.progress)
    ears.sum_up(f"wrote {len(kept.index):,} rows of each of {len(kept.layers)} layers to {folder}; ")


compare = _command(gates.compare)
check = _command(gates.check)
noise_floor = _command(noise_floor_command.noise_floor)
size_curve = _command(size_curve_command.size_curve)
show = _command(saved_results.show)
report = _command(saved_results.report)
perturb = _command(perturb_command.perturb)
correlate = _command(correlate_command.correlate)
finetune = _command(finetune_command.finetune)
measures = _command(lists.measures)
protocols = _command(lists.protocols)
config = _command(lists.config)
doctor = _command(doctor_command.doctor)


@_command
@settled
@spread
def schema(written: options.Destinations) -> None:
    """Print the JSON Schema of a report.

    Examples:
        geoscope schema -o report.schema.json
    """
    import json

    from geoscope.report import json_schema

    outputs = chosen_outputs({**written, "form": "json"})
    for place in outputs.forms:
        files.send(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n", place)
