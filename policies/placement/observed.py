"""From what API servers say of nodes and Pods to a placement problem with live data. Pure.

Nodes and Pods are plain data, as the API server writes them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from policies.placement.problem import Demand, Host, Place, Problem, belongs

ZONE = "topology.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"
APPLICATION = "altostratus.dev/application"
CLUSTER = "altostratus.dev/cluster"

_SUFFIXES = {
    "m": Fraction(1, 1000), "": Fraction(1), "k": Fraction(10**3), "M": Fraction(10**6), "G": Fraction(10**9),
    "T": Fraction(10**12), "Ki": Fraction(2**10), "Mi": Fraction(2**20), "Gi": Fraction(2**30),
    "Ti": Fraction(2**40),
}  # fmt: skip


@dataclass(frozen=True)
class CloudView:
    """All nodes and Pods of a cloud."""

    nodes: Sequence[Mapping[str, Any]]
    pods: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Sighting:
    """A member as it runs now: its place's key, and its host and that one's zone; without a host it waits,
    for `waiting`."""

    member: str
    cloud: str
    place: str = ""
    host: str = ""
    zone: str = ""
    waiting: str = ""


def with_live(
    problem: Problem, clouds: Mapping[str, CloudView], application: str, names: Mapping[str, str]
) -> Problem:
    """The problem with what clouds have free, where members run, and where none can be scheduled.

    `names`: cluster ids by the clusters' Kubernetes names. Clouds that are not named are not known.
    """
    hosts = {cloud: free_hosts(view) for cloud, view in clouds.items()}
    demands = []
    for demand in problem.demands:
        seen = sightings(demand, clouds, application, names)
        now: dict[str, int] = {}
        for each in seen:
            if each.place:
                now[each.place] = now.get(each.place, 0) + 1
        # One that waits may go to any host of its cloud, so none of them has room for one more.
        closed = {each.cloud for each in seen if each.waiting}
        full = {share.place.key for share in demand.rules.shares if share.place.cloud in closed}
        demands.append(replace(demand, now=now, full=frozenset(full)))
    return Problem(tuple(demands), {**problem.hosts, **hosts}, problem.quota_used)


def sightings(
    demand: Demand, clouds: Mapping[str, CloudView], application: str, names: Mapping[str, str]
) -> list[Sighting]:
    """The members of a cluster in each cloud: those that run on a host, and those no host is found for.

    A host may be part of several places: a member counts in the first that has not its most yet.
    """
    found: list[Sighting] = []
    now: dict[str, int] = {}
    for cloud, view in clouds.items():
        hosts = {name: Host(name, 0, 0, 0, *_where(node)) for name, node in _named(view)}
        places = [share for share in demand.rules.shares if share.place.cloud == cloud]
        for pod in _members(view, application, demand.cluster, names):
            member = str(pod["metadata"].get("name", ""))
            host = hosts.get(str(pod.get("spec", {}).get("nodeName") or ""))
            if host is not None:
                key = _settle(now, [(s.place, s.max) for s in places if belongs(host, s.place)], cloud)
                found.append(Sighting(member, cloud, key, host.name, host.zone))
            elif why := _unschedulable(pod):
                found.append(Sighting(member, cloud, waiting=why))
    return found


def free_hosts(view: CloudView) -> tuple[Host, ...]:
    """The nodes that take members, with what their Pods leave."""
    taken: dict[str, list[Fraction]] = {}
    for pod in view.pods:
        node = pod.get("spec", {}).get("nodeName")
        if node and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
            sums = taken.setdefault(node, [Fraction(0)] * 3)
            for index, part in enumerate((*_requests(pod.get("spec", {})), Fraction(1))):
                sums[index] += part
    hosts = []
    for name, node in _named(view):
        if not _takes_members(node):
            continue
        has = node.get("status", {}).get("allocatable", {})
        used = taken.get(name, [Fraction(0)] * 3)
        cpu, memory, pods = (
            max(int((amount(has.get(key, 0)) - part) * unit), 0)
            for key, part, unit in zip(("cpu", "memory", "pods"), used, (1000, 1, 1), strict=True)
        )
        hosts.append(Host(name, cpu, memory, pods, *_where(node)))
    return tuple(hosts)


def amount(quantity: Any) -> Fraction:
    """A Kubernetes quantity such as 3920m or 8040820Ki as a number. Raises ValueError."""
    text = str(quantity)
    digits = text.rstrip("KMGTikm")
    return Fraction(digits) * _SUFFIXES[text[len(digits) :]]


def _named(view: CloudView) -> Iterable[tuple[str, Mapping[str, Any]]]:
    return ((str(node["metadata"]["name"]), node) for node in view.nodes)


def _where(node: Mapping[str, Any]) -> tuple[str, str, Mapping[str, str]]:
    labels = node["metadata"].get("labels") or {}
    return labels.get(ZONE, ""), labels.get(REGION, ""), labels


def _takes_members(node: Mapping[str, Any]) -> bool:
    spec, status = node.get("spec") or {}, node.get("status") or {}
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or [])
    barred = any(t.get("effect") in ("NoSchedule", "NoExecute") for t in spec.get("taints") or [])
    return ready and not barred and not spec.get("unschedulable")


def _requests(spec: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
    """What the scheduler reserves for a Pod: all its containers, or the largest that runs before them."""

    def asked(container: Mapping[str, Any], what: str) -> Fraction:
        return amount(((container.get("resources") or {}).get("requests") or {}).get(what, 0))

    first = spec.get("initContainers") or []
    beside = [*(spec.get("containers") or []), *(c for c in first if c.get("restartPolicy") == "Always")]
    cpu, memory = (
        max([sum((asked(c, what) for c in beside), Fraction(0)), *(asked(c, what) for c in first)])
        for what in ("cpu", "memory")
    )
    return cpu, memory


def _members(
    view: CloudView, application: str, cluster: str, names: Mapping[str, str]
) -> Iterable[Mapping[str, Any]]:
    for pod in view.pods:
        metadata = pod["metadata"]
        labels = metadata.get("labels") or {}
        alive = pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
        ours = labels.get(APPLICATION) == application and names.get(labels.get(CLUSTER, "")) == cluster
        if ours and alive and not metadata.get("deletionTimestamp"):
            yield pod


def _settle(now: dict[str, int], places: Sequence[tuple[Place, int]], cloud: str) -> str:
    """Count a member: in the first place it can be said to be in that has not its most yet. Its key."""
    fitting = [place.key for place, most in places if now.get(place.key, 0) < most]
    key = next(iter(fitting or [place.key for place, _ in places]), f"{cloud}/no-partition")
    now[key] = now.get(key, 0) + 1
    return key


def _unschedulable(pod: Mapping[str, Any]) -> str:
    """Why no host is found for a Pod; empty where one is, or nothing is known yet."""
    return next(
        (
            str(c.get("message") or c["reason"])
            for c in pod.get("status", {}).get("conditions") or []
            if c["type"] == "PodScheduled" and c["status"] == "False" and c.get("reason") == "Unschedulable"
        ),
        "",
    )


def clouds_of(demands: Iterable[Demand]) -> tuple[str, ...]:
    """The clouds that placement may use, in order."""
    return tuple(dict.fromkeys(share.place.cloud for demand in demands for share in demand.rules.shares))
