"""`alto place` of an application that runs: members in two clouds, whole copies, clouds that are silent."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.act.pulumi_cli import Pulumi
from console import applications, placement
from console.errors import BadInput
from policies.placement.observed import CloudView
from tests.autoscaler import beside_home, two_clouds

Ask = Callable[..., str]
OVERFLOW = {"clusters": {"web": 2}, "overflow": True}


class Place:
    """A checkout with the stacks of `shop`, and clouds with so many of its members. None: silent."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.cli = Pulumi(folder, folder / "pulumi", folder / "state", folder / "logs", {})
        self.folder, self._capsys = folder, capsys
        self.running: dict[str, int | None] = {}
        self.error = ""

    def documents(self, text: str) -> None:
        (self.folder / "shop.yaml").write_text(text)

    def stack(self, name: str, cloud: str, scale: dict[str, Any], **more: Any) -> None:
        keys = {"blueprint": "shop.yaml", "application": "shop", "cloud": cloud, "scale": scale, **more}
        path = self.cli.config_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"config": {f"altostratus:{k}": v for k, v in keys.items()}}))
        state = self.cli.state_path(name)
        state.parent.mkdir(parents=True, exist_ok=True)
        state.write_text(json.dumps({"checkpoint": {"latest": {}}}))

    def view(self, cli: Pulumi, cloud: str) -> CloudView:
        members = self.running.get(cloud)
        if members is None:
            raise ConnectionError("its API server does not answer")
        return CloudView([_node(cloud)], [_pod(cloud, number) for number in range(members)])

    def now(self, *targets: str, now: bool = True, live: Any = None) -> str:
        file = None
        if live is not None:
            file = self.folder / "live.json"
            file.write_text(json.dumps(live))
        placement.show(["shop"], file, list(targets), None, ask=now)
        printed = self._capsys.readouterr()
        self.error = printed.err
        return printed.out

    def data(self) -> dict[str, Any]:
        placement.show(["shop"], None, [], None, ask=True, as_json=True)
        found: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return found


