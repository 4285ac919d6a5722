"""Places and policies: Kubernetes clusters, network partitions, and the three kinds of policy."""

from functools import partial

from blueprints.stratos import places, policies
from blueprints.stratos.naming import name_of
from blueprints.stratos.record import Record
from blueprints.stratos.session import Session


def import_places(session: Session) -> None:
    """Host clusters, network partitions, and the policies that name them."""
    clusters = _host_clusters(session)
    wanted = list(session.collection.all("deployment policy"))
    chosen: dict[str, Record] = {}
    for name in session.collection.names("network partition"):
        if name_of(name) in {name_of(known) for known in chosen}:
            record = session.first("network partition", name)
            session.left(record, f"network partition {name}", "another one has the same name here")
            continue
        variants = session.collection.variants["network partition", name]
        chosen[name] = places.choose(variants, wanted, session.report)
    partitions = {
        name_of(name): [name_of(p.text("id") or "partition") for p in record.records("partitions")]
        for name, record in chosen.items()
    }
    _deployment_policies(session, partitions)
    clouds: dict[str, str] = {}
    for name, record in chosen.items():
        made = session.guarded(
            record,
            f"network partition {name}",
            partial(places.network_partition, record, clusters, partitions[name_of(name)], session.report),
        )
        clouds[name_of(name)] = made.cloud if made is not None else ""
        if made is not None:
            session.emit(made, record, "network partition")
    _application_policies(session, clouds)


def _host_clusters(session: Session) -> dict[str, Record]:
    """The clusters that became documents, by their ids in Stratos."""
    clusters: dict[str, Record] = {}
    for name in session.collection.names("kubernetes cluster"):
        record = session.first("kubernetes cluster", name)
        subject = f"kubernetes cluster {name}"
        made = session.guarded(record, subject, partial(places.host_cluster, record, session.report))
        if made is None:
            continue
        if made.name in session.names("HostCluster"):
            session.left(record, subject, f"another one is named {made.name!r} here")
            continue
        session.names("HostCluster").add(made.name)
        clusters[name] = record
        session.emit(made, record, "kubernetes cluster")
    return clusters


def _deployment_policies(session: Session, partitions: dict[str, list[str]]) -> None:
    for folder, name, record in session.scoped("deployment policy"):
        ours = session.own_name("DeploymentPolicy", name, folder, record)
        made = session.guarded(
            record,
            f"deployment policy {name}",
            partial(policies.deployment_policy, record, ours, partitions, session.report),
        )
        if made is not None:
            session.deployment.setdefault(folder, {})[name] = made
            session.emit(made, record, "deployment policy")


def _application_policies(session: Session, clouds: dict[str, str]) -> None:
    for folder, name, record in session.scoped("application policy"):
        ours = session.own_name("ApplicationPolicy", name, folder, record)
        made = session.guarded(
            record,
            f"application policy {name}",
            partial(policies.application_policy, record, ours, clouds, session.report),
        )
        if made is not None:
            session.emit(made, record, "application policy")


def import_autoscaling(session: Session) -> None:
    """Autoscaling policies."""
    for folder, name, record in session.scoped("autoscaling policy"):
        ours = session.own_name("AutoscalingPolicy", name, folder, record)
        made = session.guarded(
            record,
            f"autoscaling policy {name}",
            partial(policies.autoscaling_policy, record, ours, session.report),
        )
        if made is not None:
            session.autoscaling.setdefault(folder, {})[name] = made.name
            session.emit(made, record, "autoscaling policy")
