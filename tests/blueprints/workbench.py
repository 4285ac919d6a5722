"""Builds workspaces from YAML texts for tests."""

from blueprints.findings import Finding
from blueprints.loader import load_text
from blueprints.validate import report
from blueprints.workspace import Workspace

HEADER = "apiVersion: altostratus/v1\n"

PHP_APPLICATION = """
kind: Application
name: shop
cartridges: [{alias: web, cartridge: php, members: {min: 1, max: 4}}]
"""


def workspace_of(*texts: str) -> tuple[Workspace, list[Finding]]:
    """A workspace of documents written without their apiVersion, and the findings of reading them."""
    documents, findings = load_text("---\n".join(HEADER + text.strip() + "\n" for text in texts), "test.yaml")
    return Workspace(documents), findings


def findings_of(*texts: str) -> list[Finding]:
    """Everything validation finds in documents written without their apiVersion."""
    workspace, findings = workspace_of(*texts)
    return list(report(workspace, findings).findings)


def codes_of(*texts: str) -> list[str]:
    """The codes of all errors."""
    return [f.code for f in findings_of(*texts) if f.severity == "error"]
