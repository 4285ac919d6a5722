"""Manual scaling: an edit of `altostratus:scale` and an update, as the autoscaler does it."""

from collections.abc import Callable, Mapping

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_config import read
from blueprints.plan import Plan
from blueprints.scale import ScaleState
from blueprints.workspace import Workspace
from console.errors import BadInput
from console.updates import recovered, tell

KEY = "altostratus:scale"


def scale(application: str, targets: list[str], *, preview: bool) -> None:
    """`alto scale`: check against the documents' ranges, write the key, update without a refresh.

    Raises BadInput for a malformed target and DocumentError, naming the range, for one outside it.
    """
    cli, stack = pulumi(), f"app-{application}"
    plan, current = planner(cli, application)
    before = plan(current)
    clusters, groups = split(parse(targets), {level.alias for level in before.levels.values()})
    wanted = merged(current, clusters, groups)
    after = plan(wanted)
    for line in changes(members(before), members(after)):
        print(line)
    if preview:
        return
    for each in recovered(cli, stack):
        print(f"{stack}: {each}")
    cli.configure(stack, {KEY: wanted.to_data()})
    tell(stack, cli.up(stack, "--refresh=false"))


def planner(cli: Pulumi, application: str) -> tuple[Callable[[ScaleState], Plan], ScaleState]:
    """What expands the application of a stack at a given scale, and the scale that it has now.

    Raises BadInput, naming the applications there are, where there is no such stack.
    """
    stack = f"app-{application}"
    if not cli.exists(stack):
        names = ", ".join(s.removeprefix("app-") for s in cli.stacks() if s.startswith("app-")) or "none"
        raise BadInput(f"there is no application {application}", f"Applications here: {names}.")
    config = read(cli.config_path(stack))
    blueprint = config["altostratus:blueprint"]
    sources = [blueprint] if isinstance(blueprint, str) else blueprint
    workspace = Workspace.load([cli.root / source for source in sources])
    name = config["altostratus:application"]
    return (lambda state: workspace.plan(name, state)), ScaleState.parse(config.get(KEY))


def current_plan(application: str) -> Plan:
    """The plan of a stack's application at its scale."""
    plan, current = planner(pulumi(), application)
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


def split(targets: Mapping[str, int], groups: set[str]) -> tuple[dict[str, int], dict[str, int]]:
    """The targets that mean clusters, and those whose last segment is a group's alias."""
    of_groups = {key: n for key, n in targets.items() if key.split("/")[-1].split(".")[0] in groups}
    return {key: n for key, n in targets.items() if key not in of_groups}, of_groups


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
