"""`alto rollback`: back to the last revision of an application that worked, or to one by name.

Every update of an application's stack exports what it was made of; the backend keeps the outputs of each.
Going back writes that revision beside the stack's config, names it in the config, and updates.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autoscaler.act.app_stack import IMAGES, REVISION, SCALE, AppStack
from autoscaler.act.pulumi_cli import PROJECT, Pulumi
from blueprints.revision import Pin, Revision, digest, documents_of, pin_folder, write_pin
from blueprints.scale import ScaleState, fitted
from blueprints.workspace import Workspace
from console.applications import known
from console.errors import BadInput, ConsoleError
from console.updates import change

LOOK_BACK = 200
"""Updates that are looked through; older ones are history."""


@dataclass(frozen=True)
class Entry:
    """One update of the past. `began` is in seconds since the epoch; `revision` is what it left behind."""

    began: float
    result: str
    message: str
    revision: Revision | None
    pinned: bool

    @property
    def worked(self) -> bool:
        """Whether it ended well and says what it made."""
        return self.result == "succeeded" and self.revision is not None


class NothingToGoBackTo(ConsoleError):
    """No update of the past can be gone back to."""


def show(application: str) -> None:
    """`--list`: the updates of the past that changed something, newest first."""
    cli, stack = known(application)
    current = _current(cli, stack)
    print(f"{'revision':<14}{'last updated':<21}{'how it ended':<14}")
    before: Entry | None = None
    for entry in history(cli, stack):
        if before is not None and _says_the_same(entry, before):
            continue
        before = entry
        made = entry.revision if entry.worked else None
        mark = "  <- now" if made and current and made.is_like(current) else ""
        name = made.id if made else "-"
        how = f"{entry.result}{', gone back to' if entry.pinned else ''}"
        print(f"{name:<14}{_moment(entry.began):<21}{how}{mark}")


def rollback(application: str, to: str | None, *, preview: bool) -> None:
    """Go back. Raises BadInput for a revision that there is not, and NothingToGoBackTo."""
    cli, stack = known(application)
    wanted = _named(cli, stack, to) if to else _last_working(cli, stack)
    found = AppStack.read(cli, stack)
    folder = pin_folder(cli.root, stack, wanted.id)
    pin = _pin(cli, found, wanted)
    scale, left = _scale(found, wanted)
    print(f"{application} goes back to revision {wanted.id}")
    for branch, commit in pin.commits.items():
        print(f"  {branch} at commit {commit[:12]}")
    for each in left:
        print(f"  its documents have no room for the scale of {each}; it is left out")
    if preview:
        _preview(cli, stack, folder, wanted, pin)
        return
    write_pin(folder, wanted, pin)
    change(cli, stack, {REVISION: wanted.id, **({SCALE: scale.to_data()} if left else {})})
    print(
        f"{application} stands at revision {wanted.id} until its documents change.\n"
        f"  To go forward: change them and `pulumi up`, or `alto rollback {application} --forward`."
    )


def forward(application: str, *, preview: bool) -> None:
    """`--forward`: the documents count again."""
    cli, stack = known(application)
    pinned = AppStack.read(cli, stack).config.get(REVISION)
    if pinned is None:
        print(f"{application} is at its documents already")
        return
    if preview:
        print(f"{application} leaves revision {pinned}; its documents count again")
        return
    change(cli, stack, {REVISION: None})


def history(cli: Pulumi, stack: str) -> Iterator[Entry]:
    """The updates of a stack that the backend remembers, newest first. Each is read when it is asked for."""
    folder = cli.state / ".pulumi" / "history" / PROJECT / stack
    for path in sorted(folder.glob("*.history.json"), reverse=True)[:LOOK_BACK]:
        try:
            info = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if info.get("kind") != "update":
            continue
        outputs = _outputs(path.with_name(path.name.replace(".history.json", ".checkpoint.json")))
        made = outputs.get("revision")
        yield Entry(
            began=float(info.get("startTime", 0)),
            result=str(info.get("result", "")),
            message=str(info.get("message", "")),
            revision=Revision.from_output(made),
            pinned=isinstance(made, dict) and bool(made.get("pinned")),
        )


def _outputs(checkpoint: Path) -> dict[str, Any]:
    try:
        latest = json.loads(checkpoint.read_text("utf-8"))["checkpoint"]["latest"] or {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    found = (r.get("outputs") for r in latest.get("resources", []) if r["type"] == "pulumi:pulumi:Stack")
    return next((dict(outputs) for outputs in found if outputs), {})


def _current(cli: Pulumi, stack: str) -> Revision | None:
    """What the last update that ended well was made of."""
    return next((e.revision for e in history(cli, stack) if e.worked), None)


def _last_working(cli: Pulumi, stack: str) -> Revision:
    """After a failed update, what was there before it; else what was there before what is there now."""
    entries = list(history(cli, stack))
    working = [entry for entry in entries if entry.worked]
    if not working:
        raise NothingToGoBackTo(
            f"no update of {stack} has ended well yet", "`alto rollback --list` shows what there was."
        )
    now = working[0].revision
    assert now is not None
    if entries[0].result != "succeeded":
        return now
    # Having gone back once, going back again means further back, not to what was left.
    own = [e.revision for e in working if not e.pinned and e.revision is not None]
    here = next((at for at, revision in enumerate(own) if revision.is_like(now)), -1)
    for revision in own[here + 1 :]:
        if not revision.is_like(now):
            return revision
    raise NothingToGoBackTo(
        f"{stack} has no revision before {now.id}", "`alto rollback --list` shows what there was."
    )


def _named(cli: Pulumi, stack: str, to: str) -> Revision:
    found = {e.revision.id: e.revision for e in history(cli, stack) if e.worked and e.revision is not None}
    matches = [revision for id, revision in found.items() if id.startswith(to)]
    if len(matches) != 1:
        there = ", ".join(found) or "none yet"
        what = "no revision" if not matches else "more than one revision"
        raise BadInput(f"{stack} has {what} {to}", f"Revisions that worked: {there}.")
    return matches[0]


def _pin(cli: Pulumi, found: AppStack, wanted: Revision) -> Pin:
    now, _, _ = Workspace.read(found.sources)
    current: dict[str, str] = {}
    for source in (found.platform, found.config.get(IMAGES)):
        for resource in cli.deployment(source).get("resources", []) if source else []:
            if resource["type"] == "pulumi:pulumi:Stack":
                images = (resource.get("outputs") or {}).get("images") or {}
                current |= {key: image for key, image in images.items() if isinstance(image, str)}
    commits = _commits(cli, found.name, wanted)
    return Pin(
        wanted.id, digest(documents_of(now)), dict(wanted.images), current, commits, dict(wanted.runtimes)
    )


def _commits(cli: Pulumi, stack: str, wanted: Revision) -> dict[str, str]:
    """Where the branches were when the revision was last updated to by a person."""
    alike = (
        e.revision for e in history(cli, stack) if e.worked and e.revision and e.revision.id == wanted.id
    )
    return next((dict(revision.commits) for revision in alike if revision.commits), {})


def _scale(found: AppStack, wanted: Revision) -> tuple[ScaleState, list[str]]:
    """The scale as far as the revision's documents have room for it, and the keys that they have not."""
    with tempfile.TemporaryDirectory() as folder:
        write_pin(Path(folder), wanted, Pin(wanted.id, "", {}, {}))
        workspace, _, _ = Workspace.read([Path(folder) / "documents"])
        return fitted(found.scale, workspace.compose(wanted.application))


def _preview(cli: Pulumi, stack: str, folder: Path, wanted: Revision, pin: Pin) -> None:
    kept = folder.exists()
    write_pin(folder, wanted, pin)
    try:
        looking = replace(cli, environment={**cli.environment, "ALTO_REVISION": wanted.id})
        print(looking.preview(stack, "--suppress-outputs"))
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _says_the_same(entry: Entry, newer: Entry) -> bool:
    if entry.result != newer.result or entry.pinned != newer.pinned:
        return False
    if entry.revision is None or newer.revision is None:
        return entry.revision is newer.revision
    return entry.revision.is_like(newer.revision)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
