"""A level: the clusters and groups that start, scale and end together.

An application is a level, and so is every group.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from blueprints.kinds.cartridge_use import CartridgeUse, ClusterSettings, Range
from blueprints.model import Items, Model, fault
from blueprints.names import Alias, AliasPath, ResourceName
from blueprints.quantities import Ratio
from blueprints.rules import exactly_one

Termination = Literal["none", "dependents", "all"]


class ScalingRule(Model):
    """Clusters and groups that keep a proportion: when one grows, the others follow."""

    members: Items[Alias] = Field(min_length=2, max_length=10)
    """The aliases, of direct children of this level."""
    ratio: Ratio | None = None
    """Their proportion in the same order, such as 3:1; left out, that of their minimums."""

    @model_validator(mode="after")
    def _a_number_for_each(self) -> Self:
        if self.ratio is not None and len(self.ratio.parts) != len(self.members):
            raise fault(
                "ALT1207",
                f"the ratio {self.ratio} has {len(self.ratio.parts)} numbers for {len(self.members)} members",
                at=("ratio",),
            )
        return self


class Level(Model):
    """What an application, a CartridgeGroup and an inline group have in common."""

    cartridges: Items[CartridgeUse] = ()
    """The clusters of this level."""
    groups: Items["GroupUse"] = ()
    """The groups of this level."""
    startup: Items[Annotated[Items[Alias], Field(min_length=2, max_length=1000)]] = ()
    """Chains of aliases: each waits until the one before it is ready. All chains together form one order;
    what stands in no chain starts at once."""
    scaling: Items[ScalingRule] = ()
    """Proportions to keep."""
    termination: Termination = "none"
    """What restarts when a child stays under its minimum: nothing else, those that waited for it and itself,
    or this whole level."""


class GroupUse(Level):
    """A group in a level: a CartridgeGroup by name, or one written in place."""

    alias: Alias
    """Its name in this level."""
    group: ResourceName | None = None
    """The CartridgeGroup document; left out, the group is written here."""
    instances: Range = Range()
    """How few and how many full copies of the group."""
    deployment: ResourceName | None = None
    """The DeploymentPolicy of everything in the group; no other may stand inside it."""
    load_balancer: ResourceName | None = None
    """The LoadBalancer in front of the group."""
    overrides: dict[AliasPath, ClusterSettings] = Field(default_factory=dict)
    """Other settings for clusters of the named group, by their path inside it."""

    @model_validator(mode="after")
    def _named_or_in_place(self) -> Self:
        inline = [
            name
            for name in ("cartridges", "groups", "startup", "scaling", "termination")
            if name in self.model_fields_set
        ]
        if self.group is not None and inline:
            raise fault(
                "ALT1111", f"give either group or {inline[0]}: a named group has its own", at=(inline[0],),
                hint="Change clusters of a named group by overrides.",
            )  # fmt: skip
        if self.group is None and not inline:
            exactly_one(self, "group")
        return self


Level.model_rebuild()
