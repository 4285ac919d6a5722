"""Whatever no conversion looked at: nothing of a document goes unmentioned."""

import re
from collections.abc import Iterator

from blueprints.nodes import Node
from blueprints.stratos.record import Record
from blueprints.stratos.sensitive import is_sensitive
from blueprints.stratos.session import Session

_KNOWN = {
    "groupScalingEnabled": "Stratos ignored it; a group scales where its maximum is over 1",
    "maxInstanceLimit": "Stratos ignored it; the group's maximum is groupMaxInstances",
    "isPublic": "Stratos ignored it; who may use what is the tenant's to say",
    "tenantId": "tenants go by their names",
    "artifactRepository.alias": "the cluster it stands in is meant",
    "privateRepo": "it means nothing without an address",
    "application.alias": "an application goes by its applicationId",
    "kubernetesMaster.property": "its endpoint tells the port, and members have a namespace of their own",
    "hostId": "a registered cluster tells its machines itself",
    "hostname": "a registered cluster tells its machines itself",
    "privateIPAddress": "a registered cluster tells its machines itself",
    "publicIPAddress": "a registered cluster tells its machines itself",
    "networkInterfaces": "the network of a virtual machine",
    "portMapping.name": "the built-in cartridge names its ports itself",
    "portMapping.proxyPort": "the built-in cartridge does not listen there",
    "createdDate": "the state of a running server",
    "status": "the state of a running server",
    "signUpsExist": "the state of a running server",
}
_UNFIT = "it has not the form that is expected here"
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
            for path, node, unfit in _unread(record):
                why = _UNFIT if unfit else _why(kind, path)
                session.report.add(
                    "not carried over", record.file, node.line, subject, f"{path}{_shown(path, node)}: {why}"
                )
    _note_silent(session)


def _note_silent(session: Session) -> None:
    """Documents that led to nothing, and of which nothing was said."""
    told: dict[str, int] = {}
    for entry in session.report.entries:
        told[entry.file] = max(told.get(entry.file, 0), entry.line)
    for (kind, _), records in session.collection.variants.items():
        for record in records:
            # An entry about a part of the document stands on a line of its own below.
            if told.get(str(record.file), 0) < record.line:
                session.left(record, kind, "it holds nothing to carry over")


def _why(kind: str, path: str) -> str:
    """The reason by the last step of the path, or by the last two (of a top value: the kind and it)."""
    steps = [kind, *re.sub(r"\[[0-9]+\]", "", path).split(".")]
    return _KNOWN.get(".".join(steps[-2:])) or _KNOWN.get(steps[-1], _OTHERWISE)


def _unread(record: Record) -> Iterator[tuple[str, Node, bool]]:
    """Values never asked for, and those asked for in another form (True), with their paths."""
    reading = record.reading
    pending: list[tuple[str, Node]] = [("", record.node)]
    while pending:
        path, node = pending.pop()
        if isinstance(node.value, list):
            for index, item in enumerate(node.value):
                if id(item) in reading.entries:
                    pending.append((f"{path}[{index}]", item))
                elif not _empty(item):
                    yield f"{path}[{index}]", item, True
        if not isinstance(node.value, dict):
            continue
        for key, (_, value) in node.value.items():
            inner, place = f"{path}.{key}" if path else str(key), (id(node), str(key))
            if _empty(value):
                continue
            if reading.missed(place) or reading.misread(place):
                yield inner, value, not reading.missed(place)
            elif place in reading.fitting:
                pending.append((inner, value))


def _empty(node: Node) -> bool:
    return node.value is None or node.value in ("", [], {})


def _shown(path: str, node: Node) -> str:
    if is_sensitive(path.rpartition(".")[2]):
        return " (hidden)"
    if isinstance(node.value, (dict, list)):
        return ""
    text = repr(node.value)
    return f" {text if len(text) <= _LENGTH else text[: _LENGTH - 3] + '...'}"
