"""`compare` and `check`: the commands that can fail a limit. Parse, call, print, exit."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from geoscope.cli import exits, options
from geoscope.cli.exits import ExitCode, settled
from geoscope.cli.progress import heard
from geoscope.files import STDOUT, check_destination, send
from geoscope.forms import output
from geoscope.settings.judging import CompareOptions
from geoscope.settings.option import Option

if TYPE_CHECKING:
    from geoscope.comparisons.checks import Check
    from geoscope.comparisons.comparison import Comparison
    from geoscope.comparisons.limits import Limit


class Files(TypedDict):
    """Where limits are from, beside those that are typed."""

    no_config: Annotated[bool, Option(False, "Read no limits from pyproject.toml or geoscope.toml.", "Limits")]


@settled
@options.spread
def compare(
    base: options.BaseArgument,
    candidates: options.CandidatesArgument,
    comparing: CompareOptions,
    files: Files,
    written: options.GateWritten,
    screens: options.Screens,
    telling: options.Telling,
) -> None:
    """Hold one or more subjects or reports against a base: differences, verdicts, and limits that can fail.

    What is measured here takes its sample and settings from the first report among the subjects, where there is one;
    options given here go first.
    """
    from geoscope.comparing import compare as compare_subjects

    form = output.choose_format(written["form"], written["output"], output.GATE_FORMS)
    check_destination(written["output"])
    with heard(telling) as ears:
        comparing["limits"] = _limits(comparing.get("limits", ()), use_files=not files["no_config"], telling=telling)
        result = compare_subjects(base, *candidates, **comparing, progress=ears.progress)
    if ears.progress.seconds.keys() - {"other"}:
        ears.sum_up()
    _deliver(result, form, written, telling, output.page_of(written["output"], **screens))


@settled
@options.spread
def check(
    report: options.ReportArgument,
    limits: options.BoundsArgument,
    written: options.GateWritten,
    telling: options.Quiet,
) -> None:
    """Hold one report against absolute limits: every layer it has, or the one that @LAYER names."""
    from geoscope.comparisons.checks import check_report
    from geoscope.comparisons.limits import parse_bound
    from geoscope.report import Report

    form = output.choose_format(written["form"], written["output"], output.GATE_FORMS)
    check_destination(written["output"])
    bounds = [parse_bound(limit) for limit in limits]
    page = output.page_of(written["output"])
    _deliver(check_report(Report.read(report), bounds), form, written, telling, page)


def _limits(texts: Iterable[str], *, use_files: bool, telling: options.Quiet) -> tuple[Limit, ...]:
    """Those typed, and those of the nearest configuration file whose target was not typed."""
    from geoscope.comparisons.limits import override, parse_limit

    typed = [parse_limit(text) for text in texts]
    if not use_files:
        return tuple(typed)
    from geoscope.comparisons.configuration import find_limits

    path, kept = find_limits(Path.cwd())
    if kept and not telling["quiet"]:
        exits.say(f"{len(kept)} limits from {path}")
    return override(kept, typed)


def _deliver(
    result: Comparison | Check, form: str, written: options.GateWritten, telling: options.Quiet, page: output.Page
) -> None:
    """Print, add to the job's summary if asked, and end with 1 if a limit failed."""
    from geoscope.documents.gates import sentence_of
    from geoscope.documents.rendering import render
    from geoscope.forms.github import SUMMARY_VARIABLE, append_summary

    destination, step_summary, quiet = written["output"], written["step_summary"], telling["quiet"]
    send(render(result, form, page), destination)
    if (
        (step_summary or form == "github")
        and not append_summary(render(result, "markdown", output.Page(all_measures=page.all_measures)))
        and step_summary
        and not quiet
    ):
        exits.say(f"warning: no job summary to append to, because {SUMMARY_VARIABLE} is not set")
    if result.failed:
        seen = destination == STDOUT and form in ("table", "github")
        if not (quiet or seen):
            for limit in result.failed:
                exits.say(f"limit failed: {sentence_of(limit)}")
        raise typer.Exit(ExitCode.LIMIT_FAILED)