def _node(cloud: str) -> dict[str, Any]:
    return {
        "metadata": {"name": f"host-{cloud}", "labels": {}},
        "status": {
            "allocatable": {"cpu": "64", "memory": "256Gi", "pods": "100"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def _pod(cloud: str, number: int) -> dict[str, Any]:
    labels = {"altostratus.dev/application": "shop", "altostratus.dev/cluster": "web"}
    return {
        "metadata": {"name": f"{cloud}-{number}", "labels": labels},
        "spec": {"nodeName": f"host-{cloud}", "containers": [{}]},
        "status": {"phase": "Running"},
    }


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    made = Place(tmp_path, capsys)
    monkeypatch.setattr(applications, "pulumi", lambda: made.cli)
    monkeypatch.setattr(placement, "_view", made.view)
    return made


@pytest.fixture
def beside(world: Place) -> Place:
    """Two members at home, which has no room for more, and two in the next cloud."""
    world.documents(beside_home.SHOP)
    world.stack("app-shop", "local", {"clusters": {"web": 2}})
    world.stack("app-shop--away", "away", OVERFLOW, clusters=["web"])
    world.running = {"local": 2, "away": 2}
    return world


@pytest.fixture
def copies(world: Place) -> Place:
    """Three members at home and two in a whole copy."""
    world.documents(two_clouds.SHOP)
    world.stack("app-shop", "local", {"clusters": {"web": 3}})
    world.stack("app-shop--away", "away", {"clusters": {"web": 2}})
    world.running = {"local": 3, "away": 2}
    return world


def test_members_beside_the_home_are_of_one_cluster_with_those_there(beside: Place) -> None:
    said = beside.now()
    assert "web: 4 of 4 members" in said
    assert "home/room (cloud local): 2\n    2 stay" in said
    assert "rented/room (cloud away): 2\n    2 stay" in said
    assert "leave" not in said
    assert "away-1 on host-away" in said


def test_a_number_that_is_asked_for_is_that_of_all_clouds(beside: Place) -> None:
    said = beside.now("web=3")
    assert "web: 3 of 3 members" in said
    assert "1 leaves: fewer members are wanted" in said
    assert "web: 5 of 5 members" in beside.now("web=5")


def test_after_a_move_the_new_home_is_filled_first(world: Place) -> None:
    world.documents(beside_home.SHOP)
    world.stack("app-shop", "away", {"clusters": {"web": 1}})
    world.running = {"local": 0, "away": 1}
    said = world.now("web=4")
    assert "rented/room (cloud away): 3\n    1 stays: first in order\n    2 new: first in order" in said
    assert "1 new: overflow, as rented/room is at its max of 3" in said


def test_a_cloud_that_does_not_answer_is_no_room_and_that_is_said(beside: Place) -> None:
    beside.running["away"] = None
    said = beside.now()
    assert "web: 2 of 4 members" in said
    assert "rented is not used: the cloud away does not answer" in said
    assert "2 members find no place: home/room is at its max of 2" in said
    assert beside.error == (
        "away: its API server does not answer; it counts as full, and what runs there is not known\n"
    )
    assert "web: 4 of 4" in beside.now(now=False), "who does not ask is told what the policies say"


def test_what_live_data_says_of_a_silent_cloud_counts(beside: Place) -> None:
    beside.running["away"] = None
    room = {"hosts": [{"name": "h", "cpu": 8, "memory": "8Gi", "members": 1}]}
    said = beside.now(live={"clouds": {"away": room}})
    assert "web: 3 of 4 members" in said
    assert "does not answer; what runs there is not known" in beside.error


def test_a_home_that_does_not_answer_moves_nothing(beside: Place) -> None:
    beside.running["local"] = None
    beside.now()
    assert "Nothing is moved while the home, local, does not answer." in beside.error
    beside.running["away"] = None
    assert "web: 0 of 4 members" in beside.now()


def test_whole_copies_are_told_each_by_itself(copies: Place) -> None:
    said = copies.now()
    home, copy = said.split("The copy in away:\n")
    assert home.startswith(
        "The home in local:\nweb: 3 of 3 members\n  home/room (cloud local): 3\n    3 stay\n"
    )
    assert "rented is not used: a copy is whole in one cloud, and this one is in local" in home
    assert copy.startswith("web: 2 of 2 members\n  rented/room (cloud away): 2\n    2 stay\n")
    assert "leave" not in said
    data = copies.data()["web"]
    assert (data["wanted"], data["members"]) == (3, {"home/room": 3})
    assert data["copies"]["away"]["members"] == {"rented/room": 2}
    assert [each["member"] for each in data["copies"]["away"]["seen"]] == ["away-0", "away-1"]


def test_a_copy_that_is_silent_says_nothing_of_the_home(copies: Place) -> None:
    copies.running["away"] = None
    home, copy = copies.now().split("The copy in away:\n")
    assert "web: 3 of 3 members" in home
    assert "web: 0 of 2 members" in copy
    assert "the cloud away does not answer" in copy


def test_before_its_first_copy_an_application_has_its_homes_room_only(copies: Place) -> None:
    copies.cli.config_path("app-shop--away").unlink()
    said = copies.now("web=6", now=False)
    assert "web: 4 of 6 members" in said
    assert "The home" not in said


def test_a_copy_where_the_policy_names_no_place_runs_on_any_host(copies: Place) -> None:
    copies.stack("app-shop--away", "moon", {"clusters": {"web": 2}})
    copies.running["moon"] = 2
    copy = copies.now().split("The copy in moon:\n")[1]
    assert "web: 2 of 2 members\n  moon/everywhere (cloud moon): 2\n    2 stay" in copy


def test_copies_share_a_quota(copies: Place) -> None:
    copies.documents(
        two_clouds.SHOP.replace("name: little-at-home\n", "name: little-at-home\nquota: {members: 4}\n")
    )
    home, copy = copies.now(now=False).split("The copy in away:\n")
    assert "web: 3 of 3 members" in home
    assert "web: 1 of 2 members" in copy
    assert "1 wait for the quota of little-at-home" in copy


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ({"clouds": {"awya": {}}}, "speaks of awya, .* clouds\n  Did you mean away"),
        ({"members": {"web": {"home/rom": 1}}}, "speaks of home/rom, .* places\n  Did you mean home/room"),
        ({"unschedulable": {"web": {"x/y": 1}}}, "speaks of x/y, .* places\n  There are home/room"),
        ({"quotaUsed": {"home-frist": 1}}, "home-frist, .* deployment policies\n  Did you mean home-first"),
        ({"members": {"wbe": {}}}, "speaks of wbe, .* clusters at this scale\n"),
    ],
)
def test_names_in_live_data_that_there_are_not_are_refused(beside: Place, live: Any, words: str) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        beside.now(now=False, live=live)
    assert refused.value.exit_code == 2


def test_all_unknown_names_are_told_at_once(beside: Place) -> None:
    with pytest.raises(BadInput, match=r"(?s)wbe.*moon"):
        beside.now(now=False, live={"members": {"wbe": {}}, "clouds": {"moon": {}}})
    known = {"members": {"web": {"home/room": 2}}, "clouds": {"away": {}}, "quotaUsed": {"home-first": 1}}
    beside.now(now=False, live=known)


ZONES = """
apiVersion: altostratus/v1
kind: Application
name: shop
deployment: zones
cartridges: [{alias: web, cartridge: php, members: {min: 4, max: 9}}]
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: home
cloud: local
partitions: [{name: a, cost: 1}, {name: b, cost: 2}]
---
apiVersion: altostratus/v1
kind: DeploymentPolicy
name: zones
%s
networkPartitions: [{name: home, order: %s, partitions: [{name: a, max: 9%s}, {name: b, max: 9}]}]
"""


@pytest.mark.parametrize(
    ("policy", "note"),
    [
        (("", "round-robin", ""), ""),
        (("", "weighted", ", weight: 3"), "weights"),
        (("preferCheap: true", "round-robin", ""), "costs"),
        (("preferCheap: true", "weighted", ", weight: 3, min: 2"), "weights, costs or the minimum of home/a"),
    ],
)
def test_what_the_scheduler_cannot_be_told_is_said(
    world: Place, policy: tuple[str, str, str], note: str
) -> None:
    world.documents(ZONES % policy)
    world.stack("app-shop", "local", {})
    world.running["local"] = 4
    said = world.now()
    assert ("  note: " in said) == bool(note)
    assert f"it cannot be told {note} (docs/decisions/0053-zones.md)" in said or not note
    assert bool(world.data()["web"]["notes"]) == bool(note)
