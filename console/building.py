"""`alto build`: every image that an application needs, before its own update asks for them."""

import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_config import read
from blueprints.images_needed import NeededImages, needed_images
from blueprints.workspace import Workspace
from console.errors import BadInput
from console.status_report import stack_outputs
from console.updates import recovered, tell

CLOUD, BLUEPRINT, APPLICATION = "altostratus:cloud", "altostratus:blueprint", "altostratus:application"
IMAGES, PLATFORM = "altostratus:images", "altostratus:platform"


@dataclass(frozen=True)
class Site:
    """Where an application's stack stands: its settings, and the stacks its images come from."""

    stack: str
    settings: Mapping[str, Any]
    cloud: str
    application: str

    @property
    def platform(self) -> str:
        return f"platform-{self.cloud}"

    @property
    def images(self) -> str:
        return f"images-{self.stack.removeprefix('app-')}"

    def needed(self, cli: Pulumi) -> NeededImages:
        """What must be built for it. Raises DocumentError."""
        given = self.settings[BLUEPRINT]
        sources = [given] if isinstance(given, str) else given
        return needed_images(
            Workspace.load([cli.root / source for source in sources]).compose(self.application)
        )


def build(application: str) -> None:
    """Build what the application of `app-<application>` needs and has not got; say what was done."""
    cli, stack = pulumi(), f"app-{application}"
    if not cli.config_path(stack).exists():
        names = ", ".join(s.removeprefix("app-") for s in cli.stacks() if s.startswith("app-")) or "none"
        raise BadInput(f"there is no application {application}", f"Applications here: {names}.")
    found = site(cli, stack)
    if found is None:
        raise BadInput(
            f"{cli.config_path(stack)} does not say which cloud and which documents",
            f"Set {CLOUD} and {BLUEPRINT}, for example: pulumi config set --stack {stack} {CLOUD} local",
        )
    if not prepare(cli, found):
        print(f"{stack}: every image is there")


def before_update(cli: Pulumi, stack: str) -> None:
    """Build what an application's update would miss; nothing for stacks of other kinds."""
    if stack.startswith("app-") and (found := site(cli, stack)) is not None:
        prepare(cli, found)


def site(cli: Pulumi, stack: str) -> Site | None:
    """Where the stack stands, as far as its settings say; None where they do not say enough."""
    settings = read(cli.config_path(stack))
    name, _, cloud = stack.removeprefix("app-").partition("--")
    cloud = settings.get(CLOUD, cloud)
    if not cloud or not settings.get(BLUEPRINT):
        return None
    return Site(stack, settings, str(cloud), str(settings.get(APPLICATION, name)))


def prepare(cli: Pulumi, found: Site) -> bool:
    """Update the platform and the application's images where they lack something; whether they did.

    Raises BadInput for a cloud that is not there.
    """
    if not cli.exists(found.platform):
        clouds = [each.removeprefix("platform-") for each in cli.stacks() if each.startswith("platform-")]
        raise BadInput(
            f"{found.stack} is for the cloud {found.cloud!r}, which has no stack {found.platform}",
            f"Clouds here: {', '.join(clouds) or 'none; ./alto demo makes one'}. "
            f"Make hosts-{found.cloud} and {found.platform} first, or change {CLOUD}.",
        )
    needed = found.needed(cli)
    changed = _library(cli, found, needed)
    if needed.has_own:
        changed = _own(cli, found, needed) or changed
    return changed


def _library(cli: Pulumi, found: Site, needed: NeededImages) -> bool:
    built = stack_outputs(cli, found.platform).get("images") or {}
    missing = [name for name in needed.library if name not in built]
    if not missing:
        return False
    print(f"{found.platform}: builds {', '.join(missing)} for {found.stack}")
    path = cli.config_path(found.platform)
    platform = dict(read(path).get(PLATFORM) or {})
    listed = platform.get("cartridges") or []
    listed = [listed] if isinstance(listed, str) else list(listed)
    added = [name for name in missing if name not in listed]
    if added:
        cli.configure(found.platform, {PLATFORM: {**platform, "cartridges": [*listed, *added]}})
    _up(cli, found.platform)
    return True


def _own(cli: Pulumi, found: Site, needed: NeededImages) -> bool:
    from components.cartridge_image import application_sources  # loads Pulumi: only where it is needed
    from toolchain import paths

    folder = paths.home() / "builds" / found.images
    sources = application_sources(needed, found.application, folder)
    wanted = {key: source.tag() for key, source in sources.items()}
    there = stack_outputs(cli, found.images).get("sources") or {}
    if there == wanted and found.settings.get(IMAGES) == found.images:
        return False
    changed = sorted(key for key, tag in wanted.items() if there.get(key) != tag)
    print(f"{found.images}: builds {', '.join(changed) or 'nothing new'}")
    cli.init(found.images)
    kept = {key: found.settings[key] for key in (BLUEPRINT, APPLICATION) if key in found.settings}
    cli.configure(found.images, {CLOUD: found.cloud, **kept})
    _up(cli, found.images)
    cli.configure(found.stack, {IMAGES: found.images})
    _forget(folder, {source.context for source in sources.values()})
    return True


def _forget(folder: Path, used: Collection[Path]) -> None:
    """Remove the build contexts that no image is made from any more."""
    for entry in folder.iterdir() if folder.is_dir() else ():
        if entry not in used:
            shutil.rmtree(entry, ignore_errors=True)


def _up(cli: Pulumi, stack: str) -> None:
    for each in recovered(cli, stack):
        print(f"{stack}: {each}")
    tell(stack, cli.up(stack, "--refresh=false", listen=print))
