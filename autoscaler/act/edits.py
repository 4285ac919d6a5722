"""What the runner takes and gives: an edit of a stack's scale, a ticket for it, its outcome."""

import asyncio
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from blueprints.scale import ScaleState

Stage = Literal["queued", "written", "updating", "waiting", "done"]


@dataclass(frozen=True, slots=True)
class Removal:
    """Members that a cluster is about to lose: `count` of those that the labels select.

    `loads` is by Pod name the load of each member, in any one unit; a member left out counts as idle.
    """

    cloud: str
    namespace: str
    labels: Mapping[str, str]
    count: int
    loads: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScaleEdit:
    """One change of `altostratus:scale` of a stack: the counts to set; keys not named stay as they are.

    `seen` is the scale that the decision was made on. Where the config holds another one by the time of
    writing, the edit is refused with `StaleScale` and nothing is written: decide again on what is there.
    `reason` is one sentence for people. `decision` is plain data for the journal (inputs, forecast, band,
    winning factor). `removals` name the clusters that shrink, so that the right members go. With `settle`
    the update ends when what changed is ready; otherwise it does not wait for members of a cluster that
    serves already.
    """

    stack: str
    seen: ScaleState
    reason: str
    clusters: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)
    removals: tuple[Removal, ...] = ()
    decision: Mapping[str, Any] = field(default_factory=dict)
    settle: bool = False

    def onto(self, scale: ScaleState) -> ScaleState:
        """The scale after this edit, of the next generation; the same object where nothing changes."""
        clusters, groups = {**scale.clusters, **self.clusters}, {**scale.groups, **self.groups}
        if clusters == scale.clusters and groups == scale.groups:
            return scale
        changes = {"clusters": clusters, "groups": groups, "generation": scale.generation + 1}
        return scale.model_copy(update=changes)

    def to_data(self) -> dict[str, Any]:
        """Plain data for the journal."""
        return {**asdict(self), "seen": self.seen.to_data()}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "ScaleEdit":
        """The edit of a journal's row."""
        removals = tuple(Removal(**each) for each in data["removals"])
        return cls(**{**data, "seen": ScaleState.parse(data["seen"]), "removals": removals})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an edit ended well.

    `applied`: written and updated. `superseded`: a later edit of the same keys took its place before it was
    written. `unchanged`: the config said so already and is applied; no process was started.
    `changes` are the update's counts by operation; `seconds` from submission to the end of the update.
    """

    kind: Literal["applied", "superseded", "unchanged"]
    generation: int
    seconds: float = 0.0
    changes: Mapping[str, int] = field(default_factory=dict)


class Ticket:
    """A place in a stack's queue. Wait with `result()`, or with `await` in asyncio.

    `stage` is where it is now; `note` says in words what it waits for, or how it ended.
    """

    def __init__(self, id: int, stack: str) -> None:
        self.id = id
        self.stack = stack
        self.stage: Stage = "queued"
        self.note = ""
        self._future: Future[Outcome] = Future()

    def result(self, timeout: float | None = None) -> Outcome:
        """The outcome. Raises what went wrong (`act.refusals`, `UpdateError`), or TimeoutError."""
        return self._future.result(timeout)

    def done(self) -> bool:
        return self._future.done()

    def error(self) -> BaseException | None:
        """What went wrong, of a ticket that is done; None when all went well."""
        return self._future.exception(0)

    def when_done(self, call: Callable[["Ticket"], None]) -> None:
        """Calls once, in the runner's thread, or now where it is done already."""
        self._future.add_done_callback(lambda _: call(self))

    def __await__(self) -> Generator[Any, None, Outcome]:
        return asyncio.wrap_future(self._future).__await__()

    def succeed(self, outcome: Outcome) -> None:
        """For the runner: ends the ticket well."""
        self.stage, self.note = "done", outcome.kind
        if not self._future.done():
            self._future.set_result(outcome)

    def fail(self, error: Exception) -> None:
        """For the runner: ends the ticket with an error."""
        self.stage, self.note = "done", str(error)
        if not self._future.done():
            self._future.set_exception(error)
