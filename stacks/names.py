"""What a stack's name says: which of the kinds it is, and of what."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["hosts", "platform", "images", "app", "front"]

_SEPARATOR = "--"


class UnknownStack(Exception):
    """The stack's name says none of the kinds."""


@dataclass(frozen=True)
class StackName:
    """`hosts-<cloud>`, `platform-<cloud>`, `app-<name>`, `app-<name>--<cloud>`, `images-` as `app-`, and
    `front-<name>`.

    `subject` is the cloud of the first two and the application of the others; `cloud` is the
    cloud as far as the name says it.
    """

    text: str
    kind: Kind
    subject: str
    cloud: str | None


def parse(name: str) -> StackName:
    """Read a stack's name. Raises UnknownStack, saying which names there are."""
    kind, _, rest = name.partition("-")
    if kind in ("hosts", "platform") and rest:
        return StackName(name, "hosts" if kind == "hosts" else "platform", rest, rest)
    if kind in ("app", "images") and rest:
        subject, separator, cloud = rest.partition(_SEPARATOR)
        if subject and (cloud or not separator):
            return StackName(name, "app" if kind == "app" else "images", subject, cloud or None)
    if kind == "front" and rest and _SEPARATOR not in rest:
        return StackName(name, "front", rest, None)
    raise UnknownStack(
        f"the stack's name {name!r} does not say what it makes.\n"
        "  Names are: hosts-CLOUD (a host cluster), platform-CLOUD (its registry and images),\n"
        "  images-NAME (what is built for one application), app-NAME (an application),\n"
        "  app-NAME--CLOUD (a copy of one in another cloud) and front-NAME (one address for all of them).\n"
        "  For example: pulumi stack init app-shop"
    )


def reference(stack: str) -> str:
    """The stack's name as a stack reference of this project: file backends know one organization only."""
    return f"organization/altostratus/{stack}"
