"""Volumes that containers share, data that outlives a member, and configuration files."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from blueprints.kinds.environment import SecretReference
from blueprints.model import Items, Model
from blueprints.names import AbsolutePath, ContainerName
from blueprints.quantities import Memory
from blueprints.rules import exactly_one


class Volume(Model):
    """Scratch space the containers of one member share; gone with the member."""

    name: ContainerName
    """The name mounts refer to."""
    medium: Literal["disk", "memory"] = "disk"
    """Where it is kept."""
    size: Memory | None = None
    """The most it may hold."""


class Mount(Model):
    """A shared volume or persistent data inside one container."""

    volume: ContainerName
    """The name of a volume or of persistent data of this cartridge."""
    path: AbsolutePath
    """Where it appears in the container."""
    read_only: bool = False
    """Whether the container may only read it."""
    sub_path: Annotated[str, Field(pattern=r"^[^/.][^\x00]*$")] | None = None
    """A folder in the volume to show instead of its top."""


class Persistence(Model):
    """Data that outlives its member. Each member has its own, unless `shared`."""

    name: ContainerName
    """The name of the claim, and what mounts refer to."""
    path: AbsolutePath
    """Where it appears in the main container."""
    size: Memory
    """How much storage to ask for."""
    storage_class: ContainerName | None = None
    """The Kubernetes storage class; left out, the cloud's default (on hosts of ours, their own disks)."""
    shared: bool = False
    """Whether all members use the same data. The storage class must allow it; on the hosts' own disks all
    members are then on one host."""
    retain: bool = True
    """Whether the data is kept, and found again, when the application is destroyed and made anew."""
    protect: bool = False
    """Whether destroying the data, or the application with it, is refused until this is taken away."""
    owner: Annotated[int, Field(ge=0)] | None = None
    """The numeric group the files belong to; left out, the cartridge's user."""


class ConfigurationFile(Model):
    """A file put into the containers: text in the document, a file beside it, or a secret."""

    path: AbsolutePath
    """Where it appears."""
    content: Annotated[str, Field(max_length=1_000_000)] | None = None
    """Its text."""
    source: str | None = None
    """A file beside this document that holds it."""
    secret: SecretReference | None = None
    """The secret that holds it."""
    mode: Annotated[str, Field(pattern=r"^0?[0-7]{3}$")] = "0444"
    """Its permissions, in octal."""
    containers: Items[ContainerName] = ()
    """Only in these containers; left out, in the main one."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        exactly_one(self, "content", "source", "secret")
        return self
