"""A member's artifact: the containers that fetch it, and where the member finds it.

An artifact comes from git, or from a folder beside the document. A folder travels as an image of its
own: that goes wherever members do, whatever its size, and its digest is what rolls them. One volume
holds git's own data, the files, and what they are (commit, branch, address); the member sees the last
two only, each through its own folder.
"""

import math
from dataclasses import dataclass
from typing import Any

from blueprints.build_context import CONTENT_PATH
from blueprints.kinds.cartridge_use import Artifact
from blueprints.kinds.containers import Security
from blueprints.plan import PlannedCluster
from components.pods.environment import ARTIFACT_STATE
from components.pods.errors import ApplicationError
from components.pods.exports import Exports, Value
from components.pods.security import container_security

ARTIFACT_VOLUME = "altostratus-artifact"
TRUST_OBJECT = "altostratus-trust"
TRUST_KEY = "ca.crt"

FETCHER = "artifact"
FOLLOWER = "artifact-follow"

# A container that is started again finds what it did before: only whole copies count.
_UNPACK = (
    f"cd {CONTENT_PATH}; for part in content state; do mkdir -p /artifact/$part; "
    "find /artifact/$part -mindepth 1 -delete; cp -R $part/. /artifact/$part/; done"
)

_CREDENTIALS_VOLUME = "altostratus-git"
_SCRATCH_VOLUME = "altostratus-artifact-tmp"
_TRUST_VOLUME = "altostratus-trust"
_NOBODY = 65534
_RESOURCES = {
    "requests": {"cpu": "10m", "memory": "32Mi"},
    "limits": {"memory": "512Mi"},
}


def artifact_mounts(cluster: PlannedCluster) -> list[dict[str, Any]]:
    """What the main container mounts of the artifact's volume.

    Raises ApplicationError where the cartridge has no place for an artifact.
    """
    artifact = cluster.artifact
    if artifact is None:
        return []
    slot = cluster.cartridge.artifact
    if slot is None:
        raise ApplicationError(
            f"cluster {cluster.id} has an artifact, but its cartridge {cluster.cartridge.name} has no place "
            "for one.\n  Say where in the cartridge: artifact: {path: /the/folder}."
        )
    content = f"content/{artifact.path.strip('/')}" if artifact.path else "content"
    return [
        {"name": ARTIFACT_VOLUME, "mountPath": slot.path, "subPath": content},
        {"name": ARTIFACT_VOLUME, "mountPath": ARTIFACT_STATE, "subPath": "state", "readOnly": True},
    ]


@dataclass(frozen=True)
class Source:
    """Where an artifact comes from: `image` is the fetcher's, or the artifact's own; `address` the
    repository's, empty for an artifact that is an image."""

    image: Value
    address: Value


def fetcher(cluster: PlannedCluster, artifact: Artifact, source: Source) -> dict[str, Any]:
    """The init container that fetches the artifact once."""
    if artifact.directory is None:
        return _container(FETCHER, cluster, artifact, source, [])
    mounts = [{"name": ARTIFACT_VOLUME, "mountPath": "/artifact"}]
    return {**_bare(FETCHER, cluster, source.image, mounts), "command": ["/bin/sh", "-euc", _UNPACK]}


def follower(cluster: PlannedCluster, artifact: Artifact, source: Source) -> dict[str, Any] | None:
    """The container that keeps a running member's artifact up to date, where its cartridge can take that."""
    slot = cluster.cartridge.artifact
    if artifact.poll is None or artifact.commit is not None or slot is None or slot.on_change != "reload":
        return None
    seconds = max(1, math.ceil(artifact.poll.seconds))
    return _container(FOLLOWER, cluster, artifact, source, [_variable("ARTIFACT_POLL", str(seconds))])


def artifact_volumes(cluster: PlannedCluster, secret_object: str) -> list[dict[str, Any]]:
    """The volumes that only the fetching containers see: authorities to trust, and credentials."""
    artifact = cluster.artifact
    if artifact is None or artifact.directory is not None:
        return []
    volumes: list[dict[str, Any]] = [
        {"name": _TRUST_VOLUME, "configMap": {"name": TRUST_OBJECT, "optional": True}},
        {"name": _SCRATCH_VOLUME, "emptyDir": {}},
    ]
    if artifact.credentials is not None:
        volumes.append(
            {
                "name": _CREDENTIALS_VOLUME,
                "secret": {
                    "secretName": secret_object,
                    "defaultMode": 0o440,
                    "items": [
                        {"key": _credential_key(name), "path": name} for name in _credential_names(artifact)
                    ],
                },
            }
        )
    return volumes


def credentials(cluster: PlannedCluster, exports: Exports) -> dict[str, Value]:
    """What the cluster's Secret must hold for its repository, by key."""
    artifact = cluster.artifact
    if artifact is None or artifact.credentials is None:
        return {}
    given = artifact.credentials
    wanted_by = f"the artifact of {cluster.id}"
    found: dict[str, Value] = {}
    if given.username is not None:
        found[_credential_key("username")] = given.username
    if given.password is not None:
        found[_credential_key("password")] = exports.secret(given.password.secret, wanted_by)
    if given.ssh_key is not None:
        found[_credential_key("ssh-key")] = exports.secret(given.ssh_key.secret, wanted_by)
    return found


def _credential_names(artifact: Artifact) -> list[str]:
    given = artifact.credentials
    if given is None:
        return []
    fields = {"username": given.username, "password": given.password, "ssh-key": given.ssh_key}
    return [name for name, value in fields.items() if value is not None]


def _credential_key(name: str) -> str:
    return f"git.{name}"


def _container(
    name: str, cluster: PlannedCluster, artifact: Artifact, source: Source, more: list[dict[str, Any]]
) -> dict[str, Any]:
    environment = [_variable("ARTIFACT_URL", source.address)]
    for key, value in (
        ("ARTIFACT_BRANCH", artifact.branch),
        ("ARTIFACT_COMMIT", artifact.commit),
        ("ARTIFACT_PATH", artifact.path),
    ):
        if value is not None:
            environment.append(_variable(key, value))
    mounts: list[dict[str, Any]] = [
        {"name": ARTIFACT_VOLUME, "mountPath": "/artifact"},
        {"name": _SCRATCH_VOLUME, "mountPath": "/tmp"},  # noqa: S108
        {"name": _TRUST_VOLUME, "mountPath": "/etc/altostratus/trust", "readOnly": True},
    ]
    if artifact.credentials is not None:
        mounts.append({"name": _CREDENTIALS_VOLUME, "mountPath": "/etc/altostratus/git", "readOnly": True})
    return {**_bare(name, cluster, source.image, mounts), "env": environment + more}


def _bare(name: str, cluster: PlannedCluster, image: Value, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    # The member's own user, so that what is fetched belongs to it.
    owner = cluster.cartridge.security
    security = Security(
        user=owner.user or _NOBODY, group=owner.group or owner.user or _NOBODY, read_only_root=True
    )
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "resources": _RESOURCES,
        "securityContext": container_security(security),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }


def _variable(name: str, value: Value) -> dict[str, Any]:
    return {"name": name, "value": _escaped(value) if isinstance(value, str) else value.apply(_escaped)}


def _escaped(text: str) -> str:
    return text.replace("$(", "$$(")
