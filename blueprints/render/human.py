"""A report as plain text: one finding a paragraph, with its line and a mark under the fault."""

import unicodedata
from collections.abc import Iterable

from blueprints.findings import Finding, Report

_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m"}
_DIM, _BOLD, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[0m"
_WIDTH = 120


class _Style:
    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def paint(self, text: str, code: str) -> str:
        return f"{code}{text}{_RESET}" if self.colour else text


def printable(text: str) -> str:
    """Text without control characters, so that a document cannot steer a terminal."""
    return "".join(" " if c == "\t" else c if unicodedata.category(c)[0] != "C" else "\ufffd" for c in text)


def render_finding(finding: Finding, *, colour: bool = False) -> str:
    """One finding: place and message, the line with a mark, and the hint."""
    style = _Style(colour)
    severity = style.paint(f"{finding.severity}[{finding.code}]", _COLOURS[finding.severity])
    place = f"{style.paint(printable(finding.place), _BOLD)}: " if finding.place else ""
    path = f"{printable(finding.path)}: " if finding.path else ""
    lines = [f"{place}{severity} {path}{printable(finding.message)}"]
    lines += _excerpt(finding, style)
    if finding.hint:
        lines.append(f"  {style.paint('help:', _DIM)} {printable(finding.hint)}")
    return "\n".join(lines)


def _excerpt(finding: Finding, style: _Style) -> list[str]:
    if not finding.source_line.strip() or not finding.line:
        return []
    start = max(finding.column - 1, 0)
    cut = max(start - _WIDTH // 2, 0)
    text = printable(finding.source_line[cut : cut + _WIDTH])
    length = max(finding.end_column - finding.column, 1) if finding.end_column else 1
    before = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text[: start - cut])
    mark = "^" * max(min(length, _WIDTH - (start - cut)), 1)
    gutter = str(finding.line)
    margin = " " * len(gutter)
    return [
        f"  {style.paint(f'{gutter} |', _DIM)} {text}",
        f"  {style.paint(f'{margin} |', _DIM)} {' ' * before}{style.paint(mark, _COLOURS[finding.severity])}",
    ]


def render_findings(findings: Iterable[Finding], *, colour: bool = False) -> str:
    """Several findings, an empty line between them."""
    return "\n\n".join(render_finding(finding, colour=colour) for finding in findings)


def summary(report: Report) -> str:
    """What was looked at and found, in one line."""
    looked = f"{_count(report.documents, 'document')} in {_count(report.files, 'file')}"
    errors, warnings = len(report.errors), len(report.warnings)
    if not errors and not warnings:
        return f"{looked}: all valid"
    found = [_count(errors, "error")] if errors else []
    found += [_count(warnings, "warning")] if warnings else []
    return f"{looked}: {' and '.join(found)}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def render_report(report: Report, *, colour: bool = False) -> str:
    """A whole report, with a summary as its last line."""
    body = render_findings(report.findings, colour=colour)
    return f"{body}\n\n{summary(report)}\n" if body else f"{summary(report)}\n"
