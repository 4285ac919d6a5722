"""The stack kind `images-<name>`: what is built for one application alone.

Apart from the application's own stack, so that a change of its scale never waits for a build and
needs no Docker engine; apart from the platform, so that applications do not wait for each other.
"""

from typing import Any

import pulumi

from blueprints.images_needed import needed_images
from blueprints.workspace import Workspace
from components.cartridge_image import RegistryAccess, application_sources, build_images
from components.registry_access import trusted_address
from stacks import settings
from stacks.names import StackName
from stacks.references import OtherStack
from toolchain import base_image, paths


def build(stack: StackName) -> None:
    """Build the application's own cartridges and the folders of content it names, and push them.

    Exports `application`, `cloud`, `images` (references by digest, by key) and `sources` (by key,
    sixteen digits over what each was made from).
    """
    defaults: dict[str, Any] = {"application": stack.subject}
    if stack.cloud is not None:
        defaults["cloud"] = stack.cloud
    chosen = settings.load(settings.ImagesStack, stack.text, defaults)
    workspace = Workspace.load([paths.root() / path for path in chosen.blueprint])
    needed = needed_images(workspace.compose(chosen.application))
    sources = application_sources(needed, chosen.application, paths.home() / "builds" / stack.text)
    registry = OtherStack(f"platform-{chosen.cloud}").require("registry")
    # The address and the authority are no secrets, though the password beside them is one.
    address = trusted_address(
        chosen.cloud,
        pulumi.Output.unsecret(registry.apply(lambda known: str(known["address"]))),
        pulumi.Output.unsecret(registry.apply(lambda known: str(known["caCertificate"]))),
    )
    access = RegistryAccess(
        address,
        pulumi.Output.unsecret(registry.apply(lambda known: str(known["username"]))),
        registry.apply(lambda known: str(known["password"])),
    )
    preview = pulumi.runtime.is_dry_run()
    base = base_image.base_reference() if preview else base_image.ensure_base().reference
    pulumi.export("application", chosen.application)
    pulumi.export("cloud", chosen.cloud)
    pulumi.export("images", build_images(sources, access, base))
    pulumi.export("sources", {key: source.tag() for key, source in sources.items()})
