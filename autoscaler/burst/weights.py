"""How much each copy of an application carries, for sharing its traffic."""

from collections.abc import Mapping

from autoscaler.burst.work import Work, copy_of


def weights(work: Work, stacks: Mapping[str, str]) -> dict[str, int]:
    """The ready members of each copy, by cloud; of clusters that all of them have, where some have not all.

    Data that is at home only carries no traffic of its own.
    """
    found = {cloud: _ready(work, stack) for cloud, stack in stacks.items()}
    common = set.intersection(*map(set, found.values())) if found else set()
    return {
        cloud: sum(ready for name, ready in members.items() if name in common or not common)
        for cloud, members in found.items()
    }


def _ready(work: Work, stack: str) -> dict[str, int]:
    """Ready members by cluster's Kubernetes name; those it should have where its cloud does not say."""
    known = work.outputs(stack)
    names = {id: str(each["name"]) for id, each in (known.get("clusters") or {}).items()}
    asked = {names.get(id, id): int(count) for id, count in (known.get("members") or {}).items()}
    try:
        seen = work.world.clouds.ready(known["cloud"], known["namespace"], copy_of(work, stack))
    except (ConnectionError, KeyError):
        return asked
    return dict.fromkeys(asked, 0) | {name: ready for name, (_, ready) in seen.items()}
