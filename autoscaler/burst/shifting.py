"""Traffic that moves to a new home by steps, and back when the new one errs."""

from collections.abc import Mapping
from dataclasses import dataclass

from autoscaler.burst import leaving, making
from autoscaler.burst.front_door import FrontDoorUnreachable
from autoscaler.burst.refusals import MoveFailed
from autoscaler.burst.work import Work, ready_members
from autoscaler.burst.world import Front, Seen

PERCENTS = (10, 25, 50, 75, 100)
MORE, PART = 1.5, 0.01
"""The new place may err so many times as often as the old one, and in this part of its requests besides."""
ENOUGH = 50
"""With fewer requests in the window the old place is judged by all that the door remembers of it."""

LOST = "{} serves nothing and does not answer, so there is no way back to it"


class Erring(MoveFailed):
    """The new place answers with errors, or not at all."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Requests and errors of a cloud."""

    requests: int = 0
    errors: int = 0

    @property
    def rate(self) -> float:
        return self.errors / max(self.requests, self.errors, 1)


def counts(seen: Seen) -> dict[str, Counted]:
    """What each cloud behind a front door has answered."""
    return {name: Counted(each.requests, each.errors) for name, each in seen.clouds.items()}


def between(before: Mapping[str, Counted], after: Mapping[str, Counted]) -> dict[str, Counted]:
    """What each cloud answered between two looks. A door that was restarted counts from nothing."""
    found = {}
    for name, now in after.items():
        old = before.get(name, Counted())
        if old.requests > now.requests or old.errors > now.errors:
            old = Counted()
        found[name] = Counted(now.requests - old.requests, now.errors - old.errors)
    return found


def _judged(before: Mapping[str, Counted], now: Mapping[str, Counted], old: str) -> dict[str, Counted]:
    counted = between(before, now)
    if old in counted and counted[old].requests < ENOUGH:
        counted[old] = now[old]
    return counted


def verdict(counted: Mapping[str, Counted], old: str, new: str) -> str:
    """Why the traffic has to go back; empty where it may stay. Pure."""
    there, here = counted.get(new, Counted()), counted.get(old, Counted())
    if there.errors and there.rate > MORE * here.rate + PART:
        return (
            f"{there.errors} of {max(there.requests, there.errors)} requests failed in {new}, "
            f"{here.errors} of {max(here.requests, here.errors)} in {old}"
        )
    return ""


def shift(work: Work) -> None:
    """All traffic is at the new place. Raises Erring."""
    if not making.open_door(work):
        return
    door = work.front
    assert door is not None
    work.begin(door)
    for percent in PERCENTS:
        if percent < _reached(work, door):
            continue
        door.share(_weights(work, door, percent))
        work.say(f"{percent} % of the traffic goes to {work.move.cloud}")
        _watch(work, door)


def _reached(work: Work, door: Front) -> int:
    """Percent of the two clouds' traffic that the new one has now."""
    clouds = door.state().clouds
    new, old = (clouds[each].weight if each in clouds else 0 for each in (work.move.cloud, work.move.home))
    return 100 * new // (new + old) if new else 0


def _weights(work: Work, door: Front, percent: int) -> dict[str, int]:
    """Copies in third clouds keep their part of the whole."""
    here, there = work.move.home, work.move.cloud
    behind, stacks = door.state().clouds, work.copies()
    weights = {here: 100 - percent, there: percent}
    whole = max(1, ready_members(work, stacks[there]))
    for name, stack in stacks.items():
        if name not in weights:
            weights[name] = 100 * ready_members(work, stack) // whole
    return {name: weight for name, weight in weights.items() if name in behind}


def lost(work: Work) -> bool:
    """Whether a migration has no home to go back to: its cloud does not answer and the front door does not
    reach it, while it reaches the new place."""
    move = work.move
    # Where data is to move with it, what is at home is still wanted.
    if move.kind != "migrate" or move.follows:
        return False
    try:
        clouds = work.front.state().clouds if work.front is not None else {}
    except FrontDoorUnreachable:
        return False
    if not {move.home, move.cloud} <= set(clouds):
        return False
    serve = clouds[move.cloud].serving and not clouds[move.home].serving
    return serve and not work.world.clouds.answers(move.home)


def _watch(work: Work, door: Front) -> None:
    """Look at the new place for a while, and for as long as a change of shares takes. Raises Erring."""
    work.watched = door.state()
    seconds = max(work.world.times.watch, work.watched.settles)
    work.await_that(lambda: _look(work, door), seconds)


def _look(work: Work, door: Front) -> bool:
    """Raises Erring where the new place has done worse than the old one since it was given its last share."""
    state, new = door.state(), work.move.cloud
    if work.watched is None:
        work.watched = state
    if not state.clouds[new].serving:
        raise Erring(f"the front door does not reach {new} any more")
    wrong = verdict(_judged(counts(work.watched), counts(state), work.move.home), work.move.home, new)
    # What it serves is better than nothing.
    if wrong and not lost(work):
        raise Erring(wrong)
    return False


def back(work: Work) -> None:
    """All that the new place had is with the old one again."""
    door = work.front
    if door is None or not {work.move.home, work.move.cloud} <= set(door.state().clouds):
        return
    door.share({work.move.home: 100, work.move.cloud: 0})
    work.say(f"all traffic is back in {work.move.home}")


def restore(work: Work) -> None:
    """The clouds behind the front door have the shares that they had before this move."""
    door, before = work.front, work.move.before
    if door is None or before is None:
        return
    weights = {name: int(before.get(name, {}).get("weight", 0)) for name in door.state().clouds}
    if any(weights.values()):
        door.share(weights)
        work.say("the front door shares as it did before")


def quiet_home(work: Work) -> None:
    """The old place serves nothing any more. Raises Erring while there is a way back."""
    door, home, cloud = work.front, work.move.home, work.move.cloud
    if door is not None and not work.move.passed and {home, cloud} <= set(door.state().clouds):
        leaving.empty(work, home, lambda: _look(work, door))
    else:
        leaving.empty(work, home)
    _tell(work)


def _tell(work: Work) -> None:
    """How many requests there were since the traffic began to move, and how many of them failed."""
    door, before = work.front, work.move.before
    if door is None or before is None:
        return
    begun = {name: Counted(each["requests"], each["errors"]) for name, each in before.items()}
    found = between(begun, counts(door.state())).values()
    requests = sum(max(each.requests, each.errors) for each in found)
    work.note(f"{requests} requests while the traffic moved, {sum(each.errors for each in found)} failed")
