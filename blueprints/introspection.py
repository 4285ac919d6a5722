"""What keys and choices a model allows at a place, found from its annotations."""

import types
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel


@lru_cache(maxsize=4096)
def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """The annotation without Annotated, Optional and unions, as alternatives."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _alternatives(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return tuple(a for part in get_args(annotation) for a in _alternatives(part) if a is not type(None))
    return (annotation,)


@lru_cache(maxsize=512)
def fields_by_key(model: type[BaseModel]) -> dict[str, Any]:
    """The annotations of a model's fields, by the key they have in documents."""
    return {info.alias or name: info.annotation for name, info in model.model_fields.items()}


def _step(annotation: Any, key: str | int) -> tuple[Any, ...]:
    origin = get_origin(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        found = fields_by_key(annotation).get(str(key))
        return _alternatives(found) if found is not None else ()
    if origin is tuple and isinstance(key, int):
        return _alternatives(get_args(annotation)[0])
    if origin is dict:
        return _alternatives(get_args(annotation)[1])
    return ()


def annotations_at(model: type[BaseModel], path: Sequence[str | int]) -> tuple[Any, ...]:
    """The annotations a value at `path` below `model` may have."""
    current: tuple[Any, ...] = (model,)
    for key in path:
        current = tuple(found for annotation in current for found in _step(annotation, key))
    return current


def keys_at(model: type[BaseModel], path: Sequence[str | int]) -> tuple[str, ...]:
    """The keys a mapping at `path` may have."""
    models: Iterable[Any] = annotations_at(model, path)
    return tuple(
        dict.fromkeys(
            k for m in models if isinstance(m, type) and issubclass(m, BaseModel) for k in fields_by_key(m)
        )
    )


def choices_at(model: type[BaseModel], path: Sequence[str | int]) -> tuple[str, ...]:
    """The words a value at `path` may be, where it is a choice."""
    return tuple(str(c) for a in annotations_at(model, path) if get_origin(a) is Literal for c in get_args(a))
