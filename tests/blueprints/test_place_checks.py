"""Checks of policies about places: what can never be, and what nothing goes by."""

import pytest

from blueprints.findings import Finding
from tests.blueprints.workbench import findings_of

PLACES = """
kind: NetworkPartition
name: home
cloud: local
partitions: [{name: a}, {name: b}]
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: back
cloud: local
partitions: [{name: c}]
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: far
cloud: away
partitions: [{name: d}]
"""
Place = tuple[str, str, str, str, tuple[str, ...]]


def deployment(home: str, more: str = "") -> str:
    return f"kind: DeploymentPolicy\nname: p\n{more}\nnetworkPartitions: [{home}]"


def shop(web: str, more: str = "", others: str = "") -> str:
    return (
        f"kind: Application\nname: shop\n{more}\ncartridges: [{{alias: web, cartridge: php, {web}}}{others}]"
    )


def placement(entries: str, more: str = "burst: {}") -> str:
    return f"kind: ApplicationPolicy\nname: order\nnetworkPartitions: {entries}\n{more}"


def told(*texts: str) -> list[Place]:
    """What is found beside the room of the documents, with its place; all has a line and a way out."""
    found: list[Finding] = [f for f in findings_of(PLACES, *texts) if f.code not in ("ALT1210", "ALT1219")]
    assert all(f.file == "test.yaml" and f.line > 1 and f.hint for f in found)
    return [(f.severity, f.code, f.path, f.value, f.allowed) for f in found]


FLOORS = "{name: home, partitions: [{name: a, min: 3, max: 9}, {name: b, min: 3, max: 9}]}"


def test_minimums_of_partitions_need_as_many_members_as_the_cluster_can_have() -> None:
    wrong = [("error", "ALT1112", "cartridges[0].members.max", "5", ("at least 6",))]
    assert told(deployment(FLOORS), shop("deployment: p, members: {max: 5}")) == wrong
    assert told(deployment(FLOORS), shop("deployment: p, members: {max: 6}")) == []


def test_a_policy_for_several_clusters_may_be_right_for_some() -> None:
    db = ", {alias: db, cartridge: redis, members: {max: 1}}"
    assert told(deployment(FLOORS), shop("members: {max: 6}", "deployment: p", db)) == [
        ("warning", "ALT1112", "cartridges[1].members.max", "1", ("at least 6",))
    ]


def test_a_whole_copy_has_the_minimums_of_its_own_cloud() -> None:
    both = deployment(FLOORS + ", {name: far, partitions: [{name: d, min: 4, max: 9}]}")
    web = "deployment: p, members: {max: 6}"
    assert told(both, shop(web)) == [("error", "ALT1112", "cartridges[0].members.max", "6", ("at least 10",))]
    assert told(both, placement("[home, far]"), shop(web, "placement: order")) == []
    assert told(both, placement("[home]", ""), shop(web, "placement: order")) == [], "far is not used"


def test_minimums_need_room_in_the_quota() -> None:
    wrong = [("error", "ALT1112", "quota.members", "5", ("at least 6",))]
    assert told(deployment(FLOORS, "quota: {members: 5}")) == wrong
    assert told(deployment(FLOORS, "quota: {members: 6}")) == []


@pytest.mark.parametrize("share", ["0%", "0.00%"])
def test_a_burst_at_nothing_is_refused(share: str) -> None:
    assert told(placement("[home, far]", f"burst: {{at: {share}}}")) == [
        ("error", "ALT1109", "burst.at", f"'{share}'", ("more than 0%, up to 100%",))
    ]
    assert told(placement("[home, far]", "burst: {at: 0.1%}")) == []


def test_weights_without_their_order_are_told() -> None:
    weighted = "{{name: home, order: {}, partitions: [{{name: a, max: 3, weight: 2}}, {{name: b, max: 3}}]}}"
    where = "networkPartitions[0].partitions[0].weight"
    for order in ("one-after-another", "round-robin"):
        assert told(deployment(weighted.format(order))) == [
            ("warning", "ALT1224", where, "2", ("order: weighted",))
        ]
    assert told(deployment(weighted.format("weighted"))) == []


def test_a_cost_that_decides_nothing_is_told() -> None:
    apart = "{name: home, partitions: [{name: a, max: 3}, {name: b, max: 3}]}"
    far = "{name: far, partitions: [{name: d, max: 3}]}"
    cheap = deployment(f"{apart}, {far}", "preferCheap: true")
    idle = [("warning", "ALT1224", "preferCheap", "true", ("order: round-robin", "order: weighted"))]
    assert told(cheap) == idle
    assert told(cheap, placement("[home, far]", "")) == idle
    assert told(cheap, placement("[[home, far]]", "")) == [], "these two are filled together"
    assert told(cheap, placement("[home, far]", "order: all-at-once")) == []
    evenly = apart.replace("name: home,", "name: home, order: round-robin,")
    assert told(deployment(evenly, "preferCheap: true")) == []


def test_a_burst_that_leads_to_no_other_cloud_is_refused() -> None:
    assert told(placement("[home, back]")) == [
        ("error", "ALT1223", "networkPartitions[1]", "'back'", ("far",))
    ]
    assert told(placement("[home, back]", "")) == [], "an order of places in one copy"
    assert told(placement("[[home, back], far]")) == []


def test_a_place_that_a_burst_passes_over_is_told() -> None:
    assert told(placement("[home, far, back]")) == [
        ("warning", "ALT1223", "networkPartitions[2]", "'back'", ())
    ]
    assert told(placement("[home, [far, back]]")) == [
        ("warning", "ALT1223", "networkPartitions[1][1]", "'back'", ())
    ]


def test_variables_that_differ_within_a_cloud_are_told() -> None:
    two = "{name: home, partitions: [{name: a, max: 3}]}, {name: back, partitions: [{name: c, max: 3}]}"
    for value, expected in (("front", []), ("back", [("warning", "ALT1224", "networkPartitions[1].name")])):
        places = PLACES.replace("name: home", "name: home\nenvironment: {ZONE: front}").replace(
            "name: back", f"name: back\nenvironment: {{ZONE: {value}}}"
        )
        found = findings_of(places, deployment(two))
        assert [(f.severity, f.code, f.path) for f in found] == expected


def test_a_quota_under_what_all_applications_always_have_is_wrong() -> None:
    group = (
        "kind: Application\nname: blog\ngroups: [{alias: pair, group: two, instances: {min: 2, max: 3}, "
        "deployment: p}]"
    )
    web = "{alias: web, cartridge: php, members: {min: 2, max: 3}}"
    two = f"kind: CartridgeGroup\nname: two\ncartridges: [{web}]"
    places = "{name: home, partitions: [{name: a, max: 9}]}"
    first = shop("members: {min: 3, max: 6}", "deployment: p")
    assert told(deployment(places, "quota: {members: 7}"), first, two, group) == []
    assert told(deployment(places, "quota: {members: 6}"), first, two, group) == [
        ("error", "ALT1112", "quota.members", "6", ("at least 7",))
    ]
    assert told(deployment(places, "quota: {members: 3}"), first, two) == [], "blog is not among them"
