"""What failed, said once more at the very end: a run is long, and its last lines are what is read."""

import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

LONGEST_REASON = 200


def verdict(reports: Iterable[Path]) -> list[str]:
    """One line for each failed test of these JUnit reports, and what the parts came to.

    A report that is missing or cut off is a failure itself: its part ended before its tests did.
    """
    lines, tests, seconds = [], 0, 0.0
    for report in reports:
        suite = _suite(report)
        if suite is None:
            lines.append(f"FAILED the part {report.stem}: it ended before its tests did")
            continue
        tests += int(suite.get("tests", "0"))
        seconds = max(seconds, float(suite.get("time", "0")))
        lines += [f"FAILED {_name(case)}: {_reason(why)}" for case in suite for why in _failures(case)]
    return [*lines, f"{tests} tests in {seconds / 60:.0f} min, {len(lines) or 'none'} failed"]


def counts(reports: Iterable[Path]) -> str:
    """`N passed, N failed` and, where some were, `, N skipped` over all parts: a line for programs to read.

    A report that is missing or cut off counts as one that failed.
    """
    found: Counter[str] = Counter()
    for report in reports:
        suite = _suite(report)
        found.update(["failed"] if suite is None else (_outcome(case) for case in suite.findall("testcase")))
    skipped = f", {found['skipped']} skipped" if found["skipped"] else ""
    return f"{found['passed']} passed, {found['failed']} failed{skipped}"


def _suite(report: Path) -> ElementTree.Element | None:
    try:
        return ElementTree.parse(report).getroot().find("testsuite")  # noqa: S314 - written by our own pytest
    except (FileNotFoundError, ElementTree.ParseError):
        return None


def _outcome(case: ElementTree.Element) -> str:
    if _failures(case):
        return "failed"
    return "passed" if case.find("skipped") is None else "skipped"


def _failures(case: ElementTree.Element) -> list[ElementTree.Element]:
    return [*case.findall("failure"), *case.findall("error")]


def _name(case: ElementTree.Element) -> str:
    return f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '')}"


def _reason(why: ElementTree.Element) -> str:
    said = next(iter((why.get("message") or "").strip().splitlines()), "no reason was given")
    return said if len(said) <= LONGEST_REASON else f"{said[: LONGEST_REASON - 1]}…"
