"""`altostratus:platform:CartridgeImage`: an image built from a Dockerfile and pushed."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pulumi
import pulumi_docker as docker

from blueprints.build_context import prepare, prepare_content
from blueprints.code_packages import packages_to_fetch
from blueprints.detection import runtime_of
from blueprints.images_needed import NeededImages
from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.containers import Container
from components.image_names import artifact_key, image_key
from toolchain.code_packages import fetched

TYPE = "altostratus:platform:CartridgeImage"
CARTRIDGES = "cartridges"
"""The folder of a registry that platforms keep the library's images in."""

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
            if stat.S_ISLNK(info.st_mode):
                total.update(os.fsencode(path.readlink()))
            elif stat.S_ISREG(info.st_mode):
                with path.open("rb") as stream:
                    total.update(hashlib.file_digest(stream, "sha256").digest())
        return total.hexdigest()[:_TAG_LENGTH]


@dataclass(frozen=True)
class RegistryAccess:
    """How images reach a registry: `address` is host:port, `password` a secret."""

    address: pulumi.Output[str]
    username: pulumi.Input[str]
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


def image_sources(
    cartridge: Cartridge, folder: Path, into: Path, repository: str = CARTRIDGES
) -> Iterator[tuple[str, ImageSource]]:
    """The images that a cartridge's containers are built as, by their keys.

    `folder` is where the paths of the cartridge's document start; build contexts of what has no
    Dockerfile are written below `into`. Raises DocumentError for sources that no image can be made of.
    """
    containers: list[tuple[str | None, Container]] = [(None, cartridge)]
    containers += [(each.name, each) for each in cartridge.init]
    containers += [(each.name, each) for each in cartridge.sidecars]
    for name, container in containers:
        key = image_key(cartridge.name, name)
        if container.image is not None:
            continue
        if container.build is None:
            yield key, _generated(f"{repository}/{key}", into, partial(_prepare, container, folder))
            continue
        context = (folder / container.build.context).resolve()
        yield (
            key,
            ImageSource(
                repository=f"{repository}/{key}",
                context=context,
                dockerfile=context / container.build.dockerfile,
                arguments=dict(container.build.arguments),
                target=container.build.target,
            ),
        )


def artifact_source(cluster: str, folder: Path, into: Path, repository: str) -> tuple[str, ImageSource]:
    """The image that carries a folder of content to a cluster, with its key. Raises DocumentError."""
    made = _generated(f"{repository}/artifacts/{cluster}", into, partial(prepare_content, folder))
    return artifact_key(cluster), made


def application_sources(needed: NeededImages, application: str, into: Path) -> dict[str, ImageSource]:
    """Everything that is built for one application alone, by key. Raises DocumentError."""
    repository = f"applications/{application}"
    found: dict[str, ImageSource] = {}
    for cartridge, folder in needed.own.values():
        found.update(image_sources(cartridge, folder, into, repository))
    for cluster, folder in needed.artifacts.items():
        key, source = artifact_source(cluster, folder, into, repository)
        found[key] = source
    return found


def build_images(
    sources: Mapping[str, ImageSource], registry: RegistryAccess, base: str
) -> dict[str, pulumi.Output[str]]:
    """References by key; what several keys are made from alike is built once, under the first of them."""
    made: dict[str, CartridgeImage] = {}
    references: dict[str, pulumi.Output[str]] = {}
    for key, source in sorted(sources.items()):
        tag = source.tag()
        if tag not in made:
            made[tag] = CartridgeImage(re.sub("[/:]", "-", key), source, registry, base)
        references[key] = made[tag].reference
    return references


def _prepare(container: Container, folder: Path, into: Path) -> None:
    prepare(container, folder, into)
    if container.code is None:
        return
    code = into / "application"
    listed = packages_to_fetch(code, runtime_of(container.code, folder))
    if listed is not None:
        shutil.copytree(fetched(listed.file, code), code / listed.folder, symlinks=True)


def _generated(repository: str, into: Path, write: Callable[[Path], object]) -> ImageSource:
    """A context written beside its place and then moved there; its place follows from its content."""
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=into, prefix=".new-"))
    try:
        write(fresh)
        context = into / ImageSource(repository, fresh, fresh / "Dockerfile").tag()
        if not context.exists():
            with contextlib.suppress(FileExistsError):
                fresh.rename(context)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return ImageSource(repository, context, context / "Dockerfile")
