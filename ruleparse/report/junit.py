"""JUnit XML, as CI systems read it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that was looked at, and what is wrong with it."""

    name: str
    title: str
    failures: tuple[str, ...] = ()


def junit(suite: str, cases: Sequence[Case]) -> str:
    failed = str(sum(1 for case in cases if case.failures))
    counts = {"tests": str(len(cases)), "failures": failed, "errors": "0", "skipped": "0"}
    root = ElementTree.Element("testsuites", counts)
    inner = ElementTree.SubElement(root, "testsuite", {"name": suite, **counts})
    for case in cases:
        element = ElementTree.SubElement(inner, "testcase", {"name": _xml(case.name), "classname": suite})
        if case.failures:
            failure = ElementTree.SubElement(element, "failure", {"message": _xml(case.title), "type": "failure"})
            failure.text = _xml("\n\n".join(case.failures))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _xml(text: str) -> str:
    """Text with what XML cannot hold shown as escapes."""
    return _NOT_XML.sub(lambda found: ascii(found[0])[1:-1], text)
