"""One decision for a whole application, and which members go."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.decide.application import (
    ApplicationShapeError,
    Part,
    Proportion,
    Shape,
    decide_application,
)
from autoscaler.decide.victims import Member, choose_victims, deletion_costs


def shape(*proportions: Proportion) -> Shape:
    return Shape(
        {
            "web": Part("web", 2, 20),
            "db": Part("db", 1, 1),
            "search/engine": Part("search/engine", 1, 5),
        },
        {"search": Part("search", 1, 4)},
        proportions,
    )


def test_without_ties_everybody_gets_what_it_wants() -> None:
    found = decide_application(shape(), {"web": 7, "search/engine": 3}, {"search": 1})
    assert found.clusters == {"web": 7, "db": 1, "search/engine": 3}
    assert found.groups == {"search": 1}
    assert not found.overflow


def test_a_ratio_makes_the_others_follow_the_most_demanding() -> None:
    tied = shape(Proportion(("web", "search/engine"), (3, 1)))
    found = decide_application(tied, {"web": 10, "search/engine": 1}, {"search": 1})
    assert (found.clusters["web"], found.clusters["search/engine"]) == (10, 4), "rounding leads nobody"
    found = decide_application(tied, {"web": 2, "search/engine": 5}, {"search": 1})
    assert (found.clusters["web"], found.clusters["search/engine"]) == (15, 5)
    assert any("web follows search/engine" in reason for reason in found.reasons)


def test_a_group_in_a_ratio_gets_instances() -> None:
    found = decide_application(shape(Proportion(("web", "search"), (3, 1))), {"web": 9}, {"search": 1})
    assert found.groups["search"] == 3


def test_a_full_cluster_in_a_group_makes_the_group_grow_and_shares_its_members() -> None:
    found = decide_application(shape(), {"search/engine": 8}, {"search": 1})
    assert found.groups["search"] == 2
    assert found.clusters["search/engine"] == 4


def test_a_group_shrinks_only_when_the_rest_keeps_room() -> None:
    assert decide_application(shape(), {"search/engine": 5}, {"search": 2}).groups["search"] == 2
    assert decide_application(shape(), {"search/engine": 4}, {"search": 2}).groups["search"] == 1


def test_what_fits_nowhere_is_overflow_and_the_reason_to_burst() -> None:
    found = decide_application(shape(), {"web": 26, "search/engine": 30}, {"search": 1})
    assert found.clusters["web"] == 20
    assert found.groups["search"] == 4
    assert found.overflow == {"web": 6, "search/engine": 10}


def test_ratios_that_contradict_each_other_come_to_rest_at_the_bounds() -> None:
    found = decide_application(
        shape(Proportion(("web", "search/engine"), (3, 1)), Proportion(("web", "search/engine"), (1, 3))),
        {"web": 4},
        {"search": 1},
    )
    assert found.clusters == {"web": 20, "db": 1, "search/engine": 5}


def test_nested_groups_grow_from_the_inside() -> None:
    nested = Shape({"a/b/x": Part("a/b/x", 1, 2)}, {"a": Part("a", 1, 3), "a/b": Part("a/b", 1, 2)})
    found = decide_application(nested, {"a/b/x": 7}, {"a": 1, "a/b": 1})
    assert found.groups == {"a/b": 2, "a": 2}
    assert found.clusters["a/b/x"] == 2


def test_unknown_parts_and_ratios_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ApplicationShapeError, match="'nope'"):
        decide_application(shape(), {"nope": 1}, {})
    with pytest.raises(ApplicationShapeError, match="nope"):
        shape(Proportion(("web", "nope"), (1, 1)))
    with pytest.raises(ApplicationShapeError, match="3:1:1"):
        Proportion(("web", "db"), (3, 1, 1))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 6), st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=80, deadline=None)
def test_bounds_always_hold_and_more_wanted_never_gives_less(
    web: int, engine: int, instances: int, left: int, right: int
) -> None:
    tied = shape(Proportion(("web", "search/engine"), (left, right)))
    found = decide_application(tied, {"web": web, "search/engine": engine}, {"search": instances})
    more = decide_application(tied, {"web": web + 5, "search/engine": engine}, {"search": instances})
    assert 2 <= found.clusters["web"] <= 20
    assert 1 <= found.groups["search"] <= 4
    assert 1 <= found.clusters["search/engine"] <= 5
    total = found.clusters["search/engine"] * found.groups["search"]
    assert more.clusters["web"] >= found.clusters["web"]
    assert more.clusters["search/engine"] * more.groups["search"] >= total


def test_members_that_do_not_serve_yet_go_first() -> None:
    members = [
        Member("old", load=0.0, age=900),
        Member("new", ready=False, age=5),
        Member("mid", load=3, age=60),
    ]
    assert choose_victims(members, 2) == ("new", "old")


def test_the_fullest_zone_gives_the_least_loaded_then_the_youngest() -> None:
    members = [
        Member("a1", load=5, age=10, zone="a"),
        Member("a2", load=1, age=99, zone="a"),
        Member("a3", load=1, age=20, zone="a"),
        Member("b1", load=0, age=1, zone="b"),
    ]
    assert choose_victims(members, 2) == ("a3", "a2")


@given(
    st.lists(
        st.builds(
            Member,
            name=st.text("abcdef", min_size=1, max_size=4),
            ready=st.booleans(),
            load=st.floats(0, 100),
            age=st.floats(0, 1000),
            zone=st.sampled_from("xyz"),
        ),
        max_size=15,
        unique_by=lambda member: member.name,
    ),
    st.integers(0, 20),
)
@settings(max_examples=80, deadline=None)
def test_the_choice_does_not_depend_on_the_order_and_takes_nobody_twice(
    members: list[Member], count: int
) -> None:
    chosen = choose_victims(members, count)
    assert chosen == choose_victims(list(reversed(members)), count)
    assert len(set(chosen)) == len(chosen) == min(count, len(members))


def test_deletion_costs_order_members_as_they_would_be_chosen() -> None:
    members = [Member("a", load=4), Member("b", load=2), Member("c", load=9)]
    costs = deletion_costs(members)
    assert sorted(costs, key=costs.__getitem__) == list(choose_victims(members, 3))
