"""The controller as a filter: one JSON observation a line in, one JSON decision a line out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

from autoscaler.decide.controller import step
from autoscaler.decide.document import controller_policy
from autoscaler.decide.observation import ObservationError, read_observation
from autoscaler.decide.policy import ControllerPolicy, PolicyError
from autoscaler.decide.state import ClusterState
from blueprints.findings import DocumentError
from blueprints.kinds.autoscaling_policy import AutoscalingPolicy
from blueprints.loader import load_file

LONGEST_LINE = 1_000_000


def read_policy(
    path: Path,
    *,
    name: str | None = None,
    minimum: int = 1,
    maximum: int = 1000,
    member_rate: float | None = None,
) -> ControllerPolicy:
    """The controller's policy from a file with an AutoscalingPolicy document.

    ``name`` picks one where the file has several. Raises `DocumentError` with every reason, or `PolicyError`.
    """
    loaded, findings = load_file(path)
    faults = [finding for finding in findings if finding.severity == "error"]
    if faults:
        raise DocumentError(faults)
    policies = [one.model for one in loaded if isinstance(one.model, AutoscalingPolicy)]
    found = [one for one in policies if name in (None, one.name)]
    if len(found) != 1:
        names = ", ".join(one.name for one in policies)
        raise PolicyError(
            f"{path}: expected one AutoscalingPolicy{f' named {name!r}' if name else ''}, "
            f"found {names or 'none'}" + (". Say which by name." if names else ".")
        )
    return controller_policy(found[0], minimum, maximum, member_rate=member_rate)


def decide_stream(policy: ControllerPolicy, source: TextIO, sink: TextIO) -> int:
    """Answer every line of ``source`` on ``sink`` until it ends; returns the number of lines refused.

    Clusters are told apart by name and remembered for the length of the stream. A line that cannot be used
    is answered by ``{"error": ..., "line": n}``, changes nothing, and the stream goes on. Empty lines are
    skipped. Every answer is flushed, so that a simulator can wait for it.
    """
    states: dict[str, ClusterState] = {}
    refused = 0
    for number, line in enumerate(source, 1):
        if not line.strip():
            continue
        try:
            answer = _answer(policy, states, line)
        except (ObservationError, PolicyError) as error:
            refused += 1
            answer = {"error": str(error), "line": number}
        sink.write(json.dumps(answer, separators=(",", ":")) + "\n")
        sink.flush()
    return refused


def _answer(policy: ControllerPolicy, states: dict[str, ClusterState], line: str) -> dict[str, object]:
    if len(line) > LONGEST_LINE:
        raise ObservationError(f"the line has {len(line)} characters; allowed are {LONGEST_LINE}")
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ObservationError(f"not JSON: {error}") from None
    seen = read_observation(data, policy.averages)
    bounded = policy.within(seen.minimum, seen.maximum)
    state = states.get(seen.cluster)
    if state is None:
        state = states[seen.cluster] = ClusterState(seen.cluster)
    return step(bounded, state, seen).as_json()
