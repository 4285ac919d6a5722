"""Updates that only change how many members run, and whether to wait for them."""

from toolchain.plugins.kubernetes.kinds import Kind
from toolchain.plugins.protocol import Properties

SCALABLE = frozenset({"Deployment", "StatefulSet"})


def keeps_serving(kind: Kind, before: Properties, after: Properties) -> bool:
    """Whether the two contents differ in `spec.replicas` at most, and members run before the change.

    Whoever needs this workload has it all the while. One that wakes up from zero is another thing:
    what depends on it waits until it serves.
    """
    if kind.name not in SCALABLE:
        return False
    return _without_replicas(before) == _without_replicas(after) and _replicas(before) > 0


def _replicas(content: Properties) -> float:
    spec = content.get("spec")
    count = spec.get("replicas", 1) if isinstance(spec, dict) else 0
    return count if isinstance(count, (int, float)) else 0


def _without_replicas(content: Properties) -> Properties:
    spec = content.get("spec")
    if not isinstance(spec, dict):
        return content
    return {**content, "spec": {key: value for key, value in spec.items() if key != "replicas"}}
