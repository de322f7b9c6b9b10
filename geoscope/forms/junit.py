"""JUnit XML, which CI systems show as test results: a suite per layer, a case per limit and per measure.

A limit that failed is a failure, and nothing else is: a verdict alone is no reason to stop. A measure without a
difference is skipped, and so is a similarity without a value.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from geoscope.document import Document, GateCase
from geoscope.wording import printable

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(document: Document) -> str:
    """The XML document."""
    cases = document.cases or ()
    root = Element("testsuites", name="geoscope")
    for name in dict.fromkeys(case.suite for case in cases):
        suite = SubElement(root, "testsuite", name=_clean(name))
        for case in cases:
            if case.suite == name:
                _add(suite, case)
        _count(suite)
    _count(root)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add(suite: Element, case: GateCase) -> None:
    drawn = SubElement(suite, "testcase", classname=_clean(case.suite), name=_clean(case.name))
    said = _clean(case.text)
    if case.outcome == "failed":
        limit = _clean(case.name)
        SubElement(drawn, "failure", type="limit", message=f"{limit}: {said}").text = said
    elif case.outcome == "skipped":
        SubElement(drawn, "skipped", message=said)
    elif said:
        SubElement(drawn, "system-out").text = said


def _count(parent: Element) -> None:
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        parent.set(name, str(sum(1 for _ in parent.iter(tag))))


def _clean(text: str) -> str:
    """Text that can be printed, without the characters that XML cannot hold at all."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", printable(text))
