"""What the controller remembers about one cluster, and its exact form on disk."""

from __future__ import annotations

import types
from array import array
from collections import deque
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from autoscaler.decide.capacity import MemberRate
from autoscaler.decide.patience import Patience
from autoscaler.decide.price import Price
from autoscaler.decide.signal import Signal
from autoscaler.decide.thrift import Thrift

VERSION = 5


class StateError(ValueError):
    """A snapshot that does not fit this version of the controller."""


@dataclass(slots=True)
class ClusterState:
    """Memory of one cluster; times in seconds since the epoch, -1 for never."""

    cluster: str
    step: float = 0.0
    last: float = -1.0
    # The latest times between observations.
    intervals: list[float] = field(default_factory=list)
    backwards: int = 0
    horizon: int = 0
    # The latest leads, in steps, that are all longer or all shorter than the horizon.
    leads: list[int] = field(default_factory=list)
    signals: dict[str, Signal] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)
    price: Price | None = None
    member_rate: MemberRate = field(default_factory=MemberRate)
    ready: int = -1
    backlog: float = 0.0
    patience: Patience = field(default_factory=Patience)
    thrift: Thrift = field(default_factory=Thrift)
    busy_at: float = -1.0
    # When memory was last over its threshold.
    memory_over: float = -1.0
    schedule_minute: int = -1
    scheduled: int = 0


def snapshot(state: ClusterState) -> dict[str, object]:
    """The state as plain JSON data; `restore` gives back one that decides identically."""
    return {"version": VERSION, "state": _dump(state)}


def restore(data: object) -> ClusterState:
    """The state from `snapshot` data. Raises `StateError` when it is from elsewhere or damaged."""
    if not isinstance(data, dict) or data.get("version") != VERSION:
        found = data.get("version") if isinstance(data, dict) else data
        raise StateError(f"controller state version {found!r} cannot be read; this version reads {VERSION}")
    try:
        state: ClusterState = _load(ClusterState, data["state"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise StateError(f"controller state is damaged: {error}") from error
    return state


def _dump(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _dump(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, dict):
        return {str(key): _dump(item) for key, item in value.items()}
    if isinstance(value, list | tuple | deque | array):
        return [_dump(item) for item in value]
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _load(kind: Any, data: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is types.UnionType:
        return None if data is None else _load(next(one for one in inner if one is not types.NoneType), data)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(**{item.name: _load(hints[item.name], data[item.name]) for item in fields(kind)})
    if kind is array:
        return array("d", data)
    if origin is dict:
        return {inner[0](key): _load(inner[1], item) for key, item in data.items()}
    if origin in (list, deque):
        return origin(_load(inner[0], item) for item in data)
    if origin is tuple or (isinstance(kind, type) and issubclass(kind, tuple)):
        return _load_tuple(kind, inner, data)
    if kind in (int, float, str, bool):
        return kind(data)
    return data


def _load_tuple(kind: Any, inner: tuple[Any, ...], data: list[Any]) -> Any:
    if hasattr(kind, "_fields"):
        hints = _hints(kind)
        return kind(*(_load(hints[name], item) for name, item in zip(kind._fields, data, strict=True)))
    kinds = [inner[0]] * len(data) if len(inner) == 2 and inner[1] is Ellipsis else list(inner)
    return tuple(_load(one, item) for one, item in zip(kinds, data, strict=True))
