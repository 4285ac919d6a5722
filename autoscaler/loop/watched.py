"""One application as the autoscaler reads it: its stack's config and its documents, as the stack reads them.

Files are looked at each period, and read again only when they changed, so that a person's edit of the
bounds, the policy or the scale counts from the next decision on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoscaler.act.app_stack import AUTOSCALING, BLUEPRINT, CLOUD, AppStack
from autoscaler.act.edits import ScaleEdit
from autoscaler.act.footing import Footing, Footings, file_mark, file_marks
from autoscaler.act.pulumi_cli import PROJECT, Pulumi
from autoscaler.act.stack_config import ConfigUnreadable
from autoscaler.act.stack_lock import locks
from autoscaler.decide.application import Part, Proportion, Shape
from autoscaler.decide.document import controller_policy
from autoscaler.decide.policy import ControllerPolicy, PolicyError
from autoscaler.loop.bounds import Bounds
from autoscaler.loop.placing import Placing, placing
from blueprints.balancing.planning import with_balancers
from blueprints.beside import without_entrances
from blueprints.composition import ComposedLevel
from blueprints.deployed import Standing, admitted
from blueprints.expand import expand
from blueprints.findings import DocumentError
from blueprints.kinds.autoscaling_policy import AutoscalingPolicy
from blueprints.kinds.cartridge_use import Range
from blueprints.parts import part
from blueprints.plan import Plan, PlannedCluster
from blueprints.scale import ScaleState
from blueprints.steering import Steering
from blueprints.workspace import Workspace


class Unreadable(Exception):
    """The application cannot be read now, so nothing is decided; the message says why."""


@dataclass(frozen=True, slots=True)
class ScaledCluster:
    """A cluster by its path of aliases: its copies, and what decides about it.

    `policy` is None where only people scale it. `bounds` are for each copy.
    """

    path: str
    copies: tuple[PlannedCluster, ...]
    bounds: Range
    document: AutoscalingPolicy | None
    policy: ControllerPolicy | None

    @property
    def members(self) -> int:
        """What is asked for now, over all copies."""
        return sum(copy.members for copy in self.copies)


@dataclass(frozen=True)
class View:
    """An application at one moment. `asked` is the config's scale, `ordered` that with the edit under way,
    `scale` the same within the bounds. `resting` says why nothing may be changed; `deployed` are members by
    cluster id after the last update. `placing` is None where no policy says where members go. `waiting` says
    what people have edited and not deployed. `beside`: these are members beside those of the application's
    home, whose loop decides about all of them. `links`: host and port, at the home, that lead to its
    clusters, by such as `web:http`.
    """

    stack: str
    cloud: str
    plan: Plan
    asked: ScaleState
    ordered: ScaleState
    scale: ScaleState
    shape: Shape
    clusters: Mapping[str, ScaledCluster]
    instances: Mapping[str, int]
    resting: str
    deployed: Mapping[str, int] | None
    bounds: Bounds
    notes: tuple[str, ...] = ()
    placing: Placing | None = None
    waiting: tuple[str, ...] = ()
    beside: bool = False
    links: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def application(self) -> str:
        return self.plan.application.name


@dataclass
class _Documents:
    standing: Standing
    composed: dict[str, ComposedLevel] = field(default_factory=dict)


class Watched:
    """One stack `app-<name>` or `app-<name>--<cloud>`."""

    def __init__(self, cli: Pulumi, stack: str) -> None:
        self.stack = stack
        self._cli = cli
        self._footings = Footings(cli, stack)
        self._documents: _Documents | None = None
        self._root: ComposedLevel | None = None
        self._sources: list[Path] = []
        self._stamp: object = None
        self._view: View | None = None

    def read(self, under_way: ScaleEdit | None = None) -> View:
        """The application as its files say now. Raises Unreadable.

        What an edit that is under way asks for counts as asked for, written already or not.
        """
        try:
            return self._read(under_way)
        except (ConfigUnreadable, PolicyError, OSError) as error:
            self._stamp = None
            raise Unreadable(str(error)) from error
        except DocumentError as error:
            self._stamp = None
            first = error.findings[0]
            raise Unreadable(
                f"its documents cannot be used: {first.message}. {first.hint}".strip()
            ) from error

    def expected(self, edit: ScaleEdit) -> dict[str, int]:
        """Members by Kubernetes name of the clusters that an edit changes, from the documents last read."""
        if self._view is None or self._root is None:
            return {}
        before = self._view.plan.clusters
        plan = expand(self._root, edit.onto(self._view.scale), self._view.plan.copy)
        return {
            each.name: each.members
            for each in plan.clusters.values()
            if each.id not in before or before[each.id].members != each.members
        }

    def updating(self) -> str:
        """Who updates the stack now, in words; empty when nobody does, or whoever did is dead."""
        holders = (lock for lock in locks(self._cli.state, PROJECT, self.stack) if not lock.is_dead())
        return next((str(lock) for lock in holders), "")

    def _read(self, under_way: ScaleEdit | None) -> View:
        config_path = self._cli.config_path(self.stack)
        if not config_path.exists():
            raise Unreadable(f"{config_path} is gone")
        files = (file_mark(config_path), file_mark(self._cli.state_path(self.stack)))
        stamp = (*files, file_marks(self._sources), under_way)
        if self._view is not None and stamp == self._stamp:
            return self._view
        stack = AppStack.read(self._cli, self.stack)
        paths = stack.sources
        if not paths:
            raise Unreadable(f"{config_path} names no {BLUEPRINT}")
        marks = file_marks(paths)
        view = self._look(self._footings.read(stack), under_way)
        self._sources = paths
        self._view = view
        self._stamp = (*files, marks, under_way)
        return view

    def _look(self, footing: Footing, under_way: ScaleEdit | None) -> View:
        stack, standing = footing.stack, footing.standing
        if self._documents is None or self._documents.standing is not standing:
            self._documents = _Documents(standing)
        documents, workspace, name = self._documents, standing.workspace, stack.application
        if not stack.cloud:
            raise Unreadable(f"{self._cli.config_path(self.stack)} names no {CLOUD}")
        if name not in documents.composed:
            documents.composed[name] = workspace.compose(name)
        asked = stack.scale
        steering = Steering.parse(stack.config.get(AUTOSCALING))
        ordered = asked if under_way is None else under_way.onto(asked)
        fit = admitted(documents.composed[name], ordered, valid=standing.valid)
        root, scale, notes = fit.root, fit.scale, list(fit.moved)
        self._root, bounds, beside = root, Bounds.of(root), bool(scale.overflow)
        if beside:
            bounds = bounds.beside(path for path in stack.clusters or () if path in bounds.clusters)
        elif stack.clusters is not None:
            bounds = bounds.within(stack.clusters)
        plan = _plan(root, scale, stack, workspace)
        pinned = {bounds.path_of(key, bounds.clusters): count for key, count in steering.pinned.items()}
        notes += [
            f"altostratus:autoscaling pins {key}, which is no cluster."
            for key in steering.pinned
            if Bounds.of(root).path_of(key, Bounds.of(root).clusters) is None
        ]
        instances = _instances(plan, bounds)
        clusters = _clusters(plan, workspace, bounds, pinned, steering.paused)
        return View(
            stack=self.stack,
            cloud=stack.cloud,
            plan=plan,
            asked=asked,
            ordered=ordered,
            scale=scale,
            shape=_shape(plan, bounds, clusters, instances),
            clusters=clusters,
            instances=instances,
            resting=_resting(stack, steering, asked),
            deployed=_members(footing),
            bounds=bounds,
            notes=tuple(notes),
            placing=placing(workspace, plan, stack.cloud),
            waiting=(*footing.waiting, *fit.passed),
            beside=beside,
            links=_links(footing.outputs.get("links")),
        )


def _links(told: Any) -> dict[str, tuple[str, int]]:
    return {key: (str(each["host"]), int(each["port"])) for key, each in (told or {}).items()}


def _plan(root: ComposedLevel, scale: ScaleState, stack: AppStack, workspace: Workspace) -> Plan:
    """As `Workspace.plan`, of a composition that is kept."""
    plan = with_balancers(expand(root, scale, stack.copy), root, workspace)
    if scale.overflow:
        plan = without_entrances(plan)
    return plan if stack.clusters is None else part(plan, stack.clusters, root)


def _members(footing: Footing) -> Mapping[str, int] | None:
    """Members by cluster id as the stack's last update left them; None where it has made nothing yet."""
    members = footing.outputs.get("members")
    return {id: int(count) for id, count in members.items()} if members is not None else None


