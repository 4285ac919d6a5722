"""Manual scaling: an edit of `altostratus:scale` and an update, as the autoscaler does it."""

from typing import Any

from console.errors import BadInput

KEY = "altostratus:scale"


def parse(targets: list[str]) -> dict[str, int]:
    """ALIAS=N pairs as a mapping. Raises BadInput naming every malformed one."""
    wrong, found = [], {}
    for target in targets:
        alias, separator, number = target.partition("=")
        if separator and alias and number.isdecimal():
            found[alias] = int(number)
        else:
            wrong.append(target)
    if wrong:
        raise BadInput(f"not ALIAS=N: {', '.join(wrong)}", "N is a whole number of members, such as web=5.")
    return found


def merged(scale: dict[str, Any], clusters: dict[str, int], groups: dict[str, int]) -> dict[str, Any]:
    """The scale with the new counts and the next generation; what is not named stays."""
    return {
        "clusters": {**(scale.get("clusters") or {}), **clusters},
        "groups": {**(scale.get("groups") or {}), **groups},
        "generation": int(scale.get("generation") or 0) + 1,
    }
