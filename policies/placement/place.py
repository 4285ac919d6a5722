"""Placement: members per cluster and place, from demands, rules and free capacity. Pure.

What holds, and is tested:
- never over a place's max; over a quota with minimums only;
- never under a place's min where the cluster has that many members and the place has room;
- stable: a member moves only when it must, and placing again changes nothing;
- monotone: of one cluster alone, more members wanted never means fewer in any place. Of several, who has more
  can take a place from another that does not run yet; from where all were put, nobody leaves because more are
  wanted.

Room is drawn first fit, hosts that fewer places share before others. Where places overlap and hosts are
nearly full, another drawing could hold a member more, and so reach a minimum that is missed here.
"""

from collections.abc import Iterable, Mapping, Sequence

from policies.placement.capacity import UNBOUNDED, Ledger
from policies.placement.cluster_filling import ClusterFilling
from policies.placement.explain import told
from policies.placement.filling import Leaf
from policies.placement.problem import Demand, Place, Placement, Problem
from policies.placement.tree import ELSEWHERE, HERE, HOME, SAME_CLOUD, Rank, leaves_of, tree_of


def place(problem: Problem) -> Placement:
    """Where every member goes.

    Clusters get their minimums first, then the rest, both in the order of the demands, a cluster after
    those it wants to be near. Group instances are placed whole at once.
    """
    ledger = Ledger(problem.hosts, (s.place for d in problem.demands for s in d.rules.shares))
    targets = under_quotas(problem)
    fillings: dict[str, ClusterFilling] = {}
    homes: dict[str, Place | None] = {}
    order = near_first(problem.demands)
    leaders = {near for demand in problem.demands for near in demand.near}
    for demand in order:
        if demand.together and demand.together not in homes:
            unit = [each for each in problem.demands if each.together == demand.together]
            homes[demand.together] = _home(unit, targets, homes, ledger)
        rank = _rank(demand, homes.get(demand.together), fillings)
        filling = ClusterFilling(demand, targets[demand.cluster], ledger, rank)
        # What others want to be near must be somewhere before they are.
        first = max(demand.minimum, demand.cluster in leaders)
        filling.grow(filling.target if demand.together else min(first, filling.target))
        fillings[demand.cluster] = filling
    for demand in order:
        fillings[demand.cluster].grow(targets[demand.cluster])
    return Placement(
        {each.cluster: told(fillings[each.cluster], homes.get(each.together)) for each in problem.demands}
    )


def under_quotas(problem: Problem) -> dict[str, int]:
    """The members each cluster may have: minimums first and always, then what runs and the rest, while quotas
    last."""
    given = {demand.cluster: 0 for demand in problem.demands}
    left = {
        demand.rules.name: demand.rules.quota - problem.quota_used.get(demand.rules.name, 0)
        for demand in problem.demands
        if demand.rules.quota is not None
    }
    for step in range(3):
        for demand in problem.demands:
            wish = (demand.minimum, sum(demand.now.values()), UNBOUNDED)[step]
            more = max(min(wish, demand.members) - given[demand.cluster], 0)
            if demand.rules.quota is not None:
                more = min(more, max(left[demand.rules.name], 0)) if step else more
                left[demand.rules.name] -= more
            given[demand.cluster] += more
    return given


def near_first(demands: Sequence[Demand]) -> list[Demand]:
    """The demands in their order, each after those it wants to be near; circles are cut where they close."""
    by_cluster = {demand.cluster: demand for demand in demands}
    done: dict[str, Demand] = {}
    for demand in demands:
        trail, pending = {demand.cluster}, [(demand, iter(demand.near))]
        while pending and demand.cluster not in done:
            current, wanted = pending[-1]
            step = next(
                (by_cluster[n] for n in wanted if n in by_cluster and n not in done and n not in trail), None
            )
            if step is None:
                pending.pop()
                done[current.cluster] = current
            else:
                trail.add(step.cluster)
                pending.append((step, iter(step.near)))
    return list(done.values())


def _rank(demand: Demand, home: Place | None, fillings: Mapping[str, ClusterFilling]) -> Rank:
    near = {
        leaf.share.place
        for cluster in demand.near
        if cluster in fillings
        for leaf in fillings[cluster].leaves
        if leaf.members
    }
    clouds = {each.cloud for each in near}
    if home is None and not near:
        return lambda _: ELSEWHERE

    def rank(place: Place) -> int:
        if place == home:
            return HOME
        if place in near:
            return HERE
        return SAME_CLOUD if place.cloud in clouds else ELSEWHERE

    return rank


def _home(
    unit: Sequence[Demand], targets: Mapping[str, int], homes: Mapping[str, Place | None], ledger: Ledger
) -> Place | None:
    """The place of a group instance: where most of it is, else the next by the rules that holds it whole."""
    rules = unit[0].rules
    running = {
        share.place: sum(
            each.now.get(share.place.key, 0) - each.unschedulable.get(share.place.key, 0) for each in unit
        )
        for share in rules.shares
    }
    if any(count > 0 for count in running.values()):
        return max(running, key=lambda place: running[place])
    for wanted in (targets, {each.cluster: min(each.minimum, targets[each.cluster]) for each in unit}):
        leaves = leaves_of(rules)
        for leaf in leaves:
            leaf.members = sum(home == leaf.share.place for home in homes.values())
            leaf.ceiling = leaf.members + _holds(leaf, unit, wanted, ledger)
        before = [leaf.members for leaf in leaves]
        if tree_of(rules, leaves, [ELSEWHERE] * len(leaves)).grow(1):
            return next(
                leaf.share.place for leaf, had in zip(leaves, before, strict=True) if leaf.members > had
            )
    return None


def _holds(leaf: Leaf, unit: Iterable[Demand], wanted: Mapping[str, int], ledger: Ledger) -> bool:
    place = leaf.share.place
    # The largest members first: what is small fits into what they leave.
    largest = sorted(((each.cpu, each.memory, wanted[each.cluster]) for each in unit), reverse=True)
    return all(wanted[each.cluster] <= leaf.share.max for each in unit) and ledger.holds(
        [(place, *size) for size in largest]
    )