def _resting(stack: AppStack, steering: Steering, scale: ScaleState) -> str:
    """Why nothing is changed now, in words; empty where the autoscaler may act."""
    if stack.in_maintenance:
        return "in maintenance"
    if scale.restart is not None:
        return "restarting after a failure"
    return "paused by altostratus:autoscaling" if steering.paused else ""


def _clusters(
    plan: Plan, workspace: Workspace, bounds: Bounds, pinned: Mapping[str | None, int], paused: bool
) -> dict[str, ScaledCluster]:
    by_path: dict[str, list[PlannedCluster]] = {}
    for cluster in plan.clusters.values():
        by_path.setdefault(cluster.path, []).append(cluster)
    found = {}
    for path, copies in by_path.items():
        name = copies[0].use.autoscaling
        document = workspace.get(AutoscalingPolicy, name) if name else None
        policy = None
        if document is not None:
            each = bounds.clusters[path]
            pin = pinned.get(path)
            policy = controller_policy(
                document,
                each.min * len(copies),
                max(1, each.max * bounds.most_copies(path)),
                paused=paused,
                pinned=None if pin is None else min(pin, each.max) * len(copies),
            )
        found[path] = ScaledCluster(path, tuple(copies), bounds.clusters[path], document, policy)
    return found


def _instances(plan: Plan, bounds: Bounds) -> dict[str, int]:
    """Instances of each group for each copy of what is around it; the most, where copies differ."""
    found = dict.fromkeys(bounds.groups, 0)
    for level in plan.levels.values():
        around = _plain(level.id)
        for child in level.children.values():
            if child.kind == "group":
                path = f"{around}/{child.alias}" if around else child.alias
                found[path] = max(found[path], len(child.ids))
    return found


