"""Told: the options a report was measured with, read back from it, so that another subject can be measured likewise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from geoscope.errors import GeoscopeError
from geoscope.settings.measuring import NAMED_CORPORA, MeasureChoice, Rows, Seed, Text, Transforming
from geoscope.settings.option import fields_of, names, without

if TYPE_CHECKING:
    from geoscope.report import Report


class _ReadBack(Text, Rows, Seed, Transforming, MeasureChoice, total=False):
    """What makes two subjects' numbers comparable; errors and nulls stand beside them."""


def options_told(report: Report, given: Mapping[str, Any], *, text: bool) -> dict[str, Any]:
    """The keywords of `measure` that draw the report's sample and use its settings; those given go first.

    text: whether the subject reads text; embeddings have been drawn and pooled already. Raises GeoscopeError where
    the report does not say enough: a corpus from a file, a reference covariance from a file.
    """
    found = {name: _told(report, field.option.told) for name, field in fields_of(_ReadBack).items()}
    found["measures"] = list(dict.fromkeys(row.measure for row in report.measurements))
    found["points"] = _points(report)
    if found.pop("isoscore_reference") not in (None, "scaled-identity") and "isoscore_reference" not in given:
        raise GeoscopeError(
            f"expected --isoscore-reference with the covariance of {report.subject.name}'s report, got none; "
            "the report keeps only its fingerprint"
        )
    if text:
        found |= _drawn(report, given)
    else:
        found = without(found, names(_ReadBack, lambda option: option.of_text))
        if found.get("layers") == "union":
            found.pop("layers")
    return {name: value for name, value in found.items() if value is not None} | dict(given)


def drawn_sequences(report: Report) -> int:
    """How many --sequences drew a report's sample; as many as it has where it names no corpora."""
    shares = [share.sequences for share in report.sample.corpora]
    if not shares:
        return report.sample.sequences or report.sample.rows
    # Shares that differ are of corpora that gave all they had, and gave less than their share.
    return sum(shares) if max(shares) - min(shares) <= 1 else len(shares) * max(shares)


def _told(report: Report, path: str | None) -> Any:
    """What stands in a report under "settings.quantizer.kind"; None where nothing does."""
    found: Any = report
    for name in (path or "").split("."):
        found = found.get(name) if isinstance(found, dict) else getattr(found, name, None)
    return found


def _points(report: Report) -> int:
    """What was asked for: more than there were rows cannot be told from all of them."""
    points, default = report.sample.points, fields_of(Rows)["points"].option.default
    return points if points < report.sample.rows else max(points, default)


def _drawn(report: Report, given: Mapping[str, Any]) -> dict[str, Any]:
    """The corpora and how many sequences of them, as they are asked for."""
    sample = report.sample
    if sample.pooling == "vocabulary":  # which is of no text
        return {"corpora": None, "sequences": None}
    foreign = [share.name for share in sample.corpora if share.name not in NAMED_CORPORA]
    named = given.keys() & {"corpora", "texts"}
    if (foreign or not sample.corpora) and not named:
        raise GeoscopeError(
            f"expected --corpus with the text that {report.subject.name} was measured on, got none; "
            f"its report names {', '.join(foreign) or 'no corpus'} but not where the text is"
        )
    if not sample.corpora:
        return {"corpora": None, "sequences": None}
    corpora = None if "texts" in named else [share.name for share in sample.corpora]
    return {"corpora": corpora, "sequences": drawn_sequences(report)}
