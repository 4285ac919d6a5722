"""The Application document: the top of a tree of clusters and groups."""

from typing import Annotated, ClassVar

from pydantic import Field

from blueprints.kinds.level import Level
from blueprints.kinds.objectives import Objectives
from blueprints.model import Document
from blueprints.names import APPLICATION_NAME_LIMIT, NAME_PATTERN, ResourceName


class Application(Level, Document):
    """An application: clusters and groups with their order, policies and tenant."""

    KIND: ClassVar[str] = "Application"

    name: Annotated[str, Field(pattern=NAME_PATTERN, min_length=1, max_length=APPLICATION_NAME_LIMIT)]
    """The name of the application, of its stacks (`app-<name>`) and of its namespace."""
    tenant: ResourceName | None = None
    """The Tenant that owns it."""
    multi_tenant: bool = False
    """Whether tenants sign up to one running copy; its cartridges must be multi-tenant."""
    placement: ResourceName | None = None
    """The ApplicationPolicy: where whole copies run; left out, one copy on its first cloud."""
    deployment: ResourceName | None = None
    """The DeploymentPolicy of everything in it; no other may stand inside it."""
    load_balancer: ResourceName | None = None
    """The LoadBalancer in front of the application."""
    objectives: Objectives | None = None
    """The service levels it promises."""
