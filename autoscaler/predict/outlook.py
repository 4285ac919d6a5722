"""A forecast with its uncertainty."""

from __future__ import annotations

from typing import NamedTuple


class Outlook(NamedTuple):
    """Value and standard deviation of one grid sample at the horizon, in the signal's unit."""

    value: float
    sigma: float
