"""What becomes of an application's data when a copy is made elsewhere, and whether that splits it. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from blueprints.composition import ComposedLevel
from blueprints.findings import DocumentError
from blueprints.following import data_clusters, unfit
from blueprints.parts import part, stateless
from blueprints.plan import Plan, PlannedCluster

Data = Literal["home", "replicate", "refuse"]


def part_of_copy(plan: Plan, root: ComposedLevel, data: Data) -> tuple[str, ...] | None:
    """What a copy has of the application, as `altostratus:clusters` says it; None where it has all.

    With `home` the data stays there, and the copy's members reach it by links.
    """
    return stateless(root) if data == "home" and data_clusters(plan) else None


def refusal(plan: Plan, root: ComposedLevel, data: Data, kind: str = "burst") -> str:
    """Why no copy can be made elsewhere (`burst`), or the application not be moved there (`migrate`), without
    splitting data; empty where it can. `data` is `burst.data` of the application's policy.
    """
    keep = data_clusters(plan)
    if not keep:
        return ""
    named, name = ", ".join(keep), plan.application.name
    if data == "refuse":
        return _words(f"{name} keeps data ({named}), and the application's policy says `data: refuse`")
    if follows(plan, data, kind):
        return _cannot_follow(plan, kind)
    why = next(_reasons(plan, root), "")
    return _words(f"{name} keeps data ({named}), and {why}") if why else ""


def follows(plan: Plan, data: Data, kind: str = "burst") -> bool:
    """Whether a copy has data of its own, which follows that at home."""
    return bool(data_clusters(plan)) and (kind == "migrate" or data == "replicate")


def _cannot_follow(plan: Plan, kind: str) -> str:
    name = plan.application.name
    what = "a move takes along" if kind == "migrate" else "`data: replicate` asks to have in both clouds"
    if wrong := unfit(plan):
        listed = "; ".join(f"{id}: {why}" for id, why in wrong.items())
        return (
            f"{name} keeps data, which {what}, and some of it cannot follow another one ({listed}).\n"
            "  Use a cartridge that says how (`replication:`, as the library's mysql and redis do), with one "
            "member, or keep this data in an application of its own."
        )
    protected = [id for id in data_clusters(plan) if any(p.protect for p in plan.clusters[id].persistence)]
    if kind == "migrate" and protected:
        return (
            f"{name} protects its data ({', '.join(protected)}), which a move takes away from where it is.\n"
            "  Set `protect: false`, update, and move it then."
        )
    return ""


def _words(why: str) -> str:
    return (
        f"{why}.\n"
        "  Keep the data in an application of its own that all copies reach (a cloud service, or "
        "`from:` another address), and burst or migrate the rest."
    )


def _reasons(plan: Plan, root: ComposedLevel) -> Iterator[str]:
    """Why the data cannot stay at home while the rest is copied."""
    rest = stateless(root)
    if not rest:
        yield "every cluster of it does: there is nothing that a copy could have"
        return
    try:
        copy = part(plan, rest, root)
    except DocumentError as error:  # pragma: no cover - the names are the tree's own
        yield error.findings[0].message
        return
    if _entrances(plan) and not _entrances(copy):
        inside = ", ".join(_entrances(plan))
        yield f"what its clients come to ({inside}) is among that: a copy would have no part in the traffic"
    for cluster in copy.remote.values():
        yield from _unreachable(cluster, list(copy.clusters.values()))


def _entrances(plan: Plan) -> list[str]:
    shown = [id for id, c in plan.clusters.items() if any(port.exposure != "cluster" for port in c.ports)]
    fronted = [id for each in (*plan.balancers, *plan.shared) for id in each.clusters if id in plan.clusters]
    return list(dict.fromkeys([*shown, *fronted]))


def _unreachable(cluster: PlannedCluster, users: Sequence[PlannedCluster]) -> Iterator[str]:
    """Why a cluster at home cannot be reached from another cloud as it is reached there."""
    if wrong := [port.name for port in cluster.ports if port.transport != "tcp"]:
        yield f"{cluster.id} is reached by more than tcp ({', '.join(wrong)}), and links carry tcp only"
    own_name = re.compile(rf"\b{re.escape(cluster.name)}-[0-9]+\.{re.escape(cluster.name)}\b")
    if cluster.cartridge.stateful:
        for user in users:
            for name, value in user.environment.items():
                if isinstance(value, str) and own_name.search(value):
                    yield f"{user.id} uses members of {cluster.id} by their own host names ({name})"
