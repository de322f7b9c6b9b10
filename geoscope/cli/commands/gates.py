"""`compare` and `check`: the commands that can fail a limit. Parse, call, print, exit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from geoscope.cli import exits, options
from geoscope.cli.exits import ExitCode, settled
from geoscope.cli.outputs import Outputs, chosen_outputs
from geoscope.cli.progress import heard
from geoscope.errors import GeoscopeError
from geoscope.forms import output
from geoscope.settings.judging import CompareOptions
from geoscope.settings.option import names, without

if TYPE_CHECKING:
    from geoscope.comparisons.checks import Check
    from geoscope.comparisons.comparison import Comparison
    from geoscope.comparisons.limits import Held


@settled
@options.spread
def compare(
    context: typer.Context,
    base: options.BaseArgument,
    candidates: options.CandidatesArgument,
    comparing: CompareOptions,
    written: options.GateWritten,
    screens: options.Screens,
    telling: options.Telling,
) -> None:
    """Hold one or more subjects or reports against a base: differences, verdicts, and limits that can fail.

    What is measured here takes its sample and settings from the first report among the subjects, where there is one;
    options given here go first. What the environment or the project's file says of these yields to the report.

    Examples:
        geoscope compare before.json after.json
        geoscope compare baseline.json ./model --fail-on collapse
        geoscope compare a.json b.json c.json -o differences.csv -o page.html
    """
    from geoscope.comparing import compare as compare_subjects
    from geoscope.comparisons.collapse import parse_change
    from geoscope.comparisons.configuration import find_limits
    from geoscope.subjects.kinds import Kind, kind_of

    outputs = chosen_outputs(written, quiet=telling["quiet"], forms=output.GATE_FORMS)
    with heard(telling) as ears:
        if any(kind_of(each) is Kind.REPORT for each in (base, *candidates)):
            comparing = _as_told(comparing, context)
        typed = [parse_change(text) for text in comparing.get("limits", ())]
        comparing["limits"] = _with_kept(typed, find_limits, context, telling)
        result = compare_subjects(base, *candidates, **comparing, progress=ears.progress)
    if ears.progress.seconds.keys() - {"other"}:
        ears.sum_up()
    _deliver(result, outputs, step_summary=written["step_summary"], all_measures=screens["all_measures"])


@settled
@options.spread
def check(
    context: typer.Context,
    report: options.ReportArgument,
    limits: options.BoundsArgument,
    written: options.GateTextWritten,
    job: options.StepSummary,
    telling: options.Quiet,
) -> None:
    """Hold one report against absolute limits: every layer it has, or the one that @LAYER names.

    Examples:
        geoscope check report.json collapse 'anisotropy<0.5' 'two_nn@last>5'
        geoscope check report.json                          # the project's bounds
        geoscope check report.json 'isoscore>0.1' --format junit -o check.xml
    """
    from geoscope.comparisons.checks import check_report
    from geoscope.comparisons.collapse import parse_value
    from geoscope.comparisons.configuration import find_bounds
    from geoscope.report import Report

    outputs = chosen_outputs(written, quiet=telling["quiet"], forms=output.GATE_FORMS, piped="table")
    typed = [parse_value(limit) for limit in limits]
    bounds = _with_kept(typed, find_bounds, context, telling)
    if not bounds:
        raise GeoscopeError(
            "expected a limit such as 'anisotropy<0.5', got none; give one or more, or keep them in "
            "[tool.geoscope.bounds] of pyproject.toml"
        )
    _deliver(check_report(Report.read(report), bounds), outputs, step_summary=job["step_summary"])


def _as_told(comparing: CompareOptions, context: typer.Context) -> CompareOptions:
    """Without what the environment or the project's file says where a report tells it."""
    told = names(CompareOptions, lambda option: option.told is not None)
    return cast(CompareOptions, without(comparing, [name for name in told if context.obj.get(name) != options.TYPED]))


def _with_kept(
    typed: Sequence[Held],
    find: Callable[[Path], tuple[Path | None, tuple[Held, ...]]],
    context: typer.Context,
    telling: options.Quiet,
) -> tuple[Held, ...]:
    """Those typed, and those of the nearest project file whose target was not typed."""
    from geoscope.comparisons.limits import override

    path, kept = (None, ()) if context.params["no_config"] else find(Path.cwd())
    if kept and not telling["quiet"]:
        exits.say(f"{len(kept)} limit{'s' * (len(kept) > 1)} from {path}")
    return override(kept, typed)


def _deliver(result: Comparison | Check, outputs: Outputs, *, step_summary: bool, all_measures: bool = False) -> None:
    """Print, add to the job's summary if asked, and end with 1 if a limit failed."""
    from geoscope.documents.gates import sentence_of
    from geoscope.documents.rendering import render
    from geoscope.forms.github import SUMMARY_VARIABLE, append_summary

    said = outputs.send(result, all_measures=all_measures)
    summed_up = step_summary or "github" in outputs.forms.values()
    page = output.Page(all_measures=all_measures)
    if summed_up and not append_summary(render(result, "markdown", page)) and step_summary and not outputs.quiet:
        exits.say(f"warning: no job summary to append to, because {SUMMARY_VARIABLE} is not set")
    if result.failed:
        if not (outputs.quiet or outputs.on_stdout in ("table", "github")):
            lines = [f"limit failed: {sentence_of(limit)}" for limit in result.failed]
            exits.say_some([line for line in lines if line not in said], "failed", beside=len(said))
        raise typer.Exit(ExitCode.LIMIT_FAILED)
