"""Rules about Pods: resource limits, and no way out of the container. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from policies.guardrails.resource import Resource, Unknown, containers, items, mapping, pod_specs

PLATFORM_PATHS = ("/var/lib/altostratus", "/var/log")
"""Folders of hosts that Pods of a platform may see: volumes that members keep, and logs."""

BASELINE_CAPABILITIES = frozenset({
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
    "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
})  # fmt: skip
"""What a container may be given by the Pod Security Standards' level baseline."""

_HOST_NAMESPACES = {"hostNetwork": "network", "hostPID": "processes", "hostIPC": "shared memory"}
_NOTHING = re.compile(r"[+-]?0*(\.0*)?([a-zA-Z]{0,2}|[eE][+-]?[0-9]+)")


def without_limits(resource: Resource) -> Iterator[str]:
    """Containers without a memory limit, or without a promised processor share and memory.

    An amount of nothing is none. A change to an object need not repeat what its containers have; it does
    where it gives an image, as that may be a container more.
    """
    for container in containers(resource):
        amounts = container.spec.get("resources")
        if resource.patch and amounts is None and container.spec.get("image") is None:
            continue
        parts = [amounts, mapping(amounts).get("limits"), mapping(amounts).get("requests")]
        if any(isinstance(each, Unknown) for each in parts):
            continue
        limits, requests = _given(parts[1]), _given(parts[2])
        missing = [] if _some(limits.get("memory")) else ["limits.memory"]
        # What is not asked for is promised as far as it is limited.
        promised = {**limits, **requests}
        missing += [f"requests.{each}" for each in ("cpu", "memory") if not _some(promised.get(each))]
        if missing:
            yield (
                f"container {container.name} has no {', '.join(missing)}: it could take its host from "
                "others. Give them under `resources` of the cartridge."
            )


def reaching_for_the_host(resource: Resource, stack_kind: str, allowed: Sequence[str] = ()) -> Iterator[str]:
    """Pods with more rights than a container needs: privileged, host paths, namespaces or ports.

    `stack_kind` is hosts, platform or app: machines (hosts) may do all of it, platforms may see
    `PLATFORM_PATHS`. `allowed`: further folders that Pods outside applications may see.
    """
    if stack_kind == "hosts" or not resource.kubernetes:
        return
    paths = () if stack_kind == "app" else (*(PLATFORM_PATHS if stack_kind == "platform" else ()), *allowed)
    volume = mapping(resource.inputs.get("spec")) if resource.kind == "PersistentVolume" else {}
    yield from _folder("the volume", mapping(volume.get("hostPath")), paths)
    yield from _folder("the volume", mapping(volume.get("local")), paths)
    for spec in pod_specs(resource):
        for each in map(mapping, items(spec.get("volumes"))):
            yield from _folder(f"volume {each.get('name')}", mapping(each.get("hostPath")), paths)
        for key, what in _HOST_NAMESPACES.items():
            if is_true(spec.get(key)):
                yield f"{key} shares the host's {what} with the Pod"
        yield from _unconfined("the Pod", mapping(spec.get("securityContext")))
    for container in containers(resource):
        yield from _rights(f"container {container.name}", container.spec)


def more_than_baseline(added: Any) -> list[str]:
    """The capabilities of a list that no container needs, as the kernel calls them."""
    given = {each.upper().removeprefix("CAP_") for each in items(added) if isinstance(each, str)}
    return sorted(given - BASELINE_CAPABILITIES)


def inside(path: str, folder: str) -> bool:
    """Whether a path is a folder, or in it."""
    return ".." not in path.split("/") and (path == folder or path.startswith(f"{folder.rstrip('/')}/"))


def is_true(value: Any) -> bool:
    """Whether a switch is on, also where it is written as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _folder(what: str, place: Any, paths: Sequence[str]) -> Iterator[str]:
    path = place.get("path")
    if isinstance(path, str) and not any(inside(path, each) for each in paths):
        known = f"; allowed are {', '.join(paths)}" if paths else ""
        yield f"{what} is the host's {path}: Pods keep out of hosts' files{known}"


def _rights(name: str, spec: Any) -> Iterator[str]:
    security = mapping(spec.get("securityContext"))
    if is_true(security.get("privileged")):
        yield f"{name} is privileged: it could do anything to its host"
    if security.get("procMount") == "Unmasked":
        yield f"{name} sees the host's unmasked /proc"
    yield from _unconfined(name, security)
    if bad := more_than_baseline(mapping(security.get("capabilities")).get("add")):
        yield (
            f"{name} keeps {', '.join(bad)}: with more than the usual capabilities it could reach its host; "
            f"allowed are {', '.join(sorted(BASELINE_CAPABILITIES))}"
        )
    for port in map(mapping, items(spec.get("ports"))):
        if isinstance(port.get("hostPort"), (int, float)) and port["hostPort"]:
            yield f"{name} takes port {port['hostPort']:g} of its host; use a Service"


def _unconfined(name: str, security: Any) -> Iterator[str]:
    for key in ("seccompProfile", "appArmorProfile"):
        if mapping(security.get(key)).get("type") == "Unconfined":
            yield f"{name} has no {key} (Unconfined): every call of the kernel is open to it"
    if is_true(mapping(security.get("windowsOptions")).get("hostProcess")):
        yield f"{name} is a process of its host (hostProcess)"


def _given(amounts: Any) -> dict[str, Any]:
    return {name: amount for name, amount in mapping(amounts).items() if amount is not None}


def _some(amount: Any) -> bool:
    """Whether an amount (of Kubernetes, such as `64Mi`) is given and more than nothing."""
    return amount is not None and not _NOTHING.fullmatch(str(amount))
