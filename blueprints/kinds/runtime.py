"""Where a container's software comes from: an image, a build, code, or a set-up script."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from blueprints.model import Items, Model
from blueprints.names import ENVIRONMENT_PATTERN, VALUE_MEANINGS
from blueprints.rules import exactly_one

IMAGE_PATTERN = (
    r"^[a-z0-9]+([._:-][a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[\w][\w.-]{0,127})?(@sha256:[a-f0-9]{64})?$"
)
VALUE_MEANINGS[IMAGE_PATTERN] = "an image's name in lower case, such as registry.example.org/team/site:1.2"

ImageReference = Annotated[str, Field(pattern=IMAGE_PATTERN, max_length=512)]

RelativePath = Annotated[str, Field(pattern=r"^[^/\x00][^\x00]*$", max_length=4096)]

BuildArguments = dict[Annotated[str, Field(pattern=ENVIRONMENT_PATTERN)], str]


class Build(Model):
    """An image built from a Dockerfile."""

    context: RelativePath = "."
    """The folder sent to the build, relative to this document."""
    dockerfile: RelativePath = "Dockerfile"
    """The Dockerfile, relative to the context."""
    target: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] | None = None
    """The stage to stop at; left out, the last one."""
    arguments: BuildArguments = Field(default_factory=dict)
    """Build arguments. `BASE` is given by the platform: its Debian base image."""


class Code(Model):
    """A folder of code whose runtime is detected from what is in it."""

    path: RelativePath = "."
    """The folder, relative to this document."""
    runtime: Literal["auto", "python", "node", "php", "static"] = "auto"
    """The runtime; auto looks for package.json, requirements.txt or pyproject.toml, *.php and index.html."""
    start: Items[str] = ()
    """The command that serves; left out, the runtime's usual one."""


class Setup(Model):
    """A bare system that its user sets up by a script kept in the blueprint."""

    script: RelativePath
    """The script, relative to this document; it runs as root while the image is made."""
    packages: Items[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.-]*$")]] = ()
    """Debian packages to install before the script."""
    context: RelativePath = "."
    """The folder whose files the script finds beside it."""


class Runtime(Model):
    """Exactly one of image, build, code and setup."""

    image: ImageReference | None = None
    """A ready image."""
    build: Build | None = None
    """A Dockerfile to build."""
    code: Code | None = None
    """A folder of code."""
    setup: Setup | None = None
    """A bare system with a set-up script."""

    @model_validator(mode="after")
    def _one_runtime(self) -> Self:
        exactly_one(self, "image", "build", "code", "setup")
        return self
