"""One application as its supervisor reads it: from its stack's config, its documents and its stack's lock."""

from dataclasses import dataclass
from pathlib import Path

from autoscaler.act.app_stack import REVISION, AppStack
from autoscaler.act.pulumi_cli import PROJECT, Pulumi
from autoscaler.act.stack_config import ConfigUnreadable
from autoscaler.act.stack_lock import locks
from autoscaler.observe.members import Copy
from blueprints.findings import DocumentError
from blueprints.plan import Plan
from blueprints.scale import RestartState
from blueprints.workspace import Workspace


class Unreadable(Exception):
    """The application cannot be read now; the message says why."""


@dataclass(frozen=True)
class Reading:
    """What config and documents say of an application now."""

    cloud: str
    plan: Plan
    restart: RestartState | None
    resting: str

    @property
    def copy(self) -> Copy:
        """Where its members are found."""
        return self.plan.namespace, self.plan.copy


class Supervised:
    """One stack `app-<name>`, `app-<name>--<cloud>`. Documents are read again only when they changed."""

    def __init__(self, cli: Pulumi, stack: str) -> None:
        self.stack = stack
        self._cli = cli
        self._stamp: object = None
        self._workspace: Workspace | None = None

    def updating(self) -> str:
        """Who updates the stack now; empty when nobody does, or whoever did is dead."""
        living = (lock for lock in locks(self._cli.state, PROJECT, self.stack) if not lock.is_dead())
        return next((str(lock) for lock in living), "")

    def read(self) -> Reading:
        """Raises Unreadable."""
        try:
            stack = AppStack.read(self._cli, self.stack)
            scale = stack.scale
            plan = self._documents(stack).plan(stack.application, scale.at_rest(), stack.copy)
        except (ConfigUnreadable, OSError) as error:
            raise Unreadable(str(error)) from error
        except DocumentError as error:
            first = error.findings[0]
            raise Unreadable(f"its documents cannot be used: {first.message}") from error
        resting = "in maintenance" if stack.in_maintenance else ""
        return Reading(stack.cloud, plan, scale.restart, resting)

    def _documents(self, stack: AppStack) -> Workspace:
        stamp = (stack.config.get(REVISION), *_stamps(stack.sources))
        if self._workspace is None or stamp != self._stamp:
            self._workspace = stack.documents()
            self._stamp = stamp
        return self._workspace


def _stamps(sources: list[Path]) -> list[tuple[str, int, int]]:
    found = []
    for source in sources:
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if path.suffix in {".yaml", ".yml", ".json"} and path.exists():
                info = path.stat()
                found.append((str(path), info.st_mtime_ns, info.st_size))
    return found
