"""`compare` and `check`: the commands that can fail a limit. Parse, call, print, exit."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from geoscope import files
from geoscope.cli import exits, options
from geoscope.cli.exits import ExitCode, settled
from geoscope.cli.protocol_option import ProtocolOption
from geoscope.files import STDOUT
from geoscope.forms import output

if TYPE_CHECKING:
    from geoscope.comparisons.comparison import Comparison
    from geoscope.comparisons.holding import Check
    from geoscope.comparisons.limits import Limit

_MEASURING = (
    "protocol", "corpora", "split", "words", "sequences", "max_length", "points", "layers", "pooling", "tokens",
    "groups", "seed", "measures", "isoscore_zeta", "isoscore_reference", "quantizer", "codebooks", "bits", "errors",
    "population", "null", "device", "dtype", "batch_tokens", "memory", "revision", "trust_remote_code", "allow_pickle",
)  # fmt: skip


@settled
def compare(
    context: typer.Context,
    base: options.BaseArgument,
    candidates: options.CandidatesArgument,
    fail_on: options.FailOnOption = None,
    margin: options.MarginOption = "5%",
    strict: options.StrictOption = False,
    no_config: options.NoConfigOption = False,
    align: options.AlignOption = False,
    similarity: options.SimilarityOption = False,
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
    form: options.GateFormatOption = None,
    destination: options.OutputOption = STDOUT,
    step_summary: options.StepSummaryOption = False,
    quiet: options.QuietOption = False,
    no_progress: options.NoProgressOption = False,
) -> None:
    """Hold one or more subjects or reports against a base: differences, verdicts, and limits that can fail.

    What is measured here takes its sample and settings from the first report among the subjects, where there is one;
    options given here go first.
    """
    from geoscope.cli.progress import RunProgress
    from geoscope.comparisons.comparing import compare as compare_subjects
    from geoscope.forms.comparison_forms import FORMS

    form_of_output = output.choose_format(form, destination, FORMS)
    files.check_destination(destination)
    exits.mind_warnings(quiet=quiet)
    limits = _limits(fail_on or [], use_files=not no_config, quiet=quiet)
    share = options.share_of(margin)
    with RunProgress(bar=not (quiet or no_progress)) as progress:
        result = compare_subjects(
            base, *candidates, margin=share, limits=limits, strict=strict, align=align, similarity=similarity,
            **_given(context), progress=progress,
        )  # fmt: skip
    if progress.seconds.keys() - {"other"} and not quiet:
        exits.say(progress.summary())
    _deliver(result, form_of_output, destination, step_summary=step_summary, quiet=quiet)


@settled
def check(
    report: options.ReportArgument,
    limits: options.BoundsArgument,
    form: options.GateFormatOption = None,
    destination: options.OutputOption = STDOUT,
    step_summary: options.StepSummaryOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Hold one report against absolute limits: every layer it has, or the one that @LAYER names."""
    from geoscope.comparisons.holding import check_report
    from geoscope.comparisons.limits import parse_bound
    from geoscope.forms.comparison_forms import FORMS
    from geoscope.report import Report

    form_of_output = output.choose_format(form, destination, FORMS)
    files.check_destination(destination)
    bounds = [parse_bound(limit) for limit in limits]
    result = check_report(Report.read(report), bounds)
    _deliver(result, form_of_output, destination, step_summary=step_summary, quiet=quiet)


def _given(context: typer.Context) -> dict[str, Any]:
    """The keywords of `measure` that were typed, so that what was not can come from a report."""
    typed = {}
    for name in _MEASURING:
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            value = context.params[name]
            typed[name] = value.value if isinstance(value, Enum) else value
    parsers = {"points": options.points_of, "measures": options.keys_of}
    return {name: parsers[name](value) if name in parsers else value for name, value in typed.items()}


def _limits(texts: list[str], *, use_files: bool, quiet: bool) -> tuple[Limit, ...]:
    """Those typed, and those of the nearest configuration file whose target was not typed."""
    from geoscope.comparisons.limits import override, parse_limit

    typed = [parse_limit(text) for text in texts]
    if not use_files:
        return tuple(typed)
    from geoscope.comparisons.configuration import find_limits

    path, kept = find_limits(Path.cwd())
    if kept and not quiet:
        exits.say(f"{len(kept)} limits from {path}")
    return override(kept, typed)


def _deliver(result: Comparison | Check, form: str, destination: str, *, step_summary: bool, quiet: bool) -> None:
    """Print, add to the job's summary if asked, and end with 1 if a limit failed."""
    from geoscope.forms.annotations import SUMMARY_VARIABLE, append_summary, sentence
    from geoscope.forms.comparison_forms import to_markdown
    from geoscope.rendering import render_comparison

    files.send(render_comparison(result, form, output.page_of(destination)), destination)
    if (step_summary or form == "github") and not append_summary(to_markdown(result)) and step_summary and not quiet:
        exits.say(f"warning: no job summary to append to, because {SUMMARY_VARIABLE} is not set")
    if result.failed:
        seen = destination == STDOUT and form in ("table", "github")
        if not (quiet or seen):
            for limit in result.failed:
                exits.say(f"limit failed: {sentence(limit)}")
        raise typer.Exit(ExitCode.LIMIT_FAILED)
