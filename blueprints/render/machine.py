"""A report as JSON, for scripts."""

import json
from typing import Any

from blueprints.findings import Finding, Report


def finding_to_dict(finding: Finding) -> dict[str, Any]:
    """A finding as plain data; keys whose value is unknown are left out."""
    data = {
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "endColumn": finding.end_column,
        "path": finding.path,
        "value": finding.value,
        "allowed": list(finding.allowed),
        "nearest": finding.nearest,
        "hint": finding.hint,
    }
    return {key: value for key, value in data.items() if value not in ("", 0, [])}


def report_to_dict(report: Report) -> dict[str, Any]:
    """A report as plain data: `ok`, `documents`, `files` and `findings`."""
    return {
        "ok": report.ok,
        "documents": report.documents,
        "files": report.files,
        "findings": [finding_to_dict(finding) for finding in report.findings],
    }


def render_json(report: Report) -> str:
    """A report as a JSON text."""
    return json.dumps(report_to_dict(report), indent=2, ensure_ascii=False) + "\n"
