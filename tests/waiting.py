"""Waiting for a condition instead of sleeping for a guess."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(condition: Callable[[], Found | None], what: str, limit: float = 60.0) -> Found:
    """The first truthy result of `condition`, asked again a few times a second for `limit` seconds."""
    deadline, pause = time.monotonic() + limit, threading.Event()
    while time.monotonic() < deadline:
        if found := condition():
            return found
        pause.wait(0.25)
    raise AssertionError(f"not within {limit:.0f} s: {what}")
