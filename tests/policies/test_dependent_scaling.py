"""Dependent scaling: proportions kept, never below a demand, never over a maximum."""

from hypothesis import given, settings
from hypothesis import strategies as st

from blueprints.kinds.cartridge_use import Range
from blueprints.plan import PlannedScaling
from blueprints.scale import ScaleState
from policies.dependent_scaling import apply_ratio, with_dependents
from tests.blueprints.workbench import workspace_of

THREE_TO_ONE = PlannedScaling(("web", "search"), (3, 1))
WIDE = {"web": Range(min=1, max=30), "search": Range(min=1, max=10)}


def test_the_follower_grows_with_the_leader() -> None:
    followed = apply_ratio({"web": 7, "search": 1}, THREE_TO_ONE, WIDE)
    assert followed.counts == {"web": 7, "search": 3}
    assert (followed.leader, followed.limited) == ("web", ())


def test_any_member_can_lead() -> None:
    assert apply_ratio({"web": 1, "search": 4}, THREE_TO_ONE, WIDE).counts == {"web": 12, "search": 4}


def test_a_maximum_is_kept_and_told() -> None:
    followed = apply_ratio({"web": 1, "search": 10}, THREE_TO_ONE, {**WIDE, "web": Range(min=1, max=20)})
    assert followed.counts == {"web": 20, "search": 10}
    assert followed.limited == ("web",)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 40), st.integers(0, 60)), min_size=2, max_size=5),
    st.data(),
)
def test_counts_are_within_range_cover_demand_grow_with_it_and_settle(
    parts: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    names = tuple(f"c{i}" for i in range(len(parts)))
    rule = PlannedScaling(names, tuple(ratio for ratio, _, _ in parts))
    bounds = {
        n: Range(min=low, max=max(low + wide, 1)) for n, (_, low, wide) in zip(names, parts, strict=True)
    }
    demand = {n: data.draw(st.integers(bounds[n].min, bounds[n].max)) for n in names}
    counts = apply_ratio(demand, rule, bounds).counts
    assert all(max(demand[n], bounds[n].min) <= counts[n] <= bounds[n].max for n in names)
    raised = {**demand, names[0]: min(demand[names[0]] + 1, bounds[names[0]].max)}
    more = apply_ratio(raised, rule, bounds).counts
    assert all(more[n] >= counts[n] for n in names)


def test_a_scale_gets_what_has_to_follow_in_each_copy() -> None:
    workspace, findings = workspace_of(
        """
kind: Application
name: shop
cartridges: [{alias: web, cartridge: php, members: {min: 1, max: 9}}]
groups:
  - alias: g
    instances: {min: 1, max: 4}
    cartridges:
      - {alias: a, cartridge: php, members: {min: 2, max: 8}}
      - {alias: b, cartridge: php, members: {min: 1, max: 8}}
    scaling: [{members: [a, b]}]
scaling: [{members: [web, g], ratio: 3:1}]
"""
    )
    assert findings == []
    scale = ScaleState(clusters={"web": 7, "g.2/a": 5}, groups={"g": 2}, generation=3)
    followed = with_dependents(workspace.plan("shop", scale), scale)
    assert followed.generation == 3
    assert followed.groups == {"g": 3}
    assert followed.clusters == {"web": 7, "g.2/a": 5, "g.2/b": 3}
