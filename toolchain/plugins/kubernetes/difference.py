"""What an update would change, and whether it needs a new object."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolchain.plugins.kubernetes import naming
from toolchain.plugins.kubernetes.kinds import CONFIG_DATA, IDENTITY, FieldPath, Kind, needs_replacement
from toolchain.plugins.kubernetes.objects import refreshed_inputs
from toolchain.plugins.kubernetes.quantity import same_amount
from toolchain.plugins.protocol import UNKNOWN, Diff, DiffKind, Properties
from toolchain.plugins.protocol.comparison import ChangeKind, Step, render, type_aware_differs
from toolchain.plugins.protocol.handlers import replacing

_ABSENT = object()


def compare(
    kind: Kind, old_inputs: Properties, old_live: Properties, new: Properties, mutable: Sequence[str] = ()
) -> Diff:
    """The live object, as last recorded, against the new inputs.

    Only fields of the old or new inputs count, so what controllers add is no difference, and what
    they changed is one (after a refresh). `mutable` names the kinds (ConfigMap, Secret) whose
    content may change in place.
    """
    if not old_inputs.get("apiVersion"):
        old_inputs = {**old_inputs, "apiVersion": kind.api_version, "kind": kind.name}
    old = _with_identity(kind, refreshed_inputs(old_live, old_inputs), old_live)
    wanted = _with_identity(kind, new, None)
    for key in ("apiVersion", "kind"):  # a served version is a view, not a property, of an object
        old.pop(key, None)
        wanted.pop(key, None)
    immutable = immutable_fields(kind, new, mutable)
    changed: dict[str, DiffKind] = {}
    replaces: list[str] = []
    for path, change in _differences(old, wanted, ()):
        text = render(path)
        if needs_replacement(path, immutable):
            replaces.append(text)
            changed[text] = replacing(change)
        else:
            changed[text] = change
    same_place = naming.name_of(wanted) == naming.name_of(old) and (
        naming.namespace_of(wanted) == naming.namespace_of(old)
    )
    needs_gap = (
        bool(replaces) and same_place and naming.is_named(new) and not naming.flag(new, naming.AUTONAMED)
    )
    return Diff(bool(changed), tuple(replaces), changed, needs_gap)


def immutable_fields(kind: Kind, new: Properties, mutable: Sequence[str]) -> tuple[FieldPath, ...]:
    """The fields whose change needs a new object."""
    fields = IDENTITY + kind.immutable
    if kind.name in CONFIG_DATA and (kind.name not in mutable or new.get("immutable") is True):
        fields += CONFIG_DATA[kind.name]
    return fields


def _with_identity(kind: Kind, content: Properties, live: Properties | None) -> Properties:
    """The content with its namespace spelled out, and the live name where one is known."""
    result = dict(content)
    if result.get("metadata") is UNKNOWN:
        return result
    about = dict(result.get("metadata") or {})
    if kind.namespaced:
        about["namespace"] = about.get("namespace") or "default"
    else:
        about.pop("namespace", None)
    if live is not None:
        about["name"] = naming.name_of(live)
    result["metadata"] = about
    return result


def _differences(old: Any, new: Any, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], ChangeKind]]:
    """Changes from the live value to the wanted one."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _difference(old.get(key, _ABSENT), new.get(key, _ABSENT), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            was, wanted = (side[index] if index < len(side) else _ABSENT for side in (old, new))
            yield from _difference(was, wanted, (*path, index))
    elif (new is UNKNOWN or type_aware_differs(old, new)) and not same_amount(path, old, new):
        yield path, "update"


def _difference(old: Any, new: Any, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], ChangeKind]]:
    if new is _ABSENT:
        yield path, "delete"
    elif old is _ABSENT:
        yield path, "add"
    else:
        yield from _differences(old, new, path)
