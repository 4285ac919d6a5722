"""What `alto place` places: an application by its documents, or what its stacks have in each cloud. The
problems that come of it are made without effects."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from autoscaler.act.app_stack import SEPARATOR, AppStack, copies_among
from autoscaler.act.pulumi_cli import Pulumi
from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.kinds.cartridge_use import UNBOUNDED
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.kinds.host_cluster import HostCluster
from blueprints.kinds.network_partition import NetworkPartition
from blueprints.nearest import nearest
from blueprints.plan import Plan
from blueprints.scale import ScaleState
from blueprints.workspace import Workspace
from console.errors import BadInput
from console.scaling import Planner, asked, members, parse, planner
from policies.placement.documents import EVERYWHERE, problem_of, restricted
from policies.placement.live import Live
from policies.placement.overflow import from_home, makes_copies, overflowing
from policies.placement.problem import Demand, Network, Place, Problem, Rules, Share


@dataclass(frozen=True)
class Part:
    """What is placed by itself: an application over its policies' clouds, or one copy of it in `cloud`.

    look_in: clouds that have members of it whatever the policies name. whole: it is in `cloud` only.
    """

    cloud: str
    workspace: Workspace
    plan: Plan
    look_in: tuple[str, ...] = ()
    whole: bool = False

    @property
    def policy(self) -> ApplicationPolicy | None:
        """The application's."""
        name = self.plan.application.placement
        return self.workspace.get(ApplicationPolicy, name) if name else None


def from_documents(paths: list[str], application: str, targets: list[str], cloud: str) -> Part:
    """Raises BadInput and DocumentError."""
    workspace = Workspace.load([Path(path) for path in paths])
    plan = Planner(workspace, application)
    return Part(cloud, workspace, plan(asked(plan, ScaleState(), parse(targets))))


def from_stacks(cli: Pulumi, stack: str, targets: list[str], cloud: str | None) -> tuple[Part, ...]:
    """The application's home, and its whole copies, where it has or may have any; members beside the home are
    of one cluster with those there. `targets` are the home's. Raises BadInput and DocumentError."""
    home = AppStack.read(cli, stack)
    names = (each for each in copies_among(cli.stacks(), stack.removeprefix("app-")) if each != stack)
    others = [AppStack.read(cli, each) for each in names if cli.config_path(each).exists()]
    plan, current = planner(cli, stack)
    apart = SEPARATOR in stack or any(not each.scale.overflow for each in others)
    if not apart:
        current = _with_beside(plan, current, [planner(cli, each.name) for each in others])
    here, look_in = cloud or home.cloud, (cloud or home.cloud, *(each.cloud for each in others))
    part = Part(here, plan.workspace, plan(asked(plan, current, parse(targets))), look_in)
    if not apart and not makes_copies(part.policy):
        return (part,)
    return (
        replace(part, look_in=(here,), whole=True),
        *(_copy(each, *planner(cli, each.name)) for each in others),
    )


def _copy(stack: AppStack, plan: Planner, scale: ScaleState) -> Part:
    return Part(stack.cloud, plan.workspace, plan(scale), (stack.cloud,), whole=True)


def _with_beside(
    plan: Planner, current: ScaleState, beside: Iterable[tuple[Planner, ScaleState]]
) -> ScaleState:
    """The home's scale with the members that others have of its clusters, up to the clusters' bounds."""
    here = plan(current).clusters
    counts = members(plan(current))
    for theirs, scale in beside:
        for id, more in members(theirs(scale)).items():
            if id in here:
                counts[id] = min(here[id].bounds.max, counts[id] + more)
    changed = {id: count for id, count in counts.items() if count != here[id].members}
    return current.model_copy(update={"clusters": {**current.clusters, **changed}})


def problems(parts: Iterable[Part], live: Live) -> Iterator[Problem]:
    """The problem of each part; what those before it want of a quota is in use. Raises DocumentError."""
    used = dict(live.quota_used)
    for part in parts:
        found = problem_of(part.workspace, part.plan, live, part.cloud)
        found = within(found, part.cloud) if part.whole else _home_first(found, part.cloud)
        yield replace(found, quota_used=dict(used))
        for demand in found.demands:
            used[demand.rules.name] = used.get(demand.rules.name, 0) + demand.members


