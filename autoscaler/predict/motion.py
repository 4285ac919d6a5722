"""Apache Stratos' equation of motion, ``s = u·t + ½·a·t²``, in consistent units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Motion(NamedTuple):
    """Mean of a window, its gradient a second and its second derivative a second squared."""

    mean: float
    gradient: float
    second: float

    def at(self, seconds: float) -> float:
        """Value expected after ``seconds``: ``mean + gradient·t + ½·second·t²``."""
        return self.mean + self.gradient * seconds + 0.5 * self.second * seconds * seconds


def motion(times: Sequence[float], values: Sequence[float]) -> Motion:
    """Mean, gradient and second derivative of samples as Stratos' event processor defines them.

    The gradient joins the first and the last sample; the second derivative joins the gradients of both
    halves, each placed at its own middle time, and needs three samples. Times in seconds, ascending; time
    differences under one second count as one second. Raises ValueError for no samples or unequal lengths.
    """
    count = len(values)
    if not count or len(times) != count:
        raise ValueError(f"a motion needs as many times as values, at least one; got {len(times)}, {count}")
    mean = sum(values) / count
    gradient = _slope(times[0], values[0], times[-1], values[-1])
    if count < 3:
        return Motion(mean, gradient, 0.0)
    half = count // 2
    early = _slope(times[0], values[0], times[half - 1], values[half - 1])
    late = _slope(times[half], values[half], times[-1], values[-1])
    middle_early = (times[0] + times[half - 1]) / 2
    middle_late = (times[half] + times[-1]) / 2
    return Motion(mean, gradient, _slope(middle_early, early, middle_late, late))


def _slope(from_time: float, from_value: float, to_time: float, to_value: float) -> float:
    return (to_value - from_value) / max(to_time - from_time, 1.0)
