"""The weights of front doors, told in the background when they change."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from autoscaler.burst.front_door import FrontDoorUnreachable, FrontState

_log = logging.getLogger(__name__)

# Somebody else may have told the door something, or it lost what it was told: tell it again so often.
REPEAT_SECONDS = 30.0
AGAIN_SECONDS = 5.0
COUNT_SECONDS = 10.0
"""How often requests that no copy answered are counted."""
ABSENT_SECONDS = 5.0
"""How often to look whether an application has got a front door."""


class Door(Protocol):
    """What is needed of `autoscaler.burst.front_door.FrontDoor`."""

    def state(self) -> FrontState: ...

    def share(self, weights: Mapping[str, int]) -> None: ...


Open = Callable[[str], Door | None]
"""The front door of an application, None where it has none. Raises FrontDoorUnreachable."""


@dataclass
class _Known:
    door: Door | None = None
    told: dict[str, int] = field(default_factory=dict)
    at: float = float("-inf")
    again: float = float("-inf")
    problem: str = ""
    serving: dict[str, bool] = field(default_factory=dict)
    lost: dict[str, int] | None = None
    counted: float = float("-inf")
    grown: int = 0
    job: Future[None] | None = None

    def count(self, state: FrontState, now: float) -> None:
        """Add what was lost since the last look; a door that started anew counts from nothing."""
        lost = {name: each.unanswered for name, each in state.clouds.items()}
        if self.lost is not None:
            for name, count in lost.items():
                before = self.lost.get(name, 0)
                self.grown += count - before if count >= before else count
        self.lost, self.counted = lost, now


@dataclass
class Doors:
    """Never blocks. Times by the monotonic clock."""

    open: Open
    now: Callable[[], float] = time.monotonic
    pool: Executor | None = None
    _known: dict[str, _Known] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._pool = self.pool or ThreadPoolExecutor(4, thread_name_prefix="door")

    def serves(self, application: str, cloud: str) -> bool:
        """Whether the door saw this cloud serve when it was asked last."""
        known = self._known.get(application)
        return known is not None and known.serving.get(cloud, False)

    def sees(self, application: str, cloud: str) -> bool | None:
        """The same; None where there is no door, or it does not answer."""
        known = self._known.get(application)
        return None if known is None or known.door is None else known.serving.get(cloud, False)

    def problem(self, application: str) -> str:
        """Why the door cannot be told; empty where it can, or there is none."""
        known = self._known.get(application)
        return known.problem if known is not None else ""

    def told(self, application: str) -> Mapping[str, int]:
        """The weights as told last."""
        known = self._known.get(application)
        return {} if known is None else known.told

    def forget(self, application: str) -> None:
        """Somebody else told the door something, or it is another one: begin anew."""
        known = self._known.get(application)
        if known is not None and (known.job is None or known.job.done()):
            self._known[application] = _Known(
                serving=known.serving, lost=known.lost, counted=known.counted, grown=known.grown
            )

    def wish(self, application: str, weights: Mapping[str, int], ask: bool = False, apart: str = "") -> bool:
        """Have these weights in force soon; whether it is told now.

        ask: look at the door's health too. apart: a cloud that somebody else shares with; once it has a
        share, nobody else's is changed.
        """
        known = self._known.setdefault(application, _Known())
        now = self.now()
        if (known.job is not None and not known.job.done()) or now < known.again:
            return False
        changed = bool(weights) and (dict(weights) != known.told or now - known.at >= REPEAT_SECONDS)
        if not changed and not ask:
            return False
        told = dict(weights) if changed else {}
        known.job = self._pool.submit(self._tell, application, known, told, apart)
        return changed and dict(weights) != known.told

    def unanswered(self, application: str) -> int:
        """Requests that no copy answered in whole, since the last call; it is asked in the background."""
        known = self._known.setdefault(application, _Known())
        now = self.now()
        idle = known.job is None or known.job.done()
        if idle and now >= max(known.again, known.counted + COUNT_SECONDS):
            known.job = self._pool.submit(self._tell, application, known, {}, "")
        if not idle:
            return 0
        grown, known.grown = known.grown, 0
        return grown

    def _tell(self, application: str, known: _Known, weights: dict[str, int], apart: str) -> None:
        try:
            if known.door is None:
                known.door = self.open(application)
            if known.door is None:
                known.again = self.now() + ABSENT_SECONDS
                return
            state = known.door.state()
            known.count(state, self.now())
            known.serving = {name: each.serving for name, each in state.clouds.items()}
            if apart in state.clouds and state.clouds[apart].weight:
                weights = {}
            there = {name: weight for name, weight in weights.items() if name in state.clouds}
            if there and {name: state.clouds[name].weight for name in there} != there:
                known.door.share(there)
            if weights:
                known.told, known.at = weights, self.now()
            known.problem = ""
        except (FrontDoorUnreachable, ValueError, OSError) as error:
            known.door, known.problem = None, str(error)
            known.again = self.now() + AGAIN_SECONDS
        except Exception as error:
            _log.exception("front door of %s", application)
            known.door, known.problem = None, f"{type(error).__name__}: {error}"
            known.again = self.now() + AGAIN_SECONDS

    def close(self) -> None:
        """End; what is being told is told."""
        self._pool.shutdown(wait=True, cancel_futures=True)
