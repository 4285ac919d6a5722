"""From documents to placement: policies, orders, tenants, groups, sizes, and `alto place`."""

import json
from pathlib import Path

import pytest

from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.scale import ScaleState
from blueprints.workspace import LIBRARY, Workspace
from console.errors import BadInput
from console.placement import show
from policies.placement.copies import first_copies, last_copy, next_copy, shares
from policies.placement.documents import problem_of, requests, restricted
from policies.placement.live import Live, LiveFault, read_live
from policies.placement.place import place
from policies.placement.problem import ClusterPlacement
from tests.blueprints.workbench import workspace_of

CLOUDS = LIBRARY / "samples" / "clouds"

PLACES = """
kind: NetworkPartition
name: home
cloud: local
partitions: [{name: a, zone: za}, {name: b, zone: zb}]
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: away
cloud: other
partitions: [{name: c}]
---
apiVersion: altostratus/v1
kind: DeploymentPolicy
name: spread-out
networkPartitions:
  - {name: home, order: round-robin, partitions: [{name: a, max: 3}, {name: b, max: 3}]}
  - {name: away, partitions: [{name: c, max: 9}]}
"""


def placed(
    *texts: str, scale: dict[str, int] | None = None, live: Live | None = None
) -> dict[str, ClusterPlacement]:
    workspace, findings = workspace_of(PLACES, *texts)
    assert not findings
    plan = workspace.plan("app", ScaleState(clusters=scale or {}))
    return dict(place(problem_of(workspace, plan, live)).clusters)


def application(more: str, cluster: str = "members: {min: 2, max: 20}") -> str:
    return f"kind: Application\nname: app\n{more}\ncartridges: [{{alias: web, cartridge: php, {cluster}}}]"


def test_the_sample_fills_home_and_then_the_rented_cloud() -> None:
    workspace = Workspace.load([CLOUDS])
    plan = workspace.plan("peaks", ScaleState(clusters={"web": 10}))
    web = place(problem_of(workspace, plan)).clusters["web"]
    assert web.members == {"home/rack-1": 4, "home/rack-2": 4, "rented/zone-a": 2}
    assert round(web.cost, 2) == 0.18
    assert web.allotments[2].place.cloud == "away"


def test_without_any_policy_members_stay_in_the_applications_cloud() -> None:
    assert placed(application(""))["web"].members == {"local/everywhere": 2}


def test_the_application_policy_orders_and_bounds_the_network_partitions() -> None:
    order = "kind: ApplicationPolicy\nname: order\nnetworkPartitions: {}"
    asked = application("placement: order\ndeployment: spread-out")
    assert placed(order.format("[away, home]"), asked)["web"].members == {"away/c": 2}
    only_home = placed(order.format("[home]"), asked, scale={"web": 8})["web"]
    assert (only_home.placed, only_home.unplaced) == (6, 2)
    assert only_home.reasons[0] == "away is not used: the application policy order does not name it"
    together = placed(order.format("[[home, away]]"), asked, scale={"web": 6})["web"]
    assert together.members == {"home/a": 2, "home/b": 1, "away/c": 3}
    at_once = f"{order.format('[home, away]')}\norder: all-at-once"
    assert placed(at_once, asked, scale={"web": 4})["web"].members == {"home/a": 1, "home/b": 1, "away/c": 2}
    no_deployment = placed(order.format("[away, home]"), application("placement: order"))["web"]
    assert no_deployment.members == {"away/c": 2}


def test_a_tenant_keeps_to_its_clouds() -> None:
    tenant = "kind: Tenant\nname: acme\nclouds: [away]"
    web = placed(tenant, application("tenant: acme\ndeployment: spread-out"))["web"]
    assert web.members == {"away/c": 2}
    assert web.reasons == ("home is not used: tenant acme may not use it",)


def test_a_policy_on_a_group_keeps_its_instances_whole_and_one_on_a_cluster_does_not() -> None:
    group = """
kind: Application
name: app
groups:
  - alias: g
    instances: {min: 2, max: 4}
    %s
    cartridges:
      - {alias: web, cartridge: php, members: {min: 2, max: 3}%s}
      - {alias: cache, cartridge: redis, members: {min: 1, max: 1}%s}
"""
    on_group = placed(group % ("deployment: spread-out", "", ""))
    assert {name: each.members for name, each in on_group.items()} == {
        "g.1/web": {"home/a": 2},
        "g.1/cache": {"home/a": 1},
        "g.2/web": {"home/b": 2},
        "g.2/cache": {"home/b": 1},
    }
    own = ", deployment: spread-out"
    each = placed(group % ("", own, own))
    assert each["g.1/web"].members == {"home/a": 1, "home/b": 1}


def test_near_means_the_same_group_instance_before_any_other() -> None:
    near = "kind: DeploymentPolicy\nname: close\nnear: [db]\nnetworkPartitions:\n" + (
        "  - {name: home, partitions: [{name: a, max: 3}, {name: b, max: 3}]}"
    )
    back = near.replace("close", "back").replace("near: [db]\n", "").replace("{name: a, max: 3}, ", "")
    app = """
kind: Application
name: app
cartridges:
  - {alias: web, cartridge: php, deployment: close}
  - {alias: db, cartridge: mysql, deployment: back}
"""
    found = placed(near, back, app)
    assert found["web"].members == {"home/b": 1}
    assert found["web"].allotments[0].reasons == ("1 new: near db",)


