"""The page of the list of measures."""

from __future__ import annotations

from geoscope.catalogue import MEASURES
from geoscope.pages.page import render_page
from geoscope.pages.reading import by_family, reading_of


def to_html() -> str:
    """Every measure of the catalogue, and how it is read."""
    told = {measure.key: (measure, reading_of(measure.key)) for measure in MEASURES}
    families = [(family, [told[key] for key in members]) for family, members in by_family(told)]
    return render_page("measures", "Measures", families=families)
