"""`altostratus:platform:CartridgeImage`: an image built from a Dockerfile and pushed."""

import hashlib
import json
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
import pulumi_docker as docker

from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.containers import Container
from components.image_names import image_key
from components.pods.errors import ApplicationError

TYPE = "altostratus:platform:CartridgeImage"

_TAG_LENGTH = 16


@dataclass(frozen=True)
class ImageSource:
    """What an image is made from; `repository` is its name inside the registry."""

    repository: str
    context: Path
    dockerfile: Path
    arguments: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None

    def tag(self) -> str:
        """Sixteen digits over everything that goes into the image. Raises OSError for an unreadable file."""
        total = hashlib.sha256(
            json.dumps([sorted(self.arguments.items()), self.target, self.dockerfile.read_text()]).encode()
        )
        for path in sorted(self.context.rglob("*")):
            info = path.lstat()
            total.update(f"\n{path.relative_to(self.context)} {info.st_mode:o} ".encode())
            if stat.S_ISREG(info.st_mode):
                with path.open("rb") as stream:
                    total.update(hashlib.file_digest(stream, "sha256").digest())
        return total.hexdigest()[:_TAG_LENGTH]


@dataclass(frozen=True)
class RegistryAccess:
    """How images reach a registry: `address` is host:port, `password` a secret."""

    address: pulumi.Output[str]
    username: str
    password: pulumi.Output[str]


class CartridgeImage(pulumi.ComponentResource):
    """One built and pushed image. Output: `reference`, the image by its digest."""

    reference: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        source: ImageSource,
        registry: RegistryAccess,
        base: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(TYPE, name, None, opts)
        arguments = {**source.arguments, "BASE": base}
        tag = ImageSource(
            source.repository, source.context, source.dockerfile, arguments, source.target
        ).tag()
        image = docker.Image(
            f"{name}-image",
            image_name=pulumi.Output.concat(registry.address, "/", source.repository, ":", tag),
            build=docker.DockerBuildArgs(
                context=str(source.context),
                dockerfile=str(source.dockerfile),
                args=arguments,
                target=source.target,
                builder_version=docker.BuilderVersion.BUILDER_V1,
            ),
            registry=docker.RegistryArgs(
                server=registry.address, username=registry.username, password=registry.password
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        # Kubernetes is told the digest: a tag that moves would leave members behind unnoticed.
        self.reference = pulumi.Output.unsecret(image.repo_digest)
        self.register_outputs({"reference": self.reference})


def image_sources(cartridge: Cartridge, folder: Path) -> Iterator[tuple[str, ImageSource]]:
    """The images that a cartridge's containers are built as, by their keys.

    `folder` is where the paths of the cartridge's document start. Raises ApplicationError for a container
    that is neither a ready image nor a build.
    """
    containers: list[tuple[str | None, Container]] = [(None, cartridge)]
    containers += [(each.name, each) for each in cartridge.init]
    containers += [(each.name, each) for each in cartridge.sidecars]
    for name, container in containers:
        key = image_key(cartridge.name, name)
        if container.image is not None:
            continue
        if container.build is None:
            raise ApplicationError(
                f"the platform makes images from a Dockerfile only, and {key} is made from "
                f"{'code' if container.code is not None else 'a set-up script'}.\n"
                "  Give it a Dockerfile under `build`, or a ready image under `image`."
            )
        context = (folder / container.build.context).resolve()
        yield (
            key,
            ImageSource(
                repository=f"cartridges/{key}",
                context=context,
                dockerfile=context / container.build.dockerfile,
                arguments=dict(container.build.arguments),
                target=container.build.target,
            ),
        )
