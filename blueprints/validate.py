"""Validation: everything wrong with a set of documents, in one report."""

from collections.abc import Iterable
from pathlib import Path

from blueprints.findings import Finding, Report
from blueprints.workspace import Workspace


def validate(paths: Iterable[str | Path]) -> Report:
    """Check files and folders of documents, each by itself and all against each other.

    Never raises on what the files hold; every fault is a finding in the report.
    """
    workspace, findings, files = Workspace.read(paths)
    return Report(_ordered(findings), len(workspace.documents), files, workspace)


def _ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(dict.fromkeys(findings), key=lambda f: (f.file, f.line, f.column, f.code, f.message)))
