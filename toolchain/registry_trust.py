"""Makes this machine's Docker engine trust a cloud's registry: its CA under /etc/docker/certs.d.

The engine reads the folder at each connection, so nothing is restarted.
"""

import os
import shutil
import tempfile
from pathlib import Path

from toolchain.errors import ToolchainError

FOLDER = Path("/etc/docker/certs.d")
OWNER = "altostratus-cloud"  # names the cloud that a folder was written for


def install(cloud: str, address: str, certificate: str, folder: Path = FOLDER) -> bool:
    """Write `<folder>/<address>/ca.crt`; False when it already says so.

    address: host:port of the registry; certificate: PEM. Raises ToolchainError where this user may
    not write there, or where somebody else's file is in the place.
    """
    place = folder / address
    path, owner = place / "ca.crt", place / OWNER
    if path.exists() and path.read_text() == certificate:
        return False
    if path.exists() and not owner.exists():
        raise ToolchainError(
            f"{path} holds another certificate, and Altostratus did not write it",
            f"Remove it if the registry at {address} is this project's, or give the cloud another subnet.",
        )
    try:
        place.mkdir(parents=True, exist_ok=True)
        _replace(owner, f"{cloud}\n")
        _replace(path, certificate)
    except PermissionError as error:
        raise ToolchainError(
            f"the Docker engine must trust the registry at {address}, and this user may not write {path}",
            f"As root: install -D -m 0644 /dev/stdin {path} (and paste the registry's CA certificate).",
        ) from error
    return True


def remove(cloud: str, folder: Path = FOLDER) -> None:
    """Take back what `install` wrote for `cloud`; other folders stay."""
    for owner in folder.glob(f"*/{OWNER}"):
        if owner.read_text().strip() == cloud:
            shutil.rmtree(owner.parent)


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    Path(name).chmod(0o644)
    Path(name).replace(path)
