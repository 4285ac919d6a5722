"""What the author of a plugin writes: a provider and a handler for each resource type."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from toolchain.plugins.protocol.comparison import ChangeKind, changes, render
from toolchain.plugins.protocol.request import Cancelled, Failure, Request
from toolchain.plugins.protocol.values import Properties

DiffKind = Literal["add", "update", "delete", "add-replace", "update-replace", "delete-replace"]

__all__ = [
    "Autonaming",
    "Cancelled",
    "CheckFailure",
    "Diff",
    "DiffKind",
    "Failure",
    "PartialFailure",
    "Provider",
    "ResourceHandler",
]


@dataclass(frozen=True)
class CheckFailure:
    """An input that cannot be right: its property path and what to do about it."""

    property: str
    reason: str


@dataclass(frozen=True)
class Autonaming:
    """The engine's wish for an automatic name, as the user configured it."""

    proposed: str
    mode: Literal["propose", "enforce", "disable"]


@dataclass(frozen=True)
class Diff:
    """What an update would do.

    `changed` maps property paths in the engine's notation to the kind of change; `replaces` lists
    those paths that need a new object. `delete_before_replace` when old and new cannot coexist.
    """

    changes: bool
    replaces: tuple[str, ...] = ()
    changed: Mapping[str, DiffKind] = field(default_factory=dict)
    delete_before_replace: bool = False

    @classmethod
    def between(
        cls,
        old: Properties,
        new: Properties,
        *,
        immutable: Sequence[str] = (),
        ignored: Sequence[str] = (),
        delete_before_replace: bool = False,
    ) -> "Diff":
        """Compares inputs leaf by leaf.

        `immutable` and `ignored` are top-level property names: a change in the first needs a new
        object, a change in the second is none.
        """
        changed: dict[str, DiffKind] = {}
        replaces: list[str] = []
        for path, kind in changes(old, new).items():
            if path[0] in ignored:
                continue
            replaced = path[0] in immutable
            changed[render(path)] = replacing(kind) if replaced else kind
            if replaced:
                replaces.append(render(path))
        return cls(bool(changed), tuple(replaces), changed, delete_before_replace and bool(replaces))


def replacing(kind: ChangeKind) -> DiffKind:
    """The same change, of a property that cannot change in place."""
    kinds: dict[ChangeKind, DiffKind] = {
        "add": "add-replace",
        "update": "update-replace",
        "delete": "delete-replace",
    }
    return kinds[kind]


class PartialFailure(Exception):
    """The object exists, but is not as wanted: the engine keeps it and tries again next time.

    `inputs` replaces the inputs that the engine records; left out, it keeps those it sent.
    """

    def __init__(self, id: str, state: Properties, reasons: Sequence[str], inputs: Properties | None = None):
        super().__init__("; ".join(reasons))
        self.id = id
        self.state = state
        self.reasons = tuple(reasons)
        self.inputs = inputs


class ResourceHandler(ABC):
    """The life of one resource type.

    Property maps are plain (see `values`), secrets revealed; in previews they may hold `UNKNOWN`.
    What was secret in the inputs becomes secret in inputs and state again by itself; other secret
    outputs are named in `secret_outputs` or wrapped in `Secret`. Raise `Failure` with a sentence
    for people; raise `PartialFailure` where an object was made but is not fit for use.
    """

    secret_outputs: ClassVar[tuple[str, ...]] = ()
    echoes: ClassVar[tuple[str, ...]] = ()  # outputs that repeat the inputs whole, and so their secrets
    immutable: ClassVar[tuple[str, ...]] = ()
    delete_before_replace: ClassVar[bool] = False

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        """The inputs with their defaults, and what is wrong with them. `olds` are the last inputs."""
        return news, ()

    def diff(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Diff:
        """What changes from `old_inputs` and `old_state` to `news`."""
        return Diff.between(
            old_inputs, news, immutable=self.immutable, delete_before_replace=self.delete_before_replace
        )

    @abstractmethod
    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        """Makes the object; returns its id and state. In a preview: makes nothing, id is ignored."""

    def read(
        self, request: Request, id: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties] | None:
        """The live (id, inputs, state), or None when it is gone. Empty inputs mean: being imported."""
        return id, inputs, state

    def update(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Properties:
        """Changes the object in place; returns its new state. In a preview: changes nothing."""
        raise Failure(f"{request.type} cannot be changed in place")

    @abstractmethod
    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Removes the object; one that is gone already is no error."""


class Provider:
    """One plugin: its name, its version, and a handler for each type token.

    Subclasses override `configure`, and `check_config` and `diff_config` where they need to.
    """

    name: str
    version: str
    handlers: Mapping[str, ResourceHandler]
    functions: Mapping[str, Callable[[Request, Properties], Properties]]
    secret_config: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        name: str,
        version: str,
        handlers: Mapping[str, ResourceHandler],
        functions: Mapping[str, Callable[[Request, Properties], Properties]] | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.handlers = handlers
        self.functions = functions or {}

    def check_config(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        """The provider's own inputs with defaults, and what is wrong with them."""
        return news, ()

    def diff_config(self, request: Request, olds: Properties, news: Properties) -> Diff:
        """Whether changed settings mean another place, and so new objects (`replaces`)."""
        return Diff.between(olds, news)

    def configure(self, request: Request, config: Properties) -> None:
        """Takes the settings; may be called again with others. `UNKNOWN` may occur in previews."""

    def handler(self, token: str) -> ResourceHandler:
        """The handler of a type. Raises `Failure` naming the type and what is supported."""
        try:
            return self.handlers[token]
        except KeyError:
            known = ", ".join(sorted(kind.removeprefix(f"{self.name}:") for kind in self.handlers))
            raise Failure(
                f"the bundled {self.name} plugin does not support the type {token!r}. It supports: {known}. "
                f"For every other type install the vendor's plugin: "
                f"pulumi plugin install resource {self.name} {self.version}"
            ) from None

    def function(self, token: str) -> Callable[[Request, Properties], Properties]:
        """The function of a token. Raises `Failure` naming it and what is supported."""
        try:
            return self.functions[token]
        except KeyError:
            known = ", ".join(sorted(self.functions)) or "none"
            raise Failure(
                f"the bundled {self.name} plugin does not support the function {token!r}; it supports: "
                f"{known}. For others install the vendor's plugin: "
                f"pulumi plugin install resource {self.name} {self.version}"
            ) from None

    def close(self) -> None:
        """Gives connections back before the process ends."""
