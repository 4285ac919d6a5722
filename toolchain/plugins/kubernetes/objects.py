"""The shape of a Kubernetes object in Pulumi's state, the same as the vendor's.

State is the live object with three extra keys: the inputs it was made from, the API version it
was first made with, and the field manager that owns its fields.
"""

import base64
from collections.abc import Mapping
from typing import Any

from toolchain.plugins.kubernetes.kinds import Kind
from toolchain.plugins.kubernetes.quantity import same_amount
from toolchain.plugins.protocol import UNKNOWN, Properties, Secret

INPUTS = "__inputs"
INITIAL_VERSION = "__initialApiVersion"
MANAGER = "__fieldManager"

# Pulumi's property names have no dashes; the API's schema extensions have.
DASHED = {
    f"x_kubernetes_{name.replace('-', '_')}": f"x-kubernetes-{name}"
    for name in (
        "embedded-resource",
        "int-or-string",
        "list-map-keys",
        "list-type",
        "map-type",
        "preserve-unknown-fields",
        "validations",
    )
}
UNDERSCORED = {dashed: underscored for underscored, dashed in DASHED.items()}
SERVER_METADATA = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)
SERVER_ANNOTATIONS = (
    "deployment.kubernetes.io/revision",
    "kubectl.kubernetes.io/last-applied-configuration",
)


def from_properties(properties: Mapping[str, Any], kind: Kind) -> Properties:
    """The object that the inputs describe, without nulls and without what only the server sets."""
    content: Properties = _rename(_without_nulls(properties), DASHED)
    content["apiVersion"], content["kind"] = kind.api_version, kind.name
    if isinstance(content.get("metadata"), dict):
        for key in SERVER_METADATA:
            content["metadata"].pop(key, None)
    return content


def to_state(inputs: Properties, live: Properties, initial_version: str, manager: str) -> Properties:
    """The state to record for an object."""
    state: Properties = _rename(live, UNDERSCORED)
    state[INPUTS] = _rename(inputs, UNDERSCORED)
    state[INITIAL_VERSION] = initial_version
    state[MANAGER] = manager
    return conceal(state, live.get("kind") == "Secret")


def from_state(state: Mapping[str, Any]) -> tuple[Properties, Properties]:
    """The inputs and the live object in a recorded state."""
    content = _rename(_without_nulls(state), DASHED)
    inputs: Properties = content.pop(INPUTS, {})
    for key in (INITIAL_VERSION, MANAGER):
        content.pop(key, None)
    return inputs, content


def conceal(properties: Properties, secret: bool) -> Properties:
    """The properties with a Secret's content marked secret, in the inputs within them as well."""
    if not secret:
        return properties
    concealed = dict(properties)
    for key in ("data", "stringData"):
        if key in concealed and not isinstance(concealed[key], Secret):
            concealed[key] = Secret(concealed[key])
    if isinstance(concealed.get(INPUTS), dict):
        concealed[INPUTS] = conceal(concealed[INPUTS], secret=True)
    return concealed


def as_given(live: Any, shape: Any, path: tuple[str | int, ...] = ()) -> Any:
    """The live value of what `shape` (the inputs) speaks of, spelled as it was given.

    Objects keep the keys of the shape, lists its length; what the server added falls away. A
    quantity that only looks different (`0.5`, `500m`) keeps its spelling. The server leaves out
    values that equal nothing (false, 0, empty): asked for, such a value is in place without showing.
    """
    if isinstance(live, Mapping) and isinstance(shape, Mapping):
        return {
            key: as_given(live[key], wanted, (*path, key)) if key in live else wanted
            for key, wanted in shape.items()
            if key in live or is_empty(wanted)
        }
    if isinstance(live, list) and isinstance(shape, list):
        pairs = enumerate(zip(live, shape, strict=False))
        return [as_given(item, wanted, (*path, index)) for index, (item, wanted) in pairs]
    return shape if same_amount(path, live, shape) else live


def is_empty(value: Any) -> bool:
    """Whether the API may leave the value out, alone or because all inside it is left out."""
    if value is UNKNOWN:
        return False
    if isinstance(value, Mapping):
        return all(map(is_empty, value.values()))
    return not value


def imported_inputs(live: Properties) -> Properties:
    """The inputs for an object of which nothing was known before: all that is not the server's."""
    inputs = {key: value for key, value in live.items() if key != "status"}
    about = {key: value for key, value in inputs.get("metadata", {}).items() if key not in SERVER_METADATA}
    annotations = {
        key: value for key, value in about.pop("annotations", {}).items() if key not in SERVER_ANNOTATIONS
    }
    if annotations:
        about["annotations"] = annotations
    inputs["metadata"] = about
    return inputs


def refreshed_inputs(live: Properties, inputs: Properties) -> Properties:
    """The inputs as they are live now, in the shape they were given.

    A Secret's `stringData` is write-only: its live value is read from `data`.
    """
    found: Properties = as_given(live, inputs)
    texts = inputs.get("stringData")
    if live.get("kind") == "Secret" and isinstance(texts, Mapping):
        data = live.get("data") or {}
        found["stringData"] = {key: _decoded(data[key]) for key in texts if key in data}
    return found


def _decoded(data: str) -> str:
    return base64.b64decode(data).decode(errors="replace")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _rename(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {names.get(key, key): _rename(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_rename(item, names) for item in value]
    return value
