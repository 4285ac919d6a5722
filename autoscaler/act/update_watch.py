"""A second pair of eyes on the CLI's process while it runs."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

LOOK_FOR_LOCK_SECONDS = 0.02  # an autoscaler that is killed before it has seen the lock leaves it unrecorded
LOOK_SECONDS = 0.25
Process: TypeAlias = "subprocess.Popen[str]"


@contextmanager
def watched(process: Process, note_lock: Callable[[], bool], unwanted: Callable[[], bool]) -> Iterator[None]:
    """Ask `note_lock` until it has found the lock, and interrupt the process once when it is `unwanted`."""
    over = threading.Event()

    def watch() -> None:
        looking, wanted = True, True
        while not over.wait(LOOK_FOR_LOCK_SECONDS if looking else LOOK_SECONDS):
            looking = looking and not note_lock()
            if wanted and unwanted():
                wanted = False
                interrupt(process)

    watcher = threading.Thread(target=watch, name="update watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def interrupt(process: Process) -> None:
    """The CLI cancels its update in order. It is the leader of a group of its own."""
    if process.poll() is None:
        with suppress(ProcessLookupError):  # it has just ended
            os.killpg(process.pid, signal.SIGINT)
