"""How many members of a cluster there is room for in a cloud: policy, free capacity, and what the scheduler
has refused. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policies.placement.capacity import UNBOUNDED, Ledger
from policies.placement.observed import CLUSTER, CloudView, free_hosts
from policies.placement.problem import Demand, Host, Place, belongs

# A place where the scheduler has refused a member is full for so long; then the hosts' free room counts
# again. Each refusal in a row doubles it: something else than free room bounds the place.
FULL_SECONDS, LONGEST_FULL_SECONDS = 60.0, 1800.0

Where = tuple[str, str]
"""A namespace, and the Kubernetes name of a cluster in it."""


@dataclass(frozen=True)
class Listing:
    """A cloud's hosts at one moment: what each has free, all by name, and where members are by cluster."""

    free: tuple[Host, ...]
    hosts: Mapping[str, Host]
    members: Mapping[Where, tuple[str, ...]]


def listing(view: CloudView) -> Listing:
    """From what an API server says of nodes and Pods."""
    free = free_hosts(view)
    members: dict[Where, list[str]] = {}
    for pod in view.pods:
        node = (pod.get("spec") or {}).get("nodeName")
        where = _where(pod)
        if node and where is not None:
            members.setdefault(where, []).append(node)
    return Listing(free, {h.name: h for h in free}, {where: tuple(nodes) for where, nodes in members.items()})


def _where(pod: Mapping[str, Any]) -> Where | None:
    about = pod["metadata"]
    cluster = (about.get("labels") or {}).get(CLUSTER)
    gone = about.get("deletionTimestamp") or pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
    return None if cluster is None or gone else (about.get("namespace", ""), cluster)


@dataclass(slots=True)
class Refusals:
    """Clusters whose members the scheduler has refused. Times in seconds since the epoch."""

    _until: dict[object, tuple[float, float]] = field(default_factory=dict)

    def note(self, cluster: object, refused: bool, now: float) -> bool:
        """Whether the cluster's place counts as full, now that some of its members are refused, or none."""
        until, pause = self._until.get(cluster, (float("-inf"), 0.0))
        if refused and now >= until:
            pause = min(LONGEST_FULL_SECONDS, pause * 2.0 or FULL_SECONDS)
            until = now + pause
            self._until[cluster] = (until, pause)
        elif not refused and now >= until + pause:
            self._until.pop(cluster, None)
        return now < until


def by_policy(demand: Demand, cloud: str) -> int | None:
    """The most members of one cluster in a cloud by its deployment policy; None where that says nothing."""
    found = [share.max for share in demand.rules.shares if share.place.cloud == cloud]
    if not found or any(each >= UNBOUNDED for each in found):
        return None
    return sum(found)


def by_capacity(demand: Demand, cloud: str, where: Where, seen: Listing) -> int:
    """Members there are on the hosts of the policy's places, and those that still fit there."""
    places = [share.place for share in demand.rules.shares if share.place.cloud == cloud]
    if not places:
        return UNBOUNDED
    here = [
        node
        for node in seen.members.get(where, ())
        # A host that takes no more members is not listed; what runs there counts all the same.
        if node not in seen.hosts or any(belongs(seen.hosts[node], place) for place in places)
    ]
    return len(here) + _fitting(demand, cloud, places, seen.free)


def _fitting(demand: Demand, cloud: str, places: Sequence[Place], hosts: tuple[Host, ...]) -> int:
    """Each host counts once, however many of the places it belongs to."""
    mine = tuple(host for host in hosts if any(belongs(host, place) for place in places))
    everywhere = Place(cloud, cloud, cloud)
    return Ledger({cloud: mine}, [everywhere]).room(everywhere, demand.cpu, demand.memory, UNBOUNDED)


def room(
    demand: Demand, cloud: str, where: Where, seen: Listing | None, scheduled: int, asked: int, full: bool
) -> int | None:
    """How many members a cluster may have in a cloud; None where nothing bounds it.

    scheduled: members on a host now; asked: how many it shall have; full: the scheduler has refused some.
    Free capacity alone takes nothing away: what was asked for stays asked for, unless it was refused.
    """
    bound = by_policy(demand, cloud)
    if full:
        return scheduled if bound is None else min(bound, scheduled)
    if seen is None or (not demand.cpu and not demand.memory):
        return bound
    found = max(asked, by_capacity(demand, cloud, where, seen))
    return found if bound is None else min(bound, found)


@dataclass(frozen=True, slots=True)
class Instance:
    """A cluster in one instance of its group: where it is, its members on a host, and those asked for."""

    demand: Demand
    where: Where
    scheduled: int
    asked: int
    full: bool


@dataclass(frozen=True, slots=True)
class Room:
    """How many members there may be over all instances, and in each of them; None where nothing bounds it."""

    total: int | None = None
    each: int | None = None


def shared_room(instances: Sequence[Instance], cloud: str, seen: Listing | None) -> Room:
    """The room of a cluster that is in several instances of a group. They share what hosts have free, and
    each has its own part by the policy: another instance may fit where one is refused."""
    bounds = [by_policy(each.demand, cloud) for each in instances]
    bounds += [each.scheduled for each in instances if each.full]
    found = [bound for bound in bounds if bound is not None]
    return Room(_free(instances, cloud, seen), min(found, default=None))


def _free(instances: Sequence[Instance], cloud: str, seen: Listing | None) -> int | None:
    first = instances[0].demand
    places = [share.place for share in first.rules.shares if share.place.cloud == cloud]
    if seen is None or not places or (not first.cpu and not first.memory):
        return None
    there = sum(len(seen.members.get(each.where, ())) for each in instances)
    return max(sum(each.asked for each in instances), there + _fitting(first, cloud, places, seen.free))
