"""Stratos' network partitions and Kubernetes clusters."""

from typing import Any

from blueprints.kinds.host_cluster import HostCluster
from blueprints.kinds.network_partition import NetworkPartition
from blueprints.stratos.naming import free, name_of, variable_of
from blueprints.stratos.record import Record
from blueprints.stratos.report import ImportReport
from blueprints.stratos.sensitive import is_sensitive

HOME_CLOUD = "local"
"""The cloud that takes the place of Stratos' simulated one."""

_AGENT_SETTINGS = ("MB_", "CEP_", "METADATA_SERVICE", "LOG_LEVEL", "PUPPET", "ADC_", "TOKEN")
"""Settings of Stratos' agent, which nothing here needs."""


def choose(variants: list[Record], policies: list[Record], report: ImportReport) -> Record:
    """Of several network partitions of one id, the one with the partitions that policies name."""
    wanted = {
        (place.text("id"), partition.text("id"))
        for policy in policies
        for place in policy.records("networkPartitions")
        for partition in place.records("partitions")
    }

    def rank(record: Record) -> tuple[int, int]:
        have = sum((record.text("id"), p.text("id")) in wanted for p in record.records("partitions"))
        return -have, 0 if record.text("provider") == "kubernetes" else 1

    chosen = min(variants, key=rank)
    for other in variants:
        if other is not chosen:
            report.add(
                "not carried over", other.file, other.line, f"network partition {other.text('id')}",
                f"the one for {other.text('provider') or 'no provider'}; {chosen.file} was taken",
            )  # fmt: skip
    return chosen


def payload(record: Record, subject: str, report: ImportReport) -> dict[str, str]:
    """Environment variables among the properties; the agent's own settings are left behind."""
    environment: dict[str, str] = {}
    for name, value, line in record.properties("property", "properties"):
        if not name.startswith("payload_parameter."):
            continue
        variable = variable_of(name.removeprefix("payload_parameter."))
        if variable.startswith(_AGENT_SETTINGS) or not variable:
            report.add(
                "not carried over",
                record.file,
                line,
                subject,
                f"{variable or name}, a setting of Stratos' agent",
            )
        elif is_sensitive(variable):
            report.add(
                "not carried over", record.file, line, subject,
                f"{variable}, which looks like a secret: give it to cartridges as one",
            )  # fmt: skip
        else:
            environment[variable] = value
    return environment


def network_partition(
    record: Record, clusters: dict[str, Record], added: list[str], report: ImportReport
) -> NetworkPartition:
    """A network partition; `added` are partitions that only deployment policies name."""
    subject = f"network partition {record.text('id')}"
    taken: set[str] = set()
    partitions: list[dict[str, Any]] = []
    cluster = provider = ""
    for partition in record.records("partitions"):
        made, found = _partition(partition, subject, report)
        provider = provider or partition.text("provider")
        cluster = cluster or found
        if name_of(partition.text("id")) in taken:
            report.add(
                "changed", record.file, partition.line, subject, f"a second {made['name']!r} is renamed"
            )
        made["name"] = free(made["name"], taken)
        partitions.append(made)
    partitions += [{"name": name} for name in added if name not in taken]
    if not partitions:
        partitions = [{"name": "partition-1"}]
        report.add("changed", record.file, record.line, subject, "it has no partitions; partition-1 is made")
    if provider and not record.text("provider"):
        report.add(
            "changed", record.file, record.line, subject, "the provider inside a partition is taken for all"
        )
    provider = record.text("provider") or provider
    environment = payload(record, subject, report)
    for name, value, line in record.properties("property", "properties"):
        if name == "LOAD_BALANCER_IPS":
            report.add(
                "not carried over", record.file, line, subject,
                f"LOAD_BALANCER_IPS {value}: nothing here leads to load balancers of yours; let them lead to "
                "the addresses that `alto url` tells",
            )  # fmt: skip
        elif not name.startswith("payload_parameter."):
            report.add("not carried over", record.file, line, subject, f"the property {name!r}")
    if cluster in clusters:
        environment = payload(clusters[cluster], f"kubernetes cluster {cluster}", report) | environment
    data: dict[str, Any] = {
        "name": name_of(record.text("id")),
        "cloud": _cloud(record, provider, cluster, clusters, report),
        "partitions": partitions,
    }
    if environment:
        data["environment"] = environment
    return NetworkPartition.model_validate(data, by_name=False)


