"""The environment in which Pulumi finds this checkout's state, plugins and passphrase."""

import os
import secrets
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from autoscaler.act import guards
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_config import replace_file
from toolchain import bin_folder, install, paths
from toolchain.errors import ToolchainError

# Set for another project, each of these would lead the CLI away from this one's stacks.
FOREIGN = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_STACK", "PULUMI_ACCESS_TOKEN", "PULUMI_CLOUD_URL")


def passphrase_file() -> Path:
    """The file with the passphrase, made with a random one at first use."""
    path = paths.passphrase()
    if not path.exists():
        replace_file(path, secrets.token_urlsafe(32) + "\n")
    return path


def variables() -> dict[str, str]:
    """What differs from the caller's environment (PATH whole)."""
    binaries = str(bin_folder.path())
    path = [p for p in os.environ.get("PATH", "").split(os.pathsep) if p and p != binaries]
    return {
        "PATH": os.pathsep.join([binaries, *path]),
        "PULUMI_HOME": str(paths.pulumi_home()),
        "PULUMI_BACKEND_URL": paths.state().as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase_file()),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def environment() -> dict[str, str]:
    """The whole environment of a Pulumi process of ours."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    # An update is short-lived: its garbage may wait.
    return {"GOGC": "300", **kept, **variables()}


def automatic(cli: Pulumi) -> Pulumi:
    """The same CLI for updates that nobody watches: faster, and leaving less behind.

    The engine writes a debug log of some megabytes for each update, at a third of its CPU time, unless it
    cannot: so its home is one of the same plugins and without a folder for logs. What it needs for an
    update is small and short-lived, so its collector may be lazy. Copies of the state after each update
    are left to `pulumi up`; the state and its `.bak` are written as ever.
    """
    own = Path(cli.environment["PULUMI_HOME"])
    home = own.with_name(f"{own.name}-automatic")
    home.mkdir(mode=0o700, exist_ok=True)
    plugins = home / "plugins"
    if not plugins.is_symlink():
        plugins.symlink_to(Path("..") / own.name / "plugins")
    (home / "logs").touch(mode=0o600)
    extra = {
        "PULUMI_HOME": str(home),
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        "GOGC": "400",
        # The autoscaler watches members itself; ours alone knows this switch.
        "ALTO_SCALE_AT_ONCE": "true",
    }
    return replace(cli, environment={**cli.environment, **extra})


def pulumi(policy_packs: Iterable[Path] = (), configs: Iterable[Path] = ()) -> Pulumi:
    """The CLI bound to this checkout, whose every update passes `policy_packs` and those of the environment.

    Raises ToolchainError when it is not installed, and NoPolicyPack.
    """
    binary = install.locate("pulumi")
    if binary is None:
        raise ToolchainError(
            "the Pulumi CLI is not installed", "Run `./alto toolchain install` (or `./alto demo`)."
        )
    return Pulumi(
        root=paths.root(),
        binary=binary,
        state=paths.state(),
        logs=paths.home() / "logs",
        environment=environment(),
        guards=guards.everywhere(policy_packs, configs),
    )
