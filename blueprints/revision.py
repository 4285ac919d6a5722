"""A revision of an application: the documents it was made of, the images they meant, and a way back to it.

Documents hold names of secrets, never secrets. A revision that somebody went back to is kept beside the
stack's config, in `revisions/<stack>/<id>/`: its documents, and `pin.json`, which says what it stands in
for. It stands in only until that changes: an edited document, or a newly built image, goes forward again.
"""

import base64
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from blueprints.detection import runtime_of
from blueprints.findings import DocumentError, Finding
from blueprints.kinds.cartridge import Cartridge
from blueprints.workspace import Workspace

ID_LENGTH = 12
LIMIT = 4 * 1024 * 1024
"""The most text, in bytes, that a revision may bring back: a broken or hostile record ends here."""

_DOCUMENTS = "documents"
_PIN = "pin.json"


@dataclass(frozen=True)
class Revision:
    """What an application was made of. `documents`: texts by relative name; `images`: references by key;
    `commits`: where the branches were that artifacts follow, by address and branch, as far as known;
    `runtimes`: those of cartridges of code, by cartridge, as their folders need not be there later."""

    application: str
    documents: Mapping[str, str]
    images: Mapping[str, str] = field(default_factory=dict)
    commits: Mapping[str, str] = field(default_factory=dict)
    runtimes: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Twelve digits over documents and images: a branch moves without making another revision."""
        return digest([self.application, digest(self.documents), sorted(self.images.items())])

    def is_like(self, other: "Revision") -> bool:
        """Whether both are the same but for images that one of them did not use, being at another scale."""
        shared = self.images.keys() & other.images.keys()
        return (
            self.application == other.application
            and self.documents == other.documents
            and all(self.images[key] == other.images[key] for key in shared)
        )

    def to_output(self) -> dict[str, object]:
        """Plain data for a stack's output."""
        return {
            "id": self.id,
            "application": self.application,
            "images": dict(self.images),
            "commits": dict(self.commits),
            "runtimes": dict(self.runtimes),
            "documents": packed(self.documents),
        }

    @classmethod
    def from_output(cls, data: object) -> "Revision | None":
        """What a stack's output says; None where it says no revision."""
        try:
            assert isinstance(data, dict)
            return cls(
                str(data["application"]),
                unpacked(data["documents"]),
                texts(data["images"]),
                texts(data.get("commits") or {}),
                texts(data.get("runtimes") or {}),
            )
        except (AssertionError, KeyError, TypeError, ValueError, AttributeError):
            return None


@dataclass(frozen=True)
class Pin:
    """A revision that stands in for the documents in the blueprint folders, while those are still as they
    were (`documents`, a digest) and for each image while what would be used is still the one of then."""

    revision: str
    documents: str
    images: Mapping[str, str]
    """The images to use, by key."""
    images_then: Mapping[str, str]
    """The images that were in use when it was pinned, by key."""
    commits: Mapping[str, str] = field(default_factory=dict)
    """Where to hold the branches that artifacts follow."""
    runtimes: Mapping[str, str] = field(default_factory=dict)
    """As in `Revision`."""

    def image(self, key: str, current: str | None) -> str | None:
        """The image to use for a key, given the one that would be used without the pin."""
        if current is not None and current != self.images_then.get(key, current):
            return current
        return self.images.get(key, current)


@dataclass(frozen=True)
class InForce:
    """The documents that count for a stack now. `released`: a pin is set that no longer holds."""

    workspace: Workspace
    pin: Pin | None = None
    released: str = ""


def digest(content: object) -> str:
    """Twelve digits over plain data."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:ID_LENGTH]


def packed(documents: Mapping[str, str]) -> str:
    """Documents as one short text."""
    return base64.b64encode(zlib.compress(json.dumps(documents, sort_keys=True).encode(), 9)).decode()


def unpacked(text: str) -> dict[str, str]:
    """The documents again. Raises ValueError and TypeError for what `packed` has not made."""
    try:
        content = zlib.decompressobj().decompress(base64.b64decode(text), LIMIT)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    return texts(json.loads(content))


def texts(found: Mapping[object, object]) -> dict[str, str]:
    """Keys and values as texts. Raises AttributeError where it is no mapping."""
    return {str(name): str(content) for name, content in found.items()}


def documents_of(workspace: Workspace) -> dict[str, str]:
    """The user's documents, and the files that they place in members, by relative name."""
    texts = {loaded.source.path.resolve(): loaded.source.text for loaded in workspace.documents.values()}
    for cartridge in workspace.all(Cartridge):
        for file in cartridge.files:
            if file.source is None:
                continue
            path = (workspace.folder(cartridge) / file.source).resolve()
            try:
                texts[path] = path.read_text("utf-8")
            except (OSError, UnicodeDecodeError):
                continue  # whoever needs it says so
    common = os.path.commonpath([path.parent for path in texts]) if texts else ""
    return {path.relative_to(common).as_posix(): text for path, text in sorted(texts.items())}


def runtimes_of(workspace: Workspace) -> dict[str, str]:
    """The runtimes of the user's cartridges of code, by cartridge; those that are not known are left out."""
    found = {}
    for cartridge in workspace.all(Cartridge):
        if cartridge.code is not None:
            with suppress(DocumentError, OSError, ValueError):
                found[cartridge.name] = runtime_of(cartridge.code, workspace.folder(cartridge))
    return found


def in_force(root: Path, stack: str, blueprint: Iterable[str], revision: str | None) -> InForce:
    """The documents that count for a stack: those of its blueprint folders, or those of the revision that
    its config names. Raises DocumentError.

    A pinned revision was whole when it ran; its documents are not checked again, as folders they once
    were built from may have gone.
    """
    sources = [root / each for each in blueprint]
    if revision is None:
        return InForce(Workspace.load(sources))
    folder = pin_folder(root, stack, revision)
    pin = _read(folder / _PIN, revision)
    now, _, _ = Workspace.read(sources)
    if digest(documents_of(now)) != pin.documents:
        return InForce(Workspace.load(sources), released=revision)
    workspace, findings, _ = Workspace.read([folder / _DOCUMENTS], runtimes=pin.runtimes)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise DocumentError(errors)
    return InForce(workspace, pin)


def pin_folder(root: Path, stack: str, revision: str) -> Path:
    """Where a pinned revision is kept."""
    return root / "stacks" / "config" / "revisions" / stack / revision


def write_pin(folder: Path, revision: Revision, pin: Pin) -> None:
    """Keep a revision with its pin; the pin comes last, so that half of one is none."""
    for name, text in revision.documents.items():
        path = (folder / _DOCUMENTS / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise ValueError(f"{name} would be written outside {folder}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    beside = folder / f".{_PIN}"
    beside.write_text(json.dumps(asdict(pin), indent=2) + "\n", "utf-8")
    beside.replace(folder / _PIN)


def _read(path: Path, revision: str) -> Pin:
    try:
        found = json.loads(path.read_text("utf-8"))
        return Pin(
            revision=str(found["revision"]),
            documents=str(found["documents"]),
            images=texts(found["images"]),
            images_then=texts(found["images_then"]),
            commits=texts(found["commits"]),
            runtimes=texts(found.get("runtimes") or {}),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DocumentError(
            [
                Finding(
                    "ALT1304",
                    f"altostratus:revision names {revision}, which is not kept in {path.parent}",
                    value=revision,
                    hint="`alto rollback` sets it and keeps what it names; without it the documents count.",
                )
            ]
        ) from error
