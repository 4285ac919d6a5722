"""Whether an existing cluster can carry applications: every reason against it, in words. Pure."""

from dataclasses import dataclass

from components.hosts.cluster_facts import Access, ClusterFacts

OLDEST = (1, 28)
"""The oldest Kubernetes that the objects made here are known to work on."""

WANTED = [
    *(Access(verb, "namespaces") for verb in ("create", "get", "delete")),
    *(
        Access(verb, resource, group)
        for resource, group in (
            ("deployments", "apps"),
            ("statefulsets", "apps"),
            ("services", ""),
            ("secrets", ""),
            ("configmaps", ""),
            ("persistentvolumeclaims", ""),
        )
        for verb in ("create", "patch", "delete", "get")
    ),
    *(Access(verb, "pods") for verb in ("list", "watch", "patch")),
    Access("list", "events"),
    Access("list", "nodes"),
    Access("get", "nodes", subresource="proxy"),
    Access("list", "daemonsets", "apps"),
    Access("list", "storageclasses", "storage.k8s.io"),
]
"""What this project does in a cluster, and so must be allowed to."""


@dataclass(frozen=True)
class Verdict:
    """`problems` speak against it; `remarks` are worth knowing; `network` names the Pod network."""

    problems: list[str]
    remarks: list[str]
    network: str


def judge(facts: ClusterFacts, storage_class: str | None = None) -> Verdict:
    """Judge a cluster; `storage_class` is the one that the settings ask for."""
    problems: list[str] = []
    remarks: list[str] = []
    if facts.version < OLDEST:
        problems.append(f"it runs Kubernetes {_text(facts.version)}; at least {_text(OLDEST)} is needed")
    if facts.denied:
        problems.append(
            f"this user may not {', '.join(str(access) for access in facts.denied)}; "
            "give it a role that allows this in every namespace"
        )
    denied = {access.resource for access in facts.denied}
    if "nodes" not in denied:
        problems += _node_problems(facts)
    if "storageclasses" not in denied:
        _judge_storage(facts, storage_class, problems, remarks)
    return Verdict(problems, remarks, _network(facts))


def _node_problems(facts: ClusterFacts) -> list[str]:
    if not facts.nodes:
        return ["it has no nodes, so nothing can run on it"]
    waiting = [node for node in facts.nodes if not node.ready]
    if len(waiting) < len(facts.nodes):
        return []
    complaint = waiting[0].complaint
    hint = ""
    if any(word in complaint.lower() for word in ("network plugin", "cni")):
        hint = "; it seems to have no Pod network (CNI): install one, flannel for instance"
    reason = f"{waiting[0].name}: {complaint or 'no reason given'}"
    return [f"none of its {len(waiting)} nodes is ready ({reason}){hint}"]


def _judge_storage(
    facts: ClusterFacts, storage_class: str | None, problems: list[str], remarks: list[str]
) -> None:
    known = ", ".join(facts.storage_classes) or "none"
    if storage_class is not None:
        if storage_class not in facts.storage_classes:
            problems.append(f"it has no storage class {storage_class!r}; there are: {known}")
    elif facts.default_storage_class is None:
        remarks.append(
            f"it has no default storage class (there are: {known}); cartridges with data need one: "
            "set `storageClass`, or mark one as the default"
        )


def _network(facts: ClusterFacts) -> str:
    if any(node.flannel for node in facts.nodes):
        return "flannel"
    return facts.networks[0] if facts.networks else "unknown"


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
