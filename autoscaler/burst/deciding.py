"""When an application gets a copy in another cloud, and when that goes again. Pure.

One look: what the copies can carry, what the load asks for now and at the time a copy could help, and the
move under way, in; at most one step, with its reason, out. What must last over looks is in `Standing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from blueprints.kinds.application_policy import ApplicationPolicy
from policies.placement.copies import first_copies, last_copy, next_copy

# Looks in a row that a forecast alone must be over the mark. What is there now counts at once at home.
SURE_LOOKS = 2
# While several copies share the load, a change of shares is seen in one copy before it is in the other: for
# two looks a part of the load counts twice.
SHARED_LOOKS = 3
# A copy goes when the others would then be this full at most, of what makes one: the same share as for
# group instances (`decide.application.FULL_AFTER_SHRINKING`). Between the two nothing happens.
CALM_SHARE = 0.8
# Seconds without any sign of an application until it is made up for elsewhere: as long as moves wait for an
# API server until it is away (`world.Times.silent`). What is back sooner needs no copy, which takes as long.
DEAD_SECONDS = 20.0

Kind = Literal["stay", "burst", "end", "turn"]


@dataclass(frozen=True, slots=True)
class CopySight:
    """One copy of the application. `most` and `ready` are members by path of its scaled clusters.

    most: what documents, deployment policy and free capacity allow. answers: whether its cloud's API server
    does; a copy that nothing is known of carries nothing.
    """

    cloud: str
    most: Mapping[str, int]
    ready: Mapping[str, int]
    answers: bool = True


@dataclass(frozen=True, slots=True)
class MoveSight:
    """The move under way: its kind (burst, end, migrate) and cloud. `turned`: it is being undone already."""

    kind: str
    cloud: str
    turned: bool = False


@dataclass(frozen=True)
class Situation:
    """An application at one moment. Clouds, not network partitions, but in `policy` and `clouds`.

    clouds: the cloud of each network partition of the policy. home: where the application's own stack is.
    need: members by path that the load asks for now over all copies, None where nothing of it is known; not
    known as a `whole` it is at least so much, which may begin a copy and ends none. ahead: the same by cloud,
    as far ahead as a copy there takes (`lead`, in seconds). unfit: clouds that can take no copy now, with
    the reason. silent: seconds without any sign that a copy serves. data: the clusters that keep data.
    """

    time: float
    policy: ApplicationPolicy
    clouds: Mapping[str, str]
    home: str
    copies: tuple[CopySight, ...]
    need: Mapping[str, float] | None
    whole: bool = True
    ahead: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    lead: Mapping[str, float] = field(default_factory=dict)
    move: MoveSight | None = None
    unfit: Mapping[str, str] = field(default_factory=dict)
    silent: float = 0.0
    data: tuple[str, ...] = ()

    @property
    def dead(self) -> bool:
        """Whether nothing of the application serves any more."""
        return self.silent >= DEAD_SECONDS and not any(copy.answers for copy in self.copies)

    @property
    def occupied(self) -> frozenset[str]:
        """Network partitions with a copy."""
        here = {copy.cloud for copy in self.copies} | {self.home}
        return frozenset(network for network, cloud in self.clouds.items() if cloud in here)

    @property
    def at_home(self) -> frozenset[str]:
        """The network partitions of its home."""
        return frozenset(network for network, cloud in self.clouds.items() if cloud == self.home)

    def carry(self, path: str, without: frozenset[str] = frozenset()) -> int:
        """Members of a cluster that the copies may have, without those in some clouds."""
        return sum(c.most.get(path, 0) for c in self.copies if c.answers and c.cloud not in without)

    def ready(self, path: str, without: frozenset[str]) -> int:
        """The ready members of a cluster, without those in some clouds."""
        return sum(c.ready.get(path, 0) for c in self.copies if c.answers and c.cloud not in without)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is kept from look to look. Times in seconds since the epoch.

    over: looks in a row with a need or forecast over the mark; quiet_since: since when the last copy is not
    needed.
    """

    over: int = 0
    quiet_since: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now, and why in one sentence. `cloud` is empty for `stay`; `turn` calls off an end."""

    kind: Kind
    cloud: str
    reason: str


def decide(now: Situation, standing: Standing) -> tuple[Step, Standing]:
    """The step to take, and what to remember."""
    if now.move is not None:
        return _under_way(now, now.move), Standing()
    if missing := _owed_from_the_beginning(now):
        return missing, Standing()
    if now.policy.burst is None:
        return _stay(f"{now.policy.name} has no burst"), Standing()
    if now.dead:
        return _made_up_for(now), Standing()
    if now.need is None:
        return _stay("What the load asks for is not known"), replace(standing, over=0)
    peak = _peak(now)
    if peak.later:
        looks = standing.over + 1
        if looks >= _sure(now, peak) or _completes(now):
            return _burst(now, peak.words), Standing(looks)
        return _stay(f"Not for long enough yet: {peak.words}"), Standing(looks)
    if not now.whole:
        return _stay(f"Not all that the load asks for is known: {_load(now)} at least"), replace(
            standing, over=0
        )
    return _calm(now, standing)


@dataclass(frozen=True, slots=True)
class _Peak:
    now: bool
    later: bool
    words: str


def _sure(now: Situation, peak: _Peak) -> int:
    """How many looks in a row a peak must be there."""
    if sum(copy.answers for copy in now.copies) > 1:
        return SHARED_LOOKS
    return 1 if peak.now else SURE_LOOKS


def _under_way(now: Situation, move: MoveSight) -> Step:
    if move.kind != "end" or move.turned or now.need is None or now.policy.burst is None:
        return _stay(f"The {move.kind} in {move.cloud} is under way")
    peak = _peak(now, frozenset({move.cloud}), move.cloud)
    if not peak.now:
        return _stay(f"The end of the copy in {move.cloud} is under way")
    return Step("turn", move.cloud, f"Keep the copy in {move.cloud}: {peak.words}.")


def _owed_from_the_beginning(now: Situation) -> Step | None:
    """A place that has a copy whatever the load is, and lacks it."""
    for group in first_copies(now.policy):
        if now.policy.order != "all-at-once" and now.home not in {now.clouds[each] for each in group}:
            continue  # the application has moved: its home is its first place now
        for network in group:
            cloud = now.clouds[network]
            if network not in now.occupied and cloud not in now.unfit:
                why = "all at once" if now.policy.order == "all-at-once" else "together with its home"
                return Step("burst", cloud, f"Copy in {cloud}: {now.policy.name} uses {network} {why}.")
    return None


def _peak(now: Situation, without: frozenset[str] = frozenset(), at_cloud: str = "") -> _Peak:
    """Whether any cluster is over the mark, now or by the time the next copy would be there."""
    assert now.need is not None
    assert now.policy.burst is not None
    share = now.policy.burst.at.fraction
    cloud = at_cloud or _next_cloud(now)
    ahead = now.ahead.get(cloud, {})
    names = " and ".join(c.cloud for c in now.copies if c.answers and c.cloud not in without) or "nobody"
    found = _Peak(False, False, "")
    for path in sorted(now.need):
        need, later, carry = now.need[path], ahead.get(path, 0.0), now.carry(path, without)
        mark = share * carry
        if max(need, later) <= mark:
            continue
        soon = f" and {later:.1f} in {now.lead.get(cloud, 0.0):.0f} s" if later > need else ""
        words = (
            f"{path} needs {need:.1f} members now{soon}{'' if now.whole else ' at least'}, "
            f"over {share:.0%} of the {carry} that {names} can have"
        )
        if need > mark:
            return _Peak(True, True, words)
        found = _Peak(False, True, words)
    return found


def _next_cloud(now: Situation) -> str:
    networks = _next(now)[0]
    return next((now.clouds[each] for each in networks if each not in now.occupied), "")


def _next(now: Situation) -> tuple[tuple[str, ...], str]:
    """The group to be completed first, else the next one; and why that, or why none."""
    occupied = now.occupied
    unfit = {n: now.unfit[cloud] for n, cloud in now.clouds.items() if cloud in now.unfit}
    for group in now.policy.groups:
        begun = any(network in occupied for network in group)
        if begun and any(network not in occupied and network not in unfit for network in group):
            return group, f"{' and '.join(group)} are used together"
    following = next_copy(now.policy, occupied, unfit)
    return following.networks, following.reason


def _made_up_for(now: Situation) -> Step:
    """Nothing of the application is left where it was."""
    names = " or ".join(copy.cloud for copy in now.copies)
    words = f"nothing has been heard of {names} for {now.silent:.0f} s, and nothing serves there"
    if now.data:
        named = ", ".join(now.data)
        return _stay(f"No copy elsewhere, though {words}: it would be without the data there ({named})")
    return _burst(now, words)


def _completes(now: Situation) -> bool:
    """Whether the next copy completes a group that another copy has begun."""
    return not (now.occupied - now.at_home).isdisjoint(_next(now)[0])


def _burst(now: Situation, words: str) -> Step:
    networks, why = _next(now)
    for network in networks:
        cloud = now.clouds[network]
        if network not in now.occupied and cloud not in now.unfit:
            return Step("burst", cloud, f"Burst to {cloud}: {words}; {why}.")
    return _stay(f"No place for a peak ({words}): {why}")


def _calm(now: Situation, standing: Standing) -> tuple[Step, Standing]:
    """No peak: has the last copy been needless for long enough?"""
    assert now.need is not None
    assert now.policy.burst is not None
    last = {now.clouds[network] for network in last_copy(now.policy, now.occupied, now.at_home)}
    last -= {now.home}
    present = [copy for copy in now.copies if copy.cloud in last]
    others = [copy for copy in now.copies if copy.cloud not in last and copy.answers]
    if not present:
        return _stay(f"{_load(now)}: no copy is needed"), Standing()
    if not others:
        return _stay("Nothing but the last copy answers"), Standing()
    without = frozenset(last)
    goes = present[-1].cloud
    ahead = now.ahead.get(goes, {})
    share = CALM_SHARE * now.policy.burst.at.fraction
    for path in sorted(now.need):
        need, carry = max(now.need[path], ahead.get(path, 0.0)), now.carry(path, without)
        if need > share * carry:
            if _completes(now):
                return _burst(
                    now, f"{path} needs {need:.1f} members, the others can have {carry}"
                ), Standing()
            text = f"The copy in {goes} stays: {path} needs {need:.1f} members, the others can have {carry}"
            return _stay(text), Standing()
    since = now.time if standing.quiet_since is None else standing.quiet_since
    quiet, hold = now.time - since, now.policy.burst.hold.seconds
    calm = Standing(quiet_since=since)
    if quiet < hold:
        return _stay(f"The peak is over for {quiet:.0f} of {hold:.0f} s"), calm
    for path in sorted(now.need):
        ready = now.ready(path, without)
        if ready < now.need[path]:
            needed = f"{ready} of {path} are ready, {now.need[path]:.1f} needed"
            return _stay(f"The copy in {goes} stays until the others can carry all: {needed}"), calm
    words = f"{_load(now)}; the peak has been over for {quiet:.0f} s"
    return Step("end", goes, f"End the copy in {goes}: {words}."), calm


def _load(now: Situation) -> str:
    assert now.need is not None
    parts = [
        f"{path} needs {need:.1f} of {now.carry(path)} members" for path, need in sorted(now.need.items())
    ]
    return ", ".join(parts) or "Nothing is scaled by load"


def _stay(reason: str) -> Step:
    return Step("stay", "", f"{reason}.")