def within(problem: Problem, cloud: str) -> Problem:
    """The problem of a copy that is whole in one cloud; a policy that does not name that binds nothing."""
    return replace(problem, demands=tuple(_within(demand, cloud) for demand in problem.demands))


def _home_first(problem: Problem, home: str) -> Problem:
    return replace(problem, demands=tuple(from_home(demand, home) for demand in problem.demands))


def _within(demand: Demand, cloud: str) -> Demand:
    networks = demand.rules.networks
    here = {each.name for each in networks if any(share.place.cloud == cloud for share in each.shares)}
    why = f"a copy is whole in one cloud, and this one is in {cloud}"
    rules = restricted(demand.rules, here, why)
    if not here:
        rules = replace(rules, groups=((_anywhere(cloud),),))
    away = {each.name for each in networks} - here
    return replace(
        demand, rules=rules, now=_but(away, demand.now), unschedulable=_but(away, demand.unschedulable)
    )


def _anywhere(cloud: str) -> Network:
    place = Place(cloud, EVERYWHERE, cloud)
    return Network(cloud, "one-after-another", (Share(place, UNBOUNDED),))


def _but(networks: set[str], by_place: Mapping[str, int]) -> dict[str, int]:
    return {key: count for key, count in by_place.items() if key.partition("/")[0] not in networks}


def without(problem: Problem, silent: Iterable[str]) -> Problem:
    """The problem where some clouds do not answer: as for the autoscaler, they are no room."""
    demands = problem.demands
    for cloud in silent:
        demands = tuple(replace(each, rules=_closed(each.rules, cloud)) for each in demands)
    return replace(problem, demands=demands)


def _closed(rules: Rules, cloud: str) -> Rules:
    open_ones = [n.name for n in rules.networks if all(s.place.cloud != cloud for s in n.shares)]
    return restricted(rules, open_ones, f"the cloud {cloud} does not answer")


def staying(part: Part, problem: Problem) -> Mapping[str, str]:
    """The clusters that stay in the application's own cloud though their policy names others, and why."""
    demands = {each.cluster: each for each in problem.demands}
    return overflowing(part.plan, demands, part.policy, part.cloud).refused


def check_names(live: Live, parts: Iterable[Part]) -> None:
    """Raises BadInput where live data names what there is not."""
    clusters, places, clouds, policies = (dict[str, None]() for _ in range(4))
    for part in parts:
        networks = list(part.workspace.all(NetworkPartition))
        clusters.update(dict.fromkeys(part.plan.clusters))
        clouds.update(dict.fromkeys((part.cloud, *(each.cloud for each in networks))))
        clouds.update(dict.fromkeys(each.name for each in part.workspace.all(HostCluster)))
        places.update(dict.fromkeys(f"{each.name}/{p.name}" for each in networks for p in each.partitions))
        places.update(dict.fromkeys(f"{cloud}/{EVERYWHERE}" for cloud in clouds))
        policies.update(dict.fromkeys(each.name for each in part.workspace.all(DeploymentPolicy)))
    by_cluster = (live.members, live.unschedulable)
    named = (
        ("clusters at this scale", clusters, (each for by in by_cluster for each in by)),
        ("places", places, (key for by in by_cluster for found in by.values() for key in found)),
        ("clouds", clouds, live.clouds),
        ("deployment policies", policies, live.quota_used),
    )
    problems = [_unknown(kind, known, names) for kind, known, names in named]
    if told := [each for each in problems if each]:
        raise BadInput("\n".join(told))


def _unknown(kind: str, known: Iterable[str], names: Iterable[str]) -> str:
    there = list(known)
    unknown = sorted(set(names) - set(there))
    if not unknown:
        return ""
    close = nearest(unknown[0], there)
    return (
        f"the live data speaks of {', '.join(unknown)}, which is not among the {kind}"
        f"\n  {f'Did you mean {close}? ' if close else ''}There are {', '.join(there) or 'none'}."
    )
