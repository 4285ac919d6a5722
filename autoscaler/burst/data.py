"""Whether an application's data allows a copy elsewhere. Pure."""

from typing import Literal

from blueprints.plan import Plan

Data = Literal["home", "replicate", "refuse"]


def data_clusters(plan: Plan) -> list[str]:
    """The ids of the clusters that keep data."""
    return [id for id, cluster in plan.clusters.items() if cluster.persistence]


def refusal(plan: Plan, data: Data, cloud: str) -> str:
    """Why no copy can be made in a cloud without splitting data; empty where it can.

    `data` is `burst.data` of the application's policy. Members of a copy have the host names and passwords
    of their own cloud: nothing of ours leads them to data in another one, or keeps two of them alike.
    """
    keep = data_clusters(plan)
    if not keep:
        return ""
    named, name = ", ".join(keep), plan.application.name
    if data == "refuse":
        why = "the application's policy says `data: refuse`"
    elif data == "replicate":
        why = "Altostratus replicates no data between clouds, which `data: replicate` asks for"
    else:
        why = f"members in {cloud} cannot reach data at home, and would begin with empty data of their own"
    return (
        f"{name} keeps data ({named}), and {why}.\n"
        "  Keep the data in an application of its own that all copies reach (a cloud service, or "
        f"`from:` another address), and burst or migrate the rest."
    )
