"""Durations as Go writes them: `1m30s`, `500ms`, `0s`."""

import re

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


def nanoseconds(text: str) -> int | None:
    """The length in nanoseconds, or None where it is no duration."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return 0 if text == "0" else None
    return sum(int(float(number) * _UNITS[unit]) for number, unit in parts)
