"""Automatic entries of Pulumi's history are kept short; people's own stay."""

import json
from pathlib import Path

from autoscaler.act.history import KEPT, prune


def entry(folder: Path, number: int, message: str) -> None:
    for part, content in (("history", {"message": message}), ("checkpoint", {})):
        name = f"app-shop-{1_700_000_000_000_000_000 + number}.{part}.json"
        (folder / name).write_text(json.dumps(content))
        (folder / f"{name}.attrs").write_text("{}")


def test_the_oldest_automatic_entries_go_with_their_copies_of_the_state(tmp_path: Path) -> None:
    folder = tmp_path / ".pulumi" / "history" / "altostratus" / "app-shop"
    folder.mkdir(parents=True)
    for number in range(KEPT + 10):
        entry(folder, number, "autoscaler: web is full" if number % 10 else "a person's words")
    automatic = KEPT + 10 - (KEPT + 10) // 10
    assert prune(tmp_path, "altostratus", "app-shop") == max(0, automatic - KEPT)
    messages = [json.loads(path.read_text())["message"] for path in sorted(folder.glob("*.history.json"))]
    assert messages.count("a person's words") == (KEPT + 10) // 10
    assert messages.count("autoscaler: web is full") == KEPT
    assert len(list(folder.iterdir())) == 4 * len(messages)
    assert prune(tmp_path, "altostratus", "app-shop") == 0
