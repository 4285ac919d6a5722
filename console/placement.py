"""`alto place`: where an application's members go, and why."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from autoscaler.act.pulumi_cli import Pulumi
from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.plan import Plan
from blueprints.scale import ScaleState
from blueprints.workspace import Workspace
from console.errors import BadInput
from console.side_by_side import side_by_side
from policies.placement.documents import problem_of
from policies.placement.live import Live, read_live
from policies.placement.observed import CloudView, Sighting, clouds_of, sightings, with_live
from policies.placement.overflow import overflowing
from policies.placement.place import place
from policies.placement.problem import Placement, Problem

DEFAULT_CLOUD = "local"
PATIENCE = 8.0
"""Seconds until a cloud that has not answered is left out; all are asked at once."""

Seen = Mapping[str, Sequence[Sighting]]
"""The members that run, by cluster id."""


def show(
    words: list[str],
    live: Path | None,
    targets: list[str],
    home: str | None,
    *,
    ask: bool = False,
    as_json: bool = False,
) -> None:
    """Print the placement of the last of `words`, an application, from the documents before it.

    Without documents those of its stack count, at the stack's scale. With `ask`, clouds are asked what they
    have free and what runs; one that does not answer is told, and the others count. Raises BadInput,
    DocumentError.
    """
    *paths, application = words
    if paths:
        workspace, plan = _from_documents(paths, application, targets)
    else:
        workspace, plan, cloud = _from_stack(application, targets)
        home = home or cloud
    known = read_live(live) if live else Live()
    _check_names(known, plan)
    problem = problem_of(workspace, plan, known, home or DEFAULT_CLOUD)
    seen: Seen = {}
    if ask:
        problem, seen = _with_clouds(problem, plan)
    placement = place(problem)
    stays = _staying(workspace, plan, problem, home or DEFAULT_CLOUD)
    if as_json:
        found = as_data(placement, seen)
        for cluster, why in stays.items():
            found[cluster]["staysAtHome"] = why
        print(json.dumps(found, indent=2))
        return
    said = [
        f"{cluster} has no members beyond {home or DEFAULT_CLOUD}: {why}" for cluster, why in stays.items()
    ]
    print("\n".join([*lines(placement, seen), *said]))


def _staying(workspace: Workspace, plan: Plan, problem: Problem, home: str) -> Mapping[str, str]:
    """The clusters that stay in the application's own cloud though their policy names others, and why."""
    name = plan.application.placement
    policy = workspace.get(ApplicationPolicy, name) if name else None
    return overflowing(plan, {each.cluster: each for each in problem.demands}, policy, home).refused


def as_data(placement: Placement, seen: Seen | None = None) -> dict[str, Any]:
    """The placement as plain data, by cluster id; `seen`: the members that run, by cluster id."""
    return {
        each.cluster: {
            "wanted": each.wanted,
            "members": each.members,
            "unplaced": each.unplaced,
            "costPerHour": round(each.cost, 6),
            "reasons": list(each.reasons),
            "places": [
                {**asdict(a), "place": a.place.key, "cloud": a.place.cloud, "reasons": list(a.reasons)}
                for a in each.allotments
            ],
            **({"seen": [asdict(member) for member in seen.get(each.cluster, [])]} if seen else {}),
        }
        for each in placement.clusters.values()
    }


def lines(placement: Placement, seen: Seen | None = None) -> list[str]:
    """The placement for people: a line for each cluster, place and running member, with the reasons."""
    said = []
    for each in placement.clusters.values():
        cost = f", {each.cost:.4g} an hour" if each.cost else ""
        said.append(f"{each.cluster}: {each.placed} of {each.wanted} members{cost}")
        for allotment in each.allotments:
            cloud = f" (cloud {allotment.place.cloud})" if allotment.place.cloud else ""
            said.append(f"  {allotment.place.key}{cloud}: {allotment.members}")
            said += [f"    {reason}" for reason in allotment.reasons]
            said += [
                f"    {member.member} on {member.host}" + (f" in zone {member.zone}" if member.zone else "")
                for member in (seen or {}).get(each.cluster, [])
                if member.place == allotment.place.key
            ]
        said += [f"  {reason}" for reason in each.reasons]
        said += [
            f"  {member.member} waits in {member.cloud}: {member.waiting}"
            for member in (seen or {}).get(each.cluster, [])
            if member.waiting
        ]
    return said or ["the application has no clusters"]


def _from_documents(paths: list[str], application: str, targets: list[str]) -> tuple[Workspace, Plan]:
    from console.scaling import Planner, asked, parse

    workspace = Workspace.load([Path(path) for path in paths])
    plan = Planner(workspace, application)
    return workspace, plan(asked(plan, ScaleState(), parse(targets)))


def _from_stack(application: str, targets: list[str]) -> tuple[Workspace, Plan, str]:
    """The documents, the plan, and the cloud that the stack is in."""
    from autoscaler.act.app_stack import AppStack
    from console.applications import known
    from console.scaling import asked, parse, planner

    cli, stack = known(application)
    plan, current = planner(cli, stack)
    cloud = AppStack.read(cli, stack).cloud
    return plan.workspace, plan(asked(plan, current, parse(targets))), cloud


def _check_names(live: Live, plan: Plan) -> None:
    unknown = sorted({*live.members, *live.unschedulable} - set(plan.clusters))
    if unknown:
        raise BadInput(
            f"the live data speaks of {', '.join(unknown)}, which the application lacks at this scale",
            f"Its clusters are {', '.join(plan.clusters)}.",
        )


def _with_clouds(problem: Problem, plan: Plan) -> tuple[Problem, Seen]:
    from autoscaler.act.environment import pulumi

    cli, views = pulumi(), {}
    clouds = clouds_of(problem.demands)
    answers = side_by_side({cloud: partial(_view, cli, cloud) for cloud in clouds}, PATIENCE)
    for cloud in clouds:
        answer = answers.get(cloud) or ConnectionError(f"it has not answered within {PATIENCE:g} s")
        if isinstance(answer, CloudView):
            views[cloud] = answer
        elif isinstance(answer, ConnectionError):
            said = f"{cloud}: {answer}; what it has free and what runs there is not known"
            print(said, file=sys.stderr)
        else:
            raise answer
    names = {cluster.name: cluster.id for cluster in plan.clusters.values()}
    name = plan.application.name
    seen = {demand.cluster: sightings(demand, views, name, names) for demand in problem.demands}
    return with_live(problem, views, name, names), seen


def _view(cli: Pulumi, cloud: str) -> CloudView:
    """Raises ConnectionError, in words."""
    from console import credentials
    from console.live_cluster import LiveCluster

    kubeconfig = credentials.refresh(cli, cloud)
    if kubeconfig is None:
        raise ConnectionError("its stack has made no cluster here")
    with LiveCluster(kubeconfig) as cluster:
        return CloudView(*cluster.everything())
