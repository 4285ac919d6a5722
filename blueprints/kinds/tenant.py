"""The Tenant document: who owns applications."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from blueprints.model import Document, Items, Model
from blueprints.names import Hostname, ResourceName
from blueprints.quantities import Cpu, Memory
from blueprints.rules import unique


class User(Model):
    """A person of the tenant. Passwords are never in documents."""

    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^\S+$")]
    """The name to log in with."""
    role: Literal["owner", "operator", "viewer"] = "operator"
    """What the person may do."""
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)] | None = None
    """Where to write to."""
    first_name: str | None = Field(default=None, max_length=128)
    """The first name."""
    last_name: str | None = Field(default=None, max_length=128)
    """The last name."""


class TenantQuota(Model):
    """What all applications of the tenant may use together."""

    applications: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """Applications."""
    members: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Members."""
    cpu: Cpu | None = None
    """Processors asked for."""
    memory: Memory | None = None
    """Memory asked for."""
    storage: Memory | None = None
    """Persistent data."""


class Tenant(Document):
    """Who owns applications; isolated and metered."""

    KIND: ClassVar[str] = "Tenant"

    domain: Hostname | None = None
    """The tenant's own domain."""
    active: bool = True
    """Whether its applications may run."""
    users: Items[User] = ()
    """Its people."""
    quota: TenantQuota = TenantQuota()
    """What its applications may use together."""
    clouds: Items[ResourceName] = ()
    """The only network partitions its applications may use, and so the only clouds; left out, all."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        unique("users", self.users)
        return self
