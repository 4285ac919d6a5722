"""Several edits of a stack become one; what is decided on another scale is told."""

from hypothesis import given
from hypothesis import strategies as st

from autoscaler.act.coalescing import combine
from autoscaler.act.edits import Removal, ScaleEdit
from blueprints.scale import RestartState, ScaleState

NOW = ScaleState(clusters={"web": 2}, groups={"search": 1}, generation=7)


def edit(seen: ScaleState = NOW, groups: dict[str, int] | None = None, **clusters: int) -> ScaleEdit:
    return ScaleEdit("app-shop", seen, "because", clusters=clusters, groups=groups or {})


def test_edits_of_different_keys_join_in_one_generation() -> None:
    combined = combine([edit(web=3), edit(groups={"search": 2})], NOW)
    assert combined.target == ScaleState(clusters={"web": 3}, groups={"search": 2}, generation=8)
    assert combined.taken == (0, 1)


def test_the_later_edit_of_a_key_wins_and_the_earlier_is_superseded() -> None:
    combined = combine([edit(web=3), edit(web=5)], NOW)
    assert combined.target.clusters == {"web": 5}
    assert (combined.taken, combined.superseded) == ((1,), (0,))


def test_an_edit_of_which_a_part_is_left_is_taken() -> None:
    combined = combine([edit(web=3, db=2), edit(web=5)], NOW)
    assert combined.target.clusters == {"web": 5, "db": 2}
    assert combined.taken == (0, 1)


def test_the_same_wish_twice_is_no_contradiction() -> None:
    assert combine([edit(web=3), edit(web=3)], NOW).taken == (0, 1)


def test_an_edit_decided_on_another_scale_is_stale_even_at_the_same_generation() -> None:
    by_hand = NOW.model_copy(update={"clusters": {"web": 9}})
    combined = combine([edit(web=3), edit(by_hand, web=4)], by_hand)
    assert (combined.stale, combined.taken) == ((0,), (1,))
    assert combined.target.clusters == {"web": 4}


def test_nothing_new_is_the_current_scale_itself() -> None:
    assert combine([edit(web=2)], NOW).target is NOW
    assert combine([], NOW).target is NOW


def test_an_edit_survives_the_journal() -> None:
    removal = Removal("local", "app-shop", {"altostratus.dev/cluster": "web"}, 2, {"web-1": 0.5})
    given_edit = ScaleEdit(
        "app-shop", NOW, "quiet", {"web": 1}, {"search": 1}, (removal,), {"factor": "load"}, True
    )
    assert ScaleEdit.from_data(given_edit.to_data()) == given_edit


edits = st.lists(
    st.tuples(st.booleans(), st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), max_size=3)),
    max_size=6,
)


@given(edits)
def test_every_edit_has_one_fate_and_the_target_is_all_taken_in_order(
    drawn: list[tuple[bool, dict[str, int]]],
) -> None:
    other = NOW.model_copy(update={"generation": 6})
    batch = [edit(NOW if fresh else other, **clusters) for fresh, clusters in drawn]
    combined = combine(batch, NOW)
    fates = (*combined.taken, *combined.superseded, *combined.stale)
    assert sorted(fates) == list(range(len(batch)))
    in_order: dict[str, int] = {"web": 2}
    for fresh, clusters in drawn:
        in_order |= clusters if fresh else {}
    assert combined.target.clusters == in_order
    assert combined.target.generation == NOW.generation + (in_order != {"web": 2})


def test_an_edit_of_counts_keeps_the_note_of_a_restart_under_way() -> None:
    restart = RestartState(failed=("db",), stopped=("web",))
    now = NOW.with_restart(restart)
    assert combine([edit(now, web=3)], now).target.restart == restart
    assert edit(now, web=3).onto(now).restart == restart
