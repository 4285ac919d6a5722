"""What one import knows while it runs: the documents it found, the names it gave, the report it writes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.model import Document
from blueprints.stratos.collection import Collection
from blueprints.stratos.naming import free, name_of
from blueprints.stratos.record import Record
from blueprints.stratos.report import ImportReport
from blueprints.stratos.shape import StratosKind

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


@dataclass(slots=True)
class Session:
    """One run of an import. Policies are kept by the folder they apply to; None is everywhere."""

    collection: Collection
    report: ImportReport
    cartridges: dict[str, Cartridge] = field(default_factory=dict)
    autoscaling: dict[Path | None, dict[str, str]] = field(default_factory=dict)
    deployment: dict[Path | None, dict[str, DeploymentPolicy]] = field(default_factory=dict)
    addresses: set[tuple[str, str]] = field(default_factory=set)
    taken: dict[str, set[str]] = field(default_factory=dict)

    def names(self, kind: str) -> set[str]:
        """The names that documents of a kind have so far."""
        return self.taken.setdefault(kind, set())

    def emit(self, document: Document, record: Record, what: StratosKind) -> None:
        """Keep a document that was made, and say so."""
        path = f"{FOLDERS[document.KIND]}/{document.name}.yaml"
        self.report.documents[path] = document
        self.report.add(
            "carried over", record.file, record.line, what, f"{document.KIND} {document.name} in {path}"
        )

    def guarded(self, record: Record, subject: str, make: Callable[[], T]) -> T | None:
        """Run a conversion; what it cannot express is left behind with the reason."""
        try:
            return make()
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                where = ".".join(str(step) for step in fault["loc"])
                self.left(record, subject, f"{where}: {fault['msg']}".lstrip(": "))
            return None

    def left(self, record: Record, subject: str, why: str) -> None:
        """Note what is left behind as a whole."""
        self.report.add("not carried over", record.file, record.line, subject, why)

    def first(self, kind: StratosKind, name: str) -> Record:
        """The first variant of a document; others are noted as left behind."""
        first, *others = self.collection.variants[kind, name]
        for other in others:
            self.left(other, f"{kind} {name}", f"the one in {first.file} was taken")
        return first

    def scoped(self, kind: StratosKind) -> list[tuple[Path | None, str, Record]]:
        """Documents with the folder they apply to: one beside an application is that application's own
        where another of its name is elsewhere."""
        folders = self.collection.application_folders()
        found: list[tuple[Path | None, str, Record]] = []
        for name in self.collection.names(kind):
            variants = self.collection.variants[kind, name]
            shared = [v for v in variants if v.file.parent not in folders] or variants[:1]
            owned: set[Path] = set()
            for variant in variants:
                folder = variant.file.parent
                if variant is shared[0]:
                    found.append((None, name, variant))
                elif folder in folders and folder not in owned:
                    owned.add(folder)
                    found.append((folder, name, variant))
                else:
                    self.left(variant, f"{kind} {name}", f"the one in {shared[0].file} was taken")
        return sorted(found, key=lambda entry: entry[0] is not None)

    def own_name(self, kind: str, name: str, folder: Path | None, record: Record) -> str:
        """Our name of a document, noted where it differs."""
        ours = free(name_of(name), self.names(kind))
        if folder is not None:
            self.report.add(
                "changed", record.file, record.line, f"{kind} {name}",
                f"it is named {ours!r} and is for the application beside it only",
            )  # fmt: skip
        elif ours != name:
            self.report.add("changed", record.file, record.line, f"{kind} {name}", f"it is named {ours!r}")
        return ours
