"""One application as its supervisor reads it: from its stack's config, its documents and its stack's lock."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoscaler.act.pulumi_cli import PROJECT, Pulumi
from autoscaler.act.stack_config import ConfigUnreadable, read
from autoscaler.act.stack_lock import locks
from autoscaler.observe.members import Copy
from autoscaler.supervise.updates import KEY
from blueprints.findings import DocumentError
from blueprints.plan import Plan
from blueprints.revision import in_force
from blueprints.scale import RestartState, ScaleState
from blueprints.workspace import Workspace

MAINTENANCE = "altostratus:maintenance"
REVISION = "altostratus:revision"
HOME_COPY = "home"


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
            config = read(self._cli.config_path(self.stack))
            name = self.stack.removeprefix("app-")
            subject, _, cloud = name.partition("--")
            scale = ScaleState.parse(config.get(KEY))
            workspace = self._documents(config)
            application = config.get("altostratus:application", subject)
            plan = workspace.plan(application, scale.at_rest(), cloud or HOME_COPY)
        except (ConfigUnreadable, OSError) as error:
            raise Unreadable(str(error)) from error
        except DocumentError as error:
            first = error.findings[0]
            raise Unreadable(f"its documents cannot be used: {first.message}") from error
        resting = "in maintenance" if in_maintenance(config) else ""
        return Reading(str(config.get("altostratus:cloud", cloud)), plan, scale.restart, resting)

    def _documents(self, config: dict[str, Any]) -> Workspace:
        stamp = (config.get(REVISION), *_stamps(blueprint_sources(self._cli.root, config)))
        if self._workspace is None or stamp != self._stamp:
            self._workspace = documents_in_force(self._cli.root, self.stack, config)
            self._stamp = stamp
        return self._workspace


def documents_in_force(root: Path, stack: str, config: dict[str, Any]) -> Workspace:
    """The documents that count for a stack with that config. Raises DocumentError."""
    return in_force(root, stack, _blueprint(config), config.get(REVISION)).workspace


def in_maintenance(config: dict[str, Any]) -> bool:
    """Whether a person has put the application to rest."""
    setting = config.get(MAINTENANCE)
    return setting is not None and str(setting).lower() not in {"false", ""}


def blueprint_sources(root: Path, config: dict[str, Any]) -> list[Path]:
    """The files and folders with the application's documents."""
    return [root / each for each in _blueprint(config)]


def _blueprint(config: dict[str, Any]) -> list[str]:
    given = config.get("altostratus:blueprint") or []
    return [given] if isinstance(given, str) else list(given)


def _stamps(sources: list[Path]) -> list[tuple[str, int, int]]:
    found = []
    for source in sources:
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if path.suffix in {".yaml", ".yml", ".json"} and path.exists():
                info = path.stat()
                found.append((str(path), info.st_mtime_ns, info.st_size))
    return found
