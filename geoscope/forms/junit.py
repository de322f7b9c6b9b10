"""JUnit XML, which CI systems show as test results: a suite per layer, a case per limit and per measure.

A limit that failed is a failure, and nothing else is: a verdict alone is no reason to stop. A measure without a
difference is skipped, and so is a similarity without a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from geoscope.comparisons.holding import Check, HeldLimit
from geoscope.wording import crosses_layers, key_names, layer_name, layers_in_words, rounded

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from geoscope.comparisons.comparison import Comparison, Difference

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(result: Comparison | Check) -> str:
    """The XML document."""
    differences, alike = ([], []) if isinstance(result, Check) else (result.differences, result.similarity)
    layers = dict.fromkeys(
        [
            *(row.layer for row in differences), *(limit.layer for limit in result.limits),
            *(row.get("layer_base") for row in alike),
        ]
    )  # fmt: skip
    several = not isinstance(result, Check) and len(result.candidates) > 1
    root = ElementTree.Element("testsuites", name="geoscope")
    for layer in layers:
        name = "geoscope" if layer is None else f"geoscope.layer-{layer}"
        suite = ElementTree.SubElement(root, "testsuite", name=name)
        for limit in (limit for limit in result.limits if limit.layer == layer):
            _add_limit(suite, limit, several=several)
        for row in (row for row in differences if row.layer == layer):
            _add_difference(suite, row, several=several)
        for each in (each for each in alike if each.get("layer_base") == layer):
            _add_similarity(suite, each, several=several)
        _count(suite)
    _count(root)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _count(parent: Element) -> None:
    parent.set("tests", str(sum(1 for _ in parent.iter("testcase"))))
    parent.set("failures", str(sum(1 for _ in parent.iter("failure"))))
    parent.set("errors", "0")
    parent.set("skipped", str(sum(1 for _ in parent.iter("skipped"))))


def _add_limit(suite: Element, limit: HeldLimit, *, several: bool) -> None:
    keys = f" at {key_names(limit.keys)}" if limit.keys else ""
    name = limit.limit + keys + (f" [{limit.candidate}]" if several else "")
    case = ElementTree.SubElement(suite, "testcase", classname=suite.get("name", ""), name=_clean(name))
    reason = _clean("; ".join(filter(None, [limit.reason, layer_name(limit) if crosses_layers(limit) else None])))
    if not limit.held:
        failure = ElementTree.SubElement(case, "failure", type="limit", message=f"{_clean(limit.limit)}: {reason}")
        failure.text = reason
    elif reason:
        ElementTree.SubElement(case, "system-out").text = reason


def _add_difference(suite: Element, row: Difference, *, several: bool) -> None:
    case = _add_case(suite, row.measure, row.candidate if several else None)
    if row.difference is None:
        ElementTree.SubElement(case, "skipped", message=_clean(row.reason or ""))
        return
    between = "" if row.interval is None else f", 95 % {rounded(row.interval[0])} to {rounded(row.interval[1])}"
    where = f"; {layer_name(row)}" if crosses_layers(row) else ""
    text = f"{row.verdict}: {rounded(row.difference)}{between}{where}"
    ElementTree.SubElement(case, "system-out").text = _clean(text)


def _add_similarity(suite: Element, row: Mapping[str, Any], *, several: bool) -> None:
    case = _add_case(suite, str(row["measure"]), str(row.get("candidate")) if several else None)
    if row["value"] is None:
        ElementTree.SubElement(case, "skipped", message=_clean(str(row.get("reason") or "")))
        return
    null, layers = row.get("null"), (row.get("layer_base"), row.get("layer_candidate"))
    text = rounded(row["value"]) + ("" if null is None else f", null {rounded(null)}")
    text += f"; {layers_in_words(*layers)}" if layers[0] != layers[1] else ""
    ElementTree.SubElement(case, "system-out").text = text


def _add_case(suite: Element, measure: str, candidate: str | None) -> Element:
    name = measure + ("" if candidate is None else f" [{candidate}]")
    return ElementTree.SubElement(suite, "testcase", classname=suite.get("name", ""), name=_clean(name))


def _clean(text: str) -> str:
    """Text without the characters that XML cannot hold at all."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
