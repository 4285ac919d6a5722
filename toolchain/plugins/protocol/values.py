"""Property values: between the wire's `google.protobuf.Struct` and plain Python.

Plain values are dict, list, str, float, int, bool and None. Numbers without a fraction become
ints, because the wire knows only doubles and most APIs refuse `80.0`. What has no plain form is
`UNKNOWN` (not known before the update runs), `Secret`, `Asset`, `Archive`, `ResourceReference`.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from google.protobuf import struct_pb2

Properties = dict[str, Any]

SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker of the protocol
ASSET_SIGNATURE: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_TEXTS: Final = frozenset(
    {
        UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


class Unknown(enum.Enum):
    """A value that a preview cannot know yet."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value is neither true nor false: compare it with UNKNOWN")


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True)
class Secret:
    """A value that the engine encrypts in its state and hides on the screen."""

    value: Any = field(repr=False)


@dataclass(frozen=True)
class Asset:
    """One file: by its text, its path or its URI."""

    text: str | None = None
    path: str | None = None
    uri: str | None = None
    hash: str | None = None

    def read(self) -> bytes:
        """The content. Raises OSError when the file or the address does not answer."""
        if self.path:
            return Path(self.path).read_bytes()
        if self.uri:
            if not self.uri.startswith(("https://", "http://", "file://")):
                raise OSError(f"an asset's URI must be https, http or file, not {self.uri!r}")
            from urllib.request import urlopen  # slow to import, rarely needed

            with urlopen(self.uri, timeout=60) as answer:  # noqa: S310 - the scheme is checked above
                content: bytes = answer.read()
            return content
        return (self.text or "").encode()


@dataclass(frozen=True)
class Archive:
    """A tree of files: by its members, its path (folder or archive file) or its URI."""

    assets: Mapping[str, "Asset | Archive"] | None = None
    path: str | None = None
    uri: str | None = None
    hash: str | None = None


@dataclass(frozen=True)
class ResourceReference:
    """Another resource, by its URN."""

    urn: str
    id: Any = ""
    version: str = ""


def unmarshal(struct: struct_pb2.Struct) -> Properties:
    """The plain form of a property map, secrets and unknowns included."""
    return {key: _unmarshal(value) for key, value in struct.fields.items()}


def _unmarshal(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return UNKNOWN if value.string_value in UNKNOWN_TEXTS else value.string_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_unmarshal(item) for item in value.list_value.values]
    if kind == "struct_value":
        fields = value.struct_value.fields
        if SIGNATURE_KEY in fields:
            return _unmarshal_special(fields[SIGNATURE_KEY].string_value, unmarshal(value.struct_value))
        return unmarshal(value.struct_value)
    return None


def _unmarshal_special(signature: str, content: Properties) -> Any:
    if signature == SECRET_SIGNATURE:
        return Secret(content.get("value"))
    if signature == ASSET_SIGNATURE:
        return Asset(*(content.get(key) or None for key in ("text", "path", "uri", "hash")))
    if signature == ARCHIVE_SIGNATURE:
        return Archive(*(content.get(key) or None for key in ("assets", "path", "uri", "hash")))
    if signature == RESOURCE_SIGNATURE:
        return ResourceReference(
            content.get("urn", ""), content.get("id", ""), content.get("packageVersion", "")
        )
    if signature == OUTPUT_SIGNATURE:
        value = content.get("value", UNKNOWN)
        return Secret(value) if content.get("secret") is True else value
    raise ValueError(f"the engine sent a value of a kind this plugin does not know (signature {signature})")


def marshal(properties: Mapping[str, Any], *, secrets: bool = True) -> struct_pb2.Struct:
    """The wire form of a property map.

    Secrets lose their mark where the other side does not accept them (`secrets=False`). Keys whose
    value is None are left out at the top level only: deeper down null has a meaning of its own.
    """
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        if value is not None:
            struct.fields[key].CopyFrom(_marshal(value, secrets))
    return struct


def _marshal(value: Any, secrets: bool) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=float(value))
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if value is UNKNOWN:
        return struct_pb2.Value(string_value=UNKNOWN_STRING)
    if isinstance(value, Mapping):
        struct = struct_pb2.Struct()
        for key, item in value.items():
            struct.fields[str(key)].CopyFrom(_marshal(item, secrets))
        return struct_pb2.Value(struct_value=struct)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        items = [_marshal(item, secrets) for item in value]
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=items))
    if isinstance(value, Secret):
        if not secrets:
            return _marshal(value.value, secrets)
        return _marshal({SIGNATURE_KEY: SECRET_SIGNATURE, "value": value.value}, secrets)
    if isinstance(value, Asset):
        return _marshal({SIGNATURE_KEY: ASSET_SIGNATURE, **_set_fields(value)}, secrets)
    if isinstance(value, Archive):
        return _marshal({SIGNATURE_KEY: ARCHIVE_SIGNATURE, **_set_fields(value)}, secrets)
    if isinstance(value, ResourceReference):
        return _marshal(
            {
                SIGNATURE_KEY: RESOURCE_SIGNATURE,
                "urn": value.urn,
                "id": value.id,
                "packageVersion": value.version,
            },
            secrets,
        )
    raise TypeError(f"a {type(value).__name__} cannot be a property value")


def _set_fields(value: Asset | Archive) -> Properties:
    return {key: item for key, item in vars(value).items() if item is not None}


def reveal(value: Any) -> Any:
    """The same value with every `Secret` replaced by what it holds."""
    return _transform(value, lambda item: reveal(item.value) if isinstance(item, Secret) else item)


def has_unknowns(value: Any) -> bool:
    """Whether any part of the value is not known yet."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Secret):
        return has_unknowns(value.value)
    if isinstance(value, Mapping):
        return any(map(has_unknowns, value.values()))
    if isinstance(value, list | tuple):
        return any(map(has_unknowns, value))
    return False


def has_secrets(value: Any) -> bool:
    """Whether any part of the value is secret."""
    if isinstance(value, Secret):
        return True
    if isinstance(value, Mapping):
        return any(map(has_secrets, value.values()))
    if isinstance(value, list | tuple):
        return any(map(has_secrets, value))
    return False


def mark_like(value: Any, example: Any) -> Any:
    """The value, secret wherever `example` (the inputs as the program gave them) is secret.

    Objects are compared key by key. A list with a secret anywhere becomes secret as a whole: its
    order may have changed, and a secret that moved must not show.
    """
    if value is None or isinstance(value, Secret):
        return value
    if isinstance(value, dict) and isinstance(example, Mapping):
        return {key: mark_like(item, example.get(key)) for key, item in value.items()}
    return Secret(reveal(value)) if has_secrets(example) else value


def mark_keys(properties: Properties, keys: Sequence[str]) -> Properties:
    """The properties, secret under the given top-level keys."""
    return {
        key: Secret(value) if key in keys and value is not None and not isinstance(value, Secret) else value
        for key, value in properties.items()
    }


def _transform(value: Any, change: Callable[[Any], Any]) -> Any:
    value = change(value)
    if isinstance(value, Mapping):
        return {key: _transform(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_transform(item, change) for item in value]
    return value
