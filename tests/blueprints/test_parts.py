"""A part of an application: what is left out keeps its names, and everything else its order."""

from typing import Any

import pytest

from blueprints.findings import DocumentError
from blueprints.parts import stateless
from blueprints.plan import Plan
from blueprints.scale import ScaleState
from tests.blueprints.workbench import workspace_of

FINDER = """
kind: CartridgeGroup
name: finder
cartridges:
  - {alias: index, cartridge: redis}
  - {alias: front, cartridge: python, members: {min: 1, max: 4}}
startup: [[index, front]]
"""
PAIR = """
kind: CartridgeGroup
name: pair
cartridges:
  - {alias: left, cartridge: php}
  - {alias: right, cartridge: php}
"""
SHOP = """
kind: Application
name: shop
loadBalancer: edge
cartridges:
  - {alias: db, cartridge: mysql}
  - {alias: web, cartridge: php, members: {min: 2, max: 8}}
  - {alias: worker, cartridge: php}
groups:
  - {alias: search, group: finder, instances: {min: 1, max: 3}}
  - {alias: extra, group: pair, instances: {min: 0, max: 2}}
startup: [[worker, db], [db, web], [search, web]]
scaling: [{members: [web, worker, db], ratio: '4:2:1'}]
"""
EDGE = "kind: LoadBalancer\nname: edge\n"


def plan(only: list[str] | None = None, **scale: Any) -> Plan:
    workspace, findings = workspace_of(FINDER, PAIR, SHOP, EDGE)
    assert not findings, findings
    return workspace.plan("shop", ScaleState.parse(scale), only=only)


def test_without_a_choice_everything_is_here() -> None:
    whole = plan()
    assert not whole.partial
    assert not whole.remote
    assert set(whole.clusters) == {"db", "web", "worker", "search.1/index", "search.1/front"}


def test_what_members_are_given_is_the_same_wherever_it_runs() -> None:
    whole, some = plan(), plan(["web", "worker"])
    assert set(some.clusters) == {"web", "worker"}
    assert some.clusters["web"].links == whole.clusters["web"].links
    assert some.clusters["web"].labels == whole.clusters["web"].labels
    for link in some.clusters["web"].links:
        assert some.seen(link.source) == whole.seen(link.source), link.source


def test_what_they_use_and_is_not_there_is_remote_a_family_as_one() -> None:
    some = plan(["web", "worker"])
    assert some.remote["db"].ports == plan().clusters["db"].ports
    assert set(some.remote) == {"db", "search.*/index", "search.*/front"}
    assert not some.families
    assert not plan(["worker"]).remote, "it waits for nobody and is linked to nobody"


def test_startup_goes_on_through_what_is_elsewhere() -> None:
    some = plan(["web", "worker"])
    assert some.clusters["web"].waits_for == ("worker",), "the database between them starts elsewhere"
    assert some.stages == (("worker",), ("web",))
    assert not any(some.levels[""].waits_for.values())


def test_proportions_and_groups_keep_what_is_here() -> None:
    some = plan(["web", "worker"])
    (rule,) = some.levels[""].scaling
    assert (rule.members, rule.ratio) == (("web", "worker"), (4, 2))
    assert not plan(["web"]).levels[""].scaling
    assert set(some.levels) == {""}
    assert set(some.levels[""].children) == {"web", "worker"}


def test_a_path_means_all_instances_and_an_id_one() -> None:
    both = {"groups": {"search": 2}}
    paths = plan(["search/front"], **both)
    assert set(paths.clusters) == {"search.1/front", "search.2/front"}
    assert set(paths.remote) == {"search.1/index", "search.2/index"}, "inside a group each has its own"
    assert set(plan(["search.2"], **both).clusters) == {"search.2/index", "search.2/front"}
    assert plan(["search/front"], **both).levels[""].children["search"].ids == ("search.1", "search.2")


def test_a_group_without_instances_can_have_some_later() -> None:
    assert "extra" in plan(["extra", "web"]).levels[""].children
    assert "extra" in plan(["extra/left"]).levels[""].children
    assert "extra" not in plan(["web"]).levels[""].children


def test_a_balancer_stands_where_one_of_its_clusters_does() -> None:
    assert [each.name for each in plan(["web"]).balancers] == [each.name for each in plan().balancers]
    assert not plan(["worker"]).balancers


def test_passwords_of_what_is_elsewhere_are_still_wanted() -> None:
    families = {family for family, _, _ in plan(["web"]).generated}
    assert "db" in families


def test_a_name_of_nothing_is_told_with_those_there_are() -> None:
    with pytest.raises(DocumentError) as caught:
        plan(["web", "serach"])
    (finding,) = caught.value.findings
    assert finding.value == "serach"
    assert "search/front" in finding.hint


def test_stateless_names_whole_groups_where_nothing_in_them_keeps_data() -> None:
    workspace, _ = workspace_of(FINDER, PAIR, SHOP, EDGE)
    assert stateless(workspace.compose("shop")) == ("web", "worker", "search/front", "extra")
