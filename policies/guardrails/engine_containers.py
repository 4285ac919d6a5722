"""The rule about containers of a machine's engine (Docker): no way to the machine. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from policies.guardrails.pods import inside, is_true, more_than_baseline
from policies.guardrails.resource import Resource, items, mapping

CONTAINER = "docker:index/container:Container"

_SHARED = {
    "networkMode": "network",
    "pidMode": "processes",
    "ipcMode": "shared memory",
    "usernsMode": "users",
}


def reaching_for_the_machine(
    resource: Resource, stack_kind: str, folders: Sequence[str] = ()
) -> Iterator[str]:
    """Containers with more rights than a service needs: privileged, the machine's files, network or devices.

    `stack_kind` is that of the stack: machines (hosts) may do all of it, front doors are in the machine's
    network. `folders` of the machine may be seen, but not written to.
    """
    if resource.type != CONTAINER or stack_kind == "hosts":
        return
    given = resource.inputs
    if is_true(given.get("privileged")):
        yield "the container is privileged: only hosts are"
    if bad := more_than_baseline(mapping(given.get("capabilities")).get("adds")):
        yield f"the container keeps {', '.join(bad)}: with it a container can become its machine"
    for key, what in _SHARED.items():
        if given.get(key) == "host" and not (key == "networkMode" and stack_kind == "front"):
            yield f"{key} shares the machine's {what} with the container"
    for path, only_read in _mounts(given):
        if not any(inside(path, each) for each in folders):
            known = f"; allowed are {', '.join(folders)}" if folders else ""
            yield f"the container has the machine's {path}: containers keep out of its files{known}"
        elif not only_read:
            yield f"the container may write to the machine's {path}; mount it read-only"
    for device in map(mapping, items(given.get("devices"))):
        yield f"the container has the machine's device {device.get('hostPath')}"
    for option in items(given.get("securityOpts")):
        if isinstance(option, str) and "unconfined" in option:
            yield f"the container has {option}: every call of the kernel is open to it"


def _mounts(given: Any) -> Iterator[tuple[str, bool]]:
    """Folders of the machine, with whether they are only read."""
    for each in map(mapping, items(given.get("volumes"))):
        if isinstance(each.get("hostPath"), str):
            yield each["hostPath"], is_true(each.get("readOnly"))
    for each in map(mapping, items(given.get("mounts"))):
        if each.get("type") == "bind" and isinstance(each.get("source"), str):
            yield each["source"], is_true(each.get("readOnly"))
