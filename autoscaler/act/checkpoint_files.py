"""What a killed CLI leaves beside a stack's checkpoint in the file backend.

The backend writes a checkpoint beside and renames it, but the small file of its attributes (`.attrs`: its
kind and a digest) it writes in place: killed in that moment, the CLI leaves it empty, and from then on
refuses every command with `failed to load checkpoint: EOF`. The checkpoint itself is whole.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

BEING_WRITTEN_SECONDS = 0.5


def mend(checkpoint: Path, wait: Callable[[float], object] = time.sleep) -> list[str]:
    """Remove attributes that cannot be read, and files that were never renamed; what was done, in words.

    Only where nobody updates the stack. Without attributes the backend reads a checkpoint as it is.
    """
    broken = [path for path in _attributes(checkpoint) if not _is_whole(path)]
    if broken:
        wait(BEING_WRITTEN_SECONDS)
    done = []
    for path in broken:
        if path.exists() and not _is_whole(path):
            path.unlink(missing_ok=True)
            done.append(f"removed {path.name}, which a killed update left half-written")
    for path in unfinished(checkpoint):
        path.unlink(missing_ok=True)
    return done


def unfinished(checkpoint: Path) -> Iterator[Path]:
    """Files of a stack that a killed CLI had not renamed yet."""
    for kind in (checkpoint.name, f"{checkpoint.name}.bak"):
        yield from checkpoint.parent.glob(f"{kind}.{'[0-9a-f]' * 8}*.tmp")


def _attributes(checkpoint: Path) -> Iterator[Path]:
    for name in (checkpoint.name, f"{checkpoint.name}.bak"):
        path = checkpoint.with_name(f"{name}.attrs")
        if path.exists():
            yield path


def _is_whole(path: Path) -> bool:
    try:
        json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return True
