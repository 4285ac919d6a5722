"""Stratos' autoscaling, deployment and application policies."""

from collections.abc import Mapping
from typing import Any

from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.kinds.autoscaling_policy import AutoscalingPolicy
from blueprints.kinds.cartridge_use import UNBOUNDED
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.stratos.naming import name_of
from blueprints.stratos.record import Record
from blueprints.stratos.report import ImportReport

_FACTORS = {
    "requestsInFlight": ("requestsInFlight", 1e9),
    "memoryConsumption": ("memory", 100.0),
    "loadAverage": ("loadAverage", 10_000.0),
}
_ORDERS = {
    "one-after-another": "one-after-another",
    "round-robin": "round-robin",
    "weighted-round-robin": "weighted",
}
_GROUP_KEYS = ("networkPartitionGroups", "network-partition-groups")


def autoscaling_policy(record: Record, name: str, report: ImportReport) -> AutoscalingPolicy | None:
    """Thresholds are carried over; a missing one no longer counts as zero."""
    subject = f"autoscaling policy {record.text('id')}"
    loads = record.record("loadThresholds")
    thresholds: dict[str, float] = {}
    for theirs, (ours, most) in _FACTORS.items():
        inner = loads.record(theirs) if loads is not None else None
        holder, key = (inner, "threshold") if inner is not None else (loads, theirs)
        value = holder.number(key) if holder is not None else None
        line = holder.line_of(key) if holder is not None else record.line
        if value is None or value <= 0:
            report.add(
                "changed", record.file, line, subject,
                f"without a threshold, {theirs} does not count (Stratos took it as 0)",
            )  # fmt: skip
            continue
        if value > most:
            report.add("changed", record.file, line, subject, f"{theirs} {value:g} becomes {most:g}")
        thresholds[ours] = min(value, most)
    if not thresholds:
        report.add("not carried over", record.file, record.line, subject, "it has no threshold to go by")
        return None
    if record.has("instanceRoundingFactor"):
        report.add(
            "not carried over", record.file, record.line_of("instanceRoundingFactor"), subject,
            "instanceRoundingFactor, which Stratos' own interface ignored",
        )  # fmt: skip
    made: AutoscalingPolicy = _made(AutoscalingPolicy, record, name, thresholds=thresholds)
    return made


def _made(kind: Any, record: Record, name: str, **data: Any) -> Any:
    description = record.text("description") or record.text("displayName")
    words = {"description": description[:2000]} if description else {}
    return kind.model_validate({"name": name, **words, **data}, by_name=False)


def deployment_policy(
    record: Record, name: str, partitions: dict[str, list[str]], report: ImportReport
) -> DeploymentPolicy | None:
    """`partitions` is the partitions of every network partition, by our names.

    A partition the network partition lacks is added to it there, so that nothing dangles.
    """
    subject = f"deployment policy {record.text('id')}"
    places = record.records("networkPartitions")
    if not places and record.records("networkPartition"):
        places = record.records("networkPartition")
        report.add(
            "changed", record.file, record.line_of("networkPartition"), subject,
            "networkPartition is the format of Stratos 4.0, which 4.1 did not read",
        )  # fmt: skip
    shares: list[dict[str, Any]] = []
    for place in places:
        share = _share(record, place, partitions, subject, report)
        if share is not None and share["name"] not in {s["name"] for s in shares}:
            shares.append(share)
    if not shares:
        report.add(
            "not carried over", record.file, record.line, subject, "it names no usable network partition"
        )
        return None
    made: DeploymentPolicy = _made(DeploymentPolicy, record, name, networkPartitions=shares)
    return made


def _share(
    record: Record, place: Record, partitions: dict[str, list[str]], subject: str, report: ImportReport
) -> dict[str, Any] | None:
    where = name_of(place.text("id"))
    if not place.text("id") or where not in partitions:
        report.add(
            "not carried over", record.file, place.line, subject,
            f"network partition {place.text('id')!r}, which no document describes",
        )  # fmt: skip
        return None
    asked = place.text("partitionAlgo")
    if asked not in _ORDERS:
        report.add(
            "changed", record.file, place.line_of("partitionAlgo"), subject,
            f"partitionAlgo {asked or 'nothing'!r} becomes one-after-another",
        )  # fmt: skip
    shares: dict[str, dict[str, Any]] = {}
    for partition in place.records("partitions"):
        if partition.text("id"):
            entry = _partition(record, partition, partitions[where], where, subject, report)
            shares.setdefault(entry["name"], entry)
    if not shares:
        report.add("not carried over", record.file, place.line, subject, f"{where!r} with no partitions")
        return None
    return {
        "name": where,
        "order": _ORDERS.get(asked, "one-after-another"),
        "partitions": list(shares.values()),
    }


