"""The options a report was measured with, read back from it, so that another subject can be measured the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from geoscope.errors import GeoscopeError

if TYPE_CHECKING:
    from geoscope.report import Report

_NAMED = ("ptb", "wikitext2", "sample")
_POINTS = 10000
OF_TEXT = ("corpora", "split", "words", "sequences", "max_length", "pooling", "tokens", "layers", "dtype", "protocol")


def options_of(report: Report, given: Mapping[str, Any], *, text: bool) -> dict[str, Any]:
    """The keywords of `measure` that draw the report's sample and use its settings; those given go first.

    text: whether the subject reads text; embeddings have been drawn and pooled already. Raises GeoscopeError where
    the report does not say enough: a corpus from a file, a reference covariance from a file.
    """
    found: dict[str, Any] = {"measures": _measures(report), "seed": report.sample.seed, "points": _points(report)}
    settings = report.settings
    for name in ("isoscore_zeta", "tokens", "layers", "split", "words", "dtype", "protocol", "population"):
        if name in settings:
            found[name] = settings[name]
    quantizer = settings.get("quantizer")
    if isinstance(quantizer, dict):
        parts = {"kind": "quantizer", "codebooks": "codebooks", "bits": "bits"}
        found |= {name: quantizer[part] for part, name in parts.items() if part in quantizer}
    reference = settings.get("isoscore_reference", "scaled-identity")
    if reference != "scaled-identity" and "isoscore_reference" not in given:
        raise GeoscopeError(
            f"expected --isoscore-reference with the covariance of {report.subject.name}'s report, got none; "
            "the report keeps only its fingerprint"
        )
    if text:
        found |= _sample(report, given)
    else:
        found = {name: value for name, value in found.items() if name not in OF_TEXT or name in ("tokens", "layers")}
        if found.get("layers") == "union":
            found.pop("layers")
    return found | dict(given)


def _measures(report: Report) -> list[str]:
    return list(dict.fromkeys(row.measure for row in report.measurements))


def _points(report: Report) -> int:
    """What was asked for: more than there were rows cannot be told from all of them."""
    points = report.sample.points
    return points if points < report.sample.rows else max(points, _POINTS)


def _sample(report: Report, given: Mapping[str, Any]) -> dict[str, Any]:
    sample = report.sample
    found: dict[str, Any] = {}
    if sample.pooling is not None:
        found["pooling"] = sample.pooling
    if sample.max_length is not None:
        found["max_length"] = sample.max_length
    if sample.corpora:
        found["sequences"] = drawn_sequences(report)
        found["corpora"] = [share.name for share in sample.corpora]
    foreign = [share.name for share in sample.corpora if share.name not in _NAMED]
    if (foreign or not sample.corpora) and "corpora" not in given:
        raise GeoscopeError(
            f"expected --corpus with the text that {report.subject.name} was measured on, got none; "
            f"its report names {', '.join(foreign) or 'no corpus'} but not where the text is"
        )
    return found


def drawn_sequences(report: Report) -> int:
    """How many --sequences drew a report's sample; as many as it has where it names no corpora."""
    shares = [share.sequences for share in report.sample.corpora]
    if not shares:
        return report.sample.sequences or report.sample.rows
    # Shares that differ are of corpora that gave all they had, and gave less than their share.
    return sum(shares) if max(shares) - min(shares) <= 1 else len(shares) * max(shares)
