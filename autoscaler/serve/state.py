"""What the autoscaler is at, in a file: `alto status` reads it without asking the process."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoscaler.act.stack_config import replace_file

if TYPE_CHECKING:
    from autoscaler.loop.autoscaler import Autoscaler
    from autoscaler.serve.metrics import States

FILE = "state.json"
# Written every two seconds; older than this, its writer is gone or stuck.
FRESH_SECONDS = 30.0


def write_state(folder: Path, autoscaler: Autoscaler, runner: States | None) -> None:
    """Write it beside, then rename. A full disk is no reason to end."""
    states = runner.states() if runner is not None else {}
    found: dict[str, Any] = {
        "time": time.time(),
        "pid": os.getpid(),
        "periods": autoscaler.pace.periods,
        "lagSeconds": round(autoscaler.pace.lag, 3),
        "problems": dict(autoscaler.problems()),
        "sources": [
            {"cloud": each.cloud, "source": each.source, "problem": each.problem, "answered": each.answered}
            for each in list(autoscaler.gathering.health().values())
        ],
        "applications": {},
    }
    for stack, application in list(autoscaler.applications.items()):
        view, verdict, state = application.view, application.verdict, states.get(stack)
        ticket = application.under_way
        found["applications"][stack] = {
            "problem": application.problem,
            "resting": view.resting if view is not None else "",
            "waiting": list(view.waiting) if view is not None else [],
            "update": state.health if state is not None else "idle",
            "trouble": state.trouble if state is not None else "",
            "stage": ticket.stage if ticket is not None else "",
            "stalled": application.confirming.stalled(time.time()),
            "clusters": {
                path: {
                    "asked": cluster.members,
                    "min": cluster.bounds.min,
                    "max": cluster.bounds.max,
                    "policy": cluster.document.name if cluster.document is not None else None,
                    "reason": verdict.decisions[path].reason
                    if verdict is not None and path in verdict.decisions
                    else "",
                }
                for path, cluster in (view.clusters.items() if view is not None else ())
            },
        }
    try:
        replace_file(folder / FILE, json.dumps(found))
    except OSError:
        pass


def read_state(folder: Path) -> dict[str, Any] | None:
    """What a running autoscaler wrote last; None where none runs."""
    try:
        found: dict[str, Any] = json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if time.time() - found.get("time", 0.0) < FRESH_SECONDS else None
