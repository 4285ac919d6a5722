"""Small rules that several kinds share."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from blueprints.model import fault


def given(model: BaseModel, *names: str) -> list[str]:
    """Those of the named fields that have a value, in the document's spelling."""
    return [to_camel(name) for name in names if getattr(model, name) is not None]


def exactly_one(model: BaseModel, *names: str) -> None:
    """Refuse all but exactly one of the named fields. Raises a validation error."""
    found = given(model, *names)
    if len(found) == 1:
        return
    choice = ", ".join(to_camel(n) for n in names)
    if found:
        raise fault("ALT1111", f"give only one of {choice}; here are {' and '.join(found)}", at=(found[1],))
    raise fault("ALT1111", f"give exactly one of {choice}")


def at_most_one(model: BaseModel, *names: str) -> None:
    """Refuse more than one of the named fields. Raises a validation error."""
    found = given(model, *names)
    if len(found) > 1:
        raise fault("ALT1111", f"give only one of {' and '.join(found)}", at=(found[1],))


def unique(field: str, items: Iterable[BaseModel], key: str = "name") -> None:
    """Refuse two items of a list field with the same name. Raises a validation error."""
    seen: dict[Any, int] = {}
    for index, item in enumerate(items):
        value = getattr(item, key)
        if value in seen:
            raise fault(
                "ALT1114",
                f"{key} {value!r} is already taken by {field}[{seen[value]}]",
                at=(field, index, to_camel(key)),
            )
        seen[value] = index
