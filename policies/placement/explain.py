"""What became of a cluster's members, with a reason in words for each place. Pure."""

from policies.placement.cluster_filling import ClusterFilling, Notes
from policies.placement.filling import Leaf
from policies.placement.problem import Allotment, ClusterPlacement, Network, Place
from policies.placement.tree import HERE, HOME, SAME_CLOUD

_NAMED = 3
"""So many full places are named one by one."""


def told(filling: ClusterFilling, home: Place | None) -> ClusterPlacement:
    """The placement of a cluster that has been filled."""
    demand = filling.demand
    allotments = [
        _allotment(filling, leaf)
        for leaf in filling.leaves
        if leaf.members or demand.now.get(leaf.share.place.key)
    ]
    allotments += [_left_behind(filling, key, members) for key, members in filling.gone.items()]
    unplaced = demand.members - filling.members
    return ClusterPlacement(
        demand.cluster,
        demand.members,
        tuple(allotments),
        unplaced,
        tuple(_cluster_reasons(filling, home, unplaced)),
    )


def _allotment(filling: ClusterFilling, leaf: Leaf) -> Allotment:
    notes = filling.notes[leaf.share.place.key]
    leaving = filling.demand.now.get(leaf.share.place.key, 0) - notes.staying
    reasons = [*_staying(filling, leaf, notes), *_arriving(filling, leaf, notes), *_leaving(leaf, notes)]
    arriving = leaf.members - notes.staying
    return Allotment(leaf.share.place, leaf.members, notes.staying, arriving, leaving, tuple(reasons))


def _staying(filling: ClusterFilling, leaf: Leaf, notes: Notes) -> list[str]:
    if not notes.staying:
        return []
    rule = _rule(filling, leaf)
    return [_count(notes.staying, "stays", "stay") + (f": {rule}" if rule else "")]


def _rule(filling: ClusterFilling, leaf: Leaf) -> str:
    """What the policy says of a place among the others, whatever room there is; empty for the only one."""
    if len(filling.leaves) < 2:
        return ""
    drawn, way = _drawn(filling, leaf), _way(_network_of(filling, leaf), leaf)
    before = _before(filling, leaf)
    if drawn or not before:
        return ", ".join(part for part in (drawn, way) if part) or "first in order"
    last = before[-1].share.place.key
    return f"after {last} in order" + (f", {way}" if way else "")


def _arriving(filling: ClusterFilling, leaf: Leaf, notes: Notes) -> list[str]:
    reasons = []
    if notes.for_minimum:
        reasons.append(f"{notes.for_minimum} new for its minimum of {leaf.share.min}")
    if notes.drawn:
        reasons.append(f"{notes.drawn} new: {_why_here(filling, leaf)}")
    return reasons


def _leaving(leaf: Leaf, notes: Notes) -> list[str]:
    share = leaf.share
    causes = (
        (notes.stranded, "cannot be scheduled there"),
        (notes.over_max, f"over its max of {share.max}"),
        (notes.yielded, "for the minimum of another place"),
        (notes.surplus, "fewer members are wanted"),
    )
    return [f"{_count(count, 'leaves', 'leave')}: {why}" for count, why in causes if count]


def _why_here(filling: ClusterFilling, leaf: Leaf) -> str:
    network, drawn = _network_of(filling, leaf), _drawn(filling, leaf)
    before = _before(filling, leaf)
    way = _way(network, leaf)
    if before:
        way = (
            f"{'overflow' if _crosses(before, network) else 'next in order'}, as {_blocked(filling, before)}"
            + (f"; {way}" if way else "")
        )
    return ", ".join(part for part in (drawn, way) if part) or "first in order"


def _network_of(filling: ClusterFilling, leaf: Leaf) -> Network:
    name = leaf.share.place.network
    return next(n for group in filling.demand.rules.groups for n in group if n.name == name)


def _drawn(filling: ClusterFilling, leaf: Leaf) -> str:
    """What a place draws the cluster by, beside the policy's order."""
    return {
        HOME: f"with the rest of {filling.demand.together}",
        HERE: f"near {', '.join(filling.demand.near)}",
        SAME_CLOUD: f"in the cloud of {', '.join(filling.demand.near)}",
    }.get(filling.rank(leaf.share.place), "")


def _way(network: Network, leaf: Leaf) -> str:
    if len(network.shares) < 2 or network.order == "one-after-another":
        return ""
    if network.order == "round-robin":
        return f"evenly over {network.name}"
    return f"by its weight of {leaf.share.weight} in {network.name}"


def _before(filling: ClusterFilling, leaf: Leaf) -> list[Leaf]:
    """The places that would have come first, and can take no more."""
    groups, mine = filling.demand.rules.groups, leaf.share.place.network
    group_of = {network.name: number for number, group in enumerate(groups) for network in group}
    in_order = _network_of(filling, leaf).order == "one-after-another"
    index = next(number for number, each in enumerate(filling.leaves) if each is leaf)
    if index == 0 and filling.ranks.count(filling.ranks[0]) == len(filling.ranks):
        return []
    position = (filling.ranks[index], group_of[mine])
    found = []
    for number, (each, rank) in enumerate(zip(filling.leaves, filling.ranks, strict=True)):
        network = each.share.place.network
        there = (rank, group_of[network])
        if there < position or (there == position and network == mine and in_order and number < index):
            found.append(each)
    return found


def _crosses(before: list[Leaf], network: Network) -> bool:
    return all(each.share.place.network != network.name for each in before)


def _blocked(filling: ClusterFilling, leaves: list[Leaf]) -> str:
    said = [f"{leaf.share.place.key} {_why_full(filling, leaf)}" for leaf in leaves[:_NAMED]]
    if len(leaves) > _NAMED:
        said.append(f"so have {len(leaves) - _NAMED} more places")
    return ", ".join(said)


def _why_full(filling: ClusterFilling, leaf: Leaf) -> str:
    if filling.closed(leaf):
        return "has members that cannot be scheduled"
    if leaf.members >= leaf.share.max:
        return f"is at its max of {leaf.share.max}"
    if not filling.room(leaf, 1):
        return f"has no host with room for another member ({_size(filling)})"
    return "has its share"


def _size(filling: ClusterFilling) -> str:
    cpu, memory = filling.demand.cpu, filling.demand.memory
    asked = [f"{cpu}m processor"] if cpu else []
    asked += [f"{-(-memory // 2**20)}Mi memory"] if memory else []
    return " and ".join(asked) or "no more may run there"


def _cluster_reasons(filling: ClusterFilling, home: Place | None, unplaced: int) -> list[str]:
    demand, rules = filling.demand, filling.demand.rules
    reasons = [f"{name} is not used: {why}" for name, why in rules.left_out.items()]
    if demand.together and home is None:
        reasons.append(f"no place holds the whole of {demand.together}; its members go one by one")
    if filling.target < demand.members:
        reasons.append(
            f"{demand.members - filling.target} wait for the quota of {rules.name}: {rules.quota} members"
        )
    if short := filling.target - filling.members:
        full = _blocked(filling, filling.leaves) if filling.leaves else "no network partition may be used"
        reasons.append(f"{_count(short, 'member finds', 'members find')} no place: {full}")
    return reasons if unplaced or reasons else []


def _left_behind(filling: ClusterFilling, key: str, members: int) -> Allotment:
    network, _, partition = key.partition("/")
    why = filling.demand.rules.left_out.get(network, f"{filling.demand.rules.name} does not name {key}")
    return Allotment(
        Place(network, partition, ""), 0, 0, 0, members, (f"{_count(members, 'leaves', 'leave')}: {why}",)
    )


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
