"""`alto build`: every image that an application needs, before its own update asks for them."""

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from autoscaler.act.app_stack import APPLICATION, BLUEPRINT, CLOUD, IMAGES, AppStack
from autoscaler.act.environment import pulumi
from autoscaler.act.footing import read_deployed
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_config import read
from autoscaler.burst.refusals import MoveRefused
from blueprints.images_needed import NeededImages, needed_images
from blueprints.workspace import Workspace
from console.applications import unknown
from console.errors import BadInput
from console.status_report import stack_outputs
from console.tenancy import refuse_cloud
from console.updates import clear, tell

PLATFORM = "altostratus:platform"


def build(application: str) -> None:
    """Build what the application of `app-<application>` needs and has not got; say what was done."""
    cli, stack = pulumi(), f"app-{application}"
    if not cli.config_path(stack).exists():
        raise unknown(cli, application)
    found = _placed(cli, stack)
    if found is None:
        raise BadInput(
            f"{cli.config_path(stack)} does not say which cloud and which documents",
            f"Set {CLOUD} and {BLUEPRINT}, for example: pulumi config set --stack {stack} {CLOUD} local",
        )
    if not prepare(cli, found):
        print(f"{stack}: every image is there")


def before_update(cli: Pulumi, stack: str) -> None:
    """Build what an application's update would miss; nothing for stacks of other kinds."""
    if stack.startswith("app-") and (found := _placed(cli, stack)) is not None:
        prepare(cli, found)


def before_copy(cli: Pulumi, stack: str) -> None:
    """Build what a copy would miss: it runs what is deployed at home, not what somebody is editing.

    Raises MoveRefused where that can be built no more.
    """
    found = _placed(cli, stack)
    if found is not None:
        prepare(cli, found, read_deployed(cli, f"app-{found.subject}"))


def _placed(cli: Pulumi, stack: str) -> AppStack | None:
    """The stack, where its settings say its cloud and its documents."""
    found = AppStack.read(cli, stack)
    return found if found.cloud and found.blueprint else None


def prepare(cli: Pulumi, found: AppStack, home: AppStack | None = None) -> bool:
    """Update the platform and the application's images where they lack something; whether they did.

    `home`: what it is to be like. Raises BadInput for a cloud that is not there, or not the tenant's.
    """
    if not cli.exists(found.platform):
        clouds = [each.removeprefix("platform-") for each in cli.stacks() if each.startswith("platform-")]
        raise BadInput(
            f"{found.name} is for the cloud {found.cloud!r}, which has no stack {found.platform}",
            f"Clouds here: {', '.join(clouds) or 'none; ./alto demo makes one'}. "
            f"Make hosts-{found.cloud} and {found.platform} first, or change {CLOUD}.",
        )
    documents = Workspace.load(found.sources) if home is None else home.documents()
    if home is None:
        refuse_cloud(documents, found.application, found.cloud)
    needed = needed_images(documents.compose(found.application), found.clusters)
    changed = _library(cli, found, needed)
    if needed.has_own:
        changed = _own(cli, found, needed, home) or changed
    return changed


def _library(cli: Pulumi, found: AppStack, needed: NeededImages) -> bool:
    built = stack_outputs(cli, found.platform).get("images") or {}
    missing = [name for name in needed.library if name not in built]
    if not missing:
        return False
    print(f"{found.platform}: builds {', '.join(missing)} for {found.name}")
    path = cli.config_path(found.platform)
    platform = dict(read(path).get(PLATFORM) or {})
    listed = platform.get("cartridges") or []
    listed = [listed] if isinstance(listed, str) else list(listed)
    added = [name for name in missing if name not in listed]
    if added:
        cli.configure(found.platform, {PLATFORM: {**platform, "cartridges": [*listed, *added]}})
    _up(cli, found.platform)
    return True


def _own(cli: Pulumi, found: AppStack, needed: NeededImages, home: AppStack | None) -> bool:
    from components.cartridge_image import application_sources  # loads Pulumi: only where it is needed
    from toolchain import paths

    folder = paths.home() / "builds" / found.images
    built = stack_outputs(cli, home.images).get("sources") if home is not None else None
    if built and _has(stack_outputs(cli, found.images), built) and found.config.get(IMAGES) == found.images:
        return False
    folders = (*(own for _, own in needed.own.values()), *needed.artifacts.values())
    if home is not None and not all(each.is_dir() for each in folders):
        raise _not_as_built(home, "its documents", "they were deployed")
    sources = application_sources(needed, found.application, folder)
    wanted = {key: source.tag() for key, source in sources.items()}
    other = sorted(key for key, tag in wanted.items() if built and built.get(key, tag) != tag)
    if home is not None and other:
        raise _not_as_built(home, f"what {', '.join(other)} is made of", "it was built")
    there = stack_outputs(cli, found.images).get("sources") or {}
    if there == wanted and found.config.get(IMAGES) == found.images:
        return False
    changed = sorted(key for key, tag in wanted.items() if there.get(key) != tag)
    print(f"{found.images}: builds {', '.join(changed) or 'nothing new'}")
    cli.init(found.images)
    kept = {key: found.config[key] for key in (BLUEPRINT, APPLICATION) if key in found.config}
    cli.configure(found.images, {CLOUD: found.cloud, **kept})
    _up(cli, found.images)
    cli.configure(found.name, {IMAGES: found.images})
    _forget(folder, {source.context for source in sources.values()})
    return True


def _has(outputs: Mapping[str, Any], built: Mapping[str, str]) -> bool:
    there = outputs.get("sources") or {}
    return all(there.get(key) == tag for key, tag in built.items())


def _not_as_built(home: AppStack, what: str, since: str) -> MoveRefused:
    return MoveRefused(
        f"{what} changed since {since} for {home.cloud}, so a copy would not be like its home\n"
        f"  First: alto up {home.name}"
    )


def _forget(folder: Path, used: Collection[Path]) -> None:
    """Remove the build contexts that no image is made from any more."""
    for entry in folder.iterdir() if folder.is_dir() else ():
        if entry not in used:
            shutil.rmtree(entry, ignore_errors=True)


def _up(cli: Pulumi, stack: str) -> None:
    clear(cli, stack)
    tell(stack, cli.up(stack, "--refresh=false", listen=print))
