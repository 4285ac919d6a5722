"""A cluster of an application: a cartridge under an alias, with what this application adds."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from blueprints.kinds.containers import Resources
from blueprints.kinds.environment import Environment, SecretReference
from blueprints.model import Items, Model, fault
from blueprints.names import VALUE_MEANINGS, Alias, AliasPath, ResourceName
from blueprints.quantities import Duration, Memory
from blueprints.rules import at_most_one, exactly_one

GIT_PATTERN = r"^((https?|ssh|git|file)://|git@)\S+$"
VALUE_MEANINGS[GIT_PATTERN] = "a repository's address, such as https://example.org/shop.git"

UNBOUNDED = 10_000
"""The most members or instances anything may ask for."""


class Range(Model):
    """How few and how many."""

    min: int = Field(default=1, ge=0, le=UNBOUNDED)
    """The fewest."""
    max: int = Field(default=1, ge=1, le=UNBOUNDED)
    """The most."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise fault(
                "ALT1112", f"min {self.min} is over max {self.max}", at=("min",),
                hint=f"Set max to at least {self.min}, or min to at most {self.max}.",
            )  # fmt: skip
        return self

    def __str__(self) -> str:
        return f"{self.min} to {self.max}" if self.min != self.max else f"exactly {self.min}"


class Credentials(Model):
    """How to get at a private repository. Secrets are named, never written down."""

    username: str | None = None
    """The user name."""
    password: SecretReference | None = None
    """The password or token."""
    ssh_key: SecretReference | None = None
    """A private SSH key."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        exactly_one(self, "password", "ssh_key")
        return self


class Artifact(Model):
    """The application's own code or content: from git, or a folder beside the document."""

    git: Annotated[str, Field(pattern=GIT_PATTERN, max_length=2048)] | None = None
    """The repository's address, without credentials in it."""
    directory: Annotated[str, Field(pattern=r"^[^/\x00][^\x00]*$")] | None = None
    """A folder, relative to this document."""
    branch: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./+-]*$", max_length=255)] | None = None
    """The branch to follow; left out, the repository's default."""
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")] | None = None
    """A commit to stay at."""
    path: Annotated[str, Field(pattern=r"^[^/\x00][^\x00]*$")] | None = None
    """A folder in the repository to take instead of its top."""
    credentials: Credentials | None = None
    """How to get at a private repository."""
    poll: Duration | None = None
    """How often to look for changes."""
    webhook: bool = False
    """Whether the repository's push hook brings changes in."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        exactly_one(self, "git", "directory")
        at_most_one(self, "branch", "commit")
        if self.git and "@" in self.git.partition("://")[2].partition("/")[0].rpartition("@")[0]:
            raise fault("ALT1113", "more than one @ in the address", at=("git",))
        if (
            self.git
            and "://" in self.git
            and ":" in self.git.partition("://")[2].partition("/")[0].rpartition("@")[0]
        ):
            raise fault(
                "ALT1113", "the address holds a password", at=("git",),
                hint="Name it as a secret: credentials: {username: ..., password: {secret: NAME}}.",
            )  # fmt: skip
        for name in ("branch", "commit", "path", "credentials", "poll"):
            if self.directory is not None and getattr(self, name) is not None:
                raise fault("ALT1111", f"{name} goes with git only", at=(name,))
        return self


class Use(Model):
    """A cluster or group whose exports this one wants to see, without waiting for it to start."""

    source: AliasPath = Field(alias="from")
    """Its alias; found in the same group first, then in the groups around it."""
    prefix: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=63)] | None = None
    """What the variables' names begin with; left out, made from the alias."""


class Persisted(Model):
    """What this cluster changes about a cartridge's persistent data."""

    size: Memory | None = None
    """Another size."""
    storage_class: ResourceName | None = None
    """Another storage class."""
    retain: bool | None = None
    """Another choice whether the data is kept on destroy."""
    protect: bool | None = None
    """Another choice whether Pulumi refuses to delete it."""


class Healing(Model):
    """When a cluster that lost members counts as failed."""

    grace: Duration = Duration("60s")
    """How long it may stay under its minimum before the termination behaviour applies."""


class ClusterSettings(Model):
    """What an application, or a reuse of a group, may settle about a cluster."""

    members: Range | None = None
    """How few and how many members; left out, exactly 1."""
    autoscaling: ResourceName | None = None
    """The AutoscalingPolicy; left out, members stay at their minimum until scaled by hand."""
    deployment: ResourceName | None = None
    """The DeploymentPolicy; on the cluster or on one group around it, not on both."""
    artifact: Artifact | None = None
    """The code or content that goes into the cartridge's artifact slot."""
    environment: Environment = Field(default_factory=dict)
    """Environment variables, over the cartridge's own."""
    resources: Resources | None = None
    """Instead of the cartridge's resources."""
    load_balancer: ResourceName | None = None
    """The LoadBalancer in front of this cluster alone."""


class CartridgeUse(ClusterSettings):
    """A cluster: the members of one cartridge under one alias."""

    alias: Alias
    """Its name in this level of the application."""
    cartridge: ResourceName
    """The Cartridge document."""
    members: Range = Range()
    """How few and how many members."""
    uses: Items[Use] = ()
    """Clusters or groups whose exports it wants besides those it waits for."""
    persistence: dict[ResourceName, Persisted] = Field(default_factory=dict)
    """Changes to the cartridge's persistent data, by its name."""
    healing: Healing = Healing()
    """When it counts as failed."""
    labels: dict[str, str] = Field(default_factory=dict, max_length=64)
    """Labels put on its members."""
