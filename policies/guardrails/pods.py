"""Rules about Pods: resource limits, and no way out of the container. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from policies.guardrails.resource import Resource, Unknown, containers, items, mapping, pod_spec

PLATFORM_PATHS = ("/var/lib/altostratus", "/var/log")
"""Folders of hosts that Pods of a platform may see: volumes that members keep, and logs."""

_HOST_NAMESPACES = {"hostNetwork": "network", "hostPID": "processes", "hostIPC": "shared memory"}


def without_limits(resource: Resource) -> Iterator[str]:
    """Containers without a memory limit, or without a promised processor share and memory."""
    for container in containers(resource):
        amounts = container.spec.get("resources")
        if isinstance(amounts, Unknown):
            continue
        requests, limits = mapping(mapping(amounts).get("requests")), mapping(mapping(amounts).get("limits"))
        missing = [] if "memory" in limits else ["limits.memory"]
        missing += [f"requests.{each}" for each in ("cpu", "memory") if each not in {**limits, **requests}]
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
    if stack_kind == "hosts":
        return
    if resource.type == "docker:index/container:Container" and resource.inputs.get("privileged") is True:
        yield "the container is privileged: only hosts are"
    spec = pod_spec(resource)
    paths = () if stack_kind == "app" else (*(PLATFORM_PATHS if stack_kind == "platform" else ()), *allowed)
    for volume in map(mapping, items(spec.get("volumes"))):
        path = mapping(volume.get("hostPath")).get("path")
        if isinstance(path, str) and not any(_inside(path, each) for each in paths):
            known = f"; allowed are {', '.join(paths)}" if paths else ""
            yield f"volume {volume.get('name')} is the host's {path}: Pods keep out of hosts' files{known}"
    for key, what in _HOST_NAMESPACES.items():
        if spec.get(key) is True:
            yield f"{key} shares the host's {what} with the Pod"
    for container in containers(resource):
        yield from _rights(container.name, container.spec)


def _rights(name: str, spec: Any) -> Iterator[str]:
    security = mapping(spec.get("securityContext"))
    if security.get("privileged") is True:
        yield f"container {name} is privileged: it could do anything to its host"
    if security.get("procMount") == "Unmasked":
        yield f"container {name} sees the host's unmasked /proc"
    added = [
        each for each in items(mapping(security.get("capabilities")).get("add")) if isinstance(each, str)
    ]
    if bad := sorted(
        {each.removeprefix("CAP_") for each in added} & {"SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "ALL"}
    ):
        yield f"container {name} keeps {', '.join(bad)}: with it a container can become its host"
    for port in map(mapping, items(spec.get("ports"))):
        if isinstance(port.get("hostPort"), (int, float)) and port["hostPort"]:
            yield f"container {name} takes port {port['hostPort']:g} of its host; use a Service"


def _inside(path: str, folder: str) -> bool:
    return ".." not in path.split("/") and (path == folder or path.startswith(f"{folder.rstrip('/')}/"))
