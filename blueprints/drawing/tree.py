"""A plan as a tree in plain text."""

from blueprints.plan import Plan, PlannedChild, PlannedCluster, PlannedLevel


def render_tree(plan: Plan) -> str:
    """Levels, clusters, members, order and ports, one a line."""
    application = plan.application
    head = f"{application.name} ({len(plan.clusters)} clusters, {plan.members} members)"
    lines = [head + _behaviour(plan.levels[""])]
    _level(plan, plan.levels[""], "", lines)
    return "\n".join(lines) + "\n"


def _behaviour(level: PlannedLevel) -> str:
    return f", termination {level.termination}" if level.termination != "none" else ""


def _level(plan: Plan, level: PlannedLevel, margin: str, lines: list[str]) -> None:
    entries: list[tuple[PlannedChild, str]] = [
        (child, identity) for child in level.children.values() for identity in child.ids
    ]
    entries += [(child, "") for child in level.children.values() if not child.ids]
    rules = [f"keeps {' : '.join(r.members)} at {':'.join(map(str, r.ratio))}" for r in level.scaling]
    for index, (child, identity) in enumerate(entries):
        last = index == len(entries) - 1 and not rules
        branch, deeper = ("└─ ", "   ") if last else ("├─ ", "│  ")
        waits = level.waits_for.get(child.alias, ())
        after = f"  after {', '.join(waits)}" if waits else ""
        if child.kind == "cluster":
            lines.append(f"{margin}{branch}{_cluster(plan.clusters[identity])}{after}")
        elif not identity:
            lines.append(f"{margin}{branch}{child.alias} (no instances of {child.bounds}){after}")
        else:
            inner = plan.levels[identity]
            what = f"{child.alias}.{inner.instance} (group, {child.bounds} instances{_behaviour(inner)})"
            lines.append(f"{margin}{branch}{what}{after}")
            _level(plan, inner, margin + deeper, lines)
    for index, rule in enumerate(rules):
        lines.append(f"{margin}{'└─ ' if index == len(rules) - 1 else '├─ '}{rule}")


def _cluster(cluster: PlannedCluster) -> str:
    ports = " ".join(f"{p.name}:{p.service_port}" for p in cluster.ports)
    bounds = cluster.bounds
    unit = "member" if cluster.members == 1 else "members"
    text = f"{cluster.alias} [{cluster.cartridge.name}] {cluster.members} {unit} of {bounds}"
    return f"{text}  {ports}" if ports else text
