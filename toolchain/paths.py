"""Where Altostratus keeps things.

`home` belongs to one checkout: state, passphrase, kubeconfigs. `cache` is shared by all
checkouts of a user: built tools and images, keyed by their content.
"""

import os
import shutil
from pathlib import Path


def root() -> Path:
    """The checkout: the folder that holds `alto` and `Pulumi.yaml`."""
    return Path(__file__).resolve().parent.parent


def home() -> Path:
    """`$ALTO_HOME`, or `.alto` in the checkout; readable by its owner alone."""
    path = Path(os.environ.get("ALTO_HOME") or root() / ".alto").absolute()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def cache() -> Path:
    """`$ALTO_CACHE`, or `altostratus` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(os.environ.get("ALTO_CACHE") or Path(base) / "altostratus").absolute()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def state() -> Path:
    """The folder of Pulumi's file backend."""
    path = home() / "state"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def pulumi_home() -> Path:
    """`PULUMI_HOME`: plugins and credentials apart from the user's own.

    The CLI keeps a debug log of some megabytes of every command, at a third of its processor time, wherever
    it can make a folder for them: a file stands in its place. `pulumi -v=9 --logtostderr` still shows it.
    """
    path = home() / "pulumi"
    path.mkdir(mode=0o700, exist_ok=True)
    logs = path / "logs"
    if logs.is_dir():
        # A home from before; a command that is just writing there keeps it until next time.
        shutil.rmtree(logs, ignore_errors=True)
    if not logs.exists():
        logs.touch(mode=0o600)
    return path


def passphrase() -> Path:
    """The file that holds the passphrase of this checkout's stacks."""
    return home() / "passphrase"


def kubeconfig(cloud: str) -> Path:
    """The kubeconfig of a cloud's host cluster."""
    return home() / "clouds" / cloud / "kubeconfig"
