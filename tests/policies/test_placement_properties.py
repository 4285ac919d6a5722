"""Placement's promises, over problems that nobody thought of."""

import os
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from policies.placement.filling import lowered, raised
from policies.placement.place import place
from policies.placement.problem import Demand, Host, Network, Place, Placement, Problem, Rules, Share

EXAMPLES = int(os.environ.get("ALTO_EXAMPLES", "40"))
"""So many made-up problems a promise; more by hand, for a change of the algorithm."""

ORDERS = ("one-after-another", "round-robin", "weighted")


@st.composite
def shares(draw: st.DrawFn, network: str) -> tuple[Share, ...]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        most = draw(st.integers(1, 6))
        zone = draw(st.sampled_from(["", "a", "b"]))
        where = Place(network, f"p{number}", network, zone, cost=draw(st.sampled_from([None, 0.1, 0.2])))
        found.append(Share(where, most, draw(st.integers(0, min(most, 3))), draw(st.integers(1, 4))))
    return tuple(found)


@st.composite
def rules(draw: st.DrawFn, name: str) -> Rules:
    networks = [
        Network(network, draw(st.sampled_from(ORDERS)), draw(shares(network)))
        for network in draw(
            st.lists(st.sampled_from(["n1", "n2", "n3"]), min_size=1, max_size=3, unique=True)
        )
    ]
    together = draw(st.booleans())
    return Rules(
        name,
        (tuple(networks),) if together else tuple((each,) for each in networks),
        draw(st.sampled_from(["none", "hosts", "zones"])),
        draw(st.booleans()),
    )


@st.composite
def hosts(draw: st.DrawFn) -> dict[str, tuple[Host, ...]]:
    found = {}
    for cloud in draw(st.lists(st.sampled_from(["n1", "n2", "n3"]), max_size=3, unique=True)):
        found[cloud] = tuple(
            Host(
                f"h{number}",
                draw(st.integers(0, 8)),
                draw(st.integers(0, 8)),
                draw(st.integers(0, 8)),
                draw(st.sampled_from(["a", "b"])),
            )
            for number in range(draw(st.integers(0, 4)))
        )
    return found


@st.composite
def demands(draw: st.DrawFn, name: str, by: Rules, others: tuple[str, ...] = ()) -> Demand:
    keys = [share.place.key for share in by.shares] + ["gone/away"]
    now = draw(st.dictionaries(st.sampled_from(keys), st.integers(0, 6), max_size=4))
    wanted = draw(st.integers(0, 20))
    return Demand(
        name,
        wanted,
        by,
        minimum=draw(st.integers(0, wanted)),
        cpu=draw(st.integers(0, 3)),
        memory=draw(st.integers(0, 3)),
        now=now,
        unschedulable=draw(st.dictionaries(st.sampled_from(keys), st.integers(0, 2), max_size=1)),
        near=draw(st.lists(st.sampled_from(others), max_size=1).map(tuple)) if others else (),
    )


@st.composite
def single(draw: st.DrawFn) -> Problem:
    by = draw(rules("r"))
    return Problem((draw(demands("web", by)),), draw(hosts()))


@st.composite
def several(draw: st.DrawFn) -> Problem:
    policies = [replace(draw(rules(name)), quota=draw(st.none() | st.integers(1, 30))) for name in ("r", "s")]
    names = ("a", "b", "c")
    return Problem(
        tuple(draw(demands(name, draw(st.sampled_from(policies)), names)) for name in names),
        draw(hosts()),
        draw(st.dictionaries(st.sampled_from(["r", "s"]), st.integers(0, 9), max_size=2)),
    )


def counts(result: Placement, cluster: str = "web") -> dict[str, int]:
    return result.clusters[cluster].members


@settings(max_examples=EXAMPLES, deadline=None)
@given(several())
def test_never_over_a_max_a_quota_or_what_is_wanted_and_every_member_is_accounted_for(
    problem: Problem,
) -> None:
    result = place(problem)
    for demand in problem.demands:
        found = result.clusters[demand.cluster]
        most = {share.place.key: share.max for share in demand.rules.shares}
        assert all(found.members[key] <= most[key] for key in found.members)
        assert found.placed + found.unplaced == demand.members
        assert not found.unplaced or found.reasons
        for each in found.allotments:
            assert each.staying + each.arriving == each.members
            assert each.staying + each.leaving == demand.now.get(each.place.key, 0)
            assert each.reasons
    for name in {demand.rules.name for demand in problem.demands}:
        same = [demand for demand in problem.demands if demand.rules.name == name]
        if same[0].rules.quota is not None:
            used = sum(result.clusters[demand.cluster].placed for demand in same)
            least = sum(min(demand.minimum, demand.members) for demand in same)
            assert used <= max(same[0].rules.quota - problem.quota_used.get(name, 0), least)


@settings(max_examples=EXAMPLES, deadline=None)
@given(several())
def test_what_arrives_fits_the_hosts(problem: Problem) -> None:
    result = place(problem)
    for cloud, listed in problem.hosts.items():
        arriving = [
            (each.arriving, demand)
            for demand in problem.demands
            for each in result.clusters[demand.cluster].allotments
            if each.place.cloud == cloud
        ]
        assert sum(n for n, _ in arriving) <= sum(host.members for host in listed)
        assert sum(n * demand.cpu for n, demand in arriving) <= sum(host.cpu for host in listed)
        assert sum(n * demand.memory for n, demand in arriving) <= sum(host.memory for host in listed)


