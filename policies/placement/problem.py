"""What placement is asked: places, how they may be filled, and who wants members. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Order = Literal["one-after-another", "round-robin", "weighted"]
Spread = Literal["none", "hosts", "zones"]


@dataclass(frozen=True, slots=True)
class Place:
    """A partition of a network partition.

    `cost` is that of a member for an hour, None where nobody told: then it counts as the dearest. `labels`,
    `zone` and `region` tell which hosts belong to it (empty: every host of the cloud does).
    """

    network: str
    partition: str
    cloud: str
    zone: str = ""
    region: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    cost: float | None = None
    key: str = field(init=False, repr=False, compare=False)
    """Its name in scales, journals and messages, such as `home/rack-1`."""
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Asked for so often that making them each time costs a good part of placement.
        object.__setattr__(self, "key", f"{self.network}/{self.partition}")
        object.__setattr__(self, "_hash", hash((self.network, self.partition)))

    def __hash__(self) -> int:
        # Its name tells it apart; hashing every field costs more than the rest of placement.
        return self._hash


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a place one cluster may use: `min` and `max` members, and its weight."""

    place: Place
    max: int
    min: int = 0
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Network:
    """The places of one network partition, and how they are filled."""

    name: str
    order: Order
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """A deployment policy, with the application policy's order already applied to it.

    `groups` are used one after another; the networks of one group evenly, together. `left_out` names
    network partitions that are not used, with the reason.
    """

    name: str
    groups: tuple[tuple[Network, ...], ...]
    spread: Spread = "hosts"
    prefer_cheap: bool = False
    quota: int | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def networks(self) -> tuple[Network, ...]:
        """All network partitions in order."""
        return tuple(network for group in self.groups for network in group)

    @property
    def shares(self) -> tuple[Share, ...]:
        """All places in order."""
        return tuple(share for network in self.networks for share in network.shares)


@dataclass(frozen=True, slots=True)
class Demand:
    """A cluster that wants members.

    `minimum`: what it must have before others get more than theirs. `cpu` (thousandths of a processor)
    and `memory` (bytes): what a member asks for. `now`: its members by place key, those that could not
    be scheduled included; `unschedulable`: how many of them those are. `full`: places without room for one
    more, whatever their hosts seem to have free. `near`: ids of clusters whose
    data it wants to be close to. `together`: the group instance that is kept in one place.
    """

    cluster: str
    members: int
    rules: Rules
    minimum: int = 0
    cpu: int = 0
    memory: int = 0
    now: Mapping[str, int] = field(default_factory=dict)
    unschedulable: Mapping[str, int] = field(default_factory=dict)
    full: frozenset[str] = frozenset()
    near: tuple[str, ...] = ()
    together: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """The free capacity of a host: processors in thousandths, memory in bytes, further members (Pods)."""

    name: str
    cpu: int
    memory: int
    members: int
    zone: str = ""
    region: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def belongs(host: Host, place: Place) -> bool:
    """Whether a host is part of a place."""
    return (
        (not place.zone or host.zone == place.zone)
        and (not place.region or host.region == place.region)
        and all(host.labels.get(name) == value for name, value in place.labels)
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that placement depends on.

    `hosts`: free capacity by cloud, beside all members that run now; a cloud that is not named is not
    known, and only the policy bounds what goes there. `quota_used`: members of other applications by
    deployment policy.
    """

    demands: tuple[Demand, ...]
    hosts: Mapping[str, tuple[Host, ...]] = field(default_factory=dict)
    quota_used: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Allotment:
    """The members of one cluster in one place. `leaving` of those there now go; the reasons say why."""

    place: Place
    members: int
    staying: int
    arriving: int
    leaving: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClusterPlacement:
    """Where a cluster's members go; `unplaced` of the wanted find no place, for the reasons."""

    cluster: str
    wanted: int
    allotments: tuple[Allotment, ...]
    unplaced: int
    reasons: tuple[str, ...]

    @property
    def members(self) -> dict[str, int]:
        """Members by place key, without empty places."""
        return {each.place.key: each.members for each in self.allotments if each.members}

    @property
    def placed(self) -> int:
        """The members that have a place."""
        return sum(each.members for each in self.allotments)

    @property
    def cost(self) -> float:
        """The cost of an hour, as far as places tell theirs."""
        return sum(each.members * (each.place.cost or 0.0) for each in self.allotments)


@dataclass(frozen=True, slots=True)
class Placement:
    """Every cluster's members, by cluster id."""

    clusters: Mapping[str, ClusterPlacement]

    @property
    def unplaced(self) -> int:
        """Members without a place."""
        return sum(each.unplaced for each in self.clusters.values())
