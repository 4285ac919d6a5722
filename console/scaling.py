"""Manual scaling: an edit of `altostratus:scale` and an update, as the autoscaler does it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from autoscaler.act import stack_config
from autoscaler.act.app_stack import BLUEPRINT, PREFIX, SCALE, SEPARATOR, AppStack
from autoscaler.act.pulumi_cli import Pulumi
from blueprints.composition import ComposedLevel
from blueprints.plan import HOME_COPY, Plan
from blueprints.scale import ScaleState, kind_of
from blueprints.workspace import Workspace
from console.applications import known
from console.errors import BadInput
from console.updates import clear, tell
from policies.dependent_scaling import counts, released, with_dependents

ROUNDS = 20
"""Groups that follow may bring levels with rules of their own; deeper than this nothing nests."""


@dataclass(frozen=True)
class Planner:
    """An application's documents, ready to be expanded at any scale."""

    workspace: Workspace
    name: str
    copy: str = HOME_COPY
    only: tuple[str, ...] | None = None

    def __call__(self, scale: ScaleState) -> Plan:
        """Its plan. Raises DocumentError, naming the range, for a scale outside it."""
        return self.workspace.plan(self.name, scale, self.copy, self.only)

    @property
    def root(self) -> ComposedLevel:
        """The tree that keys of a scale are found in."""
        return self.workspace.compose(self.name)


def scale(application: str, targets: list[str], *, preview: bool) -> None:
    """`alto scale`: check against the documents' ranges, write the key, update without a refresh.

    Raises BadInput for a malformed target and DocumentError, naming the range, for one outside it.
    """
    cli, stack = known(application)
    plan, current = planner(cli, stack)
    wanted = asked(plan, current, parse(targets))
    refuse_elsewhere(stack, plan, current, wanted)
    before, after = plan(current.at_rest()), plan(wanted.at_rest())
    for line in changes(members(before), members(after)):
        print(line)
    if preview:
        return
    clear(cli, stack)

    def again(value: Any) -> Any:
        # Somebody may have edited the scale since: what they changed and we do not name stays.
        return asked(plan, ScaleState.parse(value), parse(targets)).to_data()

    stack_config.change(cli.config_path(stack), SCALE, again)
    tell(stack, cli.up(stack, "--refresh=false"))


def refuse_elsewhere(stack: str, plan: Planner, current: ScaleState, wanted: ScaleState) -> None:
    """Refuse what a copy has no part in. Raises BadInput."""
    if plan.only is None:
        return
    whole = replace(plan, only=None)
    before, after = members(whole(current.at_rest())), members(whole(wanted.at_rest()))
    here = members(plan(wanted.at_rest()))
    absent = [id for id, count in after.items() if before.get(id) != count and id not in here]
    if absent:
        home = stack.removeprefix(PREFIX).partition(SEPARATOR)[0]
        raise BadInput(
            f"{stack} has no {', '.join(absent)}: the copy has {', '.join(plan.only)} only",
            f"The rest runs at the application's home: alto scale {home} "
            + " ".join(f"{id}={after[id]}" for id in absent),
        )


def planner(cli: Pulumi, stack: str) -> tuple[Planner, ScaleState]:
    """What expands the application of a stack at a given scale, and the scale that it has now."""
    found = AppStack.read(cli, stack)
    if not found.blueprint:
        raise BadInput(f"{stack} has no {BLUEPRINT} in its config", f"Add it to {cli.config_path(stack)}.")
    return Planner(found.documents(), found.application, found.copy, found.clusters), found.scale


def current_plan(application: str) -> Plan:
    """The plan of a stack's application at its scale."""
    plan, current = planner(*known(application))
    return plan(current)


def parse(targets: list[str]) -> dict[str, int]:
    """ALIAS=N pairs as a mapping. Raises BadInput naming every malformed one."""
    wrong, found = [], {}
    for target in targets:
        alias, separator, number = target.partition("=")
        if separator and alias and number.isascii() and number.isdigit():
            found[alias] = int(number)
        else:
            wrong.append(target)
    if wrong:
        raise BadInput(f"not ALIAS=N: {', '.join(wrong)}", "N is a whole number of members, such as web=5.")
    return found


def asked(plan: Planner, current: ScaleState, targets: Mapping[str, int]) -> ScaleState:
    """The scale with the targets, and with what has to follow them up or may follow them down."""
    root = plan.root
    clusters, groups = split(targets, lambda key: kind_of(key, root))
    wanted = merged(current, clusters, groups)
    before = plan(current.at_rest())
    changed = _changed(before, plan(wanted.at_rest()))
    wanted = released(before, wanted, changed)
    for _ in range(ROUNDS):
        after = plan(wanted.at_rest())
        again = with_dependents(after, wanted, changed)
        if again == wanted:
            break
        # New copies of groups have rules of their own; what followed has had its say.
        wanted, changed = again, frozenset(counts(plan(again.at_rest()))) - frozenset(counts(after))
    return wanted


def _changed(before: Plan, after: Plan) -> frozenset[str]:
    """What has another count, or is new, by the keys of single copies."""
    old = counts(before)
    return frozenset(key for key, count in counts(after).items() if old.get(key) != count)


def split(targets: Mapping[str, int], kind: Callable[[str], str]) -> tuple[dict[str, int], dict[str, int]]:
    """The targets that mean clusters, and those that mean groups."""
    kinds = {key: kind(key) for key in targets}
    clusters = {key: count for key, count in targets.items() if kinds[key] == "cluster"}
    return clusters, {key: count for key, count in targets.items() if kinds[key] == "group"}


def merged(scale: ScaleState, clusters: Mapping[str, int], groups: Mapping[str, int]) -> ScaleState:
    """The scale with the new counts and the next generation; what is not named stays."""
    return scale.model_copy(
        update={
            "clusters": {**scale.clusters, **clusters},
            "groups": {**scale.groups, **groups},
            "generation": scale.generation + 1,
        }
    )


def members(plan: Plan) -> dict[str, int]:
    """Members by cluster id."""
    return {id: cluster.members for id, cluster in plan.clusters.items()}


def changes(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """What changes, a line for each cluster."""
    lines = []
    for id in sorted({**before, **after}):
        old, new = before.get(id, 0), after.get(id, 0)
        if old != new:
            lines.append(f"{id}: {old} -> {new} members")
    return lines or ["nothing changes"]
