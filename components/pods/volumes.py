"""Volumes of a member: scratch space, data that lasts, configuration files, and its artifact."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.cartridge_rules import MAIN_CONTAINER
from blueprints.kinds.containers import Container
from blueprints.kinds.storage import Persistence
from blueprints.plan import PlannedCluster
from components.pods.artifact import ARTIFACT_VOLUME, artifact_mounts
from components.pods.errors import ApplicationError
from components.pods.exports import Exports, Value

SCRATCH = "/tmp"  # noqa: S108
_SCRATCH_VOLUME = "altostratus-tmp"
_FILES_VOLUME = "altostratus-files"
_SECRET_FILES_VOLUME = "altostratus-secret-files"  # noqa: S105


@dataclass(frozen=True)
class PlacedFile:
    """A configuration file: its text, where it appears, and in which containers."""

    path: str
    content: Value
    mode: int
    containers: tuple[str, ...]

    @property
    def key(self) -> str:
        """Its key in the ConfigMap or Secret: the same wherever it stands in the document."""
        return f"file.{hashlib.sha256(self.path.encode()).hexdigest()[:12]}"

    @property
    def secret(self) -> bool:
        return not isinstance(self.content, str)


@dataclass(frozen=True)
class Storage:
    """Everything the containers of one cluster's members mount."""

    cluster: PlannedCluster
    config_object: str
    secret_object: str
    files: tuple[PlacedFile, ...] = ()
    claims: Mapping[str, str] = field(default_factory=dict)
    """Claims shared by all members, by the name of the data."""

    def volumes(self) -> list[dict[str, Any]]:
        """The Pod's volumes; data of each member's own is in `claim_templates`."""
        cartridge = self.cluster.cartridge
        volumes = [_scratch_volume(volume) for volume in cartridge.volumes]
        volumes += [
            {"name": name, "persistentVolumeClaim": {"claimName": claim}}
            for name, claim in self.claims.items()
        ]
        if self.cluster.artifact is not None:
            volumes.append({"name": ARTIFACT_VOLUME, "emptyDir": {}})
        if any(_needs_scratch(each) for each in _containers(cartridge)):
            volumes.append({"name": _SCRATCH_VOLUME, "emptyDir": {}})
        plain = [file for file in self.files if not file.secret]
        secret = [file for file in self.files if file.secret]
        if plain:
            volumes.append(
                {"name": _FILES_VOLUME, "configMap": {"name": self.config_object, "items": _items(plain)}}
            )
        if secret:
            volumes.append(
                {
                    "name": _SECRET_FILES_VOLUME,
                    "secret": {"secretName": self.secret_object, "items": _items(secret)},
                }
            )
        return volumes

    def mounts(self, name: str, container: Container) -> list[dict[str, Any]]:
        """What one container sees; `name` as the cartridge calls it."""
        mounts = [
            {
                "name": mount.volume,
                "mountPath": mount.path,
                "readOnly": mount.read_only,
                **({"subPath": mount.sub_path} if mount.sub_path else {}),
            }
            for mount in container.mounts
        ]
        if name == MAIN_CONTAINER:
            mounts += [{"name": each.name, "mountPath": each.path} for each in self.cluster.persistence]
            mounts += artifact_mounts(self.cluster)
        if _needs_scratch(container):
            # Containers of one member do not see each other's scratch files.
            mounts.append({"name": _SCRATCH_VOLUME, "mountPath": SCRATCH, "subPath": name})
        mounts += [
            {
                "name": _SECRET_FILES_VOLUME if file.secret else _FILES_VOLUME,
                "mountPath": file.path,
                "subPath": file.key,
                "readOnly": True,
            }
            for file in self.files
            if name in file.containers
        ]
        return mounts

    def claim_templates(self) -> list[dict[str, Any]]:
        """The claims that each member gets of its own."""
        return [
            {
                "metadata": {"name": each.name, "labels": dict(self.cluster.selector)},
                "spec": claim_spec(each, "ReadWriteOnce"),
            }
            for each in self.cluster.persistence
            if not each.shared
        ]


def keeps_data(cluster: PlannedCluster) -> bool:
    """Whether any data of the cluster is to outlive the application."""
    return any(each.retain for each in cluster.persistence)


def protects_data(cluster: PlannedCluster) -> bool:
    """Whether any data of the cluster must not be deleted at all."""
    return any(each.protect for each in cluster.persistence)


def claim_spec(data: Persistence, access: str) -> dict[str, Any]:
    """The spec of a PersistentVolumeClaim."""
    spec: dict[str, Any] = {
        "accessModes": [access],
        "resources": {"requests": {"storage": str(data.size)}},
    }
    if data.storage_class is not None:
        spec["storageClassName"] = data.storage_class
    return spec


def placed_files(cluster: PlannedCluster, exports: Exports) -> tuple[PlacedFile, ...]:
    """The cartridge's own files and those of the clusters it is linked to.

    Raises ApplicationError where a file beside the document cannot be read.
    """
    everywhere = (MAIN_CONTAINER, *(each.name for each in cluster.cartridge.sidecars))
    placed = []
    for file in cluster.cartridge.files:
        content: Value
        if file.secret is not None:
            content = exports.secret(file.secret.secret, f"file {file.path} of {cluster.id}")
        elif file.source is not None:
            content = _read(cluster.cartridge_folder / file.source, cluster, file.path)
        else:
            content = file.content or ""
        containers = tuple(file.containers) or (MAIN_CONTAINER,)
        placed.append(PlacedFile(file.path, content, int(file.mode, 8), containers))
    for link in cluster.links:
        placed += [
            PlacedFile(received.file, exports.value(received.source, received.export), 0o444, everywhere)
            for received in link.exports
            if received.file
        ]
    return tuple(placed)


def _read(path: Path, cluster: PlannedCluster, target: str) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ApplicationError(
            f"{path}, the file {target} of cartridge {cluster.cartridge.name}, cannot be read: {reason}"
        ) from error


def _scratch_volume(volume: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {}
    if volume.medium == "memory":
        empty["medium"] = "Memory"
    if volume.size is not None:
        empty["sizeLimit"] = str(volume.size)
    return {"name": volume.name, "emptyDir": empty}


def _needs_scratch(container: Container) -> bool:
    """Whether a container whose own files are read-only has nothing yet to write temporary files to."""
    return container.security.read_only_root and all(mount.path != SCRATCH for mount in container.mounts)


def _containers(cartridge: Cartridge) -> tuple[Container, ...]:
    return (cartridge, *cartridge.init, *cartridge.sidecars)


def _items(files: Sequence[PlacedFile]) -> list[dict[str, Any]]:
    return [{"key": file.key, "path": file.key, "mode": file.mode} for file in files]
