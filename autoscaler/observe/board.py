"""The latest measurements of every cluster, and what a factor is worth for a cluster as a whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from autoscaler.observe.source import Measurement, Place

STALE_SECONDS = 30.0
# A member that just became ready has no two samples of the kubelet yet; after this time it should.
YOUNG_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a factor for one cluster.

    `total` is over all ready members, `age` that of the oldest value in it in seconds, `members` the values
    by member (for shares: the share of each). `unheard` are ready members that should have been heard and
    were not: while there are any, nothing may be taken away on this.
    """

    total: float
    age: float
    members: Mapping[str, float] = field(default_factory=dict)
    unheard: tuple[str, ...] = ()


@dataclass(slots=True)
class _Spread:
    """How a factor's total is spread over changing members; see `_settled_total`."""

    ready: frozenset[str] = frozenset()
    stayed: frozenset[str] = frozenset()
    changed: float = float("-inf")
    total: float = 0.0
    before: float | None = None


@dataclass(slots=True)
class _Cluster:
    whole: dict[str, Measurement] = field(default_factory=dict)
    members: dict[str, dict[str, Measurement]] = field(default_factory=dict)
    spreads: dict[str, _Spread] = field(default_factory=dict)
    ready_since: dict[str, float] = field(default_factory=dict)


class Board:
    """Keeps what sources report. Times in seconds since the epoch."""

    def __init__(self) -> None:
        self._clusters: dict[Place, _Cluster] = {}

    def take(self, found: Measurement) -> None:
        """Note a measurement, unless a later one is there."""
        cluster = self._clusters.get(found.place)
        if cluster is None:
            cluster = self._clusters[found.place] = _Cluster()
        values = cluster.members.setdefault(found.factor, {}) if found.member else cluster.whole
        key = found.member or found.factor
        last = values.get(key)
        if last is None or last.at <= found.at:
            values[key] = found

    def forget(self) -> None:
        """Forget everything: what was heard at a time that is yet to come would count as the latest."""
        self._clusters = {}

    def keep(self, places: Collection[Place]) -> None:
        """Forget all other clusters."""
        for gone in set(self._clusters) - set(places):
            del self._clusters[gone]

    def factors(self, place: Place) -> frozenset[str]:
        """The factors that anything was ever heard of."""
        cluster = self._clusters.get(place)
        return frozenset() if cluster is None else frozenset((*cluster.whole, *cluster.members))

    def loads(self, place: Place, factor: str) -> dict[str, float]:
        """The last value of a factor by member, however old."""
        cluster = self._clusters.get(place)
        return {} if cluster is None else {m: v.value for m, v in cluster.members.get(factor, {}).items()}

    def whole(self, place: Place, factor: str) -> Measurement | None:
        """The last value that was told for the cluster as a whole, however old."""
        cluster = self._clusters.get(place)
        return None if cluster is None else cluster.whole.get(factor)

    def latest(self, place: Place) -> float:
        """When anything was last true that was told of a cluster; minus infinity where nothing was."""
        cluster = self._clusters.get(place)
        found = [] if cluster is None else [*cluster.whole.values()]
        found += [each for by in (cluster.members.values() if cluster else ()) for each in by.values()]
        return max((each.at for each in found), default=float("-inf"))

    def read(
        self, place: Place, factor: str, ready: frozenset[str], now: float, average: bool = False
    ) -> Known | None:
        """What is known of a factor, or None: nothing fresh was heard.

        `ready` names the members that serve. Members without a value of their own count as those with one,
        never as idle. `average`: what is told for the cluster as a whole is the mean of its members.
        """
        cluster = self._clusters.get(place)
        if cluster is None:
            return None
        self._note_ready(cluster, ready, now)
        by_member = cluster.members.get(factor, {})
        for gone in set(by_member) - ready:
            if now - by_member[gone].at > STALE_SECONDS:
                del by_member[gone]
        fresh = {m: by_member[m] for m in ready if m in by_member and now - by_member[m].at <= STALE_SECONDS}
        values = {member: found.value for member, found in fresh.items()}
        whole = cluster.whole.get(factor)
        if whole is not None:
            age = now - whole.at
            total = whole.value * len(ready) if average else whole.value
            return Known(total, max(0.0, age), values) if age <= STALE_SECONDS else None
        if not fresh:
            return None
        spread = cluster.spreads.setdefault(factor, _Spread())
        total = _settled_total(spread, fresh, ready, now)
        unheard = tuple(
            sorted(m for m in ready - set(fresh) if now - cluster.ready_since.get(m, now) > YOUNG_SECONDS)
        )
        return Known(total, max(0.0, max(now - found.at for found in fresh.values())), values, unheard)

    @staticmethod
    def _note_ready(cluster: _Cluster, ready: frozenset[str], now: float) -> None:
        since = cluster.ready_since
        if since.keys() != ready:
            cluster.ready_since = {member: since.get(member, now) for member in ready}


def _settled_total(
    spread: _Spread, fresh: Mapping[str, Measurement], ready: frozenset[str], now: float
) -> float:
    """The total over all ready members while members come and go.

    Kubelets look back over ten seconds and more. Right after members came, the old ones' values still show
    the load that is shared by now: adding the new ones' to them would count it twice, and order members for
    load that is not there. After members went, their load would be missing. So the total before the change
    holds, and gives way to the new one by the share of members whose value is wholly from after the change.
    It is never less than what those carry that were there all the time: together they had all of it before.
    """
    if spread.ready != ready:
        if spread.ready:
            unsettled = spread.before is not None and now - spread.changed <= YOUNG_SECONDS
            spread.stayed = (spread.stayed if unsettled else spread.ready) & ready
            spread.before, spread.changed = spread.total, now
        spread.ready = ready
    mean = sum(found.value for found in fresh.values()) / len(fresh)
    if spread.before is None or now - spread.changed > YOUNG_SECONDS:
        spread.before = None
        spread.total = mean * len(ready)
        return spread.total
    settled = [found.value for found in fresh.values() if found.at - found.window >= spread.changed]
    share = len(settled) / len(ready)
    after = sum(settled) / len(settled) * len(ready) if settled else 0.0
    blend = share * after + (1.0 - share) * spread.before
    spread.total = max(blend, sum(fresh[member].value for member in spread.stayed & fresh.keys()))
    return spread.total
