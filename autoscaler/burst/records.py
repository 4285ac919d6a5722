"""The durable record of a move: one file for each application, there exactly while a move is under way.

The record says what is wanted, never what is done: every step looks at the world for that. So a process
that is killed at any line leaves nothing that could be wrong.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from autoscaler.act.stack_config import replace_file

Kind = Literal["burst", "overflow", "end", "migrate"]
OWED, COLD = ".owed.json", ".cloud.json"


@dataclass(frozen=True, slots=True)
class Move:
    """One move of an application.

    kind: a copy is made in `cloud` (burst), or one for members beside the home (overflow), removed from there
    (end), or `cloud` becomes the application's home (migrate). home: the cloud that it had when the move
    began. begun: seconds since the epoch. step:
    what it was at last, in a word. turned: why it is being undone; empty while it goes forward. passed: all
    traffic of a migration is at its new place, and there is no way back.
    scale: what the copy begins with, as in `altostratus:scale`; None for the least. clusters: what it has of
    the application, as in `altostratus:clusters`; None where that follows from the policy. follows: its data
    follows that at home, and of a migration takes over from it.
    """

    application: str
    kind: Kind
    cloud: str
    home: str
    begun: float
    step: str = ""
    turned: str = ""
    passed: bool = False
    scale: Mapping[str, Any] | None = None
    clusters: Sequence[str] | None = None
    follows: bool = False
    existed: bool = False
    before: Mapping[str, Mapping[str, int]] | None = None

    @property
    def stack(self) -> str:
        """The copy's stack."""
        return f"app-{self.application}--{self.cloud}"

    @property
    def what(self) -> str:
        """For people, such as `burst of shop to away`."""
        how = {
            "burst": "burst of {} to {}",
            "overflow": "overflow of {} to {}",
            "end": "end of {}'s copy in {}",
            "migrate": "migration of {} to {}",
        }
        return how[self.kind].format(self.application, self.cloud)

    @property
    def words(self) -> str:
        """The same, and whether it is being undone."""
        return self.what + (", being undone" if self.turned else "")


@dataclass(frozen=True, slots=True)
class Cold:
    """A host cluster that was made for a burst. Times in seconds; `idle` since the epoch, None in use.

    `made` is the mark of its hosts' last update by us (`world.mark_of`); empty while one of ours goes on.
    """

    cloud: str
    keep: float
    idle: float | None = None
    made: str = ""


class Records:
    """The records in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, application: str) -> Move | None:
        """The move under way, if there is one."""
        return _read(self._path(application))

    def save(self, move: Move) -> None:
        """Write beside, flush, rename."""
        replace_file(self._path(move.application), json.dumps(asdict(move), indent=1) + "\n")

    def remove(self, move: Move) -> None:
        """The move has ended; what a killed writer left beside the record goes with it."""
        path = self._path(move.application)
        path.unlink(missing_ok=True)
        for half in self.folder.glob(f".{path.name}.*"):
            half.unlink(missing_ok=True)

    def all(self) -> list[Move]:
        """Every move under way."""
        paths = sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []
        return [move for path in paths if not path.name.endswith((OWED, COLD)) and (move := _read(path))]

    def owe(self, move: Move) -> None:
        """The copy is out of use, but its cloud does not answer: its end is owed."""
        replace_file(self._owed(move.application, move.cloud), json.dumps(asdict(move), indent=1) + "\n")

    def settle(self, application: str, cloud: str) -> None:
        """Nothing is owed any more."""
        self._owed(application, cloud).unlink(missing_ok=True)

    def owed(self, application: str | None = None) -> list[Move]:
        """Copies whose end is owed, of one application or of all."""
        paths = sorted(self.folder.glob(f"*{OWED}")) if self.folder.is_dir() else []
        found = [move for path in paths if (move := _read(path))]
        return [move for move in found if application in (None, move.application)]

    def make_cloud(self, cloud: str, keep: float) -> None:
        """A host cluster is about to be made for a burst: it is to go again."""
        self._note(Cold(cloud, keep))

    def mark_cloud(self, cloud: str, made: str) -> None:
        """Its hosts are as our update with this mark left them."""
        if (known := self.cold(cloud)) is not None and known.made != made:
            self._note(replace(known, made=made))

    def use_cloud(self, cloud: str) -> None:
        """It is in use."""
        if (known := self.cold(cloud)) is not None and known.idle is not None:
            self._note(replace(known, idle=None))

    def leave_cloud(self, cloud: str, now: float) -> None:
        """Nobody uses it since now, or since before."""
        if (known := self.cold(cloud)) is not None and known.idle is None:
            self._note(replace(known, idle=now))

    def forget_cloud(self, cloud: str) -> None:
        """It is gone, or not ours any more."""
        self._cold(cloud).unlink(missing_ok=True)

    def cold(self, cloud: str) -> Cold | None:
        """What is known of a host cluster that was made for a burst."""
        data = _load(self._cold(cloud))
        return None if data is None else Cold(**data)

    def colds(self) -> list[Cold]:
        """All of them."""
        paths = sorted(self.folder.glob(f"*{COLD}")) if self.folder.is_dir() else []
        return [Cold(**data) for path in paths if (data := _load(path)) is not None]

    def kept_config(self, application: str) -> Path:
        """Where the config of a home that moves is kept meanwhile."""
        return self.folder / f"{application}.config.yaml"

    def _note(self, cold: Cold) -> None:
        replace_file(self._cold(cold.cloud), json.dumps(asdict(cold)) + "\n")

    def _cold(self, cloud: str) -> Path:
        return self.folder / f"{cloud}{COLD}"

    def _path(self, application: str) -> Path:
        return self.folder / f"{application}.json"

    def _owed(self, application: str, cloud: str) -> Path:
        return self.folder / f"{application}--{cloud}{OWED}"


def _read(path: Path) -> Move | None:
    data = _load(path)
    if data is None:
        return None
    known = {each.name for each in fields(Move)}
    return Move(**{key: value for key, value in data.items() if key in known})


def _load(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    return found
