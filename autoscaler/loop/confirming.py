"""Whether what was asked for has come true: updates that arrived, members that serve, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoscaler.loop.durations import Durations, StartTimes
from autoscaler.loop.watched import ScaledCluster, View
from autoscaler.observe.members import NOTHING, SeenCluster, SeenMember

USUAL_START = 60.0
# A start may take three times as long as starts do, and never less than this: then something is wrong.
SLOWER, SHORTEST_PATIENCE = 3.0, 45.0
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 600.0
# A member seen so soon after its creation tells its start time; a later one may have been ready before.
YOUNG = 60.0


@dataclass(slots=True)
class Following:
    """One cluster on its way to what was asked: since when it is behind, and how often it was given up."""

    behind_since: float | None = None
    best: int = 0
    stalls: int = 0
    again: float = 0.0
    why: str = ""


@dataclass
class Confirming:
    """Follows one application. All times in seconds since the epoch."""

    starts: dict[str, StartTimes] = field(default_factory=dict)
    actuation: Durations = field(default_factory=Durations)
    following: dict[str, Following] = field(default_factory=dict)
    submitted: float | None = None
    typical: bool = True
    expected: dict[str, int] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    young: set[str] = field(default_factory=set)

    def submit(self, now: float, expected: Mapping[str, int], free: bool) -> None:
        """An edit was submitted; `expected` are members by Kubernetes name of the clusters it changes.

        `free`: nothing was under way before. What waits for another update takes that one's time as well,
        which may be minutes where it fails: no measure for the next.
        """
        self.typical = free and self.submitted is None
        self.submitted = now
        self.expected = dict(expected)

    def give_up(self) -> None:
        """The edit will not come true."""
        self.submitted, self.expected = None, {}

    def arrived(self, seen: Mapping[str, SeenCluster], now: float) -> float | None:
        """Seconds from submission until the API server had the new counts, the first time it has; or None."""
        if self.submitted is None:
            return None
        if any(seen.get(name, NOTHING).wanted != count for name, count in self.expected.items()):
            return None
        took = now - self.submitted
        self.give_up()
        if self.typical:
            self.actuation.add(took)
        return took

    def look(self, view: View, seen: Mapping[str, SeenCluster], now: float) -> dict[str, str]:
        """What happened since the last look, by cluster path: it stalled, or it is complete again."""
        news: dict[str, str] = {}
        self._note_starts(view, seen, now)
        for path, cluster in view.clusters.items():
            following = self.following.setdefault(path, Following())
            ready = sum(seen.get(copy.name, NOTHING).ready for copy in cluster.copies)
            if ready >= cluster.members:
                if following.stalls:
                    news[path] = f"all {cluster.members} members are ready now"
                self.following[path] = Following(best=ready)
                continue
            if following.behind_since is None or ready > following.best:
                following.behind_since = now
            following.best = ready
            waited = now - following.behind_since
            if waited > self.patience(path) and now >= following.again:
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**following.stalls)
                following.stalls += 1
                following.again = now + pause
                following.why = _why(cluster, seen, ready, waited)
                news[path] = following.why
            elif following.stalls:
                following.why = _why(cluster, seen, ready, waited)
        for gone in set(self.following) - set(view.clusters):
            del self.following[gone]
            self.starts.pop(gone, None)
        return news

    def patience(self, path: str) -> float:
        """How long a cluster may be behind without any progress."""
        start = self.start_seconds(path)
        return max(SHORTEST_PATIENCE, SLOWER * (USUAL_START if start is None else start))

    def start_seconds(self, path: str) -> float | None:
        """The measured start time of a cluster's members; None before the first."""
        starts = self.starts.get(path)
        return None if starts is None else starts.durations.high

    def stalled(self, now: float) -> dict[str, str]:
        """The clusters whose members do not start, and why; those due for another try are left out."""
        return {path: each.why for path, each in self.following.items() if each.stalls and now < each.again}

    def _note_starts(self, view: View, seen: Mapping[str, SeenCluster], now: float) -> None:
        alive: set[str] = set()
        for path, cluster in view.clusters.items():
            members = [m for copy in cluster.copies for m in seen.get(copy.name, NOTHING).members]
            for member in members:
                alive.add(member.name)
                if member.name not in self.known and _tells_its_start(member, now):
                    self.young.add(member.name)
            starts = self.starts.setdefault(path, StartTimes())
            starts.see((m.name, m.started) for m in members if m.name in self.young)
        self.known = alive
        self.young &= alive


def _tells_its_start(member: SeenMember, now: float) -> bool:
    """Whether it is seen first while it starts, or was ready so soon that no later pause can be meant."""
    return now - member.created < YOUNG or (member.started is not None and member.started < YOUNG)


def _why(cluster: ScaledCluster, seen: Mapping[str, SeenCluster], ready: int, waited: float) -> str:
    members = [m for copy in cluster.copies for m in seen.get(copy.name, NOTHING).members]
    states: dict[str, list[SeenMember]] = {}
    for member in members:
        if not member.ready and not member.leaving:
            states.setdefault(member.state, []).append(member)
    reasons = [
        f"{each[0].name}{f' and {len(each) - 1} more' if len(each) > 1 else ''}: {state}"
        for state, each in sorted(states.items(), key=lambda item: -len(item[1]))
    ]
    if not reasons:
        reasons = ["no member was made for the missing ones yet"]
    text = "; ".join(reasons[:3])
    return f"{ready} of {cluster.members} members are ready for {waited:.0f} s ({text[:500]})"
