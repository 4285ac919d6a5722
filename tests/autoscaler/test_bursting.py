"""When an application bursts, where to, when a copy goes again, and how copies share: golden cases and what
always holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.burst.deciding import CopySight, MoveSight, Situation, Standing, Step, decide
from autoscaler.burst.deciding_shares import Entrance, Portion, spread, total, weights
from blueprints.kinds.application_policy import ApplicationPolicy

NOW = 1_700_000_000.0
CLOUDS = {"home": "local", "rented": "away", "spare": "far"}
HOLD = 60.0


def policy(**changes: Any) -> ApplicationPolicy:
    plain = {
        "apiVersion": "altostratus/v1",
        "name": "peaks",
        "networkPartitions": ["home", "rented", "spare"],
        "burst": {"at": "90%", "hold": "60s"},
    }
    return ApplicationPolicy.model_validate({**plain, **changes})


def copy(cloud: str, most: int = 4, ready: int | None = None, answers: bool = True) -> CopySight:
    return CopySight(cloud, {"web": most}, {"web": most if ready is None else ready}, answers)


def situation(need: float | None, *copies: CopySight, **changes: Any) -> Situation:
    return Situation(
        **{
            "time": NOW,
            "policy": policy(),
            "clouds": CLOUDS,
            "home": "local",
            "copies": copies or (copy("local"),),
            "need": None if need is None else {"web": need},
            "lead": {"away": 30.0, "far": 30.0},
        }
        | changes
    )


def ahead(cloud: str, need: float) -> Mapping[str, Mapping[str, float]]:
    return {cloud: {"web": need}}


def step(now: Situation, standing: Standing | None = None) -> Step:
    """The step after three looks of the same."""
    standing = standing or Standing()
    for _ in range(2):
        _, standing = decide(now, standing)
    return decide(now, standing)[0]


def after_calm(now: Situation, seconds: float = HOLD) -> Step:
    """The step when it has been like this for so long."""
    _, standing = decide(replace(now, time=NOW - seconds), Standing())
    return decide(now, standing)[0]


HOME, AWAY, FAR = copy("local"), copy("away"), copy("far")


def test_at_the_mark_nothing_happens_and_over_it_the_next_place_is_used() -> None:
    assert step(situation(3.6)).kind == "stay"
    over = step(situation(3.7))
    assert (over.kind, over.cloud) == ("burst", "away")
    assert over.reason == (
        "Burst to away: web needs 3.7 members now, over 90% of the 4 that local can have; "
        "rented is the next in peaks (home has a copy)."
    )
    second = step(situation(7.3, HOME, AWAY))
    assert (second.kind, second.cloud) == ("burst", "far")


def test_a_forecast_alone_has_to_stand_for_two_looks() -> None:
    now = situation(2.0, ahead=ahead("away", 3.9))
    first, standing = decide(now, Standing())
    assert first.kind == "stay"
    assert "Not for long enough yet: web needs 2.0 members now and 3.9 in 30 s" in first.reason
    second, _ = decide(now, standing)
    assert (second.kind, second.cloud) == ("burst", "away")
    _, forgotten = decide(situation(2.0), standing)
    assert decide(now, forgotten)[0].kind == "stay"


def test_while_copies_share_a_peak_counts_when_it_lasts() -> None:
    shared, standing = situation(7.3, HOME, AWAY), Standing()
    for kind in ("stay", "stay", "burst"):
        taken, standing = decide(shared, standing)
        assert taken.kind == kind
    _, standing = decide(shared, Standing())
    _, standing = decide(replace(shared, need={"web": 7.0}), standing)
    assert decide(shared, standing)[0].kind == "stay"


def test_no_place_left_is_said() -> None:
    full = step(situation(11.0, HOME, AWAY, FAR))
    assert full.kind == "stay"
    assert "No place for a peak" in full.reason
    assert "has no place left" in full.reason
    unfit = step(situation(3.9, unfit={"away": "failed: no room"}))
    assert (unfit.kind, unfit.cloud) == ("burst", "far")
    assert "rented failed: no room" in unfit.reason


def test_a_copy_goes_when_it_was_needless_for_the_policys_time() -> None:
    calm = situation(2.0, HOME, AWAY)
    first, standing = decide(calm, Standing())
    assert first.reason == "The peak is over for 0 of 60 s."
    assert decide(replace(calm, time=NOW + 59), standing)[0].kind == "stay"
    end = decide(replace(calm, time=NOW + 60), standing)[0]
    assert (end.kind, end.cloud) == ("end", "away")
    assert end.reason == (
        "End the copy in away: web needs 2.0 of 8 members; the peak has been over for 60 s."
    )


def test_between_the_two_marks_nothing_happens() -> None:
    # 90 % of the home's 4 make a copy; 80 % of that let it go.
    assert after_calm(situation(3.0, HOME, AWAY)).kind == "stay"
    assert after_calm(situation(2.8, HOME, AWAY)).kind == "end"


def test_any_load_in_between_begins_the_time_anew() -> None:
    calm = situation(2.0, HOME, AWAY)
    _, standing = decide(calm, Standing())
    _, standing = decide(replace(situation(3.2, HOME, AWAY), time=NOW + 50), standing)
    assert standing.quiet_since is None
    _, standing = decide(replace(calm, time=NOW + 55), standing)
    assert decide(replace(calm, time=NOW + 100), standing)[0].kind == "stay"
    assert decide(replace(calm, time=NOW + 115), standing)[0].kind == "end"


def test_it_goes_only_when_the_others_are_ready_to_carry_all() -> None:
    late = situation(2.4, copy("local", ready=2), AWAY)
    waits = after_calm(late)
    assert waits.kind == "stay"
    assert "until the others can carry all: 2 of web are ready, 2.4 needed" in waits.reason


def test_the_last_place_goes_first_and_the_home_never() -> None:
    assert after_calm(situation(1.0, HOME, AWAY, FAR)).cloud == "far"
    assert after_calm(situation(0.0, HOME)).kind == "stay"
    moved = situation(0.0, AWAY, home="away")
    assert after_calm(moved).kind == "stay"
    assert after_calm(replace(moved, copies=(AWAY, HOME))).cloud == "local"
    assert step(situation(3.7, AWAY, home="away")).cloud == "local"


def test_a_surge_while_a_copy_ends_turns_that_back() -> None:
    ending = situation(3.9, HOME, AWAY, move=MoveSight("end", "away"))
    turned = step(ending)
    assert (turned.kind, turned.cloud) == ("turn", "away")
    assert turned.reason.startswith("Keep the copy in away: web needs 3.9 members now")
    assert step(replace(ending, need={"web": 3.0})).kind == "stay"
    assert step(replace(ending, move=MoveSight("end", "away", turned=True))).kind == "stay"


def test_a_cloud_that_does_not_answer_carries_nothing() -> None:
    dead = copy("away", answers=False)
    assert step(situation(5.0, HOME, dead)).cloud == "far"
    assert after_calm(situation(2.0, HOME, dead)).kind == "end"
    homeless = situation(5.0, copy("local", answers=False), AWAY)
    assert step(homeless).cloud == "far"
    assert after_calm(replace(homeless, need={"web": 1.0})).kind == "stay"


def test_an_application_that_nothing_is_left_of_is_made_up_for_in_the_next_place() -> None:
    gone = situation(None, copy("local", answers=False), whole=False, silent=20.0)
    made = decide(gone, Standing())[0]
    assert (made.kind, made.cloud) == ("burst", "away")
    assert made.reason == (
        "Burst to away: nothing has been heard of local for 20 s, and nothing serves there; "
        "rented is the next in peaks (home has a copy)."
    )
    assert step(replace(gone, silent=19.0)).kind == "stay"
    assert step(replace(gone, policy=policy(burst=None))).kind == "stay"
    assert step(replace(gone, unfit={"away": "failed: no hosts"})).cloud == "far"
    assert step(replace(gone, copies=(copy("local", answers=False), AWAY), need={"web": 1.0})).kind == "stay"
    both = (copy("local", answers=False), copy("away", answers=False))
    assert "heard of local or away" in step(replace(gone, copies=both)).reason
    kept = step(replace(gone, data=("db",)))
    assert kept.kind == "stay"
    assert "it would be without the data there (db)" in kept.reason


def test_all_at_once_has_copies_everywhere_whatever_the_load_is_and_ends_none() -> None:
    everywhere = policy(order="all-at-once", burst=None)
    assert step(situation(0.0, policy=everywhere)).cloud == "away"
    assert step(situation(0.0, HOME, AWAY, policy=everywhere)).cloud == "far"
    assert step(situation(0.0, HOME, AWAY, policy=everywhere, unfit={"far": "away"})).kind == "stay"
    assert after_calm(situation(0.0, HOME, AWAY, FAR, policy=everywhere)).kind == "stay"


def test_places_of_a_group_are_used_together_and_left_together() -> None:
    together = policy(networkPartitions=["home", ["rented", "spare"]])
    assert step(situation(3.9, policy=together)).cloud == "away"
    half = situation(3.2, HOME, AWAY, policy=together)
    assert step(replace(half, need={"web": 7.5})).cloud == "far"
    both = situation(2.0, HOME, AWAY, FAR, policy=together)
    assert after_calm(both).cloud == "far"
    assert after_calm(replace(both, copies=(HOME, AWAY))).cloud == "away"
    moved = situation(3.2, AWAY, HOME, policy=together, home="away")
    assert after_calm(moved).kind == "stay", "the home begins no group that a calm load would complete"
    assert after_calm(replace(moved, need={"web": 1.0})).cloud == "local"


def test_what_is_not_known_moves_nothing() -> None:
    assert step(situation(None, HOME, AWAY)).reason == "What the load asks for is not known."


def test_what_is_known_in_part_begins_a_copy_and_ends_none() -> None:
    burst = step(situation(3.7, whole=False))
    assert (burst.kind, burst.cloud) == ("burst", "away")
    assert "web needs 3.7 members now at least, over 90% of the 4" in burst.reason
    calm = situation(2.0, HOME, AWAY, whole=False)
    assert after_calm(calm).reason == (
        "Not all that the load asks for is known: web needs 2.0 of 8 members at least."
    )
    assert step(situation(3.9, HOME, AWAY, whole=False, move=MoveSight("end", "away"))).kind == "turn"


# --- what always holds ---

needs = st.floats(0, 40, allow_nan=False)
counts = st.integers(0, 12)


ORDERS = (
    ["home", "rented", "spare"],
    ["home", "spare", "rented"],
    ["home", ["rented", "spare"]],
    [["home", "rented"], "spare"],
)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Situation, Standing]:
    home = draw(st.sampled_from(["local", "local", "away", "far"]))
    others = sorted({"local", "away", "far"} - {home})
    clouds = [home, *sorted(draw(st.sets(st.sampled_from(others))))]
    copies = [copy(c, draw(counts), draw(counts), draw(st.booleans())) for c in clouds]
    move = draw(
        st.none()
        | st.builds(MoveSight, st.sampled_from(["burst", "end", "migrate"]), st.sampled_from(others))
    )
    now = situation(
        draw(needs),
        *copies,
        policy=policy(networkPartitions=draw(st.sampled_from(ORDERS))),
        home=home,
        ahead={cloud: {"web": draw(needs)} for cloud in others},
        move=move,
        unfit=draw(st.dictionaries(st.sampled_from(others), st.just("failed"), max_size=2)),
        whole=draw(st.booleans()),
    )
    since = draw(st.none() | st.floats(0, 200).map(lambda ago: NOW - ago))
    return now, Standing(draw(st.integers(0, 3)), since)


@settings(max_examples=40, deadline=None)
@given(situations())
def test_one_move_at_a_time_and_never_against_the_home(found: tuple[Situation, Standing]) -> None:
    now, standing = found
    taken, _ = decide(now, standing)
    there = {each.cloud for each in now.copies}
    if now.move is not None:
        assert taken.kind in {"stay", "turn"}
    if taken.kind == "burst":
        assert taken.cloud not in there | set(now.unfit)
    if taken.kind == "end":
        assert taken.cloud in there - {now.home}
        assert now.whole
    if taken.kind == "turn":
        assert now.move is not None
        assert (now.move.kind, now.move.cloud) == ("end", taken.cloud)
    assert taken.reason.endswith(".")


RANKS = {"end": 0, "stay": 1, "turn": 2, "burst": 2}


@settings(max_examples=40, deadline=None)
@given(situations(), st.floats(0, 20))
def test_more_demand_never_means_a_step_back(found: tuple[Situation, Standing], more: float) -> None:
    now, standing = found
    assert now.need is not None
    raised = replace(
        now,
        need={"web": now.need["web"] + more},
        ahead={cloud: {"web": each["web"] + more} for cloud, each in now.ahead.items()},
    )
    assert RANKS[decide(raised, standing)[0].kind] >= RANKS[decide(now, standing)[0].kind]


@settings(max_examples=40, deadline=None)
@given(situations(), needs)
def test_what_lets_a_copy_go_never_makes_one(found: tuple[Situation, Standing], need: float) -> None:
    now, standing = found
    still = replace(now, need={"web": need}, ahead={c: {"web": need} for c in CLOUDS.values()}, move=None)
    taken, _ = decide(still, standing)
    if taken.kind != "end":
        return
    without = replace(still, copies=tuple(c for c in still.copies if c.cloud != taken.cloud))
    for standing in (Standing(), Standing(over=3)):
        assert decide(without, standing)[0].kind != "burst"


# --- shares ---


def test_members_fill_the_home_first_and_what_fits_nowhere_is_the_homes_overflow() -> None:
    portions = [Portion("local", 3, 1, 4), Portion("away", 3, 1, 3)]
    assert spread(portions, 2) == {"local": 2, "away": 1}
    assert spread(portions, 6) == {"local": 4, "away": 2}
    assert spread(portions, 9) == {"local": 6, "away": 3}
    assert spread(portions, 6, evenly=True) == {"local": 3, "away": 3}


def test_members_come_home_only_when_they_are_ready_there() -> None:
    starting = [Portion("local", 4, 1, 4, now=2, ready=2), Portion("away", 2, 1, 3, now=2, ready=2)]
    assert spread(starting, 4) == {"local": 4, "away": 2}
    there = [Portion("local", 4, 1, 4, now=4, ready=4), Portion("away", 2, 1, 3, now=2, ready=2)]
    assert spread(there, 4) == {"local": 4, "away": 1}


def test_what_is_counted_twice_while_shares_change_orders_nobody() -> None:
    portions = [Portion("local", 3, 1, 4), Portion("away", 3, 1, 4)]
    assert total(portions, asked=3, need=3.4) == 4
    assert total(portions, asked=3, need=None) == 6
    assert total(portions, asked=5, need=3.4) == 5
    assert total(portions, asked=8, need=3.4) == 6


portions = st.lists(
    st.tuples(counts, counts, counts, counts, counts).map(
        lambda t: (t[0], min(t[1], t[2]), max(t[1], t[2]), t[3], min(t[3], t[4]))
    ),
    min_size=1,
    max_size=4,
).map(lambda found: [Portion(f"cloud-{i}", *each) for i, each in enumerate(found)])


@settings(max_examples=40, deadline=None)
@given(portions, counts, st.booleans())
def test_everything_is_given_and_nobody_is_outside_his_bounds(
    found: list[Portion], wanted: int, evenly: bool
) -> None:
    given_members = spread(found, wanted, evenly)
    assert sum(given_members.values()) >= wanted
    for each in found[1:]:
        assert each.least <= given_members[each.cloud] <= each.most
    assert given_members[found[0].cloud] >= found[0].least
    if wanted <= sum(each.most for each in found):
        assert given_members[found[0].cloud] <= found[0].most


@settings(max_examples=40, deadline=None)
@given(portions, counts)
def test_more_members_take_none_away_anywhere(found: list[Portion], wanted: int) -> None:
    before, after = spread(found, wanted), spread(found, wanted + 1)
    assert all(after[cloud] >= count for cloud, count in before.items())


def test_weights_follow_ready_members_of_the_scarcest_entry() -> None:
    assert weights([Entrance("local", {"web": 4}), Entrance("away", {"web": 2})]) == {
        "local": 667,
        "away": 333,
    }
    two = [Entrance("local", {"web": 4, "api": 1}), Entrance("away", {"web": 4, "api": 3})]
    assert weights(two) == {"local": 333, "away": 667}
    assert weights([Entrance("local", {"web": 0}), Entrance("away", {"web": 0})]) == {}
    assert weights([Entrance("local", {"web": 5000}), Entrance("away", {"web": 1})])["away"] == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["web", "api"]), counts), min_size=1, max_size=5))
def test_a_copy_that_serves_nothing_has_no_weight_and_one_that_does_has_some(
    ready: list[dict[str, int]],
) -> None:
    found = weights([Entrance(f"cloud-{i}", each) for i, each in enumerate(ready)])
    if not found:
        return
    for number, each in enumerate(ready):
        if not any(each.values()):
            assert found[f"cloud-{number}"] == 0
    common = set.intersection(*(set(each) for each in ready))
    needed = [path for path in common if any(each[path] for each in ready)]
    for number, each in enumerate(ready):
        assert (found[f"cloud-{number}"] > 0) == all(each[path] for path in needed)


@pytest.mark.parametrize("order", [["home", "rented"], ["home", ["rented", "spare"]]])
def test_a_ramp_up_and_down_makes_each_copy_once(order: list[Any]) -> None:
    """Closed loop in small: what is decided is done at once, and the load goes up and down evenly."""
    now = situation(0.0, policy=policy(networkPartitions=order))
    standing, done = Standing(), []
    for look in range(400):
        need = min(look, 400 - look) / 200 * 7.0
        copies = {each.cloud: each for each in now.copies}
        now = replace(now, time=NOW + 5.0 * look, need={"web": need}, copies=tuple(copies.values()))
        taken, standing = decide(now, standing)
        if taken.kind == "burst":
            now = replace(now, copies=(*now.copies, copy(taken.cloud)))
        elif taken.kind == "end":
            now = replace(now, copies=tuple(c for c in now.copies if c.cloud != taken.cloud))
        if taken.kind != "stay":
            done.append((taken.kind, taken.cloud))
    places = [n for entry in order[1:] for n in ([entry] if isinstance(entry, str) else entry)]
    clouds = [CLOUDS[each] for each in places]
    assert done == [*(("burst", c) for c in clouds), *(("end", c) for c in reversed(clouds))]
