"""The demo as its user sees it, from the first page to a host's death. Tests run in this order."""

import http.client
import json
import re
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.demo import ROOT, Demo
from tests.waiting import until
from toolchain.plugins.kubernetes.pods import condition

pytestmark = pytest.mark.cluster


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310
        return str(answer.read().decode())


def shows_the_page(url: str) -> bool:
    try:
        return "<html" in fetch(url).lower()
    except (OSError, http.client.HTTPException):
        return False


def ready_nodes(demo: Demo) -> list[str]:
    """Their names; none while the API server does not answer."""
    asked = demo.run("kubectl", "get", "nodes", "-o", "json", check=False)
    nodes = json.loads(asked.stdout)["items"] if asked.returncode == 0 else []
    return [each["metadata"]["name"] for each in nodes if condition(each, "Ready").get("status") == "True"]


def members(demo: Demo) -> list[dict[str, str]]:
    report = json.loads(demo.alto("status", "--json").stdout)
    found = [each for each in report["applications"] if each["name"] == demo.application]
    return [member for member in found[0]["members"] if member["ready"]]


def test_the_url_that_the_demo_printed_serves_the_page_from_git(demo: Demo) -> None:
    printed = re.search(r"answers at (http\S+)", demo.output)
    assert printed, demo.output
    assert "<html" in fetch(printed[1]).lower()
    info = json.loads(fetch(f"{demo.url}/api/info"))
    commit = demo.run("git", "--git-dir", str(next(_repositories(demo))), "rev-parse", "main").stdout.strip()
    assert commit.startswith(info["commit"]), "the member serves another commit than the repository's"


def _repositories(demo: Demo) -> "list[Path] | object":
    home = Path(demo.environment["ALTO_HOME"])
    return home.glob("demo/*/*.git")


def test_three_nodes_are_ready_and_three_etcd_members_have_started(demo: Demo) -> None:
    assert len(ready_nodes(demo)) == 3
    listing = demo.run("etcdctl", "member", "list").stdout.splitlines()
    assert len(listing) == 3
    assert all(", started, " in line for line in listing), listing


def test_a_second_update_of_every_stack_changes_nothing(demo: Demo) -> None:
    for stack in (f"hosts-{demo.cloud}", f"platform-{demo.cloud}", f"app-{demo.application}"):
        demo.up(stack, "--expect-no-changes")


def test_pods_on_different_hosts_reach_each_other_over_vxlan(demo: Demo) -> None:
    demo.alto("scale", demo.application, "web=3")
    pods = demo.kubectl("-n", demo.namespace, "get", "pods")["items"]
    by_host = {pod["spec"]["nodeName"]: pod for pod in pods if pod["status"].get("podIP")}
    assert len(by_host) >= 2, "members of one cluster share a host though others are free"
    first, second = list(by_host.values())[:2]
    address = second["status"]["podIP"]
    name, port = first["metadata"]["name"], _port(second)
    code = f'echo file_get_contents("http://{address}:{port}/api/info");'
    answer = demo.run(
        "kubectl", "-n", demo.namespace, "exec", name, "-c", "web", "--", "php", "-r", code
    ).stdout
    assert json.loads(answer)["member"] == second["metadata"]["name"]
    links = demo.run(
        "docker", "exec", f"alto-{demo.cloud}-host1", "ip", "-d", "link", "show", "flannel.1"
    ).stdout
    assert "vxlan" in links


def _port(pod: dict) -> int:  # type: ignore[type-arg]
    return int(pod["spec"]["containers"][0]["ports"][0]["containerPort"])


def test_names_resolve_inside_pods(demo: Demo) -> None:
    pod = demo.kubectl("-n", demo.namespace, "get", "pods")["items"][0]["metadata"]["name"]
    code = 'echo gethostbyname("kubernetes.default.svc.cluster.local");'
    answer = demo.run(
        "kubectl", "-n", demo.namespace, "exec", pod, "-c", "web", "--", "php", "-r", code
    ).stdout
    service = demo.kubectl("-n", "default", "get", "service", "kubernetes")["spec"]["clusterIP"]
    assert answer.strip() == service


def test_every_door_refuses_who_does_not_show_a_key(demo: Demo) -> None:
    server = demo.run(
        "kubectl", "config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"
    ).stdout
    registry = json.loads(demo.alto("status", "--json").stdout)["clouds"][0]["registry"]
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    for url in (f"{server}/api/v1/namespaces", f"https://{registry}/v2/_catalog"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url, timeout=60, context=unverified)  # noqa: S310
        assert refused.value.code in {401, 403}, url
    for endpoint in demo.environment["ETCDCTL_ENDPOINTS"].split(","):
        with pytest.raises(OSError):
            urllib.request.urlopen(f"{endpoint}/version", timeout=60, context=unverified)  # noqa: S310


