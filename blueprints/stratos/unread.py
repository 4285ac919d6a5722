"""Whatever no conversion looked at: nothing of a document goes unmentioned."""

import re
from collections.abc import Iterator

from blueprints.nodes import Node
from blueprints.stratos.record import Record
from blueprints.stratos.session import Session

_KNOWN = {
    "groupScalingEnabled": "Stratos ignored it; a group scales where its maximum is over 1",
    "maxInstanceLimit": "Stratos ignored it; the group's maximum is groupMaxInstances",
    "isPublic": "Stratos ignored it; who may use what is the tenant's to say",
    "tenantId": "tenants go by their names",
    "artifactRepository.alias": "the cluster it stands in is meant",
    "privateRepo": "it means nothing without an address",
    "application.alias": "an application goes by its applicationId",
    "hostId": "a registered cluster tells its machines itself",
    "hostname": "a registered cluster tells its machines itself",
    "privateIPAddress": "a registered cluster tells its machines itself",
    "publicIPAddress": "a registered cluster tells its machines itself",
    "networkInterfaces": "the network of a virtual machine",
    "createdDate": "the state of a running server",
    "status": "the state of a running server",
    "signUpsExist": "the state of a running server",
}
_OTHERWISE = "nothing here takes it"
_LENGTH = 60


def note_unread(session: Session) -> None:
    """Report every value that is there and was never read, of documents that were carried over."""
    taken = {(e.file, e.line) for e in session.report.of("carried over")}
    for (kind, name), records in session.collection.variants.items():
        for record in records:
            if (str(record.file), record.line) not in taken:
                continue
            subject = kind if name == str(record.file) else f"{kind} {name}"
            for path, node in _unread(record):
                session.report.add(
                    "not carried over", record.file, node.line, subject,
                    f"{path}{_shown(node)}: {_why(kind, path)}",
                )  # fmt: skip


def _why(kind: str, path: str) -> str:
    """The reason by the last step of the path, or by the last two (of a top value: the kind and it)."""
    steps = [kind, *re.sub(r"\[[0-9]+\]", "", path).split(".")]
    return _KNOWN.get(".".join(steps[-2:])) or _KNOWN.get(steps[-1], _OTHERWISE)


def _unread(record: Record) -> Iterator[tuple[str, Node]]:
    pending: list[tuple[str, Node]] = [("", record.node)]
    while pending:
        path, node = pending.pop()
        if isinstance(node.value, list):
            pending += [(f"{path}[{index}]", item) for index, item in enumerate(node.value)]
        if not isinstance(node.value, dict):
            continue
        for key, (_, value) in node.value.items():
            inner = f"{path}.{key}" if path else str(key)
            if (id(node), str(key)) in record.read:
                pending.append((inner, value))
            elif not _empty(value):
                yield inner, value


def _empty(node: Node) -> bool:
    return node.value is None or node.value in ("", [], {})


def _shown(node: Node) -> str:
    if isinstance(node.value, (dict, list)):
        return ""
    text = repr(node.value)
    return f" {text if len(text) <= _LENGTH else text[: _LENGTH - 3] + '...'}"
