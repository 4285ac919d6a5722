"""How much each copy of an application carries, for sharing its traffic when a move tells the front door."""

from collections.abc import Collection, Mapping

from autoscaler.burst import deciding_shares
from autoscaler.burst.deciding_shares import Entrance
from autoscaler.burst.work import Work, copy_of
from autoscaler.loop.bounds import Bounds
from autoscaler.loop.placing import entries


def weights(work: Work, stacks: Mapping[str, str]) -> dict[str, int]:
    """The front door's weights by cloud, as the loop shares (`deciding_shares.weights`): by ready members of
    the clusters that requests come in by. All are 0 where nobody is ready. Raises DocumentError."""
    home = work.home()
    documents = home.documents()
    ways = entries(documents.plan(home.application, home.scale.at_rest(), home.copy))
    bounds = Bounds.of(documents.compose(home.application))
    found = [Entrance(cloud, _ready(work, stack, ways, bounds)) for cloud, stack in stacks.items()]
    return deciding_shares.weights(found) or dict.fromkeys(stacks, 0)


def _ready(work: Work, stack: str, ways: Collection[str], bounds: Bounds) -> dict[str, int]:
    """Ready members by the paths `ways`; those it should have where its cloud does not say."""
    known = work.outputs(stack)
    asked = {id: int(count) for id, count in (known.get("members") or {}).items()}
    names = {id: str(each["name"]) for id, each in (known.get("clusters") or {}).items()}
    try:
        seen = work.world.clouds.ready(known["cloud"], known["namespace"], copy_of(work, stack))
        counts = {id: seen.get(names.get(id, id), (0, 0))[1] for id in asked}
    except (ConnectionError, KeyError):
        counts = asked
    ready: dict[str, int] = {}
    for id, count in counts.items():
        path = bounds.path_of(id, bounds.clusters)
        if path is not None and path in ways:
            ready[path] = ready.get(path, 0) + count
    return ready
