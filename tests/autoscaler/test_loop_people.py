"""What a person changes counts at once: bounds, scale, rest, pins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autoscaler.act.edits import Outcome
from autoscaler.decide.policy import LOAD_AVERAGE
from autoscaler.loop.autoscaler import Autoscaler
from autoscaler.loop.settings import Settings
from autoscaler.serve.state import read_state, write_state
from blueprints.deployed import Deployed
from blueprints.revision import Revision, documents_of
from blueprints.workspace import Workspace
from console.status_report import autoscaling_lines
from tests.autoscaler.shop import BUSY, CALM, ENGINE, STACK, Shop


def test_a_persons_new_minimum_counts_at_once(shop: Shop) -> None:
    shop.run(CALM, 2)
    shop.edit("members: {min: 2, max: 8}", "members: {min: 3, max: 8}")
    shop.run(CALM, 2)
    # The scale has no key for web, and cache follows by its ratio: one edit brings both.
    assert shop.office.edits[-1].clusters["cache"] == 2
    assert shop.loop.view is not None
    assert shop.loop.view.clusters["web"].members >= 3


def test_a_persons_new_maximum_brings_the_scale_back_within_it(shop: Shop) -> None:
    shop.scaled(web=8, cache=4)
    shop.run({"web": 360.0, **ENGINE}, 2)
    shop.edit("members: {min: 2, max: 8}", "members: {min: 2, max: 5}")
    shop.tick({"web": 360.0, **ENGINE})
    edit = shop.office.edits[-1]
    assert edit.clusters["web"] == 5
    assert edit.seen.clusters["web"] == 8
    assert "web was 8, but its range is 2 to 5 now: 5." in edit.reason


def test_a_persons_scale_is_where_the_next_decision_begins(shop: Shop) -> None:
    shop.scaled(web=4, cache=2)
    shop.run(BUSY, 4)
    shop.configure({"clusters": {"web": 6, "db": 2, "cache": 3}, "groups": {}, "generation": 4})
    shop.run(BUSY, 50)
    assert shop.loop.view is not None
    assert shop.loop.view.clusters["web"].members == 6
    assert not shop.office.edits
    (applied,) = shop.office.applied
    assert "web 4 to 6" in applied[1]
    assert "db 1 to 2" in applied[1]
    assert shop.loop.verdict is not None
    assert "somebody set it to 6" in shop.loop.verdict.decisions["web"].reason
    shop.office.tickets[-1].succeed(Outcome("applied", 4))
    shop.state({"web": 6, "cache": 3, "db": 2, "search.1/engine": 1})
    shop.run(BUSY, 30)
    assert shop.office.edits[-1].clusters["web"] < 6, "then the policy counts again"


def test_what_only_people_scale_stays(shop: Shop) -> None:
    shop.scaled(db=2, web=2)
    shop.run({"web": 500.0, **ENGINE}, 2)
    assert "db" not in shop.office.edits[-1].clusters


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"autoscaling": {"paused": True}}, "paused"),
        ({"maintenance": True}, "in maintenance"),
    ],
)
def test_an_application_at_rest_is_explained_and_left_alone(
    shop: Shop, setting: dict[str, Any], words: str
) -> None:
    shop.configure({}, **setting)
    shop.run({"web": 900.0, "search.1/engine": 300.0}, 4)
    assert not shop.office.edits
    assert not shop.office.applied
    assert shop.loop.verdict is not None
    assert words in shop.loop.verdict.holds[""]
    assert shop.loop.verdict.decisions["web"].wants[LOAD_AVERAGE].target > 1


def test_a_pinned_cluster_stays_where_it_is_pinned(shop: Shop) -> None:
    shop.configure({}, autoscaling={"pinned": {"web": 3}})
    shop.tick({"web": 300.0, "search.1/engine": 30.0})
    assert shop.office.edits[-1].clusters["web"] == 3


def deployed(shop: Shop) -> None:
    """A person's update has been made of the documents as they are."""
    made = Workspace.load([shop.documents])
    found = Deployed(Revision("shop", documents_of(made)), {"cloud": "local", "application": "shop"})
    path = shop.cli.state_path(STACK)
    state = json.loads(path.read_text())
    state["checkpoint"]["latest"]["resources"][0]["outputs"]["revision"] = found.to_output()
    path.write_text(json.dumps(state))


def test_documents_that_break_while_they_are_edited_stop_no_scaling(shop: Shop, tmp_path: Path) -> None:
    deployed(shop)
    shop.run(CALM, 2)
    shop.edit("max: 8", "max: 20")
    shop.run(CALM, 1)
    shop.edit("- {alias: web", "- {alias: [web")
    shop.run({"web": 900.0, **ENGINE}, 3)
    assert not shop.loop.problem
    assert shop.office.edits[-1].clusters["web"] > 8, "the last valid maximum counts"
    told = [row.reason for row in shop.loop.notes.decisions if row.action == "waiting"]
    assert "changed since the last update of a person" in told[0]
    assert "cannot be used" in told[-1]
    assert "shop.yaml:6:" in told[-1]
    autoscaler = Autoscaler(shop.cli, lambda cloud: None, Settings(), tmp_path, shop.office, None)
    autoscaler.applications[STACK] = shop.loop
    write_state(tmp_path, autoscaler, None)
    lines = autoscaling_lines(read_state(tmp_path))
    assert any(line.startswith("shop: automatic updates: its documents cannot be used") for line in lines)
    shop.edit("- {alias: [web", "- {alias: web")
    shop.edit("max: 20", "max: 8")
    shop.run(CALM, 1)
    assert shop.loop.notes.decisions[-1].action in {"deployed", "hold", "down", "up"}
    assert [row.action for row in shop.loop.notes.decisions if row.action in {"waiting", "deployed"}][-1] == (
        "deployed"
    )


def test_a_cloud_or_name_that_somebody_is_editing_moves_nothing(shop: Shop) -> None:
    deployed(shop)
    shop.configure({}, cloud="nowhere", application="other")
    shop.run({"web": 300.0, **ENGINE}, 3)
    assert shop.loop.view is not None
    assert (shop.loop.view.cloud, shop.loop.view.application) == ("local", "shop")
    assert shop.office.edits[-1].clusters["web"] > 2
