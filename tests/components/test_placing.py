"""A cluster's scheduling as its Pods carry it."""

from blueprints.scale import ScaleState
from components.pods.placing import placing
from policies.placement.scheduling import WITHOUT, Scheduling, Spread
from tests.blueprints.workbench import workspace_of

APPLICATION = """
kind: Application
name: app
cartridges: [{alias: web, cartridge: php}, {alias: db, cartridge: mysql}]
"""


def test_labels_become_affinities_and_near_clusters_are_found_by_their_labels() -> None:
    plan = workspace_of(APPLICATION)[0].plan("app", ScaleState())
    told = Scheduling(
        allowed=({"zone": "a"}, {"zone": "b"}),
        preferred=((100, {"zone": "b"}),),
        spread=(Spread("zone", 4, strict=True),),
        near=("db",),
        near_key="zone",
    )
    found = placing(plan.clusters["web"], plan, told)
    term = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
    nodes = found["affinity"]["nodeAffinity"]
    allowed = nodes["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert allowed[0] == term
    assert len(allowed) == 2
    assert nodes["preferredDuringSchedulingIgnoredDuringExecution"][0]["weight"] == 100
    (wish,) = found["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert wish["podAffinityTerm"] == {
        "topologyKey": "zone",
        "labelSelector": {"matchLabels": dict(plan.clusters["db"].selector)},
    }
    (constraint,) = found["topologySpreadConstraints"]
    assert (constraint["maxSkew"], constraint["whenUnsatisfiable"]) == (4, "DoNotSchedule")
    assert constraint["matchLabelKeys"] == ["pod-template-hash"]


def test_without_a_policy_members_are_spread_over_hosts_and_zones_and_bound_nowhere() -> None:
    plan = workspace_of(APPLICATION)[0].plan("app", ScaleState())
    found = placing(plan.clusters["web"], plan, WITHOUT)
    assert set(found) == {"topologySpreadConstraints"}
    assert [each["topologyKey"] for each in found["topologySpreadConstraints"]] == [
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    ]
