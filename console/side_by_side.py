"""Several questions at once, with one bound on the wait for all of them."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


def side_by_side(questions: Mapping[str, Callable[[], T]], patience: float) -> dict[str, T | Exception]:
    """What each gave or raised; those that took longer than `patience` (s) are left out.

    Their threads are left alone: a connection that hangs must not keep a command from ending.
    """
    done: dict[str, T | Exception] = {}

    def ask(name: str, question: Callable[[], T]) -> None:
        try:
            done[name] = question()
        except Exception as error:  # told by whoever asked; the other questions go on
            done[name] = error

    threads = [
        threading.Thread(target=ask, args=each, name=f"ask-{each[0]}", daemon=True)
        for each in questions.items()
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + patience
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    return dict(done)
