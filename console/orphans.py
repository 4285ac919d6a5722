"""Docker objects of a cloud that no stack knows: what an update made before it was killed.

Pulumi records an object after it was made, so a kill in between leaves one without a record,
and the next update would stumble over its name. Only objects that carry our label are looked at.
"""

from typing import Any

from autoscaler.act.pulumi_cli import Pulumi
from toolchain import engine

LABEL = "altostratus.cloud"


def known_ids(cli: Pulumi, cloud: str) -> set[str]:
    """Ids of all Docker objects in the states of the cloud's stacks."""
    found = set()
    for stack in (f"hosts-{cloud}", f"platform-{cloud}"):
        for resource in cli.deployment(stack).get("resources", []):
            if resource["type"].startswith("docker:") and resource.get("id"):
                found.add(resource["id"])
    return found


def sweep(cli: Pulumi, cloud: str, *, everything: bool = False) -> list[str]:
    """Remove the cloud's unknown containers, volumes and networks; with `everything`, known ones too."""
    running = engine.find()
    if running is None:
        return []
    known = set() if everything else known_ids(cli, cloud)
    return _sweep(running.host, f"{LABEL}={cloud}", known)


def sweep_labelled(label: str, known: set[str]) -> list[str]:
    """Remove the containers, volumes and networks with a label (name=value) whose ids are not `known`."""
    running = engine.find()
    return [] if running is None else _sweep(running.host, label, known)


def _sweep(host: str, label: str, known: set[str]) -> list[str]:
    import docker

    client = docker.DockerClient(base_url=host)
    wanted: dict[str, Any] = {"label": label}
    done = []
    try:
        # Containers first: volumes and networks cannot go while one uses them.
        for container in client.containers.list(all=True, filters=wanted):
            if container.id not in known:
                container.remove(force=True, v=True)
                done.append(f"removed the leftover container {container.name}")
        for kind, each in [("volume", v) for v in client.volumes.list(filters=wanted)] + _networks(
            client, wanted
        ):
            if each.id not in known:
                each.remove()
                done.append(f"removed the leftover {kind} {each.name}")
    finally:
        client.close()
    return done


def _networks(client: Any, wanted: dict[str, Any]) -> list[tuple[str, Any]]:
    return [("network", each) for each in client.networks.list(filters=wanted)]


def in_use(host: str) -> bool:
    """Whether any container is left on the engine at `host`."""
    import docker

    client = docker.DockerClient(base_url=host)
    try:
        return bool(client.containers.list(all=True))
    finally:
        client.close()
