"""When an object of each kind is ready for use. Pure rules over what the cluster reports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from toolchain.plugins.kubernetes.client import Object
from toolchain.plugins.kubernetes.naming import metadata
from toolchain.plugins.kubernetes.pods import (
    condition,
    explain,
    is_leaving,
    is_ready,
    lost_data,
    newest_generation,
)
from toolchain.plugins.kubernetes.quantity import parse

Related = Literal["pods", "slices"]
MANY = 5  # as many reasons as fit a screen


@dataclass(frozen=True)
class View:
    """What is known at one moment: the object, the Pods or endpoint slices that belong to it, events."""

    object: Object
    pods: tuple[Object, ...] = ()
    slices: tuple[Object, ...] = ()
    events: tuple[Object, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Ready or not; how far it is; why not; and whether waiting longer is in vain."""

    ready: bool
    progress: str = ""
    reasons: tuple[str, ...] = ()
    hopeless: bool = False


READY = Verdict(True)


@dataclass(frozen=True)
class Rule:
    """How to judge a kind, what else to look at, and for how long to wait by default (seconds)."""

    judge: Callable[[View], Verdict]
    related: Related | None = None
    patience: float = 600.0
    # Whether a plain read reports an object that is not ready; the vendor's plugin does for these.
    on_read: bool = True


def selector(kind: str, content: Object) -> str:
    """The label selector of the related objects; empty when none can belong to it."""
    if kind == "Service":
        return f"kubernetes.io/service-name={metadata(content).get('name')}"
    wanted = (content.get("spec") or {}).get("selector") or {}
    terms = [f"{key}={value}" for key, value in (wanted.get("matchLabels") or {}).items()]
    for term in wanted.get("matchExpressions") or []:
        key, operator, values = term.get("key"), term.get("operator"), ",".join(term.get("values") or [])
        forms = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        terms.append(forms[operator])
    return ",".join(terms)


def _status(content: Object) -> Mapping[str, Any]:
    return content.get("status") or {}


def _replicas(content: Object) -> int:
    wanted = (content.get("spec") or {}).get("replicas")
    return 1 if wanted is None else int(wanted)


def _observed(content: Object) -> bool:
    return bool(_status(content).get("observedGeneration", 0) >= metadata(content).get("generation", 1))


def _pod_reasons(view: View, label: str) -> tuple[str, ...]:
    staying = [pod for pod in view.pods if not is_leaving(pod)]
    current = newest_generation(staying, label) if label else staying
    return tuple(reason for pod in current for reason in explain(pod, view.events))[:MANY]


def _object_events(view: View) -> tuple[str, ...]:
    uid = metadata(view.object).get("uid")
    warnings = [
        f"[{event.get('reason')}] {event.get('message')}"
        for event in view.events
        if event.get("type") == "Warning" and (event.get("involvedObject") or {}).get("uid") == uid
    ]
    return tuple(dict.fromkeys(warnings[-1:]))


def deployment(view: View) -> Verdict:
    """Rolled out: all replicas are of the newest template and available, none of an older one is left."""
    content, status, wanted = view.object, _status(view.object), _replicas(view.object)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if _observed(content) and (content.get("spec") or {}).get("paused"):
        return READY
    done = updated >= wanted and available >= wanted and status.get("replicas", 0) <= wanted
    if _observed(content) and done:
        return READY
    reasons = [
        f"[{found.get('reason')}] {found.get('message')}"
        for found in (condition(content, "ReplicaFailure"), condition(content, "Progressing"))
        if (found.get("type"), found.get("status")) in (("ReplicaFailure", "True"), ("Progressing", "False"))
    ]
    reasons += _pod_reasons(view, "pod-template-hash")
    counts = f"{min(available, updated)} of {wanted} updated Pods are available"
    return Verdict(False, counts, tuple(reasons) or (counts,))


def stateful_set(view: View) -> Verdict:
    """All replicas ready, and those that the update strategy covers of the newest revision."""
    content, status, wanted = view.object, _status(view.object), _replicas(view.object)
    strategy = (content.get("spec") or {}).get("updateStrategy") or {}
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    ready = status.get("readyReplicas", 0)
    rolls = strategy.get("type", "RollingUpdate") == "RollingUpdate"
    rolled = not rolls or (
        status.get("updatedReplicas", 0) >= wanted - partition
        and (partition > 0 or status.get("currentRevision") == status.get("updateRevision"))
    )
    if _observed(content) and ready >= wanted and status.get("replicas", 0) <= wanted and rolled:
        return READY
    counts = f"{ready} of {wanted} Pods are ready, {status.get('updatedReplicas', 0)} updated"
    reasons = _pod_reasons(view, "") or _object_events(view) or (counts,)
    lost = any(lost_data(pod, view.events) for pod in view.pods)
    return Verdict(False, counts, reasons, hopeless=lost)


def daemon_set(view: View) -> Verdict:
    """One available Pod of the newest template on every node that should have one."""
    status = _status(view.object)
    wanted, available = status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)
    strategy = ((view.object.get("spec") or {}).get("updateStrategy") or {}).get("type", "RollingUpdate")
    updated = status.get("updatedNumberScheduled", 0) if strategy == "RollingUpdate" else wanted
    if _observed(view.object) and available >= wanted and updated >= wanted:
        return READY
    counts = f"{available} of {wanted} Pods are available, {updated} updated"
    return Verdict(False, counts, _pod_reasons(view, "controller-revision-hash") or (counts,))


