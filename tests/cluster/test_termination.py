"""The three termination behaviours on a real cluster: which clusters restart, in which order, and which
are left untouched, told by the creation times of their Pods."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.applications import deployed
from tests.demo import ROOT, Demo
from tests.waiting import until
from toolchain.plugins.kubernetes.pods import condition

pytestmark = pytest.mark.cluster

DOCUMENTS = """
apiVersion: altostratus/v1
kind: Application
name: nest
termination: dependents
startup: [[db, web], [pair, web]]
cartridges:
  - &cluster {alias: db, cartridge: static, healing: {grace: 2s}}
  - {<<: *cluster, alias: web}
  - {<<: *cluster, alias: logs}
groups:
  - alias: pair
    termination: all
    startup: [[first, second]]
    cartridges: [{<<: *cluster, alias: first}, {<<: *cluster, alias: second}]
  - alias: free
    startup: [[one, other]]
    cartridges: [{<<: *cluster, alias: one}, {<<: *cluster, alias: other}]
"""
MISSING = "registry.invalid/none:1"


@dataclass
class Nest:
    """The application deployed."""

    demo: Demo
    namespace: str

    @property
    def name(self) -> str:
        stacks = self.demo.run("pulumi", "stack", "ls", "--json").stdout
        return next(
            each["name"].removeprefix("app-")
            for each in yaml.safe_load(stacks)
            if each["name"].startswith("app-nest-")
        )

    def pods(self) -> dict[str, dict[str, Any]]:
        """The one Pod of each cluster, by the cluster's Kubernetes name."""
        found = self.demo.kubectl("-n", self.namespace, "get", "pods")["items"]
        staying = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
        return {pod["metadata"]["labels"]["altostratus.dev/cluster"]: pod for pod in staying}

    def uids(self) -> dict[str, str]:
        return {name: pod["metadata"]["uid"] for name, pod in self.pods().items()}

    def keep_down(self, cluster: str) -> None:
        """End the cluster's members and let none come back: their image cannot be had."""
        container = self.pods()[cluster]["spec"]["containers"][0]["name"]
        patch = {
            "strategy": {"type": "Recreate", "rollingUpdate": None},
            "template": {"spec": {"containers": [{"name": container, "image": MISSING}]}},
        }
        self.demo.run(
            "kubectl", "-n", self.namespace, "patch", "deployment", cluster, "--type=merge",
            f"--patch={json.dumps({'spec': patch})}",
        )  # fmt: skip

        until(lambda: not self._serves(cluster), f"{cluster} has no ready member")

    def _serves(self, cluster: str) -> bool:
        pod = self.pods().get(cluster)
        return pod is not None and any(
            c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", [])
        )

    def restarted(self, before: dict[str, str]) -> list[str]:
        """The clusters whose Pods are new, in the order in which those were made."""
        now = self.pods()
        new = [name for name, pod in now.items() if before.get(name) != pod["metadata"]["uid"]]
        return sorted(new, key=lambda name: (now[name]["metadata"]["creationTimestamp"], _ready(now[name])))


def _ready(pod: dict[str, Any]) -> str:
    return str(condition(pod, "Ready").get("lastTransitionTime", ""))


@pytest.fixture(scope="module")
def nest(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nest]:
    folder = tmp_path_factory.mktemp("nest")
    # Anchors are refused in documents: they are for this file only.
    (folder / "nest.yaml").write_text(yaml.safe_dump(_plain(yaml.safe_load(DOCUMENTS))))
    with deployed(demo, "nest", folder) as namespace:
        yield Nest(demo, namespace)


def _plain(data: Any) -> Any:
    """Copies without shared parts, which would be written as anchors."""
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    return [_plain(each) for each in data] if isinstance(data, list) else data


def test_dependents_restart_after_what_they_wait_for_and_nothing_else_does(nest: Nest) -> None:
    before = nest.uids()
    nest.keep_down("db")
    nest.demo.alto("supervise", nest.name, "--once")
    assert nest.restarted(before) == ["db", "web"]


def test_all_restarts_the_group_and_those_who_waited_for_it(nest: Nest) -> None:
    before = nest.uids()
    nest.keep_down("pair-1--first")
    nest.demo.alto("supervise", nest.name, "--once")
    assert nest.restarted(before) == ["pair-1--first", "pair-1--second", "web"]


def test_none_leaves_healing_to_kubernetes_and_everything_else_alone(nest: Nest) -> None:
    before = nest.uids()
    nest.keep_down("free-1--one")
    told = nest.demo.alto("supervise", nest.name, "--once").stdout
    assert "healed in place" in told
    assert set(nest.restarted(before)) <= {"free-1--one"}


def test_a_supervisor_killed_half_way_is_followed_by_one_that_goes_on(nest: Nest) -> None:
    before = nest.uids()
    config = ROOT / "stacks" / "config" / f"Pulumi.app-{nest.name}.yaml"
    nest.keep_down("db")
    supervisor = subprocess.Popen(
        ["./alto", "supervise", nest.name],
        cwd=ROOT,
        env=nest.demo.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: "stopped:\n" in config.read_text() or None, "the restart is noted in the config")
    finally:
        os.killpg(supervisor.pid, signal.SIGKILL)
        supervisor.wait()
    nest.demo.alto("supervise", nest.name, "--once")
    assert nest.restarted(before) == ["db", "web"]
    assert "restart" not in config.read_text()


def test_members_end_in_the_reverse_of_their_startup_order(nest: Nest, tmp_path: Path) -> None:
    def lines() -> list[list[str]]:
        return [line.split() for line in (tmp_path / "events").read_text().splitlines() if line.strip()]

    def ended() -> set[str]:
        return {fields[0] for fields in lines() if len(fields) == 2}

    log = (tmp_path / "events").open("w")
    watch = subprocess.Popen(
        ["kubectl", "-n", nest.namespace, "get", "pods", "--watch", "-o",
         "jsonpath={.metadata.labels.altostratus\\.dev/cluster} {.metadata.deletionTimestamp}{'\\n'}"],
        env=nest.demo.environment, stdout=log, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    ordered = {"db", "web", "pair-1--first", "pair-1--second"}
    try:
        until(lambda: {fields[0] for fields in lines()} >= ordered, "the watch has begun")
        nest.demo.alto("destroy", f"app-{nest.name}", "--yes")
        until(lambda: ended() >= ordered, "all ends are seen")
    finally:
        watch.terminate()
        watch.wait()
        log.close()
    begun, gone = {}, {}
    for at, fields in enumerate(lines()):
        if len(fields) == 2:
            begun.setdefault(fields[0], at)
            gone[fields[0]] = at
    for first, then in (("web", "db"), ("web", "pair-1--second"), ("pair-1--second", "pair-1--first")):
        assert gone[first] < begun[then], f"{then} was asked to end before {first} was gone"
