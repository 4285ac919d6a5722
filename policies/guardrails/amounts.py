"""How much members take, by documents or by what an object itself says. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from blueprints.quantities import Cpu, Memory
from policies.guardrails.resource import Resource, items, mapping, pod_specs


@dataclass(frozen=True)
class Amounts:
    """What members take together: processors in thousandths, memory and storage in bytes."""

    applications: int = 0
    members: int = 0
    cpu: int = 0
    memory: int = 0
    storage: int = 0

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(
            self.applications + other.applications,
            self.members + other.members,
            self.cpu + other.cpu,
            self.memory + other.memory,
            self.storage + other.storage,
        )


NOTHING = Amounts()
ONE_MEMBER = Amounts(members=1)


def size_of(workload: Resource) -> Amounts:
    """What one Pod of a workload asks for by its own words; a limit stands in for a request left out.

    Containers that run first count where they ask for more than those that stay, as Kubernetes counts them.
    """
    cpu = memory = 0
    for spec in pod_specs(workload):
        stay, first = (_asked(spec.get(key)) for key in ("containers", "initContainers"))
        cpu += max([sum(each for each, _ in stay), *(each for each, _ in first)])
        memory += max([sum(each for _, each in stay), *(each for _, each in first)])
    claims = items(mapping(workload.inputs.get("spec")).get("volumeClaimTemplates"))
    wanted = (mapping(mapping(mapping(each).get("spec")).get("resources")).get("requests") for each in claims)
    return Amounts(0, 1, cpu, memory, sum(_bytes(mapping(each).get("storage")) for each in wanted))


def _asked(containers: Any) -> list[tuple[int, int]]:
    found: Iterable[Mapping[str, Any]] = (mapping(mapping(c).get("resources")) for c in items(containers))
    asked = [{**mapping(each.get("limits")), **mapping(each.get("requests"))} for each in found]
    return [(_millicores(each.get("cpu")), _bytes(each.get("memory"))) for each in asked]


def _millicores(amount: Any) -> int:
    try:
        return Cpu(str(amount)).millicores
    except ValueError:
        return 0


def _bytes(amount: Any) -> int:
    """Kubernetes takes bytes without a unit, too."""
    text = str(amount)
    try:
        return int(text) if text.isdigit() else Memory(text).bytes
    except ValueError:
        return 0
