"""Names that are made up, and the annotations that steer this plugin."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from toolchain.plugins.protocol import UNKNOWN, Autonaming, Failure, Properties

AUTONAMED = "pulumi.com/autonamed"
SKIP_AWAIT = "pulumi.com/skipAwait"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
PATCH_FORCE = "pulumi.com/patchForce"
FIELD_MANAGER = "pulumi.com/patchFieldManager"
PROPAGATION = "pulumi.com/deletionPropagationPolicy"
WAIT_FOR = "pulumi.com/waitFor"

SUFFIX_LENGTH = 8
MANAGER_PREFIX = "pulumi-kubernetes-"


def metadata(content: Mapping[str, Any]) -> dict[str, Any]:
    """The object's metadata; empty where it has none or it is not known yet."""
    found = content.get("metadata")
    return found if isinstance(found, dict) else {}


def annotation(content: Mapping[str, Any], key: str) -> str:
    """An annotation's text; empty where it is not set or not known."""
    annotations = metadata(content).get("annotations")
    value = annotations.get(key) if isinstance(annotations, dict) else None
    return value if isinstance(value, str) else ""


def flag(content: Mapping[str, Any], key: str) -> bool:
    """Whether an annotation says `true`."""
    return annotation(content, key) == "true"


def name_of(content: Mapping[str, Any]) -> str:
    """The object's name; empty where there is none yet."""
    name = metadata(content).get("name")
    return name if isinstance(name, str) else ""


def namespace_of(content: Mapping[str, Any]) -> str:
    """The object's namespace; empty where there is none."""
    namespace = metadata(content).get("namespace")
    return namespace if isinstance(namespace, str) else ""


def identifier(content: Mapping[str, Any]) -> str:
    """Pulumi's id of an object: `namespace/name`, or `name`."""
    namespace = namespace_of(content)
    return f"{namespace}/{name_of(content)}" if namespace else name_of(content)


def split_identifier(id: str) -> tuple[str, str]:
    """The namespace (maybe empty) and name in an id. Raises `Failure`."""
    namespace, _, name = id.rpartition("/")
    if not name or "/" in namespace:
        raise Failure(f"the id must be NAME or NAMESPACE/NAME, not {id!r}")
    return namespace, name


def is_named(content: Mapping[str, Any]) -> bool:
    """Whether the program gave a name, even one that is not known yet."""
    found = content.get("metadata")
    return found is UNKNOWN or bool(metadata(content).get("name") is UNKNOWN or name_of(content))


def assign_name(content: Properties, base: str, seed: bytes, wish: Autonaming | None) -> None:
    """Gives the object a unique name, as the user's settings for automatic names want it.

    Raises `Failure` where they forbid automatic names.
    """
    if wish and wish.mode == "disable":
        raise Failure("automatic names are switched off: set metadata.name")
    name = wish.proposed if wish and wish.proposed else f"{base}-{unique_suffix(seed)}"
    mark_autonamed(content, name)


def adopt_name(content: Properties, old: Mapping[str, Any]) -> None:
    """Keeps the automatic name that the object got before."""
    if name_of(old) and flag(old, AUTONAMED):
        mark_autonamed(content, name_of(old))


def mark_autonamed(content: Properties, name: str) -> None:
    """Sets the name and the annotation that says it was made up."""
    about = content.setdefault("metadata", {})
    about["name"] = name
    annotations = about.get("annotations")
    if annotations is not UNKNOWN:
        about["annotations"] = {**(annotations or {}), AUTONAMED: "true"}


def unique_suffix(seed: bytes) -> str:
    """Hexadecimal digits, repeatable for one seed so that a preview shows the real name."""
    if not seed:
        return secrets.token_hex(SUFFIX_LENGTH)[:SUFFIX_LENGTH]
    return hashlib.sha256(seed).hexdigest()[:SUFFIX_LENGTH]
