"""When a stack is taken up, how long it pauses after trouble, and what a killed run's edits become."""

import errno

import pytest

from autoscaler.act import trouble
from autoscaler.act.edits import ScaleEdit, Ticket
from autoscaler.act.refusals import ConfigMissing, NotOurs
from autoscaler.act.resumption import LeftOpen, resume
from autoscaler.act.stack_work import Item, StackWork
from autoscaler.act.trouble import trouble_of
from autoscaler.act.update_errors import StackConflict, UpdateError, UpdateKilled, WrongPassphrase
from autoscaler.journal.store import JournalUnusable
from blueprints.scale import ScaleState

SEEN = ScaleState(clusters={"web": 2}, generation=7)
TARGET = ScaleState(clusters={"web": 5}, generation=8)


def item(submitted: float) -> Item:
    return Item(Ticket(1, "app-shop"), ScaleEdit("app-shop", SEEN, "r"), "r", submitted)


def test_edits_wait_for_company_but_not_for_ever() -> None:
    work = StackWork("app-shop", pending=[item(10.0)])
    assert work.due(idle=0.1, longest=0.5) == 10.1
    work.pending += [item(10.0 + n / 20) for n in range(1, 20)]
    assert work.due(idle=0.1, longest=0.5) == 10.5


def test_a_stack_that_is_at_work_or_has_nothing_to_do_is_not_due() -> None:
    assert StackWork("app-shop").due(0, 0) is None
    assert StackWork("app-shop", pending=[item(1)], busy=True).due(0, 0) is None


def test_pauses_grow_to_a_bound_and_begin_anew_with_other_trouble() -> None:
    work = StackWork("app-shop", owed="r")
    pauses = []
    for _ in range(12):
        work.failed(trouble.AWAY, "away", now=100.0, jitter=0.5)
        pauses.append(work.not_before - 100.0)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (trouble.AWAY.first, trouble.AWAY.longest)
    work.failed(trouble.BUSY, "busy", now=100.0, jitter=0.5)
    assert work.not_before == 100.0 + trouble.BUSY.first


def test_a_new_edit_is_tried_at_once_where_it_may_cure_the_failure() -> None:
    work = StackWork("app-shop", owed="r")
    work.failed(trouble.REFUSED, "a policy says no", now=100.0, jitter=0.5)
    work.pending.append(item(101.0))
    assert work.due(0.1, 0.5) == 101.1
    work.failed(trouble.AWAY, "away", now=100.0, jitter=0.5)
    assert work.due(0.1, 0.5) == 102.0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StackConflict("x"), trouble.BUSY),
        (UpdateKilled("x"), trouble.KILLED),
        (NotOurs("x"), trouble.ELSEWHERE),
        (WrongPassphrase("x"), trouble.UNUSABLE),
        (ConfigMissing("x"), trouble.UNUSABLE),
        (OSError(errno.ENOSPC, "no space"), trouble.DISK),
        (JournalUnusable("database or disk is full"), trouble.DISK),
        (UpdateError("write x: no space left on device"), trouble.DISK),
        (UpdateError("cannot be read: the cluster is unreachable (connection refused)"), trouble.AWAY),
        (UpdateError("https://x does not answer: EOF occurred in violation of protocol"), trouble.AWAY),
        (UpdateError('Get "https://x/api": dial tcp: lookup x: no such host'), trouble.AWAY),
        (UpdateError('Get "https://x/api": context deadline exceeded'), trouble.AWAY),
        (UpdateError('Get "https://x/api": EOF'), trouble.AWAY),
        (UpdateError("http2: client connection lost"), trouble.AWAY),
        (UpdateError("- [mandatory] probe: connection refused must be retried"), trouble.REFUSED),
        (UpdateError("replicas must be positive"), trouble.REFUSED),
        (ValueError("x"), trouble.REFUSED),
    ],
)
def test_trouble_is_told_apart(error: Exception, kind: trouble.Trouble) -> None:
    assert trouble_of(error) is kind


def one(stage: str, seen: ScaleState, target: ScaleState | None, current: ScaleState | None) -> str:
    left = LeftOpen(stage, seen, None if target is None else target.to_data())
    return resume([left], current)[0]


def test_what_was_not_written_is_done_again() -> None:
    assert one("accepted", SEEN, None, SEEN) == "again"
    assert one("writing", SEEN, TARGET, SEEN) == "again"


def test_what_the_config_has_is_not_written_twice() -> None:
    assert one("writing", SEEN, TARGET, TARGET) == "written"
    assert one("written", SEEN, TARGET, TARGET) == "written"


def test_what_somebody_changed_since_is_not_changed_back() -> None:
    by_hand = ScaleState(clusters={"web": 1}, generation=8)
    assert one("writing", SEEN, TARGET, by_hand) == "overtaken"
    assert one("written", SEEN, TARGET, SEEN) == "overtaken"


def test_an_edit_that_our_own_next_one_was_made_on_is_written_too() -> None:
    later = ScaleState(clusters={"web": 6}, generation=9)
    first, second = LeftOpen("written", SEEN, TARGET.to_data()), LeftOpen("writing", TARGET, later.to_data())
    assert resume([first, second], later) == ["written", "written"]
    assert resume([first, second], TARGET) == ["written", "again"]
    assert resume([first, second], SEEN) == ["overtaken", "overtaken"]


def test_a_config_that_cannot_be_read_now_decides_nothing() -> None:
    assert one("written", SEEN, TARGET, None) == "again"
