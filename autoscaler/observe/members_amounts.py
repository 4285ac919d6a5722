"""What a Pod asks for and may use, over all containers that run all along."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from lightkube.utils.quantity import parse_quantity


class Amounts(NamedTuple):
    """`cpu` in processors, `memory` in bytes; None where it is not said."""

    cpu: float | None
    cpu_limited: bool
    memory: float | None


def amounts(pod: Mapping[str, Any]) -> Amounts:
    """Processors asked for; memory allowed, or asked for where a container has no limit."""
    spec = pod.get("spec") or {}
    sidecars = (c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always")
    running = [(c.get("resources") or {}) for c in (*(spec.get("containers") or ()), *sidecars)]
    asked = [each.get("requests") or {} for each in running]
    allowed = [each.get("limits") or {} for each in running]
    cpu = [quantity(str(each["cpu"])) for each in asked if "cpu" in each]
    memory = [
        quantity(str(limit.get("memory") or request["memory"]))
        for request, limit in zip(asked, allowed, strict=True)
        if "memory" in limit or "memory" in request
    ]
    return Amounts(
        sum(cpu) if cpu else None,
        any("cpu" in limit for limit in allowed),
        sum(memory) if memory and len(memory) == len(running) else None,
    )


@lru_cache(maxsize=10_000)
def quantity(text: str) -> float:
    """A Kubernetes quantity such as `100m` or `64Mi` as a number."""
    return float(parse_quantity(text) or 0)
