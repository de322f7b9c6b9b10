"""The measures that the field has come to use since: one literal row each, measured where they are asked for."""

from __future__ import annotations

from geoscope.catalogue.traits import Measure

FIELD_MEASURES: tuple[Measure, ...] = ()  # fmt: skip
