"""Why a Pod does not run: from its status and its events, in words for people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolchain.plugins.kubernetes.client import Object
from toolchain.plugins.kubernetes.naming import metadata, name_of

# Events that name the cause while a container's own status only says that it waits.
TELLING_EVENTS = frozenset(
    {
        "FailedMount",
        "FailedAttachVolume",
        "FailedCreatePodSandBox",
        "FailedScheduling",
        "Failed",
        "Unhealthy",
        "BackOff",
        "FailedBinding",
        "ProvisioningFailed",
        "FailedCreate",
    }
)
STARTING = ("", "ContainerCreating", "PodInitializing")
# What the storage on hosts' own disks says of data that went with its host (toolchain/go/storage).
DATA_LOST = "DataLost"


@dataclass(frozen=True)
class Crash:
    """A container whose last words are worth reading; `previous` when it was started anew since."""

    namespace: str
    pod: str
    container: str
    previous: bool


def condition(content: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """A condition of an object's status; empty where it is not reported."""
    for entry in (content.get("status") or {}).get("conditions") or []:
        if entry.get("type") == kind:
            found: Mapping[str, Any] = entry
            return found
    return {}


def is_ready(pod: Object) -> bool:
    """Whether it serves, or has done its work."""
    phase = (pod.get("status") or {}).get("phase")
    return phase == "Succeeded" or condition(pod, "Ready").get("status") == "True"


def is_leaving(pod: Object) -> bool:
    """Whether its deletion has begun."""
    return bool(metadata(pod).get("deletionTimestamp"))


def explain(pod: Object, events: Iterable[Object] = ()) -> tuple[str, ...]:
    """What keeps the Pod from being ready; empty when nothing is known to be wrong."""
    if is_ready(pod) or is_leaving(pod):
        return ()
    lost = lost_data(pod, events)
    if lost:
        return (f"Pod {name_of(pod)}: {lost}",)
    reasons = list(_from_status(pod)) or list(_from_events(pod, events)) or list(_from_probes(pod))
    return tuple(f"Pod {name_of(pod)}: {reason}" for reason in dict.fromkeys(reasons))


def lost_data(pod: Object, events: Iterable[Object]) -> str:
    """What was said of data that the Pod waits for and that is no more; empty where it is not so."""
    if is_ready(pod) or is_leaving(pod):
        return ""
    uid = metadata(pod).get("uid")
    said = [
        str(event.get("message"))
        for event in events
        if event.get("reason") == DATA_LOST and (event.get("involvedObject") or {}).get("uid") == uid
    ]
    return said[-1] if said else ""


def _from_status(pod: Object) -> Iterator[str]:
    status = pod.get("status") or {}
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        yield f"[{scheduled.get('reason', 'Unschedulable')}] {scheduled.get('message', 'not scheduled')}"
    if status.get("phase") == "Failed" and status.get("reason"):
        yield f"[{status['reason']}] {status.get('message', 'it failed')}"
    for container in _containers(status):
        yield from _from_container(container)


def _from_container(container: Mapping[str, Any]) -> Iterator[str]:
    name, state = container.get("name"), container.get("state") or {}
    ended = state.get("terminated") or {}
    before = (container.get("lastState") or {}).get("terminated") or {}
    waiting = state.get("waiting") or {}
    if waiting.get("reason", "") not in STARTING:
        text = f"container {name}: [{waiting['reason']}] {waiting.get('message') or 'waiting'}"
        yield f"{text} ({_ending(before)})" if before else text
    elif ended.get("exitCode"):
        yield f"container {name}: {_ending(ended)}"
    elif before.get("exitCode") and not container.get("ready"):
        yield f"container {name}: {_ending(before)}, started again {container.get('restartCount', 0)} times"


def _ending(ended: Mapping[str, Any]) -> str:
    reason = ended.get("reason")
    text = f"exit code {ended.get('exitCode')}"
    return f"{text}, {reason}" if reason and reason not in ("Error", "Completed") else text


def _from_events(pod: Object, events: Iterable[Object]) -> Iterator[str]:
    uid = metadata(pod).get("uid")
    telling = [
        event
        for event in events
        if (event.get("involvedObject") or {}).get("uid") == uid and event.get("reason") in TELLING_EVENTS
    ]
    for event in telling[-1:]:
        yield f"[{event.get('reason')}] {event.get('message')}"


def _from_probes(pod: Object) -> Iterator[str]:
    for container in _containers(pod.get("status") or {}):
        if "running" in (container.get("state") or {}) and container.get("ready") is False:
            yield f"container {container.get('name')} runs, but is not ready"


def crashes(pod: Object) -> tuple[Crash, ...]:
    """The containers of the Pod that ended badly."""
    found = []
    for container in _containers(pod.get("status") or {}):
        ended = (container.get("state") or {}).get("terminated") or {}
        before = (container.get("lastState") or {}).get("terminated") or {}
        if ended.get("exitCode") or (before.get("exitCode") and not container.get("ready")):
            name, namespace = str(container.get("name")), str(metadata(pod).get("namespace"))
            # While it waits for its next start, the current log is still that of the ended run.
            previous = "running" in (container.get("state") or {})
            found.append(Crash(namespace, name_of(pod), name, previous))
    return tuple(found)


def _containers(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def newest_generation(pods: Sequence[Object], label: str) -> list[Object]:
    """The Pods that share the newest one's value of a label: those of the latest template."""
    if not pods:
        return []
    newest = max(pods, key=lambda pod: str(metadata(pod).get("creationTimestamp")))
    value = (metadata(newest).get("labels") or {}).get(label)
    return [pod for pod in pods if (metadata(pod).get("labels") or {}).get(label) == value]
