"""The same of the measures of the field, on the last layer of the wide model: fewer draws, as they take longer."""

from __future__ import annotations

from benchmarks.results import Section
from benchmarks.sections.errors import judged, of_layer
from benchmarks.settings import Settings


def run(settings: Settings) -> Section:
    section = Section(
        "field_errors", "Standard errors of the field's measures: coverage, false alarms and power, worst measure"
    )
    given = {
        "draws": settings.field_draws,
        "per_draw": settings.per_draw,
        "workers": settings.workers,
        "measures": "field",
    }
    return judged(section, [of_layer(settings, settings.wide, given, "the wide model's layer")])