def test_a_member_asks_for_what_all_its_containers_ask_for() -> None:
    workspace, _ = workspace_of(
        """
kind: Cartridge
name: c
image: example/c:1
resources: {requests: {cpu: 100m, memory: 64Mi}}
init: [{name: first, image: "example/i:1", resources: {limits: {memory: 1Gi}}}]
sidecars: [{name: beside, image: "example/s:1", resources: {limits: {cpu: 50m}}}]
""",
        "kind: Application\nname: app\ncartridges: [{alias: web, cartridge: c}]",
    )
    assert requests(workspace.plan("app").clusters["web"]) == (150, 2**30)


def test_live_data_is_capacity_members_and_quotas() -> None:
    live = Live.model_validate(
        {
            "clouds": {
                "local": {"hosts": [{"name": "h1", "zone": "zb", "cpu": 4, "memory": "8Gi", "members": 2}]}
            },
            "members": {"web": {"home/a": 1}},
        }
    )
    web = placed(application("deployment: spread-out"), scale={"web": 5}, live=live)["web"]
    assert web.members == {"home/a": 1, "home/b": 2, "away/c": 2}


def test_live_data_that_is_wrong_is_told_all_at_once(tmp_path: Path) -> None:
    file = tmp_path / "live.json"
    file.write_text(
        '{"clouds": {"local": {"hosts": [{"name": "h", "cpu": "x", "memory": "6"}]}}, "mebmers": {}}'
    )
    with pytest.raises(LiveFault) as caught:
        read_live(file)
    assert len(caught.value.problems) == 3
    assert "clouds.local.hosts.0.cpu" in str(caught.value)
    assert caught.value.exit_code == 2


def test_alto_place_tells_people_and_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "live.json"
    file.write_text(json.dumps({"members": {"web": {"home/rack-1": 4}}, "quotaUsed": {"home-first": 53}}))
    show([str(CLOUDS), "peaks"], file, ["web=9"], "local", as_json=False)
    said = capsys.readouterr().out
    assert "web: 7 of 9 members" in said
    assert (
        "  home/rack-2 (cloud local): 3\n    3 new: next in order, as home/rack-1 is at its max of 4" in said
    )
    assert "2 wait for the quota of home-first: 60 members" in said
    show([str(CLOUDS), "peaks"], None, [], "local", as_json=True)
    assert json.loads(capsys.readouterr().out)["web"]["members"] == {"home/rack-1": 2}
    file.write_text('{"members": {"wbe": {}}}')
    with pytest.raises(BadInput, match="speaks of wbe"):
        show([str(CLOUDS), "peaks"], file, [], "local", as_json=False)


def test_copies_go_to_the_next_group_in_order_and_a_place_can_be_used_again() -> None:
    workspace, _ = workspace_of(
        "kind: ApplicationPolicy\nname: p\nnetworkPartitions: [home, [x, y], away]\nburst: {}"
    )
    policy = workspace.get(ApplicationPolicy, "p")
    assert first_copies(policy) == (("home",),)
    assert next_copy(policy, {"home"}).networks == ("x", "y")
    assert next_copy(policy, {"home", "x"}).networks == ("away",)
    skipped = next_copy(policy, {"home"}, {"y": "does not answer"})
    assert skipped.networks == ("away",)
    assert skipped.reason == "away is the next in p (home has a copy; y does not answer)"
    assert next_copy(policy, {"home", "x", "away"}).networks == ()
    assert last_copy(policy, {"home", "x", "away"}, {"home"}) == ("away",)
    assert last_copy(policy, {"home"}, {"home"}) == ()
    still = policy.model_copy(update={"burst": None})
    assert next_copy(still, {"home"}).reason == "p has no burst: the application stays where it is"


def test_after_a_move_a_copy_in_what_was_the_first_place_goes_as_any_other() -> None:
    policy = ApplicationPolicy.model_validate(
        {"name": "p", "networkPartitions": ["a", ["b", "c"]], "burst": {}}
    )
    assert last_copy(policy, {"a", "b"}, {"b"}) == ("a",)
    assert last_copy(policy, {"a", "b", "c"}, {"b"}) == ("b", "c"), "c is no home"
    assert last_copy(policy, {"b"}, {"b"}) == ()
    together = policy.model_copy(update={"network_partitions": (("a", "b"), "c")})
    assert last_copy(together, {"a", "b"}, {"a"}) == (), "used with its home from the beginning"
    assert last_copy(together, {"a", "b", "c"}, {"c"}) == ("a", "b")


def test_load_is_shared_by_capacity_in_whole_numbers() -> None:
    assert shares(10, {"a": 2, "b": 1}) == {"a": 7, "b": 3}
    assert shares(1, {"a": 1, "b": 1}) == {"a": 1, "b": 0}
    assert shares(5, {"a": 0}) == {"a": 0}


def test_the_members_of_one_copy_stay_in_its_network_partitions() -> None:
    workspace, _ = workspace_of(PLACES, application("deployment: spread-out"))
    rules = problem_of(workspace, workspace.plan("app")).demands[0].rules
    copy = restricted(rules, ["away"], "the copy is elsewhere")
    assert [share.place.key for share in copy.shares] == ["away/c"]
    assert copy.left_out == {"home": "the copy is elsewhere"}
