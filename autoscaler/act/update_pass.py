"""One pass over one stack: write what is decided, run what is owed. Every effect is journalled around it."""

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, Protocol

from autoscaler.act import stack_config
from autoscaler.act.app_stack import SCALE
from autoscaler.act.coalescing import Combined, combine
from autoscaler.act.deletion_cost import Marker
from autoscaler.act.edits import Outcome
from autoscaler.act.lease import Lease
from autoscaler.act.pulumi_cli import Pulumi, UpdateResult
from autoscaler.act.refusals import ConfigMissing, NotOurs, StaleScale
from autoscaler.act.stack_work import Item, StackWork
from autoscaler.act.update_errors import UpdateError
from autoscaler.journal.journal import Journal
from autoscaler.journal.store import JournalUnusable
from blueprints.scale import ScaleState
from toolchain.plugins.protocol import Failure

MESSAGE = "autoscaler: "
LONGEST_MESSAGE = 200

_log = logging.getLogger(__name__)


class Attaches(Protocol):
    """Resident processes, as far as a pass needs them."""

    def attached(self) -> AbstractContextManager[Mapping[str, str]]: ...


class UpdatePass:
    """Does the work of stacks, one pass at a time for each; several threads for several stacks."""

    def __init__(
        self,
        cli: Pulumi,
        journal: Journal,
        resident: Attaches,
        marker: Marker | None,
    ) -> None:
        self._cli = cli
        self._journal = journal
        self._resident = resident
        self._marker = marker
        self.give_up = False
        self._stops: set[threading.Event] = set()

    def scale(self, stack: str) -> tuple[Any, ScaleState]:
        """The config's scale, as it stands there and parsed.

        Raises ConfigMissing, ConfigUnreadable and DocumentError.
        """
        path = self._cli.config_path(stack)
        if not self._cli.exists(stack):
            raise ConfigMissing(f"{stack}: there is no such stack any more")
        if not path.exists():
            raise ConfigMissing(
                f"{stack}: its config file {path} is gone.\n"
                "  Nothing is done about this stack until it is back (git checkout, or a copy)."
            )
        values = stack_config.read(path)
        if not values:
            raise ConfigMissing(f"{stack}: {path} has no settings under `config:` any more")
        return values.get(SCALE), ScaleState.parse(values.get(SCALE))

    def write(self, work: StackWork, items: list[Item], lease: Lease) -> None:
        """Bring a batch into the config: afterwards its items have ended or are in `work.applying`.

        Where it raises, items that have neither ended nor been written are the caller's still.
        """
        for item in items:
            if not item.row and item.edit is not None:
                item.row = self._journal.accept(work.stack, item.reason, item.edit.to_data())
        _still_ours(work.stack, lease)
        self._write_edits(work, items)
        for item in [each for each in items if each.become is not None]:
            self._write_become(work, item, items)

    def _write_edits(self, work: StackWork, items: list[Item]) -> None:
        raw, current = self.scale(work.stack)
        for item in [each for each in items if each.edit is None and each.become is None]:
            _move(item, items, work.applying)
            work.owed, work.owed_once = work.owed or item.reason, False
        combined = combine([item.edit for item in items if item.edit is not None], current)
        batch = [item for item in items if item.edit is not None]
        self._end_superseded(batch, combined, items)
        self._end_stale(batch, combined, current, items)
        taken = [batch[n] for n in combined.taken]
        if not taken:
            return
        if combined.target is current:
            self._take_unchanged(work, taken, items)
            return
        self._change(work, taken, items, raw, combined.target)

    def _end_superseded(self, batch: list[Item], combined: Combined, items: list[Item]) -> None:
        gone = [batch[n] for n in combined.superseded]
        if gone:
            self._journal.finish([item.row for item in gone], "superseded")
        for item in gone:
            items.remove(item)
            item.ticket.succeed(Outcome("superseded", combined.target.generation))

    def _end_stale(
        self, batch: list[Item], combined: Combined, current: ScaleState, items: list[Item]
    ) -> None:
        stale = [batch[n] for n in combined.stale]
        if stale:
            self._journal.finish([item.row for item in stale], "stale")
        for item in stale:
            assert item.edit is not None
            items.remove(item)
            item.ticket.fail(StaleScale(item.edit.stack, item.edit.seen, current))

    def _take_unchanged(self, work: StackWork, taken: list[Item], items: list[Item]) -> None:
        """The config says so already: done, or to be done by the update that is owed anyway."""
        if not work.owed:
            self._journal.finish([item.row for item in taken], "unchanged")
        for item in taken:
            if work.owed:
                _move(item, items, work.applying)
            else:
                items.remove(item)
                assert item.edit is not None
                item.ticket.succeed(Outcome("unchanged", item.edit.seen.generation))

    def _change(
        self, work: StackWork, taken: list[Item], items: list[Item], raw: Any, target: ScaleState
    ) -> None:
        rows = [item.row for item in taken]
        self._journal.writing(rows, target.to_data())
        self._mark(taken)
        if not stack_config.exchange(self._cli.config_path(work.stack), SCALE, raw, target.to_data()):
            return  # somebody wrote in this moment: the next pass sees what
        for item in taken:
            _move(item, items, work.applying)
            item.ticket.stage = "written"
        work.owed, work.owed_once = "; ".join(dict.fromkeys(item.reason for item in taken)), False
        self._journal.written(rows)

    def _write_become(self, work: StackWork, item: Item, items: list[Item]) -> None:
        """Where the scale is so already, the update is due all the same: it is what may not have ended."""
        assert item.become is not None
        raw, current = self.scale(work.stack)
        target = item.become(current)
        if target != current and not stack_config.exchange(
            self._cli.config_path(work.stack), SCALE, raw, target.to_data()
        ):
            return  # somebody wrote in this moment: the next pass sees what
        _move(item, items, work.applying)
        item.ticket.stage = "written"
        if not work.owed:
            work.owed, work.owed_once = item.reason, item.once

    def _mark(self, taken: list[Item]) -> None:
        """Choose who goes. Without it the right number goes all the same, so trouble here stops nothing."""
        for item in taken:
            for removal in item.edit.removals if item.edit is not None else ():
                if self._marker is None:
                    continue
                try:
                    self._marker(removal)
                except (Failure, OSError) as error:
                    _log.warning("%s: members are not marked for removal: %s", removal.namespace, error)

    def update(self, work: StackWork, lease: Lease) -> None:
        """Run the owed update; its items end with it. Raises what went wrong."""
        _still_ours(work.stack, lease)
        cli = replace(self._cli, descriptors=lease.descriptors, held=lease.held)
        for done in cli.recover(work.stack):
            _log.warning("%s: %s", work.stack, done)
        _, scale = self.scale(work.stack)
        row = self._journal.update_started(work.stack, work.owed, scale.to_data())
        begun = time.monotonic()
        for item in work.applying:
            item.ticket.stage = "updating"
        try:
            result = self._run(cli, work)
        except BaseException as error:
            self._end_quietly(row, "failed", time.monotonic() - begun, str(error))
            if isinstance(error, UpdateError):
                _still_ours(work.stack, lease)  # or that is why it was ended
            raise
        rows = [item.row for item in work.applying if item.row]
        self._journal.update_ended(row, "succeeded", time.monotonic() - begun, result.changes, applied=rows)
        now = time.monotonic()
        for item in work.applying:
            outcome = Outcome("applied", scale.generation, now - item.submitted, result.changes)
            item.ticket.succeed(outcome)
        work.applying = []
        work.updates += 1

    def _run(self, cli: Pulumi, work: StackWork) -> UpdateResult:
        settle = any(item.edit.settle if item.edit is not None else item.once for item in work.applying)
        message = f"--message={(MESSAGE + work.owed)[:LONGEST_MESSAGE]}"
        with self._resident.attached() as attached:
            # Whoever wants to wait for members needs a plugin that was told so.
            extra = {"ALTO_SCALE_AT_ONCE": "false", **_without_plugin(attached)} if settle else attached
            with self._stoppable(work) as stop:
                return replace(cli, environment={**cli.environment, **extra}).up(
                    work.stack, "--refresh=false", message, give_up=stop
                )

    @contextmanager
    def _stoppable(self, work: StackWork) -> Iterator[threading.Event]:
        """What ends this update in order: the end of everything, or of this stack's."""
        work.stop = stop = threading.Event()
        self._stops.add(stop)
        if self.give_up:
            stop.set()
        try:
            yield stop
        finally:
            self._stops.discard(stop)
            work.stop = None

    def stop_all(self) -> None:
        """End all updates in order, those that are about to begin, too."""
        self.give_up = True
        for stop in list(self._stops):
            stop.set()

    def _end_quietly(self, row: int, result: Any, seconds: float, note: str) -> None:
        try:
            self._journal.update_ended(row, result, seconds, note=note[:2000])
        except JournalUnusable as error:
            _log.warning("%s", error)

    def fail(self, items: Sequence[Item], error: Exception) -> None:
        """End items with an error."""
        rows = [item.row for item in items if item.row]
        try:
            self._journal.finish(rows, type(error).__name__, str(error)[:2000])
        except JournalUnusable as trouble:
            _log.warning("%s", trouble)
        for item in items:
            item.ticket.fail(error)


def _still_ours(stack: str, lease: Lease) -> None:
    if not lease.held():
        raise NotOurs(f"{stack}: the lease was lost; another autoscaler may act now")


def _move(item: Item, source: list[Item], target: list[Item]) -> None:
    source.remove(item)
    target.append(item)


def _without_plugin(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name != "PULUMI_DEBUG_PROVIDERS"}