def test_no_private_key_or_password_is_in_the_state_in_plain_text(demo: Demo) -> None:
    home = Path(demo.environment["ALTO_HOME"])
    texts = [path.read_text(errors="replace") for path in home.rglob("state/**/*.json*")]
    assert texts, "no state files found"
    for marker in ("PRIVATE KEY", "client-key-data"):
        assert not any(marker in text for text in texts), f"{marker} stands in the state"
    for path in home.rglob("*"):
        if path.name in {"passphrase", "kubeconfig", "client.key"}:
            assert path.stat().st_mode & 0o077 == 0, f"{path} can be read by others"


def test_scaling_changes_the_members_and_only_the_scale_key(demo: Demo) -> None:
    config = ROOT / "stacks" / "config" / f"Pulumi.app-{demo.application}.yaml"
    kept = [line for line in config.read_text().splitlines() if "scale" not in line]
    demo.alto("scale", demo.application, "web=4")
    until(lambda: len(members(demo)) == 4, "four members are ready")
    assert set(kept[:4]) <= set(config.read_text().splitlines())
    refused = demo.alto("scale", demo.application, "web=4000", check=False)
    assert refused.returncode == 2
    assert "web" in refused.stderr
    until(lambda: len(members(demo)) == 4, "they are as many as before")


def test_a_killed_update_is_recovered_and_nothing_is_lost(demo: Demo) -> None:
    stack = f"app-{demo.application}"
    before = json.loads(demo.run("pulumi", "stack", "export", "--stack", stack).stdout)
    config = ROOT / "stacks" / "config" / f"Pulumi.{stack}.yaml"
    config.write_text(config.read_text().replace("web: 4", "web: 2"))
    lock_folder = Path(demo.environment["ALTO_HOME"]) / "state/.pulumi/locks/organization/altostratus" / stack
    process = subprocess.Popen(
        ["pulumi", "up", "--stack", stack, "--yes", "--skip-preview", "--non-interactive"],
        cwd=ROOT,
        env=demo.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: list(lock_folder.glob("*.json")), "the update took its lock")
    process.kill()
    process.wait()
    by_hand = demo.run("pulumi", "up", "--stack", stack, "--yes", "--skip-preview", check=False)
    assert "locked" in by_hand.stdout + by_hand.stderr, "the kill left no lock: nothing was tested"
    demo.alto("up", stack)
    until(lambda: len(members(demo)) == 2, "two members are ready")
    after = json.loads(demo.run("pulumi", "stack", "export", "--stack", stack).stdout)
    urns = {each["urn"] for each in before["deployment"]["resources"]}
    assert {each["urn"] for each in after["deployment"]["resources"]} == urns


def test_a_host_that_dies_is_replaced_by_up(demo: Demo) -> None:
    name = f"alto-{demo.cloud}-host3"
    old = demo.run("docker", "inspect", "-f", "{{.Id}}", name).stdout.strip()
    demo.run("docker", "kill", name)
    demo.up(f"hosts-{demo.cloud}")
    assert demo.run("docker", "inspect", "-f", "{{.Id}}", name).stdout.strip() != old
    until(lambda: len(ready_nodes(demo)) == 3, "three nodes are ready")
    until(lambda: _healthy(demo) == 3, "three etcd members are healthy")
    until(lambda: shows_the_page(demo.url), "the page answers again")


def _healthy(demo: Demo) -> int:
    """How many etcd members say that they are; none while they do not know each other."""
    answer = demo.run("etcdctl", "endpoint", "health", "--cluster", "-w", "json", check=False).stdout
    try:
        return sum(bool(each["health"]) for each in json.loads(answer))
    except json.JSONDecodeError:
        return 0


def test_the_only_control_plane_can_die_too(demo: Demo) -> None:
    demo.run("docker", "kill", f"alto-{demo.cloud}-host1")
    demo.up(f"hosts-{demo.cloud}")
    until(lambda: len(ready_nodes(demo)) == 3, "three nodes are ready", 120)
    until(lambda: _healthy(demo) == 3, "three etcd members are healthy")
    assert demo.kubectl("get", "namespace", demo.namespace)["status"]["phase"] == "Active", (
        "the data was lost"
    )
    demo.up(f"app-{demo.application}")
    until(lambda: shows_the_page(demo.url), "the page answers again")


def test_running_the_demo_again_is_harmless(demo: Demo) -> None:
    again = demo.alto("demo", "--cloud", demo.cloud, "--application", demo.application)
    assert f"{demo.application} answers at" in again.stdout