def pod(view: View) -> Verdict:
    """Ready, or ended well."""
    if is_ready(view.object):
        return READY
    phase = str(_status(view.object).get("phase", "Pending"))
    return Verdict(False, f"phase {phase}", explain(view.object, view.events) or (f"it is still {phase}",))


def job(view: View) -> Verdict:
    """Completed. A Job that failed for good is hopeless."""
    failed = condition(view.object, "Failed")
    if failed.get("status") == "True":
        reasons = (f"[{failed.get('reason')}] {failed.get('message')}", *_pod_reasons(view, ""))
        return Verdict(False, "failed", reasons, hopeless=True)
    if condition(view.object, "Complete").get("status") == "True":
        return READY
    if (view.object.get("spec") or {}).get("suspend"):
        return READY
    status = _status(view.object)
    counts = f"{status.get('succeeded', 0)} Pods succeeded, {status.get('active', 0)} active"
    return Verdict(False, counts, _pod_reasons(view, "") or (counts,))


def service(view: View) -> Verdict:
    """A selector finds at least one ready Pod, and a load balancer has an address.

    Without a selector, or headless, or as an alias, there is nothing to wait for.
    """
    spec = view.object.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return READY
    if spec.get("selector") and spec.get("clusterIP") != "None" and not _has_endpoint(view):
        return Verdict(
            False,
            "looking for ready Pods",
            (
                "it finds no ready Pods: those selected may not be ready, "
                "or .spec.selector may not match the labels of any Pod",
            ),
        )
    if spec.get("type") == "LoadBalancer" and not (_status(view.object).get("loadBalancer") or {}).get(
        "ingress"
    ):
        return Verdict(
            False,
            "waiting for an address",
            ("it got no IP address; does this cluster offer load balancers?",),
        )
    return READY


def _has_endpoint(view: View) -> bool:
    return any(
        (endpoint.get("conditions") or {}).get("ready") is not False
        for found in view.slices
        for endpoint in found.get("endpoints") or []
    )


def volume_claim(view: View) -> Verdict:
    """Bound; or waiting for its first consumer, if its class binds that late."""
    phase = _status(view.object).get("phase")
    uid = metadata(view.object).get("uid")
    late = any(
        event.get("reason") == "WaitForFirstConsumer"
        and (event.get("involvedObject") or {}).get("uid") == uid
        for event in view.events
    )
    if phase == "Bound" or late:
        return READY
    return Verdict(False, f"phase {phase}", _object_events(view) or (f"it is {phase}, not bound",))


def volume(view: View) -> Verdict:
    """Available to a claim, or bound to one."""
    phase = _status(view.object).get("phase")
    if phase in ("Available", "Bound"):
        return READY
    return Verdict(False, f"phase {phase}", (str(_status(view.object).get("message") or f"it is {phase}"),))


def namespace(view: View) -> Verdict:
    """Active."""
    phase = _status(view.object).get("phase", "Active")
    return READY if phase == "Active" else Verdict(False, f"phase {phase}", (f"it is {phase}",))


def resource_quota(view: View) -> Verdict:
    """Its limits are in force."""
    wanted = (view.object.get("spec") or {}).get("hard") or {}
    current = _status(view.object).get("hard") or {}
    if {key: parse(value) for key, value in wanted.items()} == {
        key: parse(value) for key, value in current.items()
    }:
        return READY
    return Verdict(False, "not in force yet", ("the controller has not put its limits in force",))


def ingress(view: View) -> Verdict:
    """A controller gave it an address."""
    if (_status(view.object).get("loadBalancer") or {}).get("ingress"):
        return READY
    reason = "no ingress controller gave it an address; does this cluster run one for its class?"
    return Verdict(False, "waiting for an address", (reason,))


def custom_resource_definition(view: View) -> Verdict:
    """The API serves it."""
    if condition(view.object, "Established").get("status") == "True":
        return READY
    names = condition(view.object, "NamesAccepted")
    return Verdict(False, "not served yet", (str(names.get("message") or "the API does not serve it yet"),))


RULES: Mapping[str, Rule] = {
    "Deployment": Rule(deployment, "pods"),
    "StatefulSet": Rule(stateful_set, "pods"),
    "DaemonSet": Rule(daemon_set, "pods"),
    "Pod": Rule(pod),
    "Job": Rule(job, "pods"),
    "Service": Rule(service, "slices"),
    "Ingress": Rule(ingress),
    "PersistentVolumeClaim": Rule(volume_claim, patience=300.0, on_read=False),
    "PersistentVolume": Rule(volume, patience=300.0, on_read=False),
    "ResourceQuota": Rule(resource_quota, patience=60.0, on_read=False),
    "Namespace": Rule(namespace, patience=300.0, on_read=False),
    "CustomResourceDefinition": Rule(custom_resource_definition, patience=60.0, on_read=False),
}
