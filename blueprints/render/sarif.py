"""A report as SARIF 2.1.0, for code hosts and editors."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from blueprints.findings import CODES, Finding, Report

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _location(finding: Finding) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(finding.file)}}
    if finding.line:
        region = {"startLine": finding.line, "startColumn": max(finding.column, 1)}
        if finding.end_column > finding.column:
            region["endColumn"] = finding.end_column
        physical["region"] = region
    location: dict[str, Any] = {"physicalLocation": physical}
    if finding.path:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.path}]
    return location


def _result(finding: Finding, rules: list[str]) -> dict[str, Any]:
    text = finding.message if not finding.hint else f"{finding.message}. {finding.hint}"
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rules.index(finding.code),
        "level": finding.severity,
        "message": {"text": text},
    }
    if finding.file:
        result["locations"] = [_location(finding)]
    return result


def report_to_sarif(report: Report, version: str = "0.1.0") -> dict[str, Any]:
    """A report as a SARIF log with one run."""
    rules = sorted({finding.code for finding in report.findings})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "altostratus",
                        "version": version,
                        "rules": [
                            {"id": code, "shortDescription": {"text": CODES.get(code, code)}}
                            for code in rules
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, rules) for finding in report.findings],
            }
        ],
    }


def render_sarif(report: Report) -> str:
    """A report as a SARIF text."""
    return json.dumps(report_to_sarif(report), indent=2, ensure_ascii=False) + "\n"
