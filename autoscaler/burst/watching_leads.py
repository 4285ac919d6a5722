"""How long a copy takes in each cloud, measured and kept over restarts.

It is no truth that anything depends on: what is lost or damaged is learnt again.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from autoscaler.act.stack_config import replace_file
from autoscaler.loop.durations import REMEMBERED, Durations

# Until the first copy was made there: what a copy of a few clusters takes whose images are there, and what
# it takes to make hosts first.
FIRST_SECONDS = {"warm": 60.0, "cold": 300.0}


@dataclass
class Leads:
    """Seconds from the decision to the first served request, by application and cloud."""

    path: Path
    _known: dict[str, dict[str, Durations]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            data = json.loads(self.path.read_text("utf-8"))
            self._known = {
                application: {
                    cloud: Durations(deque((float(each) for each in latest), maxlen=REMEMBERED))
                    for cloud, latest in clouds.items()
                }
                for application, clouds in data.items()
            }
        except (OSError, ValueError, TypeError, AttributeError):
            self._known = {}

    def of(self, application: str, cloud: str, kind: str) -> float:
        """The 0.9 quantile of what was measured, or the declared first value of this kind of cloud."""
        known = self._known.get(application, {}).get(cloud)
        measured = known.high if known is not None else None
        return FIRST_SECONDS[kind] if measured is None else measured

    def took(self, application: str, cloud: str, seconds: float) -> None:
        """Note one and keep it. Raises OSError."""
        self._known.setdefault(application, {}).setdefault(cloud, Durations()).add(seconds)
        data = {
            name: {cloud: list(each.latest) for cloud, each in clouds.items()}
            for name, clouds in self._known.items()
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self.path, json.dumps(data, separators=(",", ":")))
