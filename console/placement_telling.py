"""What `alto place` says: a placement for people and for programs. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from policies.placement.observed import Sighting
from policies.placement.problem import ClusterPlacement, Demand, Network, Placement, Problem, Share

Seen = Mapping[str, Sequence[Sighting]]
"""The members that run, by cluster id."""

ZONES = "docs/decisions/0053-zones.md"


def as_data(placement: Placement, problem: Problem, seen: Seen | None = None) -> dict[str, Any]:
    """The placement as plain data, by cluster id; `seen`: the members that run, by cluster id."""
    demands = {each.cluster: each for each in problem.demands}
    found = {id: _cluster(each, demands[id]) for id, each in placement.clusters.items()}
    for id, members in (seen or {}).items():
        found[id]["seen"] = [asdict(member) for member in members]
    return found


def _cluster(each: ClusterPlacement, demand: Demand | None = None) -> dict[str, Any]:
    return {
        "wanted": each.wanted,
        "members": each.members,
        "unplaced": each.unplaced,
        "costPerHour": round(each.cost, 6),
        "reasons": list(each.reasons),
        "notes": list(approximated(demand)) if demand is not None else [],
        "places": [
            {**asdict(a), "place": a.place.key, "cloud": a.place.cloud, "reasons": list(a.reasons)}
            for a in each.allotments
        ],
    }


def with_copies(home: dict[str, Any], copies: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The data of the home, each cluster with that of its copies by cloud."""
    found = dict(home)
    for cloud, copy in copies.items():
        for cluster, data in copy.items():
            known = found.setdefault(cluster, _cluster(ClusterPlacement(cluster, 0, (), 0, ())))
            known.setdefault("copies", {})[cloud] = data
    return found


def lines(placement: Placement, problem: Problem, seen: Seen | None = None) -> list[str]:
    """The placement for people: a line for each cluster, place and running member, with the reasons."""
    said = []
    demands = {each.cluster: each for each in problem.demands}
    for each in placement.clusters.values():
        cost = f", {each.cost:.4g} an hour" if each.cost else ""
        said.append(f"{each.cluster}: {each.placed} of {each.wanted} members{cost}")
        for allotment in each.allotments:
            cloud = f" (cloud {allotment.place.cloud})" if allotment.place.cloud else ""
            said.append(f"  {allotment.place.key}{cloud}: {allotment.members}")
            said += [f"    {reason}" for reason in allotment.reasons]
            said += [
                f"    {member.member} on {member.host}" + (f" in zone {member.zone}" if member.zone else "")
                for member in (seen or {}).get(each.cluster, [])
                if member.place == allotment.place.key
            ]
        said += [f"  {reason}" for reason in each.reasons]
        said += [f"  note: {note}" for note in approximated(demands[each.cluster])]
        said += [
            f"  {member.member} waits in {member.cloud}: {member.waiting}"
            for member in (seen or {}).get(each.cluster, [])
            if member.waiting
        ]
    return said or ["the application has no clusters"]


def approximated(demand: Demand) -> Iterator[str]:
    """What a policy says of places inside one cloud that Kubernetes' scheduler, which puts members there, is
    not told: there the placement is a wish."""
    clouds: dict[str, list[tuple[Network, Share]]] = {}
    for network in demand.rules.networks:
        for share in network.shares:
            clouds.setdefault(share.place.cloud, []).append((network, share))
    for cloud, places in clouds.items():
        if len(places) < 2:
            continue
        costs = {share.place.cost for _, share in places} if demand.rules.prefer_cheap else set()
        weights = {share.weight for network, share in places if network.order == "weighted"}
        told = [
            *(["weights"] if len(weights) > 1 else []),
            *(["costs"] if len(costs) > 1 else []),
            *(f"the minimum of {share.place.key}" for _, share in places if share.min),
        ]
        if told:
            yield (
                f"inside the cloud {cloud} Kubernetes' scheduler places members, roughly like this: it "
                f"cannot be told {_listed(told)} ({ZONES})"
            )


def _listed(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
