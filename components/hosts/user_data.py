"""An Ignition config as a machine's user data, whose size clouds bound. Pure.

A config of 50 KB, most of it keys, is too large for many. Small enough, it goes in as it is; else
compressed, inside a config that is replaced by it (Ignition unpacks data URLs); else it has to be
fetched from where only that machine may read.
"""

import base64
import gzip
import json

SPEC = "3.3.0"
EC2_LIMIT = 16 * 1024
"""Bytes, before EC2's own base64."""
NOVA_LIMIT = 65_535
"""Bytes of base64, as Nova takes it."""


class TooLarge(ValueError):
    """The config does not fit into user data, even compressed."""


def inline(ignition: str, limit: int) -> str:
    """The config as user data of at most `limit` bytes. Raises TooLarge."""
    if len(ignition.encode()) <= limit:
        return ignition
    packed = base64.b64encode(gzip.compress(ignition.encode(), 9, mtime=0)).decode()
    wrapped = _replaced_by({"source": f"data:;base64,{packed}", "compression": "gzip"})
    if len(wrapped.encode()) > limit:
        raise TooLarge(
            f"the host's config needs {len(wrapped.encode())} bytes of user data, {limit} are allowed"
        )
    return wrapped


def nova_limit() -> int:
    """Bytes of user data whose base64 Nova still takes."""
    return NOVA_LIMIT // 4 * 3


def pointer(url: str) -> str:
    """User data that has Ignition fetch its config."""
    return _replaced_by({"source": url})


def _replaced_by(resource: dict[str, str]) -> str:
    return json.dumps({"ignition": {"version": SPEC, "config": {"replace": resource}}}, separators=(",", ":"))
