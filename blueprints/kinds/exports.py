"""What a cartridge tells those who depend on it: addresses, credentials, files.

An export's `value` may hold placeholders, filled in for each cluster:

| placeholder | becomes |
|---|---|
| `${host}`, `${host:PORT}` | the stable address of the first port, or of the one named |
| `${port}`, `${port:PORT}` | the Service's port number |
| `${primary}` | the same, of the cluster that takes writes: another one where this only follows |
| `${export:NAME}` | another export of the same cartridge |
| `${alias}`, `${application}`, `${namespace}` | where the cluster is |
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from blueprints.model import Model, fault
from blueprints.names import AbsolutePath
from blueprints.rules import exactly_one

PlaceholderKind = Literal["host", "port", "primary", "export", "alias", "application", "namespace"]

_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
_KNOWN = re.compile(
    r"(host|port)(?::([a-z0-9-]+))?|(export):([a-zA-Z0-9-]+)|(primary|alias|application|namespace)"
)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A part of an export's value that depends on the cluster."""

    kind: PlaceholderKind
    name: str = ""


class Generate(Model):
    """A password made once and kept."""

    length: int = Field(default=24, ge=12, le=256)
    """How many characters."""


class Export(Model):
    """One value: exactly one of value, generate and file."""

    value: str | None = Field(default=None, max_length=65536)
    """Text, with placeholders such as ${host} and ${export:password}."""
    generate: Generate | None = None
    """A generated password; always secret, and the same over updates."""
    file: str | None = Field(default=None, max_length=1_000_000)
    """The text of a file, with the same placeholders; dependents receive it as a file."""
    path: AbsolutePath | None = None
    """Where dependents find the file; left out, /etc/altostratus/links/ALIAS/NAME."""
    secret: bool = False
    """Whether it is kept secret even though it is not generated."""
    private: bool = False
    """Whether it is for members of this cartridge alone: no dependent receives it."""
    description: str | None = None
    """What it is for."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        exactly_one(self, "value", "generate", "file")
        if self.path is not None and self.file is None:
            raise fault("ALT1111", "path goes with file only", at=("path",))
        for text in _PLACEHOLDER.findall(self.template):
            if not _KNOWN.fullmatch(text):
                raise fault(
                    "ALT1113",
                    f"unknown placeholder ${{{text}}}",
                    hint="Known are ${host}, ${host:PORT}, ${port}, ${port:PORT}, ${export:NAME}, "
                    "${primary}, ${alias}, ${application} and ${namespace}.",
                    at=("file" if self.file is not None else "value",),
                )
        return self

    @property
    def template(self) -> str:
        """The text with placeholders; empty for a generated value."""
        return self.value or self.file or ""

    def parts(self) -> Iterator[str | Placeholder]:
        """The text cut into literal pieces and placeholders, in order."""
        at = 0
        for match in _PLACEHOLDER.finditer(self.template):
            if match.start() > at:
                yield self.template[at : match.start()]
            known = _KNOWN.fullmatch(match.group(1))
            if known:
                kind, name = (
                    known.group(1) or known.group(3) or known.group(5),
                    known.group(2) or known.group(4),
                )
                yield Placeholder(kind, name or "")  # type: ignore[arg-type]
            at = match.end()
        if at < len(self.template):
            yield self.template[at:]
