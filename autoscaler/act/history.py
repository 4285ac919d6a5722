"""The history that Pulumi keeps of automatic updates, made short.

The file backend writes two files for each update, one of them a copy of the whole state, and never
removes any. Our journal remembers updates better; people's own entries are not touched.
"""

import json
from contextlib import suppress
from pathlib import Path

KEPT = 50  # automatic updates of a stack
AUTOMATIC = "autoscaler: "  # how the message of an automatic update begins


def prune(state: Path, project: str, stack: str) -> int:
    """Remove the oldest automatic entries beyond `KEPT`; returns how many went."""
    folder = state / ".pulumi" / "history" / project / stack
    entries = [path for path in sorted(folder.glob("*.history.json")) if _is_automatic(path)]
    gone = 0
    for path in entries[:-KEPT]:
        base = path.name.removesuffix(".history.json")
        for part in ("checkpoint.json", "history.json"):
            for suffix in ("", ".attrs"):
                with suppress(OSError):
                    (folder / f"{base}.{part}{suffix}").unlink(missing_ok=True)
        gone += 1
    return gone


def _is_automatic(path: Path) -> bool:
    try:
        message = json.loads(path.read_text()).get("message")
    except (OSError, ValueError, AttributeError):
        return False
    return isinstance(message, str) and message.startswith(AUTOMATIC)
