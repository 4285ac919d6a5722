"""Demand and supply over time as an SVG, without a plotting library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from autoscaler.replay.loop import Run

WIDTH, ROW, LEFT, RIGHT, TOP, GAP = 1200, 170, 56, 16, 34, 26
POINTS = 1100
INK, DEMAND, SUPPLY, MISS = "#333", "#b8c4d6", "#2458a6", "#c0392b"


def draw(title: str, tick: float, runs: Sequence[Run]) -> str:
    """One row for each run: demand as an area, members paid for as a line, misses as ticks below."""
    height = TOP + len(runs) * (ROW + GAP) + 10
    peak = max(1, *(int(max(one.spec.max(), one.demand.max())) for one in runs))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}: members needed (area), '
        "paid for (line), missed (red)</text>",
    ]
    for place, one in enumerate(runs):
        parts += _row(one, TOP + place * (ROW + GAP), peak, tick)
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _row(one: Run, top: float, peak: int, tick: float) -> list[str]:
    base = top + ROW - 8
    scale = (ROW - 30) / peak
    quality = one.quality
    demand, spec = _highest(one.demand), _highest(one.spec)
    missed = _highest(np.sign(one.missed))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(demand))
    area = " ".join(f"{LEFT + i * step:.1f},{base - v * scale:.1f}" for i, v in enumerate(demand))
    line = " ".join(f"{LEFT + i * step:.1f},{base - v * scale:.1f}" for i, v in enumerate(spec))
    end = LEFT + (len(demand) - 1) * step
    hours = len(one.demand) * tick / 3600.0
    parts = [
        f'<text x="{LEFT}" y="{top + 12:.0f}">{escape(one.name)}: {quality.miss_percent:.2f} % missed, '
        f"cost x{quality.cost:.3f}, {quality.actions_per_day:.0f} actions a day</text>",
        f'<polygon points="{LEFT},{base:.1f} {area} {end:.1f},{base:.1f}" fill="{DEMAND}"/>',
        f'<polyline points="{line}" fill="none" stroke="{SUPPLY}" stroke-width="1"/>',
        f'<line x1="{LEFT}" y1="{base:.1f}" x2="{end:.1f}" y2="{base:.1f}" stroke="{INK}"/>',
        f'<text x="{LEFT - 6}" y="{base - peak * scale + 4:.1f}" text-anchor="end">{peak}</text>',
        f'<text x="{LEFT - 6}" y="{base + 4:.1f}" text-anchor="end">0</text>',
        f'<text x="{end:.1f}" y="{base + 14:.1f}" text-anchor="end">{hours:.1f} h</text>',
    ]
    marks = [f"M{LEFT + i * step:.1f} {base + 2:.1f}v5" for i, v in enumerate(missed) if v > 0]
    if marks:
        parts.append(f'<path d="{"".join(marks)}" stroke="{MISS}" stroke-width="1"/>')
    return parts


def _highest(series: NDArray[np.int64] | NDArray[np.float64]) -> list[float]:
    """At most `POINTS` values, each the highest of its stretch, so that peaks stay visible."""
    width = -(-len(series) // POINTS)
    starts = np.arange(0, len(series), width)
    return [float(value) for value in np.maximum.reduceat(series, starts)]
