"""The Pod of a member, put together from its cluster's plan."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from blueprints.kinds.cartridge_rules import MAIN_CONTAINER
from blueprints.kinds.cartridge_use import Artifact
from blueprints.kinds.containers import Container, Resources
from blueprints.kinds.environment import EnvironmentValue
from blueprints.kinds.ports import Port
from blueprints.plan import PlannedCluster
from components.image_names import artifact_key, image_key
from components.pods.artifact import Source, artifact_volumes, credentials, fetcher, follower
from components.pods.environment import variables
from components.pods.errors import ApplicationError
from components.pods.exports import Exports, Value
from components.pods.placing import placing
from components.pods.probes import probes
from components.pods.security import container_security, pod_security
from components.pods.volumes import Storage, placed_files
from policies.placement.scheduling import WITHOUT, Scheduling

PULL_SECRET = "altostratus-registry"  # noqa: S105

LEAVING_SECONDS = 5
"""How long a member that leaves goes on serving: every host must have heard that it does."""


@dataclass(frozen=True)
class Images:
    """What to run: images by key (a cartridge, or `cartridge/container`), and the artifact fetcher."""

    by_key: Mapping[str, pulumi.Input[str]]
    artifact: pulumi.Input[str] | None = None
    balancers: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Images of load balancers by program."""
    page: pulumi.Input[str] | None = None
    """The image of the page for maintenance."""
    git_mirrors: pulumi.Output[Mapping[str, str]] | None = None
    """Addresses that the cloud has for repositories, by the address that documents give."""


@dataclass(frozen=True)
class Members:
    """The Pod template of a cluster and what must exist beside it."""

    template: dict[str, Any]
    config: Mapping[str, str]
    """What the cluster's ConfigMap holds."""
    secrets: Mapping[str, Value]
    """What the cluster's Secret holds."""
    claim_templates: list[dict[str, Any]]


def config_object(cluster: PlannedCluster) -> str:
    """The name of the cluster's ConfigMap."""
    return f"{cluster.name}-config"


def secret_object(cluster: PlannedCluster) -> str:
    """The name of the cluster's Secret."""
    return f"{cluster.name}-secrets"


def shared_claim(cluster: PlannedCluster, data: str) -> str:
    """The name of the claim for data that all members share."""
    return f"{cluster.name}-{data}"


def image_keys(cluster: PlannedCluster) -> Iterator[str]:
    """The images that the cluster's members need from their cloud's platform."""
    cartridge = cluster.cartridge
    if cartridge.image is None:
        yield image_key(cartridge.name)
    for beside in (cartridge.init, cartridge.sidecars):
        yield from (image_key(cartridge.name, each.name) for each in beside if each.image is None)
    if cluster.artifact is not None and cluster.artifact.directory is not None:
        yield artifact_key(cluster.path)


def main_container(cluster: PlannedCluster) -> str:
    """The main container goes by the cluster's alias, unless one beside it does."""
    beside = {each.name for each in cluster.cartridge.init}
    beside |= {each.name for each in cluster.cartridge.sidecars}
    return MAIN_CONTAINER if cluster.alias in beside else cluster.alias


