"""What every container of a member has, and the containers beside the main one."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from blueprints.kinds.environment import Environment
from blueprints.kinds.ports import Port
from blueprints.kinds.probes import Probes
from blueprints.kinds.runtime import Runtime
from blueprints.kinds.storage import Mount
from blueprints.model import Items, Model, fault
from blueprints.names import AbsolutePath, ContainerName
from blueprints.quantities import Cpu, Memory


class ResourceAmounts(Model):
    """Processor, memory and scratch storage."""

    cpu: Cpu | None = None
    """Processors, such as 500m."""
    memory: Memory | None = None
    """Memory, such as 256Mi."""
    ephemeral_storage: Memory | None = None
    """Scratch space on the host's disk."""


class Resources(Model):
    """What a container is promised and what it may use at most."""

    requests: ResourceAmounts = ResourceAmounts()
    """Promised; load average is measured against the requested processors."""
    limits: ResourceAmounts = ResourceAmounts()
    """The most it may use."""

    @model_validator(mode="after")
    def _requests_within_limits(self) -> Self:
        for name, asked, most in (
            ("cpu", self.requests.cpu, self.limits.cpu),
            ("memory", self.requests.memory, self.limits.memory),
            ("ephemeralStorage", self.requests.ephemeral_storage, self.limits.ephemeral_storage),
        ):
            if asked is None or most is None:
                continue
            over = (
                asked.millicores > most.millicores
                if isinstance(asked, Cpu) and isinstance(most, Cpu)
                else isinstance(asked, Memory) and isinstance(most, Memory) and asked.bytes > most.bytes
            )
            if over:
                raise fault(
                    "ALT1112", f"requests {name} {asked}, over its limit of {most}", at=("requests", name)
                )
        return self


class Security(Model):
    """What the container's processes may do."""

    user: Annotated[int, Field(ge=0)] | None = None
    """The numeric user the processes run as; left out, the image's."""
    group: Annotated[int, Field(ge=0)] | None = None
    """The numeric group; left out, the image's."""
    read_only_root: bool = False
    """Whether the container's own file system is read-only."""
    capabilities: Items[Annotated[str, Field(pattern=r"^[A-Z][A-Z_]*$")]] = ()
    """Linux capabilities to keep; all others are dropped."""


class Container(Runtime):
    """What the main container and those beside it have in common."""

    command: Items[str] = ()
    """Replaces the image's entry point."""
    arguments: Items[str] = ()
    """Replaces the image's arguments."""
    working_directory: AbsolutePath | None = None
    """Where the command starts."""
    environment: Environment = Field(default_factory=dict)
    """Environment variables."""
    resources: Resources = Resources()
    """What it is promised and may use at most."""
    mounts: Items[Mount] = ()
    """Shared volumes and persistent data it sees."""
    security: Security = Security()
    """What its processes may do."""


class InitContainer(Container):
    """Runs to its end before the main container starts; several run one after another."""

    name: ContainerName
    """Its name, unique in the member."""


class Sidecar(Container):
    """Runs beside the main container in the same member, sharing its network."""

    name: ContainerName
    """Its name, unique in the member."""
    ports: Items[Port] = ()
    """Ports it listens on; they share one address with the main container's."""
    probes: Probes = Probes()
    """Its probes."""
    starts_first: bool = False
    """Whether it is up before the main container starts, and ends after it."""
