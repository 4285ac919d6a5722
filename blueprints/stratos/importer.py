"""Imports a folder of Stratos documents: collects, converts, writes, and validates what it wrote."""

import shutil
from pathlib import Path

from blueprints.findings import DocumentError, Finding
from blueprints.loader import Loaded, load_text
from blueprints.stratos.collection import collect
from blueprints.stratos.import_accounts import import_messages, import_tenants
from blueprints.stratos.import_applications import import_applications
from blueprints.stratos.import_cartridges import import_cartridges, import_groups
from blueprints.stratos.import_policies import import_autoscaling, import_places
from blueprints.stratos.report import ImportReport
from blueprints.stratos.session import Session
from blueprints.stratos.unread import note_unread
from blueprints.validate import report as validation
from blueprints.workspace import Workspace
from blueprints.writer import to_yaml, write_text


def import_stratos(source: Path, out: Path | None = None, *, artifacts: bool = True) -> ImportReport:
    """Turn every Stratos document below `source` into ours, and write them below `out` if given.

    Without `artifacts` repositories are left behind: members run without code of their own, which is
    enough to see an application's structure where its repositories cannot be reached.
    What cannot be read or carried over is in the report, never an exception. Raises
    DocumentError where `source` is not there or `out` holds files already.
    """
    if not source.exists():
        raise DocumentError([Finding("ALT1001", "there is no such file or folder", str(source))])
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DocumentError(
            [Finding("ALT1001", "there are files already", str(out), hint="Name a new or an empty folder.")]
        )
    report = ImportReport(source, artifacts=artifacts)
    session = Session(collect(source, report), report)
    # In the order in which kinds refer to each other.
    import_places(session)
    import_autoscaling(session)
    import_cartridges(session)
    import_groups(session)
    import_applications(session)
    import_tenants(session)
    import_messages(session)
    note_unread(session)
    report.findings = _validated(report)
    if out is not None:
        _write(report, out)
    return report


def _validated(report: ImportReport) -> tuple[Finding, ...]:
    loaded: list[Loaded] = []
    findings: list[Finding] = []
    for path, document in report.documents.items():
        documents, found = load_text(to_yaml(document), path)
        loaded += documents
        findings += found
    return validation(Workspace(loaded), findings, len(report.documents)).findings


def _write(report: ImportReport, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for path, document in report.documents.items():
        write_text(out / path, to_yaml(document))
    for name, folder in report.copies.items():
        shutil.copytree(
            folder,
            out / name,
            ignore=shutil.ignore_patterns("cartridge.yaml", "__pycache__"),
            dirs_exist_ok=True,
        )
    write_text(out / "IMPORT.txt", report.render())