def members(cluster: PlannedCluster, exports: Exports, images: Images, told: Scheduling = WITHOUT) -> Members:
    """Everything about the members of one cluster. Raises ApplicationError."""
    cartridge = cluster.cartridge
    config_name, secret_name = config_object(cluster), secret_object(cluster)
    files = placed_files(cluster, exports)
    storage = Storage(
        cluster,
        config_name,
        secret_name,
        files,
        {each.name: shared_claim(cluster, each.name) for each in cluster.persistence if each.shared},
    )
    secrets: dict[str, Value] = {
        **{file.key: file.content for file in files if file.secret},
        **credentials(cluster, exports),
    }
    config = {file.key: file.content for file in files if isinstance(file.content, str)}

    def container(
        name: str, declared: Container, own: Mapping[str, EnvironmentValue], resources: Resources
    ) -> dict[str, Any]:
        found = variables(cluster, exports, name, own, secret_name)
        secrets.update(found.secrets)
        return {
            "name": name,
            "image": _image(cluster, images, None if name == MAIN_CONTAINER else name, declared),
            "imagePullPolicy": cartridge.pull_policy,
            **({"command": list(declared.command)} if declared.command else {}),
            **({"args": list(declared.arguments)} if declared.arguments else {}),
            **({"workingDir": declared.working_directory} if declared.working_directory else {}),
            "env": list(found.entries.values()),
            "resources": resource_amounts(resources),
            "securityContext": container_security(declared.security),
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": storage.mounts(name, declared),
        }

    main = {
        **container(MAIN_CONTAINER, cartridge, cluster.environment, cluster.resources),
        "name": main_container(cluster),
        "ports": [_container_port(port) for port in cartridge.ports],
        "lifecycle": {"preStop": _leaving(cluster)},
        **probes(cartridge.probes, cartridge.all_ports),
    }
    first: list[dict[str, Any]] = []
    beside: list[dict[str, Any]] = []
    if cluster.artifact is not None:
        source = Source(_artifact_image(cluster, images), _address(cluster.artifact, images))
        first.append(fetcher(cluster, cluster.artifact, source))
        following = follower(cluster, cluster.artifact, source)
        beside += [following] if following else []
    for sidecar in cartridge.sidecars:
        made = {
            **container(sidecar.name, sidecar, sidecar.environment, sidecar.resources),
            "ports": [_container_port(port) for port in sidecar.ports],
            **probes(sidecar.probes, cartridge.all_ports),
        }
        if sidecar.starts_first:
            first.append({**made, "restartPolicy": "Always"})
        else:
            beside.append(made)
    first += [container(each.name, each, each.environment, each.resources) for each in cartridge.init]
    template = {
        "metadata": {
            "labels": dict(cluster.labels),
            "annotations": {"kubectl.kubernetes.io/default-container": main["name"]},
        },
        "spec": {
            "automountServiceAccountToken": False,
            # Links come as variables of their own; Kubernetes' would name every Service of the namespace.
            "enableServiceLinks": False,
            "imagePullSecrets": [
                {"name": name} for name in (PULL_SECRET, cartridge.pull_secret) if name is not None
            ],
            "terminationGracePeriodSeconds": LEAVING_SECONDS + math.ceil(cartridge.draining.grace.seconds),
            "securityContext": pod_security(cartridge),
            **placing(cluster, exports.plan, told),
            **({"shareProcessNamespace": True} if cartridge.sharing.processes else {}),
            **_host_aliases(cartridge.sharing.host_names),
            **({"initContainers": first} if first else {}),
            "containers": [main, *beside],
            "volumes": [*storage.volumes(), *artifact_volumes(cluster, secret_name)],
        },
    }
    return Members(template, config, secrets, storage.claim_templates())


def resource_amounts(resources: Resources) -> dict[str, Any]:
    """`requests` and `limits` in Kubernetes' words, as far as they are given."""
    names = {"cpu": "cpu", "memory": "memory", "ephemeral_storage": "ephemeral-storage"}
    amounts: dict[str, Any] = {}
    for kind in ("requests", "limits"):
        given = getattr(resources, kind)
        found = {
            key: str(getattr(given, name)) for name, key in names.items() if getattr(given, name) is not None
        }
        if found:
            amounts[kind] = found
    return amounts


def _image(
    cluster: PlannedCluster, images: Images, container: str | None, declared: Container
) -> pulumi.Input[str]:
    if declared.image is not None:
        return declared.image
    return _built(cluster, images, image_key(cluster.cartridge.name, container))


def _built(cluster: PlannedCluster, images: Images, key: str) -> pulumi.Input[str]:
    if key not in images.by_key:
        known = ", ".join(sorted(images.by_key)) or "none"
        raise ApplicationError(
            f"cluster {cluster.id} needs the image {key}, which is not built (there are {known}).\n"
            "  `./alto build` builds what an application needs."
        )
    return images.by_key[key]


def _artifact_image(cluster: PlannedCluster, images: Images) -> Any:
    if cluster.artifact is not None and cluster.artifact.directory is not None:
        return _built(cluster, images, artifact_key(cluster.path))
    if images.artifact is None:
        raise ApplicationError(
            f"cluster {cluster.id} has an artifact, but its cloud's platform has no image to fetch it with.\n"
            "  Update the platform's stack first."
        )
    return images.artifact


def _address(artifact: Artifact, images: Images) -> Value:
    """Where the cloud fetches a repository from."""
    written = artifact.git or ""
    if images.git_mirrors is None or not written:
        return written
    return images.git_mirrors.apply(lambda known: known.get(written, written))


def _container_port(port: Port) -> dict[str, Any]:
    return {"name": port.name, "containerPort": port.port, "protocol": port.carrier.upper()}


def _leaving(cluster: PlannedCluster) -> dict[str, Any]:
    """What happens between the decision that a member ends and its being asked to."""
    command = cluster.cartridge.draining.command
    if command:
        # A shell that is told what to run as its arguments: nothing of it is read as shell.
        wait = ["/bin/sh", "-c", f'sleep {LEAVING_SECONDS}; exec "$@"', "sh"]
        return {"exec": {"command": [*wait, *command]}}
    return {"sleep": {"seconds": LEAVING_SECONDS}}


def _host_aliases(names: Mapping[str, str]) -> dict[str, Any]:
    by_address: dict[str, list[str]] = {}
    for name, address in names.items():
        by_address.setdefault(address, []).append(name)
    if not by_address:
        return {}
    return {"hostAliases": [{"ip": address, "hostnames": found} for address, found in by_address.items()]}