def _cloud(
    record: Record, provider: str, cluster: str, clusters: dict[str, Record], report: ImportReport
) -> str:
    if cluster:
        if cluster not in clusters:
            report.add(
                "changed", record.file, record.line, f"network partition {record.text('id')}",
                f"no document describes the cluster {cluster!r}; register its kubeconfig by that name",
            )  # fmt: skip
        return name_of(cluster)
    if provider in ("", "mock", "docker", "kubernetes"):
        if provider != "kubernetes":
            report.add(
                "changed", record.file, record.line_of("provider"), f"network partition {record.text('id')}",
                f"the cloud {HOME_CLOUD!r} takes the place of provider {provider or 'nothing'!r}",
            )  # fmt: skip
        return HOME_CLOUD
    report.add(
        "changed", record.file, record.line_of("provider"), f"network partition {record.text('id')}",
        f"provider {provider!r} becomes the cloud {name_of(provider)!r}; make a host cluster there",
    )  # fmt: skip
    return name_of(provider)


def _partition(partition: Record, subject: str, report: ImportReport) -> tuple[dict[str, Any], str]:
    made: dict[str, Any] = {"name": name_of(partition.text("id") or "partition")}
    cluster = ""
    if partition.text("description"):
        made["description"] = partition.text("description")
    for name, value, line in partition.properties("property", "properties"):
        if name == "cluster":
            cluster = value
        elif name in ("region", "zone") and value and name not in made:
            made[name] = value[:63]
        elif name == "host" and value:
            made["nodeLabels"] = {"kubernetes.io/hostname": value}
        else:
            why = (
                "it stands there twice"
                if name in ("region", "zone")
                else "it means nothing for host clusters"
            )
            shown = "(hidden)" if is_sensitive(name) else repr(value)
            report.add("not carried over", partition.file, line, subject, f"{name} {shown}: {why}")
    return made, cluster


def host_cluster(record: Record, report: ImportReport) -> HostCluster:
    """A Kubernetes cluster that is registered; its addresses are kept for the record."""
    subject = f"kubernetes cluster {record.text('clusterId')}"
    master = record.record("kubernetesMaster")
    existing: dict[str, Any] = {}
    if master is not None:
        endpoint = master.text("endpoint")
        if not endpoint:
            address = next(
                (a for k in ("publicIPAddress", "privateIPAddress", "hostname") if (a := master.text(k))), ""
            )
            ports = {n: v for n, v, _ in master.properties("property", "properties")}
            endpoint = f"http://{address}:{ports.get('KUBERNETES_MASTER_PORT', '8080')}" if address else ""
        if endpoint.startswith(("http://", "https://")) and " " not in endpoint:
            existing["endpoint"] = endpoint
    report.add(
        "changed", record.file, record.line, subject,
        "give its kubeconfig by registering it; Stratos reached API servers without credentials",
    )  # fmt: skip
    data: dict[str, Any] = {
        "name": name_of(record.text("clusterId")),
        "driver": "existing",
        "hosts": min(max(len(record.records("kubernetesHosts")), 1), 500),
        "existing": existing,
    }
    if record.text("description"):
        data["description"] = record.text("description")[:2000]
    ports_range = record.record("portRange")
    if ports_range is not None:
        lower, upper = ports_range.integer("lower"), ports_range.integer("upper")
        if lower is not None and upper is not None and 0 < lower <= upper < 65536:
            data["nodePorts"] = {"lower": lower, "upper": upper}
        else:
            report.add(
                "not carried over",
                record.file,
                ports_range.line,
                subject,
                "portRange is not a range of ports",
            )
    payload(record, subject, report)
    return HostCluster.model_validate(data, by_name=False)
