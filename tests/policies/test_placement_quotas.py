"""A quota over applications: bounded, fair, stable."""

from hypothesis import given
from hypothesis import strategies as st

from policies.placement.quotas import Wish, shared_out


def test_minimums_come_first_even_over_the_quota() -> None:
    found = shared_out(4, [Wish("a", "web", 1, 4, 9), Wish("b", "web", 3, 0, 3)])
    assert found == {("a", "web"): 1, ("b", "web"): 3}
    assert sum(shared_out(1, [Wish("a", "web", 2, 2, 2), Wish("b", "web", 2, 2, 2)]).values()) == 4


def test_what_runs_stays_and_the_rest_goes_to_who_has_fewest() -> None:
    found = shared_out(10, [Wish("a", "web", 1, 6, 9), Wish("b", "web", 1, 1, 9)])
    assert found == {("a", "web"): 6, ("b", "web"): 4}


def test_a_large_application_does_not_outweigh_a_small_one_by_its_clusters() -> None:
    many = [Wish("a", name, 0, 0, 9) for name in ("one", "two", "three")]
    found = shared_out(6, [*many, Wish("b", "web", 0, 0, 9)])
    assert found["b", "web"] == 3
    assert [found["a", name] for name in ("one", "two", "three")] == [1, 1, 1]


def test_what_nobody_wants_is_left() -> None:
    assert shared_out(10, [Wish("a", "web", 1, 5, 2)]) == {("a", "web"): 2}


WISHES = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 5), st.integers(0, 40), st.integers(0, 40)), max_size=8
).map(
    lambda found: [
        Wish(name, f"c{number}", least, now, max(least, wanted))
        for number, (name, least, now, wanted) in enumerate(found)
    ]
)


@given(st.integers(1, 60), WISHES)
def test_never_over_the_quota_but_for_minimums_and_nobody_starves(quota: int, wishes: list[Wish]) -> None:
    found = shared_out(quota, wishes)
    assert sum(found.values()) <= max(quota, sum(each.least for each in wishes))
    for each in wishes:
        assert each.least <= found[each.key] <= each.wanted
    again = [Wish(w.application, w.cluster, w.least, found[w.key], w.wanted) for w in wishes]
    assert shared_out(quota, again) == found
    missing = sum(each.wanted for each in wishes) - sum(found.values())
    assert not missing or sum(found.values()) >= quota


@given(st.integers(1, 60), WISHES)
def test_growth_goes_to_the_smaller_application(quota: int, wishes: list[Wish]) -> None:
    found = shared_out(quota, wishes)
    sums: dict[str, int] = {}
    for each in wishes:
        sums[each.application] = sums.get(each.application, 0) + found[each.key]
    grown = {w.application for w in wishes if found[w.key] > max(w.least, min(w.now, w.wanted))}
    waiting = {w.application for w in wishes if found[w.key] < w.wanted}
    for big in grown:
        for small in waiting - {big}:
            assert sums[big] <= sums[small] + 1
