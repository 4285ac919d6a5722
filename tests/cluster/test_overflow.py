"""A cluster beyond its home's room, over two real clouds: members in the other one answer by one address.

The autoscaler is killed in the middle of both moves, there and back: another one ends them.
"""

from pathlib import Path

import pytest

from tests.cluster.overflowing import Overflowing
from tests.demo import Demo
from tests.steady_load import SteadyLoad
from tests.waiting import until

pytestmark = pytest.mark.cluster

HIGH, LOW = 38.0, 4.0
"""Requests a second: a member takes ten, and the home has room for two."""


@pytest.fixture(autouse=True)
def the_demos_state(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test reads of stacks and moves in its own process is the demo's, as it is for its commands."""
    for key, value in demo.environment.items():
        monkeypatch.setenv(key, value)


def test_members_over_the_homes_room_answer_from_the_other_cloud_and_leave_nothing(
    demo: Demo, away: Demo, tmp_path: Path
) -> None:
    app = Overflowing(Demo(demo.cloud, f"over-{demo.cloud}", "", demo.environment), away.cloud, tmp_path)
    process = app.make()
    try:
        process.start()
        with SteadyLoad([app.url()], HIGH) as load:
            until(lambda: len(app.members(app.home)) == 2, "the home is full", 90)
            until(app.moving, "the move there has begun", 60)
            process.kill()
            process.start()
            until(lambda: app.cli.exists(app.copy) and not app.moving(), "a place in the other cloud", 120)

            def answering() -> bool:
                there = app.members(app.away)
                return bool(there) and all(load.seen.by_member[each] > 10 for each in there)

            until(answering, "all members there answer", 120)
            until(lambda: len(app.members(app.home)) == 2, "the home is as full as it may be")
        assert load.seen.failed == []
        with SteadyLoad([app.url()], LOW) as load:
            until(app.moving, "the move back has begun", 120)
            process.kill()
            process.start()
            until(app.gone, "nothing of it is left", 120)
            after = load.answered()
            until(lambda: load.answered() > after + 5, "the home answers alone")
        assert load.seen.failed == []
        until(lambda: app.links() == [], "nothing leads there any more")
        told = [row["action"] for row in app.history()]
        assert told.index("overflow") < told.index("end")
    finally:
        process.stop()
        app.remove()
    assert [each for each in app.left() if not each.startswith("file ")] == []
