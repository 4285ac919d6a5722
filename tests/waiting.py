"""Waiting for a condition instead of sleeping for a guess."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
BUSY = 4.0
"""How many times longer than on a calm machine a condition may take: the suite runs beside itself."""


def until(condition: Callable[[], Found | None], what: str, limit: float = 60.0) -> Found:
    """The first truthy result of `condition`, asked again a few times a second.

    `limit` is in seconds of a calm machine. Raises AssertionError after BUSY times as long.
    """
    longest = BUSY * limit
    deadline, pause = time.monotonic() + longest, threading.Event()
    while time.monotonic() < deadline:
        if found := condition():
            return found
        pause.wait(0.25)
    raise AssertionError(f"not within {longest:.0f} s: {what}")
