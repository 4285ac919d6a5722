"""The tree by which a cluster's places are filled, from its rules and from what it is drawn to. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from policies.placement.filling import InBalance, InSequence, Leaf, Node
from policies.placement.problem import Network, Place, Rules

HOME, HERE, SAME_CLOUD, ELSEWHERE = range(4)
"""How a place draws a cluster: its group is there, its data is there, or in the same cloud, or neither."""

Rank = Callable[[Place], int]


def leaves_of(rules: Rules) -> list[Leaf]:
    """An empty leaf for each place, in the rules' order."""
    weighted = {network.name for network in rules.networks if network.order == "weighted"}
    return [
        Leaf(
            share,
            (_price(share.place) if rules.prefer_cheap else 0.0, index),
            share.weight if share.place.network in weighted else 1,
        )
        for index, share in enumerate(rules.shares)
    ]


def _price(place: Place) -> float:
    """What a member costs there; a place that does not tell is the dearest."""
    return math.inf if place.cost is None else place.cost


def tree_of(rules: Rules, leaves: Sequence[Leaf], ranks: Sequence[int]) -> Node:
    """The places that draw most first; among those that draw alike, the rules' order."""
    by_rank: dict[int, dict[str, list[Leaf]]] = {}
    for leaf, rank in zip(leaves, ranks, strict=True):
        networks = by_rank.setdefault(rank, {})
        networks.setdefault(leaf.share.place.network, []).append(leaf)
    return _sequence([_groups(rules, by_rank[each]) for each in sorted(by_rank)])


def _groups(rules: Rules, leaves: Mapping[str, list[Leaf]]) -> Node:
    groups = []
    for group in rules.groups:
        networks = [_network(each, leaves[each.name], rules) for each in group if each.name in leaves]
        if networks:
            groups.append(networks[0] if len(networks) == 1 else InBalance(_numbered(networks)))
    return _sequence(groups)


def _network(network: Network, leaves: list[Leaf], rules: Rules) -> Node:
    if len(leaves) == 1:
        return leaves[0]
    if network.order == "one-after-another":
        return InSequence(leaves)
    if network.order == "round-robin" and rules.spread == "zones":
        zones = _zones(leaves)
        if 1 < len(zones) < len(leaves):
            return InBalance(_numbered([each[0] if len(each) == 1 else InBalance(each) for each in zones]))
    return InBalance(leaves)


def _zones(leaves: list[Leaf]) -> list[list[Leaf]]:
    """Leaves by zone, in order; a place without one stands for itself."""

    def zone(leaf: Leaf) -> tuple[str, str]:
        place = leaf.share.place
        return (place.region, place.zone) if place.zone else ("", place.key)

    first: dict[tuple[str, str], int] = {}
    for leaf in leaves:
        first.setdefault(zone(leaf), len(first))
    ordered = sorted(leaves, key=lambda leaf: first[zone(leaf)])
    return [list(each) for _, each in groupby(ordered, key=zone)]


def _numbered(nodes: list[Node]) -> list[Node]:
    """Branches in balance are told apart by their cheapest place, then by their order."""
    for node in nodes:
        node.tie = min(leaf.tie for leaf in node.leaves())
        if isinstance(node, Leaf):
            node.weight = 1
    return nodes


def _sequence(nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else InSequence(nodes)
