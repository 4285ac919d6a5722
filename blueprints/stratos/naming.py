"""Stratos' names made to fit ours."""

import re

from blueprints.names import LABEL_LIMIT, shorten


def name_of(text: str, limit: int = LABEL_LIMIT) -> str:
    """A document name: lower case, hyphens for all else; `unnamed` where nothing is left."""
    plain = re.sub(r"-+", "-", re.sub(r"[^a-z0-9]+", "-", text.lower())).strip("-")
    return shorten(plain or "unnamed", limit)


def alias_of(text: str, limit: int = LABEL_LIMIT) -> str:
    """An alias: a document name that begins with a letter."""
    plain = name_of(text, limit)
    return plain if plain[0].isalpha() else shorten(f"x-{plain}", limit)


def free(name: str, taken: "set[str]", limit: int = LABEL_LIMIT) -> str:
    """The name, or the first of name-2, name-3, ... that is not taken; it is taken then."""
    candidate, number = name, 2
    while candidate in taken:
        ending = f"-{number}"
        candidate = f"{shorten(name, limit - len(ending))}{ending}"
        number += 1
    taken.add(candidate)
    return candidate


def variable_of(text: str) -> str:
    """An environment variable's name; empty where none can be made."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", text)
    return plain if re.match(r"[A-Za-z_]", plain) else ""
