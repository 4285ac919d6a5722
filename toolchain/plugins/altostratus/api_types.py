"""Kubernetes types made ready for use by threads.

What the decoder knows of a type it makes at the first use. Two threads that begin that at once bring the
process down (seen with msgspec 0.22: a segmentation fault), and an update asks of several resources at once.
"""

import threading
from typing import Any

import msgspec
from lightkube.core import decoders
from lightkube.models.meta_v1 import Status

_LOCK = threading.Lock()
_READY: set[Any] = set()


def make_ready(*kinds: Any) -> None:
    """Let the decoder learn these kinds, and lists of them, before anybody else decodes one."""
    with _LOCK:
        for kind in {*kinds, Status} - _READY:
            msgspec.json.decode(b"{}", type=kind)
            decoders.decode_list(b'{"items": []}', kind)
            _READY.add(kind)
