"""What an API server says of an application's members: pure readings of Pods and of what runs them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from autoscaler.observe.members_amounts import amounts
from toolchain.plugins.kubernetes.pods import condition, explain

APPLICATION_LABEL = "altostratus.dev/application"
CLUSTER_LABEL = "altostratus.dev/cluster"
COPY_LABEL = "altostratus.dev/copy"

CRASHES = 3
"""A member whose container has ended so often, and is not ready, is in a crash loop."""

Object = Mapping[str, Any]
Copy = tuple[str, str]
"""A namespace, and the name of the application's copy in it."""


@dataclass(frozen=True, slots=True)
class SeenMember:
    """One Pod. `state` is `Ready` or what it waits for; `created` in seconds since the epoch.

    `started` is the time from creation to readiness in seconds, by the API server's clock; None until ready.
    `cpu` is the processors asked for, `cpu_limited` whether a container has a limit, `memory` the bytes that
    may be used (the limits, or where a container has none its request), None where not all containers say.
    """

    name: str
    host: str
    ready: bool
    leaving: bool
    crashing: bool
    state: str
    created: float
    started: float | None = None
    cpu: float | None = None
    cpu_limited: bool = False
    memory: float | None = None


@dataclass(frozen=True, slots=True)
class SeenCluster:
    """What runs of one cluster, by its Kubernetes name.

    `wanted` is the count of members that Kubernetes was told to keep; None where nothing keeps any.
    """

    name: str
    wanted: int | None
    members: tuple[SeenMember, ...] = ()

    @property
    def ready(self) -> int:
        """The members that serve and stay."""
        return sum(member.ready for member in self.members)

    @property
    def crashing(self) -> tuple[SeenMember, ...]:
        """The members in a crash loop."""
        return tuple(member for member in self.members if member.crashing)


NOTHING = SeenCluster("", None)
"""A cluster of which the API server knows nothing."""


def copy_of(thing: Object) -> Copy:
    """The application's copy that a Kubernetes object belongs to."""
    about = thing["metadata"]
    return about.get("namespace", ""), (about.get("labels") or {}).get(COPY_LABEL, "")


def clusters(pods: Iterable[Object], workloads: Iterable[Object]) -> Mapping[str, SeenCluster]:
    """The clusters of one copy, by Kubernetes name, from its Pods, Deployments and StatefulSets."""
    return gathered(part(each) for each in (*pods, *workloads))


@dataclass(frozen=True, slots=True)
class Part:
    """What is kept of one object: a member of a cluster, or how many of them are wanted."""

    copy: Copy
    cluster: str
    member: SeenMember | None = None
    wanted: int | None = None


def part(thing: Object) -> Part:
    """A Pod, Deployment or StatefulSet, reduced to what is kept of it."""
    if "containers" in thing["spec"]:
        return Part(copy_of(thing), _cluster(thing), member=member(thing))
    return Part(copy_of(thing), _cluster(thing), wanted=int(thing["spec"].get("replicas", 1)))


def gathered(parts: Iterable[Part]) -> Mapping[str, SeenCluster]:
    """The clusters of one copy, by Kubernetes name, from its parts."""
    wanted: dict[str, int] = {}
    found: dict[str, list[SeenMember]] = {}
    for each in parts:
        if each.wanted is not None:
            wanted[each.cluster] = each.wanted
        if each.member is not None:
            found.setdefault(each.cluster, []).append(each.member)
    return {
        name: SeenCluster(name, wanted.get(name), tuple(sorted(found.get(name, ()), key=lambda m: m.name)))
        for name in sorted({*wanted, *found})
        if name
    }


def _cluster(thing: Object) -> str:
    return str((thing["metadata"].get("labels") or {}).get(CLUSTER_LABEL, ""))


def member(pod: Object) -> SeenMember:
    """A Pod as a member."""
    about = pod["metadata"]
    leaving = "deletionTimestamp" in about
    ready = not leaving and condition(pod, "Ready").get("status") == "True"
    return SeenMember(
        name=about["name"],
        host=pod["spec"].get("nodeName", ""),
        ready=ready,
        leaving=leaving,
        crashing=not ready and not leaving and any(_in_a_crash_loop(each) for each in _containers(pod)),
        state="Ready" if ready else waiting_for(pod),
        created=_seconds(about.get("creationTimestamp", "")),
        started=_start_seconds(pod) if ready else None,
        **amounts(pod)._asdict(),
    )


def _start_seconds(pod: Object) -> float:
    since = _seconds(condition(pod, "Ready").get("lastTransitionTime", ""))
    return max(0.0, since - _seconds(pod["metadata"].get("creationTimestamp", "")))


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0


def _containers(pod: Object) -> list[Object]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _in_a_crash_loop(status: Object) -> bool:
    return status.get("restartCount", 0) >= CRASHES and not status.get("ready")


def waiting_for(pod: Object) -> str:
    """Why a Pod is not Ready, in words."""
    about = pod["metadata"]
    if "deletionTimestamp" in about:
        return "ending"
    reasons = explain(dict(pod))
    if reasons:
        return reasons[0].removeprefix(f"Pod {about['name']}: ")
    phase = (pod.get("status") or {}).get("phase", "")
    return "starting" if phase in {"Pending", "Running"} else phase or "unknown"
