"""A nested application as a supervisor sees it, for tests: Stratos' own example of the three behaviours."""

from collections.abc import Mapping

from autoscaler.observe.members import SeenCluster, SeenMember
from blueprints.plan import Plan
from tests.blueprints.workbench import workspace_of

NOW = 1_000_000.0

NEST = """
kind: Application
name: nest
groups:
  - alias: g4
    startup: [[g3, c1]]
    termination: none
    cartridges: [{alias: c1, cartridge: static}]
    groups:
      - alias: g3
        startup: [[g1, c2]]
        termination: dependents
        cartridges: [{alias: c2, cartridge: static}]
        groups:
          - alias: g1
            startup: [[c3, c4]]
            termination: all
            cartridges: [{alias: c3, cartridge: static}, {alias: c4, cartridge: static}]
"""


def nest() -> Plan:
    """Its plan at rest."""
    workspace, findings = workspace_of(NEST)
    assert findings == []
    return workspace.plan("nest")


def member(name: str, *, ready: bool = True, crashing: bool = False, leaving: bool = False) -> SeenMember:
    """One Pod."""
    return SeenMember(name, "host1", ready, leaving, crashing, "Ready" if ready else "starting", 0.0)


def everything(plan: Plan, ready: Mapping[str, int] | None = None) -> dict[str, SeenCluster]:
    """All clusters kept at their members, with so many of them ready (by id; left out, all)."""
    found = {}
    for id, cluster in plan.clusters.items():
        count = (ready or {}).get(id, cluster.members)
        members = tuple(member(f"{cluster.name}-{n}", ready=n < count) for n in range(cluster.members))
        found[cluster.name] = SeenCluster(cluster.name, cluster.members, members)
    return found
