"""What automatic updates of a stack stand on: what a person deployed, with the bounds of now.

The program decides the same from the same (`stacks.deployed`): both take the stack's own state, its config
and its documents, and join them in `blueprints.deployed`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autoscaler.act.app_stack import APPLICATION, BLUEPRINT, MAINTENANCE, REVISION, AppStack, rests
from autoscaler.act.pulumi_cli import Pulumi
from blueprints.deployed import HELD, Deployed, Present, Standing, standing
from blueprints.sources import discover
from blueprints.workspace import Workspace

_NAMESPACE = "altostratus:"
UNRECORDED = (
    "no update of a person by this version is known yet, so its documents and config count as they stand"
)


@dataclass(frozen=True)
class Footing:
    """`stack`: with the settings that were deployed, and the scale and the steering of now. `outputs` are
    those of the stack's last update. `recorded`: whether that says what it was made of."""

    stack: AppStack
    standing: Standing
    outputs: Mapping[str, Any]
    recorded: bool = True

    @property
    def waiting(self) -> tuple[str, ...]:
        """What of people's edits does not count yet, and why, in words."""
        unrecorded = not self.recorded and "members" in self.outputs
        return (UNRECORDED,) if unrecorded else self.standing.notes


@dataclass(frozen=True)
class DeployedStack(AppStack):
    """A stack with the settings and the documents that automatic updates of it go by."""

    footing: Footing | None = None

    def documents(self) -> Workspace:
        """Those that were deployed, with the bounds of now."""
        return self.footing.standing.workspace if self.footing is not None else super().documents()

    @property
    def pinned(self) -> str:
        """The revision that was deployed by going back to it."""
        if self.footing is None or not self.footing.recorded:
            return super().pinned
        made = Deployed.from_output(self.footing.outputs.get("revision"))
        return made.revision.id if made is not None and made.pinned else ""


def read_deployed(cli: Pulumi, stack: str) -> DeployedStack:
    """The stack as it was deployed. Raises OSError, ConfigUnreadable and DocumentError."""
    found = Footings(cli, stack).read(AppStack.read(cli, stack))
    return DeployedStack(found.stack.name, found.stack.config, found.stack.root, found)


class Footings:
    """Of one stack. Files are read again only when they, the config or the state changed."""

    def __init__(self, cli: Pulumi, stack: str) -> None:
        self._cli = cli
        self._stack = stack
        self._state: tuple[object, Mapping[str, Any], Deployed | None] | None = None
        self._present: tuple[object, Present] | None = None
        self._standing: tuple[object, Standing] | None = None
        self._last: Workspace | None = None

    def read(self, stack: AppStack) -> Footing:
        """Raises DocumentError where nothing was recorded and the documents cannot be used."""
        outputs, deployed = self._read_state()
        if deployed is None:
            return Footing(stack, self._as_they_are(stack), outputs, recorded=False)
        present = self._look(stack)
        mark = (present, deployed)
        if self._standing is None or self._standing[0] != mark:
            self._standing = mark, standing(deployed, present, self._last)
        return Footing(as_deployed(stack, deployed), self._standing[1], outputs)

    def _as_they_are(self, stack: AppStack) -> Standing:
        mark = _mark_of(stack)
        if self._standing is None or self._standing[0] != mark:
            self._standing = mark, Standing(stack.documents())
        return self._standing[1]

    def _look(self, stack: AppStack) -> Present:
        mark = _mark_of(stack)
        if self._present is None or self._present[0] != mark:
            revision = stack.config.get(REVISION)
            found = Present.look(stack.root, stack.name, stack.blueprint, revision)
            self._present, self._last = (mark, found), found.workspace or self._last
        return self._present[1]

    def _read_state(self) -> tuple[Mapping[str, Any], Deployed | None]:
        mark = file_mark(self._cli.state_path(self._stack))
        if self._state is None or self._state[0] != mark:
            outputs = _outputs(self._cli, self._stack)
            before = self._state
            made = outputs.get("revision")
            # Unpacked again only where it says something else: each update writes the state anew.
            same = before is not None and before[1].get("revision") == made
            self._state = mark, outputs, before[2] if before and same else Deployed.from_output(made)
        return self._state[1], self._state[2]


def as_deployed(stack: AppStack, deployed: Deployed) -> AppStack:
    """The stack with the settings that a person's update had; rest that a person asks for counts at once."""
    if not deployed.settings:
        return stack
    held = {f"{_NAMESPACE}{key}" for key in HELD}
    kept = {key: value for key, value in stack.config.items() if key not in held}
    settings = {f"{_NAMESPACE}{key}": value for key, value in deployed.settings.items()}
    if rests(now := stack.config.get(MAINTENANCE)):
        settings[MAINTENANCE] = now
    return replace(stack, config={**kept, **settings})


def file_marks(sources: Iterable[Path]) -> tuple[object, ...]:
    """What changes with any document in these files and folders."""
    return tuple((str(path), file_mark(path)) for path, _ in discover(sources))


def file_mark(path: Path) -> tuple[int, int] | None:
    """What changes with a file; None where there is none."""
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_mtime_ns, info.st_size


def _mark_of(stack: AppStack) -> tuple[object, ...]:
    told = (stack.config.get(key) for key in (BLUEPRINT, APPLICATION, REVISION))
    return (*map(str, told), file_marks(stack.sources))


def _outputs(cli: Pulumi, stack: str) -> Mapping[str, Any]:
    for resource in cli.deployment(stack).get("resources", []):
        if resource["type"] == "pulumi:pulumi:Stack":
            return dict(resource.get("outputs") or {})
    return {}
