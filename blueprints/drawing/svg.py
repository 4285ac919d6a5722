"""A plan as an SVG picture, without other programs: a column for each stage of starting."""

from dataclasses import dataclass
from html import escape

from blueprints.plan import Plan, PlannedCluster

_WIDTH, _HEIGHT = 190, 52
_GAP_X, _GAP_Y = 70, 22
_MARGIN = 24
_SWEEPS = 4

_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1c1f23 }
  .small { font-size: 11px; fill: #5b6470 }
  .cluster { fill: #ffffff; stroke: #39424e; rx: 8 }
  .order { fill: none; stroke: #39424e; stroke-width: 1.4 }
  .link { fill: none; stroke: #9aa4b0; stroke-dasharray: 4 4 }
  @media (prefers-color-scheme: dark) {
    text { fill: #eef1f4 } .small { fill: #a9b3be } .cluster { fill: #1c2127; stroke: #a9b3be }
    .order { stroke: #a9b3be }
  }
"""


@dataclass(frozen=True, slots=True)
class _Place:
    x: float
    y: float


def render_svg(plan: Plan) -> str:
    """The picture as text. Solid arrows are startup order, dashed ones links that nothing waits for."""
    columns = _ordered(plan)
    places = {
        identity: _Place(_MARGIN + c * (_WIDTH + _GAP_X), 2 * _MARGIN + r * (_HEIGHT + _GAP_Y))
        for c, column in enumerate(columns)
        for r, identity in enumerate(column)
    }
    width = 2 * _MARGIN + len(columns) * (_WIDTH + _GAP_X) - _GAP_X
    height = 3 * _MARGIN + max(map(len, columns), default=0) * (_HEIGHT + _GAP_Y)
    name = escape(plan.application.name)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="Plan of {name}">',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0L8 4L0 8z" fill="#7d8894"/></marker></defs>',
        f'<text x="{_MARGIN}" y="{_MARGIN}">{name}</text>',
    ]
    for cluster in plan.clusters.values():
        parts += _arrows(plan, cluster, places)
    parts += [_box(cluster, places[cluster.id]) for cluster in plan.clusters.values()]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _ordered(plan: Plan) -> list[list[str]]:
    """The stages, each sorted by the mean position of its neighbours so that fewer arrows cross."""
    columns = [list(stage) for stage in plan.stages]
    before = {c.id: c.waits_for for c in plan.clusters.values()}
    after: dict[str, list[str]] = {identity: [] for identity in plan.clusters}
    for identity, waits in before.items():
        for wait in waits:
            after[wait].append(identity)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        position = {identity: r for column in columns for r, identity in enumerate(column)}
        for column in columns if forward else reversed(columns):
            weights: dict[str, float] = {}
            for identity in column:
                near = before[identity] if forward else after[identity]
                weights[identity] = sum(position[n] for n in near) / len(near) if near else position[identity]
            column.sort(key=lambda identity: (weights[identity], position[identity]))
            position.update({identity: r for r, identity in enumerate(column)})
    return columns


def _arrows(plan: Plan, cluster: PlannedCluster, places: dict[str, _Place]) -> list[str]:
    here = places[cluster.id]
    seen = {source for link in cluster.links for source in plan.copies(link.source)}
    links = seen - set(cluster.waits_for)
    found = [_arrow(places[source], here, "order") for source in cluster.waits_for]
    return found + [_arrow(places[source], here, "link") for source in sorted(links)]


def _arrow(start: _Place, end: _Place, kind: str) -> str:
    x1, y1 = start.x + _WIDTH, start.y + _HEIGHT / 2
    x2, y2 = end.x, end.y + _HEIGHT / 2
    bend = max(abs(x2 - x1) / 2, _GAP_X / 2)
    curve = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    return f'<path class="{kind}" d="{curve}" marker-end="url(#head)"/>'


def _box(cluster: PlannedCluster, place: _Place) -> str:
    unit = "member" if cluster.members == 1 else "members"
    group = escape(_short(cluster.level)) if cluster.level else ""
    lines = [
        f"<g><title>{escape(cluster.id)}</title>",
        f'<rect class="cluster" x="{place.x}" y="{place.y}" width="{_WIDTH}" height="{_HEIGHT}"/>',
        f'<text x="{place.x + 10}" y="{place.y + 21}">{escape(_short(cluster.alias))}</text>',
        f'<text class="small" x="{place.x + 10}" y="{place.y + 40}">'
        f"{escape(cluster.cartridge.name[:18])}, {cluster.members} {unit}</text>",
    ]
    if group:
        lines.append(f'<text class="small" x="{place.x}" y="{place.y - 5}">{group}</text>')
    return "".join([*lines, "</g>"])


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:11]}…{text[-12:]}"
