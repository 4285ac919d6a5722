"""Removes what the toolchain put on this machine: `alto toolchain clean`."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from toolchain import base_image, bin_folder, dockerd, engine, paths, store
from toolchain.errors import ToolchainError
from toolchain.locks import exclusive


def clean() -> Iterator[str]:
    """Stop the engine started here, and remove its data, the tools and the images; a line for each.

    Raises ToolchainError, with nothing removed, while a cloud still lives in that engine or somebody
    else's containers run there.
    """
    if _clouds_live():
        raise ToolchainError(
            "a cloud still runs on this machine, and its data would be lost",
            "Remove it first (alto demo --down), then run the command again.",
        )
    if engine.stop():
        yield "stopped the Docker engine that was started here"
    with exclusive(paths.cache() / "locks" / "engine"):
        if dockerd.data_root().exists() and engine.find() is None:
            dockerd.unmount_below(dockerd.data_root())
            yield _removed("the Docker engine's data", [dockerd.data_root()])
    yield _removed("tools", [store.folder()])
    yield _removed("base images", [base_image.archives()])
    logs = [paths.cache() / "logs", dockerd.folder()]
    yield _removed("logs and links", [*logs, bin_folder.path(), paths.cache() / "versions.json"])


def _clouds_live() -> bool:
    """Whether containers or volumes of a cloud are in the engine we started."""
    running = engine.find()
    if running is None:
        # A stopped engine cannot be asked, but it writes what it knows of each container to a file.
        records = dockerd.data_root().glob("containers/*/config.v2.json")
        return any(f'"{engine.OUR_LABEL}"' in record.read_text(errors="replace") for record in records)
    if not running.started_by_us:
        return False
    import docker

    client = docker.DockerClient(base_url=running.host)
    try:
        label = engine.OUR_LABEL
        return bool(
            client.containers.list(all=True, filters={"label": label})
            or client.volumes.list(filters={"label": label})
        )
    finally:
        client.close()


def _removed(what: str, places: list[Path]) -> str:
    freed = sum(_size(place) for place in places)
    for place in places:
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)
    return f"removed {what} ({freed / 1e6:.0f} MB)"


def _size(place: Path) -> int:
    total = 0
    for folder, _, files in os.walk(place):
        for file in files:
            try:
                total += (Path(folder) / file).lstat().st_size
            except OSError:
                continue
    return total