def _shape(
    plan: Plan, bounds: Bounds, clusters: Mapping[str, ScaledCluster], instances: Mapping[str, int]
) -> Shape:
    proportions = {}
    for level in plan.levels.values():
        around = _plain(level.id)
        for rule in level.scaling:
            members = tuple(f"{around}/{alias}" if around else alias for alias in rule.members)
            proportions[members] = Proportion(members, rule.ratio)
    tied = {member for members in proportions for member in members}
    groups = {}
    for path, each in bounds.groups.items():
        managed = path in tied or any(
            one.policy is not None and one.path.startswith(f"{path}/") for one in clusters.values()
        )
        # Instances that only people scale stay as they are: nothing here knows what they are for.
        least = each.min if managed else min(each.max, max(each.min, instances[path]))
        groups[path] = Part(path, least, each.max)
    parts = {path: Part(path, each.min, each.max) for path, each in bounds.clusters.items()}
    known = {*parts, *groups}
    ratios = (each for each in proportions.values() if known.issuperset(each.members))
    return Shape(parts, groups, tuple(ratios))


def _plain(level: str) -> str:
    """The path of aliases of a level's id: `search.2/shard.1` is `search/shard`."""
    return "/".join(segment.partition(".")[0] for segment in level.split("/")) if level else ""
