"""The commands: parse, call, print, exit. Computes nothing."""

from __future__ import annotations

import os
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
from geoscope.cli.protocol_option import ProtocolOption, left_to_protocol
from geoscope.files import STDOUT
from geoscope.forms import output

app = typer.Typer(
    name="geoscope",
    help="Measure the geometry of a transformer's latent space.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code, whatever happens."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads that spin slow each other's libraries down
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
def measure(
    context: typer.Context,
    subjects: options.SubjectsArgument,
    protocol: ProtocolOption = None,
    corpora: options.CorpusOption = None,
    split: options.SplitOption = None,
    words: options.WordsOption = None,
    sequences: options.SequencesOption = 5000,
    max_length: options.MaxLengthOption = 128,
    points: options.PointsOption = "10000",
    layers: options.LayersOption = "last",
    pooling: options.PoolingOption = options.Pooling.tokens,
    tokens: options.TokensOption = options.Tokens.all,
    groups: options.GroupsOption = None,
    seed: options.SeedOption = 0,
    measures: options.MeasuresOption = None,
    isoscore_zeta: options.ZetaOption = 0.0,
    isoscore_reference: options.ReferenceOption = "scaled-identity",
    quantizer: options.QuantizerOption = options.Quantizer.lsq,
    codebooks: options.CodebooksOption = 4,
    bits: options.BitsOption = 8,
    errors: options.ErrorsOption = True,
    population: options.PopulationOption = options.Population.endless,
    null: options.NullOption = options.Null.auto,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    batch_tokens: options.BatchTokensOption = None,
    memory: options.MemoryOption = None,
    revision: options.RevisionOption = None,
    trust_remote_code: options.TrustOption = False,
    allow_pickle: options.PickleOption = False,
    ray: options.RayOption = None,
    form: options.FormatOption = None,
    destination: options.OutputOption = STDOUT,
    quiet: options.QuietOption = False,
    no_progress: options.NoProgressOption = False,
) -> None:
    """Measure one subject and write one report, or several and one table of all."""
    several = len(subjects) > 1
    form_of_output = output.choose_format(form, STDOUT if several else destination)
    folder = batch_output.check_folder(destination) if several else None
    if not several:
        files.check_destination(destination)
    keys = options.keys_of(measures)
    sampled = options.points_of(points)
    from geoscope import measuring
    from geoscope.cli.progress import RunProgress
    from geoscope.rendering import render_report
    from geoscope.tasks.batch import Batch, measure_many

    exits.mind_warnings(quiet=quiet)
    with RunProgress(bar=not (quiet or no_progress)) as progress:
        chosen = left_to_protocol(
            context,
            protocol=protocol, corpora=corpora, split=split, words=words, sequences=sequences, max_length=max_length,
            points=sampled, layers=layers, pooling=pooling.value, tokens=tokens.value, groups=groups, seed=seed,
            measures=keys, isoscore_zeta=isoscore_zeta, isoscore_reference=isoscore_reference,
            quantizer=quantizer.value, codebooks=codebooks, bits=bits, errors=errors,
            population=population.value, null=null.value, device=device,
            dtype=dtype, batch_tokens=batch_tokens, memory=memory, revision=revision,
            trust_remote_code=trust_remote_code, allow_pickle=allow_pickle, progress=progress,
            announce=None if quiet else exits.say,
        )  # fmt: skip
        if several or ray is not None:
            batch = measure_many(subjects, output=folder, ray=ray, **chosen)
        else:
            batch = Batch((measuring.measure(subjects[0], **chosen),), {})
    if several:
        batch_output.send_all(batch, form_of_output)
    else:
        files.send(render_report(batch.only, form_of_output, output.page_of(destination)), destination)
    if not quiet:
        exits.say(progress.summary())
    batch_output.end(batch)


@app.command()
@settled
def extract(
    checkpoint: options.CheckpointArgument,
    folder: options.FolderOption,
    corpora: options.CorpusOption = None,
    split: options.SplitOption = None,
    words: options.WordsOption = None,
    sequences: options.SequencesOption = 5000,
    max_length: options.MaxLengthOption = 128,
    layers: options.LayersOption = "last",
    pooling: options.PoolingOption = options.Pooling.tokens,
    tokens: options.TokensOption = options.Tokens.all,
    seed: options.SeedOption = 0,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    batch_tokens: options.BatchTokensOption = None,
    revision: options.RevisionOption = None,
    trust_remote_code: options.TrustOption = False,
    allow_pickle: options.PickleOption = False,
    quiet: options.QuietOption = False,
    no_progress: options.NoProgressOption = False,
) -> None:
    """Only extract, and keep the embeddings in a folder for later."""
    from geoscope.cli.progress import RunProgress
    from geoscope.subjects import text_subjects

    exits.mind_warnings(quiet=quiet)
    with RunProgress(bar=not (quiet or no_progress)) as progress:
        kept = text_subjects.extract(
            checkpoint,
            output=folder,
            corpora=corpora,
            split=split,
            words=words,
            sequences=sequences,
            max_length=max_length,
            layers=layers,
            pooling=pooling.value,
            tokens=tokens.value,
            seed=seed,
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            revision=revision,
            trust_remote_code=trust_remote_code,
            allow_pickle=allow_pickle,
            progress=progress,
        )
    if not quiet:
        exits.say(
            f"wrote {len(kept.index):,} rows of each of {len(kept.layers)} layers to {folder}; " + progress.summary()
        )


compare = app.command()(gates.compare)
check = app.command()(gates.check)
noise_floor = app.command(name="noise-floor")(noise_floor_command.noise_floor)
perturb = app.command()(perturb_command.perturb)
report = app.command()(report_command.report)
correlate = app.command()(correlate_command.correlate)
finetune = app.command()(finetune_command.finetune)


@app.command(name="measures")
@settled
def list_measures(form: options.FormatOption = None, destination: options.OutputOption = STDOUT) -> None:
    """List every measure: key, range, direction, null, cost, paper."""
    form_of_output = output.choose_format(form, destination)
    from geoscope.rendering import render_measures

    files.send(render_measures(form_of_output, output.page_of(destination)), destination)


@app.command()
@settled
def schema(destination: options.OutputOption = STDOUT) -> None:
    """Print the JSON Schema of a report."""
    import json

    from geoscope.report import json_schema

    files.send(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n", destination)
