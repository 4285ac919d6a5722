"""Figures of a balancer's replicas added up, and what `alto lb` shows of them."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console, Group

from console.balancer_state import BalancerFigures, add_up
from console.balancer_view import _parts

STATE: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "docs" / "balancer" / "state.json").read_text()
)


def state(**more: Any) -> dict[str, Any]:
    """The protocol's example, with the cluster's figures as a backend's."""
    return {**STATE, "backends": {"web": STATE["clusters"]["web"]}, **more}


def figures(*states: dict[str, Any]) -> BalancerFigures:
    route = {"host": "*", "path": "/", "rewrite": "", "split": "web", "tenant": "-", "listeners": ["http"]}
    found = BalancerFigures("lb--application", "haproxy", ["http://10.0.0.1:30080"], [], [route])
    found.replicas = len(states)
    add_up(found, states)
    return found


def test_figures_of_all_replicas_are_added_up() -> None:
    found = figures(state(), state()).backends["web"]
    one = STATE["clusters"]["web"]
    assert found.serving == 2 * one["inFlight"]["serving"]
    assert found.requests == 2 * one["requests"]
    (member,) = found.members.values()
    assert member.serving == 2 * one["inFlight"]["serving"]
    assert found.rate == 2 * one["recent"]["rate"]
    assert found.p99 == one["recent"]["p99"], "latencies are not added: the slowest replica's is told"


def test_the_least_ready_state_of_a_member_is_told() -> None:
    leaving = json.loads(json.dumps(state()))
    (member,) = leaving["backends"]["web"]["members"].values()
    member["state"] = "draining"
    for order in ((state(), leaving), (leaving, state())):
        (seen,) = figures(*order).backends["web"].members.values()
        assert seen.state == "draining"


def test_what_replicas_complain_of_is_told_by_name() -> None:
    refused = {"config": {"refused": {"at": 1.0, "hash": "x", "reason": "line 3: unknown keyword"}}}
    unread = {"control": {"hash": "", "problem": "control.json cannot be read"}}
    found = figures(state(**refused), state(**unread))
    assert len(found.problems) == 2
    assert "unknown keyword" in found.problems[0]
    assert found.problems[0].startswith(STATE["replica"])


def test_routes_members_and_shares_are_shown() -> None:
    console = Console(width=140, record=True, file=StringIO())
    console.print(Group(*_parts([figures(state())])))
    text = console.export_text()
    for words in ("1 of 1 replicas ready", "http://10.0.0.1:30080", "web-6c9d8f7b5-x2k4q", "serving", "70%"):
        assert words in text, text
