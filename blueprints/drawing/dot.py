"""A plan as a graph in the DOT language: groups as boxes, startup order as arrows."""

from blueprints.plan import Plan, PlannedLevel


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def render_dot(plan: Plan) -> str:
    """The graph; an arrow goes from what is ready first to what waits for it."""
    lines = [
        f"digraph {_quoted(plan.application.name)} {{",
        "  rankdir=LR;",
        '  node [shape=box, style="rounded,filled", fillcolor=white, fontname="sans-serif"];',
    ]
    _level(plan, plan.levels[""], "  ", lines)
    for cluster in plan.clusters.values():
        lines += [f"  {_quoted(before)} -> {_quoted(cluster.id)};" for before in cluster.waits_for]
        linked = {source for link in cluster.links for source in plan.copies(link.source)}
        seen = linked - set(cluster.waits_for)
        lines += [
            f"  {_quoted(source)} -> {_quoted(cluster.id)} [style=dashed, constraint=false];"
            for source in plan.clusters
            if source in seen
        ]
    return "\n".join([*lines, "}"]) + "\n"


def _level(plan: Plan, level: PlannedLevel, margin: str, lines: list[str]) -> None:
    for child in level.children.values():
        for identity in child.ids:
            if child.kind == "cluster":
                cluster = plan.clusters[identity]
                label = f"{cluster.alias}\n{cluster.cartridge.name} × {cluster.members}"
                lines.append(f"{margin}{_quoted(identity)} [label={_quoted(label)}];")
            else:
                lines.append(f"{margin}subgraph {_quoted(f'cluster_{identity}')} {{")
                lines.append(f"{margin}  label={_quoted(identity)}; style=rounded; color=gray;")
                _level(plan, plan.levels[identity], margin + "  ", lines)
                lines.append(f"{margin}}}")
