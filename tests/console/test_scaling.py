"""`alto scale`: what is asked for, checked before anything is written."""

import pytest

from blueprints.scale import ScaleState
from console.errors import BadInput
from console.scaling import changes, merged, parse, split


def test_every_malformed_target_is_named_at_once() -> None:
    with pytest.raises(BadInput) as refused:
        parse(["web=3", "db", "api=-1", "=4", "x=²"])
    assert all(each in str(refused.value) for each in ("db", "api=-1", "=4", "x=²"))
    assert "web=3" not in str(refused.value)


def test_aliases_of_groups_mean_instances_also_within_a_copy() -> None:
    clusters, groups = split(
        {"web": 3, "search": 2, "search.2/engine": 4, "outer/search": 2}, {"search", "outer"}
    )
    assert clusters == {"web": 3, "search.2/engine": 4}
    assert groups == {"search": 2, "outer/search": 2}


def test_an_edit_keeps_what_it_does_not_name_and_counts_on() -> None:
    old = ScaleState(clusters={"web": 2, "db": 1}, groups={"search": 1}, generation=6)
    new = merged(old, {"web": 5}, {})
    assert new == ScaleState(clusters={"web": 5, "db": 1}, groups={"search": 1}, generation=7)


def test_the_change_is_told_cluster_by_cluster() -> None:
    assert changes({"web": 2, "db": 1}, {"web": 5, "db": 1, "search.1/engine": 1}) == [
        "search.1/engine: 0 -> 1 members",
        "web: 2 -> 5 members",
    ]
    assert changes({"web": 2}, {"web": 2}) == ["nothing changes"]
