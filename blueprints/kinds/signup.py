"""The Signup document: a tenant's use of a multi-tenant application."""

from typing import ClassVar, Self

from pydantic import model_validator

from blueprints.kinds.cartridge_use import Artifact
from blueprints.model import Document, Items, Model
from blueprints.names import AliasPath, ResourceName
from blueprints.rules import unique


class TenantArtifact(Model):
    """The tenant's own code or content for one cluster."""

    alias: AliasPath
    """The cluster."""
    artifact: Artifact
    """What goes into it."""


class Signup(Document):
    """A tenant signs up to an application, with artifacts of its own."""

    KIND: ClassVar[str] = "Signup"

    application: ResourceName
    """The Application."""
    tenant: ResourceName | None = None
    """The Tenant; left out, the one that owns the application."""
    artifacts: Items[TenantArtifact] = ()
    """The tenant's own code or content."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        unique("artifacts", self.artifacts, "alias")
        return self
