"""What placement must be told about the world: free capacity, running members, quotas in use.

The JSON form, every part of which may be left out:

    {"clouds": {"local": {"hosts": [{"name": "host1", "zone": "a", "cpu": "3500m", "memory": "6Gi",
                                     "members": 90}]}},
     "members": {"web": {"home/rack-1": 3}},
     "unschedulable": {"web": {"home/rack-1": 1}},
     "quotaUsed": {"home-first": 12}}

Capacity is what hosts have free now. `members` are by cluster id and place, `unschedulable` of them could
not be scheduled, and `quotaUsed` are members of other applications by deployment policy.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from blueprints.model import Items, Model
from blueprints.quantities import Cpu, Memory
from policies.placement.problem import Host

Count = Annotated[int, Field(ge=0, le=1_000_000)]


class LiveFault(ValueError):
    """The live data cannot be used; `problems` has one sentence for each fault."""

    exit_code = 2

    def __init__(self, source: str, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(f"{source} is not right:\n" + "\n".join(f"  - {each}" for each in problems))


class HostRoom(Model):
    """What a host has free."""

    name: str
    cpu: Cpu
    memory: Memory
    members: Count = 110
    """How many more Pods it takes."""
    zone: str = ""
    region: str = ""
    labels: dict[str, str] = Field(default_factory=dict)


class CloudRoom(Model):
    """The hosts of a cloud that take members."""

    hosts: Items[HostRoom] = ()


class Live(Model):
    """The world as placement sees it. Nothing told means: nothing runs, and capacity is not known."""

    clouds: dict[str, CloudRoom] = Field(default_factory=dict)
    members: dict[str, dict[str, Count]] = Field(default_factory=dict)
    unschedulable: dict[str, dict[str, Count]] = Field(default_factory=dict)
    quota_used: dict[str, Count] = Field(default_factory=dict)

    @property
    def hosts(self) -> dict[str, tuple[Host, ...]]:
        """Free capacity by cloud."""
        return {
            name: tuple(
                Host(h.name, h.cpu.millicores, h.memory.bytes, h.members, h.zone, h.region, h.labels)
                for h in cloud.hosts
            )
            for name, cloud in self.clouds.items()
        }


def read_live(path: Path) -> Live:
    """Live data from a JSON file. Raises LiveFault with every fault, and OSError."""
    try:
        return Live.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise LiveFault(str(path), [_in_words(fault) for fault in error.errors()]) from None


def _in_words(fault: object) -> str:
    assert isinstance(fault, dict)
    where = ".".join(map(str, fault["loc"]))
    return f"{where}: {fault['msg'][:1].lower()}{fault['msg'][1:]}" if where else str(fault["msg"])
