"""Rendering: every kind of result as text in each of its forms. The one place that knows both forms and pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from geoscope.errors import GeoscopeError
from geoscope.files import send
from geoscope.forms.output import SUFFIXES, Page

if TYPE_CHECKING:
    from geoscope.comparisons.comparison import Comparison
    from geoscope.comparisons.holding import Check
    from geoscope.comparisons.noise_floors import NoiseFloor
    from geoscope.correlations.correlation import Correlations
    from geoscope.finetuning.results import FineTuning
    from geoscope.report import Report

_ANY_PAGE = Page()

Makers = Mapping[str, Callable[[], str]]
"""What makes the text of each form."""


def render_report(report: Report, form: str, page: Page = _ANY_PAGE) -> str:
    """One report; page: what a table is drawn on, here and below."""
    from geoscope.forms import tables

    def html() -> str:
        from geoscope.pages.report_page import to_html

        return to_html(report)

    return _made(form, "one report", {**_usual(tables, report, page), "html": html})


def render_reports(reports: Sequence[Report], form: str, page: Page = _ANY_PAGE) -> str:
    """Several subjects' reports: json is a list, csv and markdown have a row a number, a table a row a subject."""
    from geoscope.forms import batch_forms

    def html() -> str:
        from geoscope.pages.report_page import to_html

        return to_html(*reports)

    json = partial(batch_forms.to_json, reports)
    return _made(form, "reports", {**_usual(batch_forms, reports, page), "json": json, "html": html})


def render_comparison(result: Comparison | Check, form: str, page: Page = _ANY_PAGE) -> str:
    """A comparison, or a report held to absolute limits."""
    from geoscope.forms import annotations, comparison_forms, junit

    def html() -> str:
        from geoscope.pages.comparison_page import to_html

        return to_html(result)

    more: Makers = {
        "html": html,
        "junit": partial(junit.to_junit, result),
        "github": lambda: annotations.to_annotations(result, comparison_forms.outcome(result)),
    }
    return _made(form, "a comparison", {**_usual(comparison_forms, result, page), **more})


def render_noise_floor(result: NoiseFloor, form: str, page: Page = _ANY_PAGE) -> str:
    """How far measures move by themselves."""
    from geoscope.forms import noise_floor_forms

    def html() -> str:
        from geoscope.pages.noise_floor_page import to_html

        return to_html(result)

    return _made(form, "a noise floor", {**_usual(noise_floor_forms, result, page), "html": html})


def render_correlations(result: Correlations, form: str, page: Page = _ANY_PAGE) -> str:
    """Measures held against scores."""
    from geoscope.forms import correlation_forms

    def html() -> str:
        from geoscope.pages.correlation_page import to_html

        return to_html(result)

    return _made(form, "correlations", {**_usual(correlation_forms, result, page), "html": html})


def render_fine_tuning(result: FineTuning, form: str, page: Page = _ANY_PAGE) -> str:
    """A fine-tuning study."""
    from geoscope.forms import fine_tuning_forms

    def html() -> str:
        from geoscope.pages.fine_tuning_page import to_html

        return to_html(result)

    return _made(form, "a study", {**_usual(fine_tuning_forms, result, page), "html": html})


def write_fine_tuning(result: FineTuning, folder: str) -> None:
    """The study beside its runs: results.json, .csv, .md and .html."""
    for suffix in (".json", ".csv", ".md", ".html"):
        path = Path(folder).expanduser() / f"results{suffix}"
        send(render_fine_tuning(result, SUFFIXES[suffix]), str(path))


def render_measures(form: str, page: Page = _ANY_PAGE) -> str:
    """The list of measures."""
    from geoscope.catalogue import MEASURES
    from geoscope.forms import listing

    def html() -> str:
        from geoscope.pages.measures_page import to_html

        return to_html()

    json = partial(listing.to_json, MEASURES)
    return _made(form, "the measures", {**_usual(listing, MEASURES, page), "json": json, "html": html})


def _usual(forms: ModuleType, result: Any, page: Page) -> dict[str, Callable[[], str]]:
    """The makers that the forms of every kind of result have."""
    return {
        "table": lambda: str(forms.to_table(result, page)),
        "json": lambda: str(result.to_json()),
        "csv": lambda: str(forms.to_csv(result)),
        "markdown": lambda: str(forms.to_markdown(result)),
    }


def _made(form: str, what: str, makers: Makers) -> str:
    """What the maker of that form makes; a form that has none is refused, with what it was wanted for."""
    if form not in makers:
        *most, last = makers
        raise GeoscopeError(f"expected {', '.join(most)} or {last} for {what}, got {form}; choose with --format")
    return makers[form]()
