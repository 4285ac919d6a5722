"""Two host clusters at once: each with its own registry and addresses, and neither a trouble to the other."""

import json
from collections.abc import Iterator
from typing import Any

import docker
import httpx
import pytest

from tests.demo import Demo
from tests.waiting import until

pytestmark = pytest.mark.cluster


def clouds(demo: Demo) -> dict[str, Any]:
    return {each["name"]: each for each in json.loads(demo.alto("clouds", "--json").stdout)}


def states(demo: Demo, away: Demo) -> tuple[str, str]:
    found = clouds(demo)
    return found[demo.cloud]["state"], found[away.cloud]["state"]


@pytest.fixture
def paused(away: Demo) -> Iterator[None]:
    """The second cloud's host stands still: it takes no connection and ends none."""
    client = docker.DockerClient(base_url=away.environment["DOCKER_HOST"], timeout=600)
    container = client.containers.get(f"alto-{away.cloud}-host1")
    container.pause()
    try:
        yield
    finally:
        container.unpause()
        client.close()
        until(lambda: clouds(away)[away.cloud]["state"] == "warm", "the cloud answers again", 60)


def test_the_second_cloud_stands_beside_the_first_and_is_told(demo: Demo, away: Demo) -> None:
    assert f"--to {away.cloud}" in away.output
    assert httpx.get(demo.url, timeout=60, follow_redirects=True).status_code == 200
    until(lambda: states(demo, away) == ("warm", "warm"), "both clouds answer")
    found = clouds(demo)
    assert found[demo.cloud]["platform"] != found[away.cloud]["platform"]
    ranges = [
        {node["spec"]["podCIDR"] for node in each.kubectl("get", "nodes")["items"]} for each in (demo, away)
    ]
    assert not ranges[0] & ranges[1]


def test_a_copy_there_runs_from_its_own_registry_and_its_own_mirror(demo: Demo, away: Demo) -> None:
    stack = f"app-{demo.application}--{away.cloud}"
    home = json.loads(demo.run("pulumi", "config", "--json", "--stack", f"app-{demo.application}").stdout)
    documents = json.loads(home["altostratus:blueprint"]["value"])
    demo.run("pulumi", "stack", "init", stack)
    try:
        settings = {"cloud": away.cloud, "application": demo.application, "blueprint[0]": documents[0]}
        given = [
            part for key, value in settings.items() for part in ("--plaintext", f"altostratus:{key}={value}")
        ]
        demo.run("pulumi", "config", "set-all", "--stack", stack, "--path", *given)
        demo.alto("up", stack)
        pods = away.kubectl("get", "pods", "-n", demo.namespace)["items"]
        assert pods
        registry = clouds(demo)[away.cloud]["platform"]
        for pod in pods:
            both = pod["spec"]["initContainers"] + pod["spec"]["containers"]
            assert all(each["image"].startswith(registry) for each in both)
        # The first cloud's address is in the document, and the second one's networks do not reach it.
        url = json.loads(demo.run("pulumi", "stack", "output", "urls", "--json", "--stack", stack).stdout)[0]
        assert httpx.get(f"{url}/api/info", timeout=60).json()["commit"]
        assert stack in [copy["stack"] for copy in clouds(demo)[away.cloud]["copies"]]
    finally:
        demo.alto("destroy", stack, "--yes", check=False)
        demo.run("pulumi", "stack", "rm", "--yes", stack, check=False)


def test_a_cloud_that_stands_still_is_told_and_the_other_goes_on(
    demo: Demo, away: Demo, paused: None
) -> None:
    until(lambda: states(demo, away) == ("warm", "unreachable"), "the second one does not answer")
    assert clouds(demo)[away.cloud]["problem"]
    assert httpx.get(demo.url, timeout=60, follow_redirects=True).status_code == 200
