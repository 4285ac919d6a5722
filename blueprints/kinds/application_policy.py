"""The ApplicationPolicy document: where whole copies of an application run, and when it bursts."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from blueprints.model import Document, Items, Model, fault
from blueprints.names import ResourceName
from blueprints.quantities import Duration, Percent

Clouds = ResourceName | Annotated[Items[ResourceName], Field(min_length=1)]


class Burst(Model):
    """When a copy is made in the next place, and when it goes again."""

    at: Percent = Percent("90%")
    """The share of what all present copies can carry at which the next one is made."""
    hold: Duration = Duration("10m")
    """How long the peak must be over before a copy goes."""
    data: Literal["home", "replicate", "refuse"] = "home"
    """Data cartridges: reached at home, replicated, or reason enough not to burst."""
    cloud: Literal["warm", "cold"] = "warm"
    """Whether the other host cluster stands ready, or is made for the burst."""
    keep: Duration = Duration("1h")
    """How long a host cluster made for a burst is kept after it."""

    @model_validator(mode="after")
    def _full_at_something(self) -> Self:
        if not self.at.fraction:
            raise fault(
                "ALT1109", f"at {self.at} the least load is a peak, and the copy never goes again",
                at=("at",), allowed=("more than 0%, up to 100%",), hint='Write a share such as "90%".',
            )  # fmt: skip
        return self


class ApplicationPolicy(Document):
    """The network partitions in order; an entry that is a list is a group used together."""

    KIND: ClassVar[str] = "ApplicationPolicy"

    order: Literal["one-after-another", "all-at-once"] = "one-after-another"
    """Use the next place only when those before it are full, or all from the beginning."""
    network_partitions: Items[Clouds] = Field(min_length=1)
    """NetworkPartition documents; the first is the application's home."""
    burst: Burst | None = None
    """Left out, the application stays in its first place."""

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Every entry as a group of names."""
        return tuple((e,) if isinstance(e, str) else tuple(e) for e in self.network_partitions)

    @property
    def together(self) -> tuple[tuple[str, ...], ...]:
        """The groups of names that are used together, in order."""
        groups = self.groups
        return groups if self.order == "one-after-another" else (tuple(n for group in groups for n in group),)

    @property
    def makes_copies(self) -> bool:
        """Whether it ever makes whole copies; then no single cluster overflows."""
        return self.burst is not None or self.order == "all-at-once" or len(self.groups[0]) > 1

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        seen: set[str] = set()
        for index, group in enumerate(self.groups):
            for name in group:
                if name in seen:
                    raise fault(
                        "ALT1114", f"network partition {name!r} stands twice", at=("networkPartitions", index)
                    )
                seen.add(name)
        if self.burst is not None and self.order == "all-at-once":
            raise fault(
                "ALT1111",
                "an application that is everywhere at once cannot burst",
                at=("burst",),
                hint="Remove burst, or set order: one-after-another.",
            )
        return self
