"""`alto scale`: what is asked for, checked before anything is written."""

import pytest

from blueprints.findings import DocumentError
from blueprints.scale import ScaleState
from console.errors import BadInput
from console.scaling import Planner, asked, changes, members, merged, parse, refuse_elsewhere
from tests.blueprints.workbench import workspace_of


def test_every_malformed_target_is_named_at_once() -> None:
    with pytest.raises(BadInput) as refused:
        parse(["web=3", "db", "api=-1", "=4", "x=²"])
    assert all(each in str(refused.value) for each in ("db", "api=-1", "=4", "x=²"))
    assert "web=3" not in str(refused.value)


APPLICATION = """
kind: Application
name: shop
cartridges:
  - {alias: web, cartridge: php, members: {min: 1, max: 12}}
  - {alias: cache, cartridge: php, members: {min: 1, max: 4}}
groups:
  - alias: search
    instances: {min: 0, max: 4}
    cartridges: [{alias: engine, cartridge: php, members: {min: 1, max: 5}}]
  - alias: outer
    groups: [{alias: cache, cartridges: [{alias: engine, cartridge: php}]}]
scaling: [{members: [web, cache], ratio: 3:1}]
"""


@pytest.fixture(scope="module")
def plan() -> Planner:
    workspace, findings = workspace_of(APPLICATION)
    assert findings == []
    return Planner(workspace, "shop")


def members_at(plan: Planner, scale: ScaleState) -> dict[str, int]:
    return members(plan(scale))


def test_aliases_of_groups_mean_instances_also_of_groups_that_have_none_yet(plan: Planner) -> None:
    wanted = asked(plan, ScaleState(), {"web": 3, "search": 2, "search.2/engine": 4})
    assert wanted.groups == {"search": 2}
    assert members_at(plan, wanted)["search.2/engine"] == 4


def test_an_alias_that_several_have_is_refused_with_their_paths(plan: Planner) -> None:
    with pytest.raises(DocumentError) as refused:
        asked(plan, ScaleState(), {"engine": 2})
    finding = refused.value.findings[0]
    assert sorted(finding.allowed) == ["outer/cache/engine", "search/engine"]


def test_an_exact_path_comes_before_the_same_alias_further_down(plan: Planner) -> None:
    assert asked(plan, ScaleState(), {"cache": 2}).clusters == {"cache": 2, "web": 6}
    assert asked(plan, ScaleState(), {"outer/cache": 1}).groups == {"outer/cache": 1}


def test_a_misspelt_name_is_answered_with_the_nearest_of_either_kind(plan: Planner) -> None:
    with pytest.raises(DocumentError) as refused:
        asked(plan, ScaleState(), {"serch": 2})
    assert refused.value.findings[0].nearest == "search"


def test_out_of_range_is_refused_with_the_range(plan: Planner) -> None:
    with pytest.raises(DocumentError) as refused:
        asked(plan, ScaleState(), {"web": 13})
    assert "1 to 12" in refused.value.findings[0].message


def test_what_keeps_a_proportion_follows_up_and_down(plan: Planner) -> None:
    up = asked(plan, ScaleState(), {"web": 9})
    assert members_at(plan, up) | {"web": 9, "cache": 3} == members_at(plan, up)
    down = asked(plan, up, {"web": 4})
    assert members_at(plan, down) | {"web": 4, "cache": 2} == members_at(plan, down)


def test_what_followed_is_no_demand_of_its_own(plan: Planner) -> None:
    scale = asked(plan, ScaleState(), {"web": 4})
    for web in (5, 4, 5):
        scale = asked(plan, asked(plan, scale, {"search": 1}), {"web": web})
        assert (members_at(plan, scale)["web"], members_at(plan, scale)["cache"]) == (web, 2)


def test_what_was_asked_for_beyond_the_proportion_stays(plan: Planner) -> None:
    more = asked(plan, asked(plan, ScaleState(), {"web": 9}), {"cache": 4})
    assert members_at(plan, more)["web"] == 12, "three for each"
    less = asked(plan, more, {"web": 3})
    assert members_at(plan, less)["cache"] == 1


def test_an_edit_keeps_what_it_does_not_name_and_counts_on() -> None:
    old = ScaleState(clusters={"web": 2, "db": 1}, groups={"search": 1}, generation=6)
    new = merged(old, {"web": 5}, {})
    assert new == ScaleState(clusters={"web": 5, "db": 1}, groups={"search": 1}, generation=7)


def test_the_change_is_told_cluster_by_cluster() -> None:
    assert changes({"web": 2, "db": 1}, {"web": 5, "db": 1, "search.1/engine": 1}) == [
        "search.1/engine: 0 -> 1 members",
        "web: 2 -> 5 members",
    ]
    assert changes({"web": 2}, {"web": 2}) == ["nothing changes"]


def test_what_a_copy_has_no_part_in_is_scaled_at_home(plan: Planner) -> None:
    copy, now = Planner(plan.workspace, "shop", "away", ("web", "search")), ScaleState()
    refuse_elsewhere("app-shop--away", copy, now, asked(copy, now, {"web": 6, "search": 2}))
    with pytest.raises(BadInput, match=r"app-shop--away has no cache: the copy has web, search only"):
        refuse_elsewhere("app-shop--away", copy, now, asked(copy, now, {"cache": 2}))
