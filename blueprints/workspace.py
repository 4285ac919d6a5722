"""A workspace: the user's documents over the built-in library, found by kind and name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from blueprints.balancing.planning import with_balancers
from blueprints.beside import without_entrances
from blueprints.composition import ComposedLevel, Composer
from blueprints.detection import completed, runtime_of
from blueprints.expand import expand
from blueprints.findings import DocumentError, Finding
from blueprints.kinds.application import Application
from blueprints.kinds.cartridge import Cartridge
from blueprints.loader import Loaded, load, load_file
from blueprints.model import Document
from blueprints.nearest import nearest
from blueprints.parts import part
from blueprints.plan import HOME_COPY, Plan
from blueprints.scale import ScaleState

D = TypeVar("D", bound=Document)

LIBRARY = Path(__file__).parent / "library"
"""The built-in documents: one folder for each cartridge, with its `cartridge.yaml`."""


@lru_cache(maxsize=1)
def library() -> Mapping[tuple[str, str], Loaded]:
    """The built-in cartridges by kind and name."""
    found: dict[tuple[str, str], Loaded] = {}
    for path in sorted(LIBRARY.glob("*/cartridge.yaml")):
        for document in load_file(path)[0]:
            found[document.kind, document.name] = document
    return found


def _complete(document: Loaded, runtimes: Mapping[str, str]) -> None:
    """Give a cartridge of code what its runtime has; one of no known runtime is a check's to report."""
    cartridge = document.model
    if not isinstance(cartridge, Cartridge) or cartridge.code is None:
        return
    try:
        name = runtimes.get(cartridge.name) or runtime_of(cartridge.code, document.folder)
        runtime = library()["Cartridge", name].model
    except (DocumentError, OSError, ValueError):
        return
    if isinstance(runtime, Cartridge):
        document.model = completed(cartridge, runtime)


class Workspace:
    """Documents by kind and name. The user's come before the library's of the same name.

    `runtimes`: what is known of cartridges of code whose folders may have gone, by cartridge.
    """

    def __init__(
        self,
        documents: Iterable[Loaded] = (),
        *,
        with_library: bool = True,
        runtimes: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.documents: dict[tuple[str, str], Loaded] = {}
        self.duplicates: list[tuple[Loaded, Loaded]] = []
        for document in documents:
            if not document.name:
                continue
            if with_library:
                _complete(document, runtimes)
            first = self.documents.setdefault((document.kind, document.name), document)
            if first is not document:
                self.duplicates.append((document, first))
        self._library = library() if with_library else {}

    @classmethod
    def load(cls, paths: Iterable[str | Path]) -> "Workspace":
        """The documents of files and folders. Raises DocumentError with every finding of every check."""
        from blueprints.validate import validate  # imports this module

        report = validate(paths)
        if not report.ok:
            raise DocumentError(report.errors)
        return report.workspace

    @classmethod
    def read(
        cls, paths: Iterable[str | Path], *, runtimes: Mapping[str, str] = MappingProxyType({})
    ) -> tuple["Workspace", list[Finding], int]:
        """The documents of files and folders as far as they can be read, and the findings of reading."""
        documents, findings, files = load(Path(p) for p in paths)
        return cls(documents, runtimes=runtimes), findings, files

    def find(self, kind: str, name: str) -> Loaded | None:
        """The document of that kind and name, or nothing."""
        return self.documents.get((kind, name)) or self._library.get((kind, name))

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of all documents of a kind, the library's included."""
        return tuple(dict.fromkeys(n for k, n in (*self.documents, *self._library) if k == kind))

    def all(self, kind: type[D]) -> Iterator[D]:
        """The user's documents of a kind that can be used."""
        for document in self.documents.values():
            if isinstance(document.model, kind):
                yield document.model

    def get(self, kind: type[D], name: str) -> D:
        """A usable document. Raises DocumentError where there is none, with the nearest name."""
        found = self.find(kind.KIND, name)
        if found is not None and isinstance(found.model, kind) and not found.repaired:
            return found.model
        raise DocumentError([self.missing(kind.KIND, name)])

    def missing(self, kind: str, name: str) -> Finding:
        """The finding about a name nothing has."""
        known = self.names(kind)
        close = nearest(name, known)
        if close:
            hint = f"Did you mean {close!r}?"
        elif known:
            hint = f"There are {', '.join(known)}."
        else:
            hint = f"No {kind} was read; add a document with kind: {kind} and name: {name}."
        return Finding(
            "ALT1202", f"there is no {kind} {name!r}", value=name, allowed=known, nearest=close, hint=hint
        )

    def folder(self, document: Document) -> Path:
        """The folder relative paths in a document start from."""
        found = self.find(document.KIND, document.name)
        if found is None:
            raise KeyError(f"{document.KIND} {document.name}")
        return found.folder

    def application(self, name: str) -> Application:
        """An application. Raises DocumentError where there is none."""
        return self.get(Application, name)

    def applications(self) -> tuple[str, ...]:
        """The names of the user's applications."""
        return tuple(a.name for a in self.all(Application))

    def compose(self, name: str) -> ComposedLevel:
        """An application with its groups in place. Raises DocumentError."""
        self.application(name)
        document = self.find("Application", name)
        if document is None:
            raise DocumentError([self.missing("Application", name)])
        return Composer(self).compose(document)

    def plan(
        self,
        name: str,
        scale: ScaleState | None = None,
        copy: str = HOME_COPY,
        only: Sequence[str] | None = None,
    ) -> Plan:
        """The plan of an application at a scale, or of the clusters and groups that `only` names.

        Raises DocumentError.
        """
        root = self.compose(name)
        whole = with_balancers(expand(root, scale, copy), root, self)
        if scale is not None and scale.overflow:
            whole = without_entrances(whole)
        return whole if only is None else part(whole, only, root)
