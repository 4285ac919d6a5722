"""What the loop has learnt about an application, kept beside the journal over restarts.

It is no truth that anything depends on: what is lost or damaged is learnt again.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoscaler.act.stack_config import replace_file
from autoscaler.decide.state import ClusterState, StateError, restore, snapshot
from autoscaler.loop.durations import REMEMBERED, Durations, StartTimes

VERSION = 1


@dataclass
class Memory:
    """States of the controller by path, start times by path, actuation times."""

    states: dict[str, ClusterState] = field(default_factory=dict)
    starts: dict[str, StartTimes] = field(default_factory=dict)
    actuation: Durations = field(default_factory=Durations)


def save(path: Path, memory: Memory) -> None:
    """Write beside, then rename. Raises OSError."""
    keep(path, text(memory))


def keep(path: Path, content: str) -> None:
    """Write the text of a memory beside, then rename. Raises OSError."""
    replace_file(path, content)


def text(memory: Memory) -> str:
    """A memory as `load` reads it."""
    data = {
        "version": VERSION,
        "states": {name: snapshot(state) for name, state in memory.states.items()},
        "starts": {name: list(each.durations.latest) for name, each in memory.starts.items()},
        "actuation": list(memory.actuation.latest),
    }
    return json.dumps(data, separators=(",", ":"))


def load(path: Path) -> tuple[Memory, str]:
    """What is there, and in words what could not be used."""
    try:
        data = json.loads(path.read_text("utf-8"))
        if data["version"] != VERSION:
            return Memory(), f"{path} is of version {data['version']}: learning anew"
        return _from(data)
    except FileNotFoundError:
        return Memory(), ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Memory(), f"{path} cannot be used ({error}): learning anew"


def _from(data: Mapping[str, Any]) -> tuple[Memory, str]:
    memory, problem = Memory(), ""
    for name, state in data["states"].items():
        try:
            restored = memory.states[name] = restore(state)
            # Nobody measured while nobody ran: a factor is missing from now on, not since then, or the
            # declared fallback would apply before the first measurement.
            restored.seen.clear()
        except StateError as error:
            problem = f"{name}: {error}: learning anew"
    for name, latest in data["starts"].items():
        memory.starts[name] = StartTimes(_durations(latest))
    memory.actuation = _durations(data["actuation"])
    return memory, problem


def _durations(latest: list[float]) -> Durations:
    return Durations(deque((float(each) for each in latest), maxlen=REMEMBERED))
