"""Imports a folder of Stratos documents: collects, converts, writes, and validates what it wrote."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from blueprints.findings import DocumentError, Finding
from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.loader import Loaded, load_text
from blueprints.model import Document
from blueprints.stratos import accounts, cartridges, groups, places, policies
from blueprints.stratos.applications import ApplicationImport, Surroundings, application_name
from blueprints.stratos.collection import Collection, collect
from blueprints.stratos.naming import free, name_of
from blueprints.stratos.record import Record
from blueprints.stratos.report import ImportReport
from blueprints.stratos.shape import StratosKind
from blueprints.validate import report as validation
from blueprints.workspace import Workspace
from blueprints.writer import to_yaml, write_text

T = TypeVar("T")

FOLDERS = {
    "Application": "applications",
    "ApplicationPolicy": "policies/application",
    "AutoscalingPolicy": "policies/autoscaling",
    "Cartridge": "cartridges",
    "CartridgeGroup": "groups",
    "DeploymentPolicy": "policies/deployment",
    "DomainMapping": "domains",
    "HostCluster": "clouds",
    "NetworkPartition": "network-partitions",
    "Signup": "signups",
    "Tenant": "tenants",
}
"""Where documents of each kind are written, below the output folder."""


def import_stratos(source: Path, out: Path | None = None) -> ImportReport:
    """Turn every Stratos document below `source` into ours, and write them below `out` if given.

    What cannot be read or carried over is in the report, never an exception. Raises
    DocumentError where `source` is not there or `out` holds files already.
    """
    if not source.exists():
        raise DocumentError([Finding("ALT1001", "there is no such file or folder", str(source))])
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DocumentError(
            [Finding("ALT1001", "there are files already", str(out), hint="Name a new or an empty folder.")]
        )
    report = ImportReport(source)
    _Import(collect(source, report), report).run()
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


class _Import:
    """One run: every kind in the order in which they refer to each other."""

    def __init__(self, collection: Collection, report: ImportReport) -> None:
        self.collection, self.report = collection, report
        self.taken: dict[str, set[str]] = {}
        self.autoscaling: dict[Path | None, dict[str, str]] = {}
        self.deployment: dict[Path | None, dict[str, DeploymentPolicy]] = {}
        self.cartridges: dict[str, Cartridge] = {}
        self.addresses: set[tuple[str, str]] = set()

    def run(self) -> None:
        """Convert everything."""
        self._places()
        self._autoscaling_policies()
        self._cartridges()
        self._groups()
        for record in self.collection.all("application"):
            self._application(record)
        self._tenants()
        self._rest()

    def _names(self, kind: str) -> set[str]:
        return self.taken.setdefault(kind, set())

    def _emit(self, document: Document, record: Record, what: StratosKind) -> None:
        path = f"{FOLDERS[document.KIND]}/{document.name}.yaml"
        self.report.documents[path] = document
        self.report.add(
            "carried over", record.file, record.line, what, f"{document.KIND} {document.name} in {path}"
        )

    def _guarded(self, record: Record, subject: str, make: Callable[[], T]) -> T | None:
        """Run a conversion; what it cannot express is left behind with the reason."""
        try:
            return make()
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(step) for step in first["loc"])
            self.report.add(
                "not carried over", record.file, record.line, subject, f"{where}: {first['msg']}".lstrip(": ")
            )
            return None

    def _places(self) -> None:
        clusters: dict[str, Record] = {}
        for name in self.collection.names("kubernetes cluster"):
            record = self._first("kubernetes cluster", name)
            cluster = self._guarded(record, name, lambda r=record: places.host_cluster(r, self.report))  # type: ignore[misc]
            if cluster is not None and cluster.name not in self._names("HostCluster"):
                self._names("HostCluster").add(cluster.name)
                clusters[name] = record
                self._emit(cluster, record, "kubernetes cluster")
        wanted = list(self.collection.all("deployment policy"))
        chosen: dict[str, Record] = {}
        for name in self.collection.names("network partition"):
            variants = self.collection.variants["network partition", name]
            chosen.setdefault(name_of(name), places.choose(variants, wanted, self.report))
        partitions = {
            name: [name_of(p.text("id") or "partition") for p in record.records("partitions")]
            for name, record in chosen.items()
        }
        self._deployment_policies(partitions)
        for name, record in chosen.items():
            network = self._guarded(
                record,
                name,
                lambda r=record, n=name: places.network_partition(r, clusters, partitions[n], self.report),  # type: ignore[misc]
            )
            if network is not None:
                self._emit(network, record, "network partition")
        self._application_policies(set(chosen))

    def _first(self, kind: StratosKind, name: str) -> Record:
        """The first variant of a document; others are noted as left behind."""
        first, *others = self.collection.variants[kind, name]
        for other in others:
            self.report.add(
                "not carried over",
                other.file,
                other.line,
                f"{kind} {name}",
                f"the one in {first.file} was taken",
            )
        return first

    def _scoped(self, kind: StratosKind) -> list[tuple[Path | None, str, Record]]:
        """Documents with the folder they apply to: one beside an application is that application's own
        where another of its name is elsewhere."""
        folders = self.collection.application_folders()
        found: list[tuple[Path | None, str, Record]] = []
        for name in self.collection.names(kind):
            variants = self.collection.variants[kind, name]
            shared = [v for v in variants if v.file.parent not in folders] or variants[:1]
            for variant in variants:
                if variant is shared[0]:
                    found.append((None, name, variant))
                elif variant.file.parent in folders:
                    found.append((variant.file.parent, name, variant))
                else:
                    self.report.add(
                        "not carried over", variant.file, variant.line, f"{kind} {name}",
                        f"the one in {shared[0].file} was taken",
                    )  # fmt: skip
        return sorted(found, key=lambda entry: entry[0] is not None)

    def _own_name(self, kind: str, name: str, folder: Path | None, record: Record) -> str:
        ours = free(name_of(name), self._names(kind))
        if folder is not None:
            self.report.add(
                "changed", record.file, record.line, f"{kind} {name}",
                f"it is named {ours!r} and is for the application beside it only",
            )  # fmt: skip
        elif ours != name:
            self.report.add("changed", record.file, record.line, f"{kind} {name}", f"it is named {ours!r}")
        return ours

    def _deployment_policies(self, partitions: dict[str, list[str]]) -> None:
        for folder, name, record in self._scoped("deployment policy"):
            ours = self._own_name("DeploymentPolicy", name, folder, record)
            made = self._guarded(
                record,
                name,
                lambda r=record, o=ours: policies.deployment_policy(r, o, partitions, self.report),  # type: ignore[misc]
            )
            if made is not None:
                self.deployment.setdefault(folder, {})[name] = made
                self._emit(made, record, "deployment policy")

    def _autoscaling_policies(self) -> None:
        for folder, name, record in self._scoped("autoscaling policy"):
            ours = self._own_name("AutoscalingPolicy", name, folder, record)
            made = self._guarded(
                record,
                name,
                lambda r=record, o=ours: policies.autoscaling_policy(r, o, self.report),  # type: ignore[misc]
            )
            if made is not None:
                self.autoscaling.setdefault(folder, {})[name] = made.name
                self._emit(made, record, "autoscaling policy")

    def _application_policies(self, known: set[str]) -> None:
        for folder, name, record in self._scoped("application policy"):
            ours = self._own_name("ApplicationPolicy", name, folder, record)
            made = self._guarded(
                record,
                name,
                lambda r=record, o=ours: policies.application_policy(r, o, known, self.report),  # type: ignore[misc]
            )
            if made is not None:
                self._emit(made, record, "application policy")

    def _cartridges(self) -> None:
        needed: dict[str, list[tuple[Path, int]]] = {}
        fed: set[str] = set()
        for record in self.collection.all("application"):
            given = self._given_by_signups(record.file.parent)
            for use in _uses(record):
                needed.setdefault(use.text("type"), []).append((use.file, use.line))
                info = use.record("subscribableInfo") or use
                repository = info.record("artifactRepository")
                own = repository is not None and repository.text("repoUrl")
                if own or {info.text("alias"), use.text("type")} & given:
                    fed.add(use.text("type"))
        for record in self.collection.all("cartridge group"):
            for text, line in _types(record):
                needed.setdefault(text, []).append((record.file, line))
        for name in self.collection.names("cartridge"):
            record = cartridges.choose(self.collection.variants["cartridge", name], self.report)
            made = self._guarded(
                record,
                f"cartridge {name}",
                lambda r=record, n=name: cartridges.CartridgeImport(r, self.report).make(n in fed),  # type: ignore[misc]
            )
            if made is not None and made.name not in self.cartridges:
                self.cartridges[made.name] = made
                self._emit(made, record, "cartridge")
        for kind, users in needed.items():
            if kind and name_of(kind) not in self.cartridges:
                made = cartridges.stand_in_for(kind, self.report, users)
                self.cartridges[made.name] = made
                self.report.documents[f"{FOLDERS['Cartridge']}/{made.name}.yaml"] = made

    def _given_by_signups(self, folder: Path) -> set[str]:
        """The aliases and types that signups beside an application have repositories for."""
        return {
            repository.text("alias")
            for record in self.collection.all("application signup")
            if record.file.parent == folder
            for repository in record.records("artifactRepositories")
        }

    def _groups(self) -> None:
        for record in self.collection.all("cartridge group"):
            theirs = record.text("name") or record.text("alias")
            ours = free(name_of(theirs), self._names("CartridgeGroup"))
            made = self._guarded(
                record,
                f"cartridge group {theirs}",
                lambda r=record, o=ours: groups.group_document(r, o, self.report),  # type: ignore[misc]
            )
            if made is not None:
                if ours != theirs:
                    self.report.add(
                        "changed",
                        record.file,
                        record.line,
                        f"cartridge group {theirs}",
                        f"it is named {ours!r}",
                    )
                self._emit(made, record, "cartridge group")

    def _application(self, record: Record) -> None:
        folder = record.file.parent
        around = Surroundings(
            self.cartridges,
            {
                n: self.collection.variants["cartridge group", n]
                for n in self.collection.names("cartridge group")
            },
            {**self.autoscaling.get(None, {}), **self.autoscaling.get(folder, {})},
            {**self.deployment.get(None, {}), **self.deployment.get(folder, {})},
        )
        conversion = ApplicationImport(record, around, self.report)
        name = application_name(record, self._names("Application"))
        made = self._guarded(record, conversion.subject, lambda: conversion.make(name))
        if made is None:
            return
        if name != record.text("applicationId"):
            self.report.add("changed", record.file, record.line, conversion.subject, f"it is named {name!r}")
        self._emit(made, record, "application")
        self._beside(folder, conversion, name)

    def _beside(self, folder: Path, conversion: ApplicationImport, name: str) -> None:
        """Signups and domain mappings in the application's folder; requests named the application."""
        for record in self.collection.all("application signup"):
            if record.file.parent == folder:
                made = self._guarded(
                    record,
                    f"signup to {name}",
                    lambda r=record: accounts.signup(r, conversion, name, self._names("Signup"), self.report),  # type: ignore[misc]
                )
                if made is not None:
                    self._emit(made, record, "application signup")
        for record in self.collection.all("domain mappings"):
            if record.file.parent == folder:
                mappings = self._guarded(
                    record,
                    f"domain mappings of {name}",
                    lambda r=record: accounts.domain_mappings(  # type: ignore[misc]
                        r, conversion, name, self._names("DomainMapping"), self.addresses, self.report
                    ),
                )
                for mapping in mappings or ():
                    self._emit(mapping, record, "domain mappings")

    def _tenants(self) -> None:
        names = self.collection.names("tenant")
        users = list(self.collection.all("user"))
        for name in names:
            record = self._first("tenant", name)
            ours = free(name_of(name), self._names("Tenant"))
            mine = users if len(names) == 1 else []
            made = self._guarded(
                record,
                f"tenant {name}",
                lambda r=record, o=ours, u=mine: accounts.tenant(r, o, u, self.report),  # type: ignore[misc]
            )
            if made is not None:
                self._emit(made, record, "tenant")
        if len(names) != 1:
            for user in users:
                self.report.add(
                    "not carried over", user.file, user.line, f"user {user.text('userName')}",
                    "it is not clear to which tenant; add it to the users of one",
                )  # fmt: skip

    def _rest(self) -> None:
        folders = self.collection.application_folders()
        kinds: tuple[StratosKind, ...] = ("application signup", "domain mappings")
        for kind in kinds:
            for record in self.collection.all(kind):
                if record.file.parent not in folders:
                    self.report.add(
                        "not carried over", record.file, record.line, kind,
                        "no application lies beside it, and the document does not name one",
                    )  # fmt: skip
        kinds = ("git hook", "metadata property")
        for kind in kinds:
            for record in self.collection.all(kind):
                self.report.add(
                    "not carried over",
                    record.file,
                    record.line,
                    kind,
                    "a message to a running server, not a document",
                )


def _uses(record: Record) -> list[Record]:
    """Every cartridge reference of an application."""
    found: list[Record] = []
    components = record.record("components")
    pending: list[Record] = [components] if components is not None else []
    while pending:
        level = pending.pop()
        found += level.records("cartridges")
        pending += level.records("groups")
    return found


def _types(record: Record) -> list[tuple[str, int]]:
    """Every cartridge type of a group definition with its line."""
    found: list[tuple[str, int]] = []
    pending: list[Record] = [record]
    while pending:
        level = pending.pop()
        found += level.texts("cartridges")
        pending += level.records("groups")
    return found
