"""One cluster while its members are being placed. Pure apart from the ledger it draws from."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

from policies.placement.capacity import Ledger, Take
from policies.placement.filling import Leaf, Node
from policies.placement.problem import Demand
from policies.placement.tree import Rank, leaves_of, tree_of


@dataclass(slots=True)
class Notes:
    """What happened to a place, by cause: the counts that reasons are told from."""

    staying: int = 0
    for_minimum: int = 0
    drawn: int = 0
    stranded: int = 0
    over_max: int = 0
    yielded: int = 0
    surplus: int = 0


@dataclass(slots=True)
class ClusterFilling:
    """Keeps what may stay, then grows towards its target in steps."""

    demand: Demand
    target: int
    ledger: Ledger
    rank: Rank
    leaves: list[Leaf] = field(init=False)
    ranks: list[int] = field(init=False)
    """How each leaf's place draws the cluster."""
    notes: dict[str, Notes] = field(init=False)
    gone: Mapping[str, int] = field(init=False)
    """Members in places that the policy does not use."""
    _tree: Node = field(init=False)
    _closed: set[str] = field(init=False)
    _surplus: int = field(init=False)
    """Members that go because fewer are wanted."""

    def __post_init__(self) -> None:
        self.leaves = leaves_of(self.demand.rules)
        self.notes = {leaf.share.place.key: Notes() for leaf in self.leaves}
        self.gone = {key: n for key, n in self.demand.now.items() if n and key not in self.notes}
        self.ranks = [self.rank(leaf.share.place) for leaf in self.leaves]
        self._tree = tree_of(self.demand.rules, self.leaves, self.ranks)
        self._closed = set(self.demand.full)
        self._keep()
        self._surplus = max(self.members - self.target, 0)
        self._reach_minimums()

    @property
    def members(self) -> int:
        return self._tree.members

    def grow(self, to: int) -> None:
        """Place further members until there are `to`, or no room is left."""
        missing = to - self.members
        if missing <= 0:
            return
        for leaf in self.leaves:
            leaf.ceiling = leaf.members + self.room(leaf, missing)
        for leaf, added in zip(self.leaves, self._fill(missing), strict=True):
            self._noted(leaf).drawn += added

    def room(self, leaf: Leaf, limit: int) -> int:
        """How many more members the policy and the hosts allow in a place, counted up to `limit`."""
        if leaf.share.place.key in self._closed:
            return 0
        limit = min(limit, leaf.share.max - leaf.members)
        return (
            self.ledger.room(leaf.share.place, self.demand.cpu, self.demand.memory, limit) if limit > 0 else 0
        )

    def closed(self, leaf: Leaf) -> bool:
        """Whether members there wait to be scheduled in vain."""
        return leaf.share.place.key in self._closed

    def _keep(self) -> None:
        for leaf in self.leaves:
            key = leaf.share.place.key
            notes, now = self.notes[key], self.demand.now.get(key, 0)
            notes.stranded = min(self.demand.unschedulable.get(key, 0), now)
            if notes.stranded:
                self._closed.add(key)
            leaf.members = min(now - notes.stranded, leaf.share.max)
            notes.over_max = now - notes.stranded - leaf.members
            notes.staying = leaf.members

    def _reach_minimums(self) -> None:
        """Shrink to the target, but keep or raise every place to its minimum, as far as it has room."""
        self._set_floors()
        scarce = sum(leaf.floor for leaf in self.leaves) > self.target
        for leaf in self.leaves:
            leaf.ceiling = leaf.floor
            if scarce:
                # Too few for every minimum: nobody has more than that, and members stay where they are.
                self._lose(leaf, max(leaf.members - leaf.floor, 0))
                leaf.floor = 0
        missing = sum(max(leaf.ceiling - leaf.members, 0) for leaf in self.leaves)
        if scarce:
            self._shrink()
            missing = self.target - self.members
        for leaf, added in zip(self.leaves, self._fill(missing), strict=True):
            self._noted(leaf).for_minimum += added
        self._shrink()

    def _set_floors(self) -> None:
        """The minimums that can be reached, all side by side."""
        before = [leaf.members for leaf in self.leaves]
        for leaf in self.leaves:
            leaf.ceiling = leaf.members + self.room(leaf, leaf.share.min - leaf.members)
        missing = sum(leaf.ceiling for leaf in self.leaves) - sum(before)
        if missing:
            saved = self.ledger.saved(leaf.share.place for leaf in self.leaves)
            self._fill(missing)
            self.ledger.restore(saved)
        for leaf, had in zip(self.leaves, before, strict=True):
            leaf.floor = min(leaf.share.min, leaf.members)
            leaf.members = had

    def _shrink(self) -> None:
        surplus = self.members - self.target
        if surplus <= 0:
            return
        before = [leaf.members for leaf in self.leaves]
        self._tree.shrink(surplus)
        for leaf, had in zip(self.leaves, before, strict=True):
            taken, leaf.members = had - leaf.members, had
            self._lose(leaf, taken)

    def _lose(self, leaf: Leaf, members: int) -> None:
        """Members go because fewer are wanted; once enough have gone for that, for a minimum elsewhere."""
        leaf.members -= members
        notes = self._noted(leaf)
        notes.staying = min(notes.staying, leaf.members)
        fewer = min(members, self._surplus)
        self._surplus -= fewer
        notes.surplus += fewer
        notes.yielded += members - fewer

    def _fill(self, members: int) -> list[int]:
        """Add up to so many by the tree, under the leaves' ceilings, and take their room; returns who got how
        many. Where places share hosts, a place that finds its room gone is closed, and others go on."""
        before = [leaf.members for leaf in self.leaves]
        while members > 0:
            plan = self._plan(members)
            if not any(plan):
                break
            if self._take(plan):
                break
            fits = bisect_left(range(sum(plan)), True, key=lambda n: not self._fits(self._plan(n + 1)))
            self._take(self._plan(fits))
            members -= fits
            unlucky = self._plan(1).index(1)
            self.leaves[unlucky].ceiling = self.leaves[unlucky].members
        return [leaf.members - had for leaf, had in zip(self.leaves, before, strict=True)]

    def _plan(self, members: int) -> list[int]:
        """How the tree would share out so many more."""
        before = [leaf.members for leaf in self.leaves]
        self._tree.grow(members)
        after = [leaf.members for leaf in self.leaves]
        for leaf, had in zip(self.leaves, before, strict=True):
            leaf.members = had
        return [now - had for now, had in zip(after, before, strict=True)]

    def _take(self, plan: list[int]) -> bool:
        if not self.ledger.draw(self._wanted(plan)):
            return False
        for leaf, added in zip(self.leaves, plan, strict=True):
            leaf.members += added
        return True

    def _fits(self, plan: list[int]) -> bool:
        return self.ledger.holds(self._wanted(plan))

    def _wanted(self, plan: list[int]) -> list[Take]:
        cpu, memory = self.demand.cpu, self.demand.memory
        return [
            (leaf.share.place, cpu, memory, added)
            for leaf, added in zip(self.leaves, plan, strict=True)
            if added
        ]

    def _noted(self, leaf: Leaf) -> Notes:
        return self.notes[leaf.share.place.key]
