"""What the home's load balancers are told of members in other clouds, in the background when it changes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from autoscaler.burst.balancer_control import Further, entries
from autoscaler.burst.watching_copies import Copies
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.observe.members import NOTHING
from blueprints.balancing.model import Backend

_log = logging.getLogger(__name__)

# Somebody else may have changed what a balancer knows: tell it again so often.
REPEAT_SECONDS = 30.0
AGAIN_SECONDS = 5.0

Tell = Callable[[str, str, str, Further, Sequence[str]], bool]
"""Tells a balancer: its cloud, namespace and name, and members of the clouds named last. Raises
ConnectionError."""


@dataclass
class _Told:
    further: dict[str, dict[str, list[dict[str, object]]]] = field(default_factory=dict)
    clouds: tuple[str, ...] = ()
    at: float = float("-inf")
    again: float = float("-inf")
    problem: str = ""
    job: Future[None] | None = None


@dataclass
class Balancers:
    """Never blocks. Times by the monotonic clock."""

    tell: Tell
    now: Callable[[], float] = time.monotonic
    pool: Executor | None = None
    _told: dict[str, _Told] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._pool = self.pool or ThreadPoolExecutor(4, thread_name_prefix="balancer")

    def problem(self, application: str) -> str:
        """Why its balancers cannot be told; empty where all is well."""
        known = self._told.get(application)
        return known.problem if known is not None else ""

    def wish(self, copies: Copies, leaving: str) -> str:
        """Have the home's balancers know who is ready beside it. `leaving`: a cloud whose end is under way,
        which the move itself takes out. A sentence where something new is told; else empty."""
        view = copies.home_view
        beside = {
            cloud: loop for cloud, loop in copies.beside().items() if cloud != leaving and loop.considered
        }
        # What does not answer keeps what was told last: its members serve all the same, or fail their checks.
        clouds = tuple(sorted(beside))
        further = {each.name: _members(each.backends, beside) for each in view.plan.balancers}
        known = self._told.setdefault(copies.application, _Told())
        if not known.clouds and not any(members for each in further.values() for members in each.values()):
            return ""  # nobody was told of, and nobody is ready
        now = self.now()
        if (known.job is not None and not known.job.done()) or now < known.again:
            return ""
        changed = (further, clouds) != (known.further, known.clouds)
        if not clouds or not (changed or now - known.at >= REPEAT_SECONDS):
            return ""
        known.job = self._pool.submit(self._tell, known, (view.cloud, view.plan.namespace), further, clouds)
        return _words(beside) if changed else ""

    def _tell(
        self,
        known: _Told,
        where: tuple[str, str],
        further: dict[str, dict[str, list[dict[str, object]]]],
        clouds: tuple[str, ...],
    ) -> None:
        try:
            for balancer, members in further.items():
                self.tell(*where, balancer, members, clouds)
            known.further, known.clouds, known.at, known.problem = further, clouds, self.now(), ""
        except (ConnectionError, OSError) as error:
            known.problem, known.again = str(error), self.now() + AGAIN_SECONDS
        except Exception as error:
            _log.exception("load balancers")
            known.problem, known.again = f"{type(error).__name__}: {error}", self.now() + AGAIN_SECONDS

    def close(self) -> None:
        """End; what is being told is told."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _members(
    backends: Sequence[Backend], beside: Mapping[str, ApplicationLoop]
) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for backend in backends:
        for cloud, loop in beside.items():
            view = loop.view
            assert view is not None
            link = view.links.get(f"{backend.cluster}:{backend.port}")
            if link is not None and backend.cluster in view.clusters:
                ready = ready_members(loop, backend.cluster)
                found.setdefault(backend.key, []).extend(entries(cloud, *link, ready))
    return found


def ready_members(loop: ApplicationLoop, path: str) -> int:
    """The ready members of a cluster in one cloud, without those that are leaving."""
    assert loop.view is not None
    members = (
        m for copy in loop.view.clusters[path].copies for m in loop.seen.get(copy.name, NOTHING).members
    )
    return sum(member.ready and not member.leaving for member in members)


def _words(beside: Mapping[str, ApplicationLoop]) -> str:
    told = [
        f"{ready_members(loop, path)} of {path} in {cloud}"
        for cloud, loop in beside.items()
        if loop.view is not None
        for path in loop.view.clusters
    ]
    return f"Load balancers share with {', '.join(told)}."
