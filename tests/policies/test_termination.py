"""Termination behaviour: what restarts, in which order, and why."""

import pytest

from policies.termination import Restart, restart
from tests.blueprints.workbench import workspace_of


def _restart(failed: str, termination: str = "none", inner: str = "none") -> Restart:
    workspace, findings = workspace_of(
        f"""
kind: Application
name: shop
cartridges: [{", ".join(f"{{alias: {n}, cartridge: static}}" for n in ("db", "cache", "web", "logs"))}]
groups:
  - alias: g
    instances: {{min: 2, max: 2}}
    cartridges: [{{alias: x, cartridge: static}}, {{alias: y, cartridge: static}}]
    startup: [[x, y]]
    termination: {inner}
startup: [[db, cache, web], [g, web]]
termination: {termination}
"""
    )
    assert findings == []
    return restart(workspace.plan("shop"), failed)


@pytest.mark.parametrize("failed", ["db", "web", "logs", "g.1/x"])
def test_none_heals_in_place(failed: str) -> None:
    outcome = _restart(failed)
    assert outcome.clusters == frozenset()
    assert outcome.reason == f"{failed} failed: it is healed in place"


def test_dependents_restart_after_what_they_waited_for() -> None:
    outcome = _restart("db", "dependents")
    assert outcome.start == (("db",), ("cache",), ("web",))
    assert outcome.stop == (("web",), ("cache",), ("db",))
    assert outcome.reason == "db failed: the application restarts what waited for db"


def test_what_nothing_waits_for_heals_in_place() -> None:
    assert _restart("logs", "dependents").clusters == frozenset()


def test_all_restarts_the_level_in_startup_order() -> None:
    outcome = _restart("logs", "all")
    assert outcome.clusters == {"db", "cache", "web", "logs", "g.1/x", "g.1/y", "g.2/x", "g.2/y"}
    position = {c: n for n, stage in enumerate(outcome.start) for c in stage}
    assert position["db"] < position["cache"] < position["web"]
    assert position["g.1/x"] < position["g.1/y"] < position["web"]


def test_a_failed_group_instance_leaves_its_siblings_alone() -> None:
    outcome = _restart("g.1/x", inner="all")
    assert outcome.start == (("g.1/x",), ("g.1/y",))


def test_the_levels_above_react_to_a_failed_group() -> None:
    outcome = _restart("g.2/x", "dependents", "dependents")
    assert outcome.start == (("g.2/x",), ("g.2/y",), ("web",))
    assert [s.level for s in outcome.steps] == ["g.2", ""]


def test_order_is_kept_through_clusters_that_do_not_restart() -> None:
    workspace, _ = workspace_of(
        """
kind: Application
name: shop
groups:
  - alias: first
    termination: all
    cartridges: [{alias: a, cartridge: static}]
  - alias: last
    cartridges: [{alias: c, cartridge: static}]
cartridges: [{alias: b, cartridge: static}]
startup: [[first, b, last]]
"""
    )
    assert restart(workspace.plan("shop"), "first.1/a").start == (("first.1/a",),)
