"""How the clusters of an application are: ready, starting, stopped, in maintenance or stalled. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from autoscaler.observe.members import NOTHING, SeenCluster
from autoscaler.supervise.memory import Memory
from blueprints.scale import ScaleState

State = Literal["ready", "starting", "stopped", "maintenance", "stalled"]
_WORST_FIRST: tuple[State, ...] = ("stalled", "maintenance", "starting", "stopped", "ready")


@dataclass(frozen=True)
class ClusterState:
    """One cluster: `members` it should have, those `ready`, its range, and why it is as it is."""

    cluster: str
    state: State
    members: int
    ready: int
    min: int
    max: int
    reason: str = ""


def cluster_states(
    described: Mapping[str, Mapping[str, Any]],
    seen: Mapping[str, SeenCluster],
    scale: ScaleState,
    memory: Memory,
    *,
    maintenance: bool,
) -> list[ClusterState]:
    """The state of each cluster, in the plan's order.

    described: the stack's output `clusters`. seen: what the API server says, by Kubernetes name. scale:
    that of the config. memory: the supervisor's.
    """
    found = []
    for id, about in described.items():
        now = seen.get(str(about["name"]), NOTHING)
        state, reason = _judged(id, int(about["members"]), now, scale, memory, maintenance=maintenance)
        wanted = int(about["members"]) if now.wanted is None else now.wanted
        found.append(ClusterState(id, state, wanted, now.ready, int(about["min"]), int(about["max"]), reason))
    return found


def _judged(
    id: str, members: int, now: SeenCluster, scale: ScaleState, memory: Memory, *, maintenance: bool
) -> tuple[State, str]:
    whole = now.wanted is not None and now.ready >= now.wanted
    if maintenance:
        return "maintenance", "" if whole and now.ready else f"{now.ready} of {members} members ready"
    failed = scale.restart is not None and id in scale.restart.failed
    if id in scale.stopped:
        why = "waits for what it depends on to restart"
        return ("stalled", memory.trouble) if memory.stalled else ("stopped", why)
    if memory.stalled and not whole and (failed or id in memory.below):
        return "stalled", memory.trouble or "restarts do not help"
    if now.wanted == 0 or (now.wanted is None and members == 0):
        return "stopped", "" if members == 0 else "scaled to no members by hand"
    if whole:
        return "ready", ""
    reasons = dict.fromkeys(m.state for m in now.members if not m.ready and not m.leaving)
    return "starting", next(iter(reasons), "not made yet" if now.wanted is None else "members are being made")


def overall(states: list[ClusterState]) -> State:
    """The application's state: the worst of its clusters', but for those that need no members now."""
    idle = [each for each in states if each.state == "stopped" and not each.members and not each.reason]
    there = {each.state for each in states if each not in idle}
    return next((state for state in _WORST_FIRST if state in there), "stopped")
