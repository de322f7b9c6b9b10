"""The commands: parse, call, print, exit. Computes nothing."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from geoscope import __version__, files
from geoscope.cli import (
    batch_output,
    correlate_command,
    exits,
    finetune_command,
    gates,
    noise_floor_command,
    options,
    perturb_command,
    report_command,
)
from geoscope.cli.exits import ExitCode, settled
from geoscope.cli.options import spread
from geoscope.cli.progress import heard
from geoscope.files import STDOUT
from geoscope.forms import output
from geoscope.settings.measuring import Cluster, MeasureOptions, ReadingOptions

app = typer.Typer(
    name="geoscope",
    help="Measure the geometry of a transformer's latent space.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code, whatever happens."""
    with warnings.catch_warnings():
        exits.mind_warnings(quiet=False)
        try:
            code = app(args=arguments, prog_name="geoscope", standalone_mode=False)
        except TyperException as error:
            code = _refuse(error)
        except SystemExit:  # typer's way of saying that nobody reads its help
            code = ExitCode.DONE
        except BaseException as error:
            code = exits.settle(error)
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            files.silence_stdout()
    if code is None:
        return ExitCode.DONE
    # typer ends an interrupt that comes while it parses with 130
    return code if code in list(ExitCode) else ExitCode.UNFINISHED


def _refuse(error: TyperException) -> ExitCode:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "geoscope"
    if type(error).__name__ != "NoArgsIsHelpError":  # that one has printed the help
        exits.say(f"{error.format_message().rstrip('.')}; see `{command} --help`")
    return ExitCode.MISTAKE


def _print_version(asked: bool) -> None:
    if asked:
        files.send(f"geoscope {__version__}\n")
        raise typer.Exit


@app.callback()
def geoscope(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Measure the geometry of a transformer's latent space."""


@app.command()
@settled
@spread
def measure(
    subjects: options.SubjectsArgument,
    measuring: MeasureOptions,
    cluster: Cluster,
    written: options.Written,
    screens: options.Screens,
    telling: options.Telling,
) -> None:
    """Measure one subject and write one report, or several and one table of all."""
    several = len(subjects) > 1
    destination = written["output"]
    form = output.choose_format(written["form"], STDOUT if several else destination)
    folder = batch_output.check_folder(destination) if several else None
    if not several:
        files.check_destination(destination)
    from geoscope.batches.batch import ReportBatch, measure_many
    from geoscope.documents.rendering import render
    from geoscope.measuring import measure as measured

    with heard(telling) as ears:
        if several or cluster:
            batch = measure_many(
                subjects, output=folder, **measuring, **cluster, progress=ears.progress, announce=ears.announce
            )
        else:
            batch = ReportBatch(
                (measured(subjects[0], **measuring, progress=ears.progress, announce=ears.announce),), {}
            )
    if several:
        batch_output.send_all(batch, form, screens)
    else:
        files.send(render(batch.only, form, output.page_of(destination, **screens)), destination)
    ears.sum_up()
    batch_output.end(batch)


@app.command()
@settled
@spread
def extract(
    checkpoint: options.CheckpointArgument,
    folder: options.FolderOption,
    reading: ReadingOptions,
    telling: options.Telling,
) -> None:
    """Only extract, and keep the embeddings in a folder for later."""
    from geoscope.subjects import text_subjects

    with heard(telling) as ears:
        kept = text_subjects.extract(checkpoint, output=folder, **reading, progress=ears.progress)
    ears.sum_up(f"wrote {len(kept.index):,} rows of each of {len(kept.layers)} layers to {folder}; ")


compare = app.command()(gates.compare)
check = app.command()(gates.check)
noise_floor = app.command(name="noise-floor")(noise_floor_command.noise_floor)
perturb = app.command()(perturb_command.perturb)
report = app.command()(report_command.report)
correlate = app.command()(correlate_command.correlate)
finetune = app.command()(finetune_command.finetune)


@app.command(name="measures")
@settled
@spread
def list_measures(written: options.Written) -> None:
    """List every measure: key, range, direction, null, cost, paper."""
    destination = written["output"]
    form = output.choose_format(written["form"], destination)
    from geoscope.documents.measures import MeasureList
    from geoscope.documents.rendering import render

    files.send(render(MeasureList(), form, output.page_of(destination)), destination)


@app.command()
@settled
@spread
def schema(written: options.Destination) -> None:
    """Print the JSON Schema of a report."""
    import json

    from geoscope.report import json_schema

    files.send(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n", written["output"])