def _partition(
    record: Record, partition: Record, known: list[str], where: str, subject: str, report: ImportReport
) -> dict[str, Any]:
    name = name_of(partition.text("id"))
    if name not in known:
        known.append(name)
        report.add(
            "changed", record.file, partition.line, subject,
            f"partition {name!r} is added to network partition {where!r}, which did not have it",
        )  # fmt: skip
    key = next((k for k in ("partitionMax", "max") if partition.has(k)), "partitionMax")
    most = partition.integer(key)
    if most is None or most < 1:
        report.add(
            "changed", record.file, partition.line_of(key), subject,
            f"{key} {partition.text(key) or 'nothing'!r} of {name!r} becomes {UNBOUNDED}",
        )  # fmt: skip
        most = UNBOUNDED
    if key == "max":
        report.add(
            "changed",
            record.file,
            partition.line_of(key),
            subject,
            f"max of {name!r} is taken as partitionMax",
        )
    return {"name": name, "max": min(most, UNBOUNDED)}


def application_policy(
    record: Record, name: str, clouds: Mapping[str, str], report: ImportReport
) -> ApplicationPolicy | None:
    """Network partition groups become lists; with places in several clouds, the application may burst.

    `clouds`: those of our network partitions, by name.
    """
    subject = f"application policy {record.text('id')}"
    listed: dict[str, int] = {}
    for text, line in record.texts("networkPartitions"):
        if name_of(text) in clouds:
            listed.setdefault(name_of(text), line)
        else:
            report.add(
                "not carried over", record.file, line, subject,
                f"network partition {text!r}, which no document describes",
            )  # fmt: skip
    entries: list[Any] = list(listed)
    for key, value, line in record.properties("properties", "property"):
        if key not in _GROUP_KEYS:
            report.add(
                "not carried over", record.file, line, subject, f"the property {key!r}, which means nothing"
            )
            continue
        if key != _GROUP_KEYS[0]:
            report.add(
                "changed", record.file, line, subject,
                f"{key!r} is taken as {_GROUP_KEYS[0]!r}; Stratos ignored it for its spelling",
            )  # fmt: skip
        entries = _grouped(value, listed)
    if not entries:
        report.add(
            "not carried over", record.file, record.line, subject, "it names no usable network partition"
        )
        return None
    everywhere = record.text("algorithm") == "all-at-once"
    if not everywhere and record.text("algorithm") != "one-after-another":
        report.add(
            "changed", record.file, record.line_of("algorithm"), subject,
            f"algorithm {record.text('algorithm') or 'nothing'!r} becomes one-after-another",
        )  # fmt: skip
    burst: dict[str, Any] = {}
    in_turn = not everywhere and len(entries) > 1
    places = {clouds[each] for each in listed}
    if in_turn and len(places) == 1:
        report.add(
            "changed", record.file, record.line, subject,
            f"it does not burst, as all its network partitions are in the cloud {places.pop()!r}: they are "
            "places in one copy",
        )  # fmt: skip
    elif in_turn:
        burst = {"burst": {}}
        report.add(
            "changed", record.file, record.line, subject,
            "a place left after a burst can be used again; Stratos never went back to it",
        )  # fmt: skip
    order = "all-at-once" if everywhere else "one-after-another"
    made: ApplicationPolicy = _made(
        ApplicationPolicy, record, name, order=order, networkPartitions=entries, **burst
    )
    return made


def _grouped(value: str, listed: dict[str, int]) -> list[Any]:
    """`a|b, c` as `[[a, b], c]`, without what is not in the policy's own list."""
    entries: list[Any] = []
    seen: set[str] = set()
    for part in value.split(","):
        names = [n for text in part.split("|") if text.strip() and (n := name_of(text)) in listed]
        fresh = [n for n in dict.fromkeys(names) if n not in seen]
        seen.update(fresh)
        if fresh:
            entries.append(fresh if len(fresh) > 1 else fresh[0])
    return entries + [n for n in listed if n not in seen]
