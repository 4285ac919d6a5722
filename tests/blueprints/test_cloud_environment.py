"""What network partitions give their members: variables, by the cloud that a stack is in."""

import pytest

from blueprints.cloud_environment import in_cloud
from tests.blueprints.workbench import findings_of, workspace_of

PLACES = """
kind: NetworkPartition
name: front
cloud: local
partitions: [{name: a}]
environment: {ZONE: front, ONLY: front}
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: back
cloud: local
partitions: [{name: b}]
environment: {ZONE: back, PHP_LEVEL: back, DB_HOST: nowhere}
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: far
cloud: away
partitions: [{name: c}]
environment: {ZONE: far}
---
apiVersion: altostratus/v1
kind: DeploymentPolicy
name: behind
networkPartitions:
  - {name: far, partitions: [{name: c, max: 9}]}
  - {name: back, partitions: [{name: b, max: 9}]}
---
apiVersion: altostratus/v1
kind: ApplicationPolicy
name: order
networkPartitions: [back, front, far]
"""
CODE = """
kind: Cartridge
name: code
image: example/code:1
environment: {PHP_LEVEL: cartridge}
"""


def given(cloud: str, cluster: str, placement: str = "") -> dict[str, object]:
    """The variables of `web` in a cloud."""
    workspace, findings = workspace_of(
        PLACES,
        CODE,
        f"kind: Application\nname: shop\n{placement}\nstartup: [[db, web]]\ncartridges:\n"
        f"  - {{alias: web, cartridge: code{cluster}}}\n  - {{alias: db, cartridge: mysql}}",
    )
    assert not findings
    return dict(in_cloud(workspace, workspace.plan("shop"), cloud).clusters["web"].environment)


def test_what_is_nearer_to_the_cluster_wins() -> None:
    own = {"PHP_LEVEL": "cartridge"}
    assert given("local", "") == {"ZONE": "front", "ONLY": "front", **own}
    assert given("local", ", environment: {ZONE: mine}") == {"ONLY": "front", **own, "ZONE": "mine"}
    assert given("away", "") == {"ZONE": "far", **own}
    assert given("elsewhere", "") == own


def test_the_policy_says_which_of_a_clouds_network_partitions_it_is() -> None:
    own = {"PHP_LEVEL": "cartridge"}
    assert given("local", ", deployment: behind") == {"ZONE": "back", **own}
    assert given("away", ", deployment: behind") == {"ZONE": "far", **own}
    assert given("local", "", "placement: order") == {"ZONE": "back", "ONLY": "front", **own}
    assert given("local", ", deployment: behind", "placement: order") == {"ZONE": "back", **own}


def test_a_link_is_not_hidden_by_a_variable_of_the_cloud() -> None:
    assert "DB_HOST" not in given("local", "")


@pytest.mark.parametrize(
    ("variable", "place"),
    [("X: {export: url, from: db}", "environment.X.export"), ("ALTO_REPLICATE_FROM: x", "environment")],
)
def test_what_only_a_cluster_can_have_is_refused(variable: str, place: str) -> None:
    (found,) = findings_of(
        f"kind: NetworkPartition\nname: home\ncloud: local\npartitions: [{{name: a}}]\n"
        f"environment: {{{variable}}}"
    )
    assert found.code == "ALT1111"
    assert found.path.startswith(place)
    assert found.line == 6
