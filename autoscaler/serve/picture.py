"""An application's history as an SVG, without a plotting library. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from html import escape

from autoscaler.serve.history import ClusterHistory, History, Steps

WIDTH, ROW, LEFT, RIGHT, TOP, GAP = 1000, 150, 48, 16, 52, 34
INK, ASKED, NEEDED, EVENT = "#333", "#2458a6", "#c0392b", "#777"
CLOUDS = ("#b8c4d6", "#f2c38b", "#b5d6b2", "#d9b8d6", "#e3d98f")


def draw(found: History, zone: tzinfo | None = None) -> str:
    """One row for each cluster: ready members by cloud as areas on each other, ordered ones as a line, what
    the load asked for as a dotted one; moves between clouds as marks over all rows. `zone`: of its times."""
    clouds = sorted({cloud for cluster in found.clusters for cloud in cluster.ready})
    height = TOP + len(found.clusters) * (ROW + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{escape(found.application)}</text>',
        *_legend(clouds),
    ]
    for place, cluster in enumerate(found.clusters):
        parts += _row(found, cluster, clouds, TOP + place * (ROW + GAP), zone)
    parts += _events(found, height)
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _legend(clouds: Sequence[str]) -> list[str]:
    parts, x = [], LEFT
    for place, cloud in enumerate(clouds):
        parts.append(f'<rect x="{x}" y="30" width="12" height="12" fill="{_colour(place)}"/>')
        parts.append(f'<text x="{x + 17}" y="40">ready in {escape(cloud)}</text>')
        x += 85 + 7 * len(cloud)
    for text, colour, dash in (("ordered", ASKED, ""), ("needed by load", NEEDED, "3 3")):
        parts.append(
            f'<line x1="{x}" y1="36" x2="{x + 20}" y2="36" stroke="{colour}" stroke-dasharray="{dash}"/>'
            f'<text x="{x + 26}" y="40">{text}</text>'
        )
        x += 50 + 7 * len(text)
    return parts


def _colour(place: int) -> str:
    return CLOUDS[place % len(CLOUDS)]


def _row(
    found: History, cluster: ClusterHistory, clouds: Sequence[str], top: float, zone: tzinfo | None
) -> list[str]:
    base, right = top + ROW, WIDTH - RIGHT
    stacks = _stacked(cluster, clouds)
    levels = [value for steps in (*stacks, cluster.asked, cluster.needed) for _, value in steps]
    peak = max(1, *levels) if levels else 1
    scale = (ROW - 24) / peak
    parts = [f'<text x="{LEFT}" y="{top + 12:.0f}">{escape(cluster.path)}</text>']
    for place in range(len(stacks) - 1, -1, -1):
        line = _points(found, stacks[place], base, scale)
        if line:
            ends = f"{line.split(',', 1)[0]},{base:.1f} {line} {right},{base:.1f}"
            parts.append(f'<polygon points="{ends}" fill="{_colour(place)}"/>')
    for steps, colour, dash in ((cluster.needed, NEEDED, "3 3"), (cluster.asked, ASKED, "")):
        if line := _points(found, steps, base, scale):
            parts.append(
                f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-dasharray="{dash}"/>'
            )
    parts += [
        f'<line x1="{LEFT}" y1="{base}" x2="{right}" y2="{base}" stroke="{INK}"/>',
        f'<text x="{LEFT - 6}" y="{base - peak * scale + 4:.1f}" text-anchor="end">{peak}</text>',
        f'<text x="{LEFT - 6}" y="{base + 4}" text-anchor="end">0</text>',
        f'<text x="{LEFT}" y="{base + 15}">{_clock(found.begin, zone)}</text>',
        f'<text x="{right}" y="{base + 15}" text-anchor="end">{_clock(found.end, zone)}</text>',
    ]
    return parts


def _stacked(cluster: ClusterHistory, clouds: Sequence[str]) -> list[Steps]:
    """The sums of the first one, two, ... clouds' ready members, each as steps."""
    sums: list[Steps] = []
    for count in range(1, len(clouds) + 1):
        parts = [cluster.ready.get(cloud, ()) for cloud in clouds[:count]]
        times = sorted({at for steps in parts for at, _ in steps})
        sums.append(tuple((at, sum(_at(steps, at) for steps in parts)) for at in times))
    return sums


def _at(steps: Steps, moment: float) -> int:
    return next((value for at, value in reversed(steps) if at <= moment), 0)


def _points(found: History, steps: Steps, base: float, scale: float) -> str:
    """Corners of a staircase that ends at the right edge; empty without steps."""
    corners: list[str] = []
    height = None
    for at, value in steps:
        x = _x(found, at)
        if height is not None:
            corners.append(f"{x:.1f},{height:.1f}")
        height = base - value * scale
        corners.append(f"{x:.1f},{height:.1f}")
    if height is not None:
        corners.append(f"{WIDTH - RIGHT},{height:.1f}")
    return " ".join(corners)


def _x(found: History, at: float) -> float:
    share = (at - found.begin) / max(1e-9, found.end - found.begin)
    return LEFT + min(1.0, max(0.0, share)) * (WIDTH - LEFT - RIGHT)


def _events(found: History, height: float) -> list[str]:
    parts = []
    for event in found.events:
        x = _x(found, event.at)
        parts.append(
            f'<path d="M{x:.1f} {TOP}V{height - GAP}" stroke="{EVENT}" stroke-dasharray="2 4">'
            f"<title>{escape(event.text)}</title></path>"
            f'<text x="{x + 3:.1f}" y="{TOP + 10}" fill="{EVENT}" font-size="10">{escape(event.kind)}</text>'
        )
    return parts


def _clock(at: float, zone: tzinfo | None) -> str:
    return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M:%S")
