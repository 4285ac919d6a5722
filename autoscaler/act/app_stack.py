"""What an application's stack says in its config: the names of the keys, and where the application stands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoscaler.act import stack_config
from autoscaler.act.pulumi_cli import Pulumi
from blueprints.plan import HOME_COPY
from blueprints.revision import in_force
from blueprints.scale import ScaleState
from blueprints.workspace import Workspace

CLOUD = "altostratus:cloud"
BLUEPRINT = "altostratus:blueprint"
APPLICATION = "altostratus:application"
SCALE = "altostratus:scale"
"""The one key that belongs to the autoscaler."""
AUTOSCALING = "altostratus:autoscaling"
MAINTENANCE = "altostratus:maintenance"
REVISION = "altostratus:revision"
IMAGES = "altostratus:images"
COPY = "altostratus:copy"
"""What a copy is called that has become the application's home; its members go by it."""
CLUSTERS = "altostratus:clusters"
"""The clusters that a copy has, where it has not all of the application's."""
DATA = "altostratus:data"
"""Whether a copy's data `follows` home's, or did until it was `promoted`; left out, it is its own."""
PREFIX, SEPARATOR = "app-", "--"


@dataclass(frozen=True)
class AppStack:
    """One stack `app-<name>` or `app-<name>--<cloud>`: its name and config. `root` is the project's."""

    name: str
    config: Mapping[str, Any]
    root: Path

    @classmethod
    def read(cls, cli: Pulumi, stack: str) -> "AppStack":
        """As its config file says now. Raises OSError and ConfigUnreadable."""
        return cls(stack, stack_config.read(cli.config_path(stack)), cli.root)

    @property
    def subject(self) -> str:
        """The name between `app-` and the cloud."""
        return self.name.removeprefix(PREFIX).partition(SEPARATOR)[0]

    @property
    def copy(self) -> str:
        """Which copy of the application it is: a cloud's name, or `home`."""
        return str(self.config.get(COPY) or self.name.partition(SEPARATOR)[2] or HOME_COPY)

    @property
    def cloud(self) -> str:
        """Where it runs; empty where nothing says so."""
        return str(self.config.get(CLOUD) or self.name.partition(SEPARATOR)[2])

    @property
    def application(self) -> str:
        """The application's name in the documents."""
        return str(self.config.get(APPLICATION, self.subject))

    @property
    def platform(self) -> str:
        """The stack of its cloud's platform."""
        return f"platform-{self.cloud}"

    @property
    def images(self) -> str:
        """The stack of what is built for this application only."""
        return images_of(self.name)

    @property
    def blueprint(self) -> list[str]:
        """The files and folders with its documents, as written."""
        given = self.config.get(BLUEPRINT) or []
        return [given] if isinstance(given, str) else list(given)

    @property
    def sources(self) -> list[Path]:
        """The same, from the project's folder."""
        return [self.root / each for each in self.blueprint]

    @property
    def scale(self) -> ScaleState:
        """Raises DocumentError."""
        return ScaleState.parse(self.config.get(SCALE))

    @property
    def clusters(self) -> tuple[str, ...] | None:
        """The clusters and groups that it has, as written; None where it has all."""
        given = self.config.get(CLUSTERS)
        if given is None:
            return None
        return (given,) if isinstance(given, str) else tuple(map(str, given))

    @property
    def in_maintenance(self) -> bool:
        """Whether a person has put the application to rest."""
        return rests(self.config.get(MAINTENANCE))

    @property
    def pinned(self) -> str:
        """The revision that stands in for its documents; empty where none does. Raises DocumentError."""
        asked = self.config.get(REVISION)
        return str(asked) if in_force(self.root, self.name, self.blueprint, asked).pin is not None else ""

    def documents(self) -> Workspace:
        """The documents that count for it, which may be those of a revision. Raises DocumentError."""
        return in_force(self.root, self.name, self.blueprint, self.config.get(REVISION)).workspace


def images_of(stack: str) -> str:
    """The stack of what is built for the application of `stack` only."""
    return f"images-{stack.removeprefix(PREFIX)}"


def copies_among(stacks: Iterable[str], application: str) -> list[str]:
    """The stacks of the application's copies among those that are there, its home's first."""
    home = f"{PREFIX}{application}"
    found = [each for each in stacks if each == home or each.startswith(f"{home}{SEPARATOR}")]
    return sorted(found, key=lambda name: name != home)


def rests(setting: Any) -> bool:
    """Whether this value of the maintenance key puts an application to rest."""
    return setting is not None and str(setting).lower() not in {"false", ""}