@settings(max_examples=EXAMPLES, deadline=None)
@given(single())
def test_never_under_a_minimum_that_policy_alone_lets_be_reached(problem: Problem) -> None:
    demand = replace(problem.demands[0], unschedulable={})
    found = counts(place(Problem((demand,))))
    least = {share.place.key: share.min for share in demand.rules.shares}
    if sum(least.values()) <= demand.members:
        assert all(found.get(key, 0) >= bound for key, bound in least.items())
    else:
        assert sum(found.values()) == demand.members
        assert all(count <= least[key] for key, count in found.items())


@settings(max_examples=EXAMPLES, deadline=None)
@given(single())
def test_a_member_moves_only_when_it_must(problem: Problem) -> None:
    demand = problem.demands[0]
    result = place(problem).clusters["web"]
    forced = sum(
        max(demand.now.get(share.place.key, 0) - demand.unschedulable.get(share.place.key, 0) - share.max, 0)
        + min(demand.unschedulable.get(share.place.key, 0), demand.now.get(share.place.key, 0))
        for share in demand.rules.shares
    ) + demand.now.get("gone/away", 0)
    could_stay = sum(demand.now.values()) - forced
    leaving = sum(each.leaving for each in result.allotments)
    raised_minimums = sum(
        min(each.arriving, share.min)
        for share in demand.rules.shares
        for each in result.allotments
        if each.place == share.place
    )
    too_many = max(could_stay - demand.members, 0)
    assert forced + too_many <= leaving <= forced + too_many + raised_minimums


@settings(max_examples=EXAMPLES, deadline=None)
@given(single())
def test_placing_again_changes_nothing(problem: Problem) -> None:
    demand = problem.demands[0]
    first = counts(place(Problem((demand,))))
    again = (
        place(Problem((replace(demand, now=first, unschedulable={}),))) if not demand.unschedulable else None
    )
    if again is not None:
        assert counts(again) == first
        assert all(not each.leaving for each in again.clusters["web"].allotments)


@settings(max_examples=EXAMPLES, deadline=None)
@given(single(), st.integers(1, 5))
def test_more_members_wanted_are_fewer_nowhere(problem: Problem, more: int) -> None:
    demand = problem.demands[0]
    before = counts(place(problem))
    after = counts(place(replace(problem, demands=(replace(demand, members=demand.members + more),))))
    assert all(after.get(key, 0) >= count for key, count in before.items())


@settings(max_examples=EXAMPLES, deadline=None)
@given(several(), st.lists(st.integers(0, 3), min_size=3, max_size=3))
def test_from_where_all_were_put_nobody_leaves_because_more_are_wanted(
    problem: Problem, more: list[int]
) -> None:
    asked = tuple(replace(each, unschedulable={}) for each in problem.demands)
    put = place(replace(problem, demands=asked))
    full = {
        cloud: tuple(replace(host, cpu=0, memory=0, members=0) for host in listed)
        for cloud, listed in problem.hosts.items()
    }
    growing = tuple(
        replace(each, members=each.members + n, now=counts(put, each.cluster))
        for each, n in zip(asked, more, strict=True)
    )
    after = place(replace(problem, demands=growing, hosts=full))
    for each in after.clusters.values():
        assert not any(allotment.leaving for allotment in each.allotments)


@settings(max_examples=EXAMPLES, deadline=None)
@given(single())
def test_more_room_never_places_fewer(problem: Problem) -> None:
    demand = problem.demands[0]
    roomier = {
        cloud: tuple(replace(h, cpu=h.cpu + 1, memory=h.memory + 1, members=h.members + 1) for h in listed)
        for cloud, listed in problem.hosts.items()
    }
    before, after = place(problem), place(replace(problem, hosts=roomier))
    assert after.clusters["web"].placed >= before.clusters["web"].placed
    assert place(Problem((demand,))).clusters["web"].placed >= after.clusters["web"].placed


def walked(counts: list[int], bounds: list[int], weights: list[int], steps: int, sign: int) -> list[int]:
    """The same by single steps."""
    now = list(counts)
    for _ in range(steps):
        free = [i for i in range(len(now)) if (now[i] < bounds[i] if sign > 0 else now[i] > bounds[i])]
        if not free:
            break
        if sign > 0:
            index = min(free, key=lambda i: ((now[i] + 1) / weights[i], i))
        else:
            index = max(free, key=lambda i: (now[i] / weights[i], i))
        now[index] += sign
    return now


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 9)), min_size=1, max_size=6),
    st.integers(0, 80),
)
def test_levels_give_what_single_steps_give(parts: list[tuple[int, int, int]], steps: int) -> None:
    low = [min(a, b) for a, b, _ in parts]
    high = [max(a, b) for a, b, _ in parts]
    weights = [w for _, _, w in parts]
    ties: list[tuple[float, int]] = [(0.0, i) for i in range(len(parts))]
    assert raised(low, high, weights, ties, steps) == walked(low, high, weights, steps, 1)
    assert lowered(high, low, weights, ties, steps) == walked(high, low, weights, steps, -1)


def test_placement_has_no_arithmetic_limit() -> None:
    where: Any = Share(Place("n", "p", "n"), 1 << 40, 0, 1000)
    by = Rules(
        "r", ((Network("n", "weighted", (where, replace(where, place=Place("n", "q", "n"), weight=1))),),)
    )
    found = counts(place(Problem((Demand("web", 10_010, by),))))
    assert found == {"n/p": 10_000, "n/q": 10}
