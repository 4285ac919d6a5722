"""An application's history from the journal, and its picture."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from autoscaler.journal.journal import Journal
from autoscaler.journal.records import DecisionRow, MemberRow
from autoscaler.serve.history import history, ready, summed
from autoscaler.serve.picture import draw

TIMES = st.floats(0, 100)


def decision(
    at: float, members: int, target: int, stack: str = "app-shop", action: str = "hold"
) -> DecisionRow:
    band = {"low": target, "target": target, "high": target}
    return DecisionRow(at, stack, "web", action, members, "why", content={"band": band})


def member(
    name: str, created: float, up: float | None, down: float | None, cloud: str = "local"
) -> MemberRow:
    return MemberRow("shop", cloud, "web", name, created, up, down)


def book(folder: Path) -> Journal:
    journal = Journal(folder / "journal.sqlite")
    journal.decisions_made(
        [
            decision(10, 2, 2),
            decision(20, 4, 5, action="up"),
            DecisionRow(21, "app-shop", "", "burst", 0, "Burst to away <now>"),
            decision(30, 1, 1, stack="app-shop--away"),
            decision(31, 9, 9, stack="app-shopping"),
            decision(90, 2, 2, action="down"),
        ]
    )
    journal.members_seen(
        [
            member("a", 1, 5, None),
            member("b", 20, 25, 92),
            member("c", 30, 35, None, cloud="away"),
            member("never", 30, None, 40),
            member("before", 1, 2, 3),
        ]
    )
    return journal


def test_all_copies_of_a_cluster_are_one(tmp_path: Path) -> None:
    found = history([book(tmp_path)], "shop", 8, 100)
    (web,) = found.clusters
    assert web.asked == ((10, 2), (20, 4), (30, 5), (90, 3))
    assert web.needed == ((10, 2), (20, 5), (30, 6), (90, 3))
    assert web.ready == {"away": ((8, 0), (35, 1)), "local": ((8, 0), (8, 1), (25, 2), (92, 1))}
    assert [(each.at, each.kind) for each in found.events] == [(21, "burst")]


def test_members_inside_group_instances_belong_to_their_path(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    journal.decisions_made([DecisionRow(1, "app-shop", "search/engine", "up", 2, "why")])
    journal.members_seen(
        MemberRow("shop", "local", f"search.{n}/engine", f"m{n}", 1, 2, None) for n in (1, 2)
    )
    (engine,) = history([journal], "shop", 0, 10).clusters
    assert engine.ready == {"local": ((0, 0), (2, 2))}


def test_the_picture_is_well_formed_and_names_what_it_shows(tmp_path: Path) -> None:
    text = draw(history([book(tmp_path)], "shop", 8, 100), UTC)
    words = "".join(ElementTree.fromstring(text).itertext())  # noqa: S314
    for each in (
        "shop",
        "web",
        "ready in local",
        "ready in away",
        "Burst to away <now>",
        "1970-01-01 00:01:40",
    ):
        assert each in words


def test_nothing_at_all_is_drawn_too(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    ElementTree.fromstring(draw(history([journal], "shop", 0, 10)))  # noqa: S314


@given(st.lists(st.tuples(TIMES, TIMES, st.none() | TIMES), max_size=8))
def test_ready_members_at_each_time_are_those_up_and_not_gone(
    spans: list[tuple[float, float, float | None]],
) -> None:
    lives = [
        member(str(i), min(created, up), max(created, up), None if down is None else max(created, up, down))
        for i, (created, up, down) in enumerate(spans)
    ]
    steps = ready(lives, 0, 100)
    for at, count in dict(steps).items():
        assert count == sum(
            each.up is not None and each.up <= at and (each.down is None or each.down > at) for each in lives
        )


@given(st.lists(st.tuples(TIMES, st.sampled_from(["a", "b"]), st.integers(0, 5)), max_size=10))
def test_a_sum_is_that_of_what_each_said_last(values: list[tuple[float, str, int]]) -> None:
    values.sort(key=lambda each: each[0])
    last: dict[str, int] = {}
    for _, stack, value in values:
        last[stack] = value
    steps = summed(values)
    assert (steps[-1][1] if steps else 0) == sum(last.values())
