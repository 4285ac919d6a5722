"""How long things took before: the ground for telling how long they will take now."""

import json
import os

from toolchain import paths
from toolchain.locks import exclusive

_WEIGHT = 0.6  # of the newest run: machines change, and the last run knows best


def recall(name: str) -> float | None:
    """Seconds that `name` took in earlier runs, or None."""
    value = _read().get(name)
    return float(value) if isinstance(value, int | float) and value > 0 else None


def remember(name: str, seconds: float) -> None:
    """Fold one more run into what is known. A cache that cannot be written is no reason to fail."""
    file = paths.cache() / "durations.json"
    beside = file.with_suffix(f".{os.getpid()}.new")
    try:
        with exclusive(paths.cache() / "locks" / "durations"):
            known = _read()
            before = known.get(name)
            if isinstance(before, int | float):
                seconds = _WEIGHT * seconds + (1 - _WEIGHT) * before
            known[name] = round(seconds, 2)
            beside.write_text(json.dumps(known, indent=1, sort_keys=True))
            beside.replace(file)
    except OSError:
        beside.unlink(missing_ok=True)


def _read() -> dict[str, object]:
    try:
        known = json.loads((paths.cache() / "durations.json").read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
