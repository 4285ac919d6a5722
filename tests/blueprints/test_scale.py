"""The scale of an application: keys, ranges in words, and what wins."""

import pytest

from blueprints.findings import DocumentError, Finding
from blueprints.plan import Plan
from blueprints.scale import ScaleState
from tests.blueprints.workbench import workspace_of

APPLICATION = """
kind: Application
name: shop
cartridges: [{alias: web, cartridge: php, members: {min: 2, max: 20}}]
groups:
  - alias: search
    instances: {min: 1, max: 4}
    cartridges: [{alias: engine, cartridge: php, members: {min: 1, max: 5}}]
    groups: [{alias: deep, instances: {min: 0, max: 3}, cartridges: [{alias: engine, cartridge: php}]}]
"""


def _plan(**scale: dict[str, int]) -> Plan:
    workspace, findings = workspace_of(APPLICATION)
    assert findings == []
    return workspace.plan("shop", ScaleState.parse(scale))


def _refused(**scale: object) -> Finding:
    with pytest.raises(DocumentError) as caught:
        _plan(**scale)  # type: ignore[arg-type]
    assert len(caught.value.findings) == 1
    return caught.value.findings[0]


def test_without_a_scale_everything_is_at_its_minimum() -> None:
    assert {c.id: c.members for c in _plan().clusters.values()} == {"web": 2, "search.1/engine": 1}


def test_the_key_that_names_the_most_instances_wins() -> None:
    plan = _plan(clusters={"search/engine": 2, "search.2/engine": 5, "web": 3}, groups={"search": 3})
    assert {c.id: c.members for c in plan.clusters.values()} == {
        "web": 3,
        "search.1/engine": 2,
        "search.2/engine": 5,
        "search.3/engine": 2,
    }


def test_inner_groups_scale_in_all_copies_or_in_one() -> None:
    plan = _plan(groups={"search": 2, "search/deep": 1, "search.2/deep": 2})
    assert [i for i in plan.levels if i.endswith(("deep.1", "deep.2"))] == [
        "search.1/deep.1",
        "search.2/deep.1",
        "search.2/deep.2",
    ]


def test_a_bare_alias_means_the_only_group_that_has_it() -> None:
    assert "search.1/deep.2" in _plan(groups={"deep": 2}).levels


def test_out_of_range_is_refused_with_the_range_in_words() -> None:
    over, under = _refused(clusters={"web": 21}), _refused(groups={"search": 0})
    assert over.message == "web=21 is over its range: cluster 'web' takes 2 to 20 members"
    assert under.message == "search=0 is under its range: group 'search' takes 1 to 4 instances"
    assert over.allowed == ("2 to 20",)


def test_a_key_that_names_nothing_or_too_much_is_refused_with_names() -> None:
    assert _refused(clusters={"wbe": 3}).nearest == "web"
    assert _refused(clusters={"engine": 1}).allowed == ("search/engine", "search/deep/engine")
    assert _refused(clusters={"search": 1}).code == "ALT1301"
    assert _refused(groups={"search.1": 1}).code == "ALT1303"
    assert _refused(clusters={"search.0/engine": 1}).code == "ALT1303"


@pytest.mark.parametrize("data", [[], "x", {"clusters": {"web": "3"}}, {"cluster": {}}, {"generation": -1}])
def test_a_malformed_scale_is_refused_in_words(data: object) -> None:
    with pytest.raises(DocumentError) as caught:
        ScaleState.parse(data)
    assert {f.code for f in caught.value.findings} == {"ALT1303"}
    assert all("ALIAS" in f.hint for f in caught.value.findings)
