"""What a copy's config says, made from that of the application's home. Pure.

Encrypted values are carried as they are: a copy's stack gets the salt of its home, and so its key, before
anything is encrypted in it. Nothing is ever decrypted for this.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from autoscaler.act.app_stack import (
    AUTOSCALING,
    CLOUD,
    CLUSTERS,
    COPY,
    DATA,
    IMAGES,
    MAINTENANCE,
    REVISION,
    SCALE,
)
from autoscaler.act.stack_config import edited

OURS = "altostratus:"
OWN = frozenset({CLOUD, CLUSTERS, DATA, SCALE, IMAGES, COPY, REVISION, MAINTENANCE})
"""What each copy has of its own."""
KEYS = ("encryptionsalt", "encryptedkey", "secretsprovider")
"""The lines of a config file that say how its secrets are encrypted."""


def carried(home: Mapping[str, Any]) -> dict[str, Any]:
    """What means the same in every cloud."""
    return {key: value for key, value in home.items() if key.startswith(OURS) and key not in OWN}


def left_out(home: Mapping[str, Any]) -> list[str]:
    """People's keys that are not carried: settings of a cloud's own provider."""
    return sorted(key for key in home if not key.startswith(OURS))


def copy_values(
    home: Mapping[str, Any],
    copy: Mapping[str, Any],
    cloud: str,
    scale: Mapping[str, Any] | None,
    clusters: Sequence[str] | None = None,
    *,
    follows: bool = False,
) -> dict[str, Any]:
    """What has to be written into the copy's config. None removes a key.

    A scale that the copy has already is left: it belongs to the autoscaler. `clusters`: what the copy has of
    the application; None leaves that as it is. `follows`: its data follows home's.
    """
    wanted: dict[str, Any] = {CLOUD: cloud, **carried(home)}
    if clusters is not None:
        wanted[CLUSTERS] = list(clusters)
    if follows:
        wanted[DATA] = "follows"
    if scale is not None and SCALE not in copy:
        wanted[SCALE] = dict(scale)
    gone = {key: None for key in copy if key.startswith(OURS) and key not in OWN and key not in wanted}
    return {key: value for key, value in {**wanted, **gone}.items() if copy.get(key) != value}


def paused(steering: Any) -> dict[str, Any]:
    """The same steering, with the autoscaler told to leave the stack as it is."""
    return {**(steering if isinstance(steering, Mapping) else {}), "paused": True}


def new_home(text: str, copy: Mapping[str, Any], cloud: str, name: str, images: str | None) -> str:
    """The home's config file for the cloud it has moved to: people's lines stay as they wrote them.

    copy: the config of the copy that becomes the home, whose scale counts; name: what it is called.
    """
    own = {CLOUD: cloud, COPY: name, SCALE: copy.get(SCALE), IMAGES: images, DATA: copy.get(DATA)}
    return edited(text, own)


def encryption(text: str) -> dict[str, str]:
    """The lines at the top level that say how secrets are encrypted, by key."""
    found = (line.partition(":") for line in text.splitlines())
    return {key: value.strip() for key, separator, value in found if separator and key in KEYS}


def with_encryption(text: str, encryption: Mapping[str, str]) -> str:
    """A config file's text with these lines, where it has none of its own."""
    lines = "".join(f"{key}: {value}\n" for key, value in encryption.items())
    return lines + text


def secret(value: Any) -> bool:
    """Whether a value holds anything encrypted."""
    if isinstance(value, Mapping):
        return "secure" in value or any(map(secret, value.values()))
    return isinstance(value, list) and any(map(secret, value))


__all__ = [
    "AUTOSCALING",
    "carried",
    "copy_values",
    "encryption",
    "left_out",
    "new_home",
    "paused",
    "secret",
    "with_encryption",
]
