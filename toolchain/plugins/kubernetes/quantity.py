"""Amounts as Kubernetes writes them: `500m`, `1Gi`, `2e3`."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal("1e3"),
    "M": Decimal("1e6"),
    "G": Decimal("1e9"),
    "T": Decimal("1e12"),
    "P": Decimal("1e15"),
    "E": Decimal("1e18"),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}
FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkMGTPE]|[KMGTPE]i)?")
# Field names whose value, or whose entries, are quantities.
HOLDERS = frozenset(
    {
        *("limits", "requests", "hard", "capacity", "overhead", "podFixed", "sizeLimit", "divisor"),
        *("default", "defaultRequest", "max", "min", "maxLimitRequestRatio", "averageValue", "value"),
    }
)


def parse(text: Any) -> Decimal | None:
    """The amount; None where the text is none."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return None
    found = FORM.fullmatch(str(text))
    return Decimal(found[1]) * SUFFIXES[found[2] or ""] if found else None


def same_amount(path: Sequence[str | int], old: Any, new: Any) -> bool:
    """Whether two different spellings at a quantity's place in an object mean the same amount."""
    if not HOLDERS.intersection(map(str, path[-2:])):
        return False
    amount = parse(old)
    return amount is not None and amount == parse(new)
