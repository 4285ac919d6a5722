"""`alto place`: where an application's members go, and why."""

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from console.applications import known
from console.placement_parts import Part, check_names, from_documents, from_stacks, problems, staying, without
from console.placement_telling import Seen, as_data, lines, with_copies
from console.side_by_side import side_by_side
from policies.placement.live import Live, read_live
from policies.placement.observed import CloudView, clouds_of, sightings, with_live
from policies.placement.place import place
from policies.placement.problem import Problem

DEFAULT_CLOUD = "local"
PATIENCE = 8.0
"""Seconds until a cloud that has not answered is left out; all are asked at once."""


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

    Without documents those of its stack count, at the stack's scale, members beside it included; whole copies
    are placed each by itself. With `ask`, clouds are asked what they have free and what runs; one that does
    not answer is told, and counts as full. Raises BadInput, LiveFault, DocumentError.
    """
    *paths, application = words
    parts: Sequence[Part]
    if paths:
        cli, parts = None, (from_documents(paths, application, targets, home or DEFAULT_CLOUD),)
    else:
        cli, stack = known(application)
        parts = from_stacks(cli, stack, targets, home)
    told = read_live(live) if live else Live()
    check_names(told, parts)
    found = list(problems(parts, told))
    stays = staying(parts[0], found[0])
    seen: list[Seen] = [{} for _ in parts]
    if ask:
        found, seen = _with_clouds(cli or pulumi(), parts, found)
    placed = [place(each) for each in found]
    each_of = list(zip(placed, found, seen, strict=True))
    if as_json:
        data, *copies = [as_data(*each) for each in each_of]
        for cluster, why in stays.items():
            data[cluster]["staysAtHome"] = why
        clouds = [part.cloud for part in parts[1:]]
        print(json.dumps(with_copies(data, dict(zip(clouds, copies, strict=True))), indent=2))
        return
    for part, each in zip(parts, each_of, strict=True):
        if len(parts) > 1:
            print(f"The {'home' if part is parts[0] else 'copy'} in {part.cloud}:")
        print("\n".join(lines(*each)))
    for cluster, why in stays.items():
        print(f"{cluster} has no members beyond {parts[0].cloud}: {why}")


def _with_clouds(
    cli: Pulumi, parts: Sequence[Part], problems: Sequence[Problem]
) -> tuple[list[Problem], list[Seen]]:
    """The problems with what clouds say, and the members seen there."""
    wanted = [
        dict.fromkeys((*part.look_in, *clouds_of(problem.demands)))
        for part, problem in zip(parts, problems, strict=True)
    ]
    views: dict[str, CloudView] = {}
    asked = {cloud: partial(_view, cli, cloud) for clouds in wanted for cloud in clouds}
    answers = side_by_side(asked, PATIENCE)
    for cloud in asked:
        answer = answers.get(cloud) or ConnectionError(f"it has not answered within {PATIENCE:g} s")
        if isinstance(answer, CloudView):
            views[cloud] = answer
        elif isinstance(answer, ConnectionError):
            room = "" if cloud in problems[0].hosts else "it counts as full, and "
            print(f"{cloud}: {answer}; {room}what runs there is not known", file=sys.stderr)
        else:
            raise answer
    found: list[Problem] = []
    seen: list[Seen] = []
    for part, problem, clouds in zip(parts, problems, wanted, strict=True):
        here = {cloud: views[cloud] for cloud in clouds if cloud in views}
        names = {cluster.name: cluster.id for cluster in part.plan.clusters.values()}
        name = part.plan.application.name
        silent = [cloud for cloud in clouds if cloud not in here and cloud not in problem.hosts]
        found.append(without(with_live(problem, here, name, names), silent))
        seen.append({each.cluster: sightings(each, here, name, names) for each in problem.demands})
        if part.cloud in silent and part.look_in and not part.whole:
            print(f"Nothing is moved while the home, {part.cloud}, does not answer.", file=sys.stderr)
    return found, seen


def _view(cli: Pulumi, cloud: str) -> CloudView:
    """Raises ConnectionError, in words."""
    from console import credentials
    from console.live_cluster import LiveCluster

    kubeconfig = credentials.refresh(cli, cloud)
    if kubeconfig is None:
        raise ConnectionError("its stack has made no cluster here")
    with LiveCluster(kubeconfig) as cluster:
        return CloudView(*cluster.everything())
