"""What a container's inputs become, and what a change of each means. No engine needed."""

import io
import tarfile
from typing import Any

import pytest

from toolchain.plugins.docker import container_state
from toolchain.plugins.docker.container import ContainerHandler
from toolchain.plugins.docker.container_body import create_body, limits
from toolchain.plugins.docker.container_fields import ALLOWED
from toolchain.plugins.docker.durations import nanoseconds
from toolchain.plugins.docker.provider import DockerProvider
from toolchain.plugins.docker.session import Session
from toolchain.plugins.docker.uploads import archive
from toolchain.plugins.protocol import UNKNOWN, Autonaming, Failure, Request

HOST = {
    "name": "host1",
    "image": "host:1",
    "capabilities": {"adds": ["ALL"], "drops": ["CAP_SYS_RESOURCE"]},
    "securityOpts": ["seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"],
    "deviceCgroupRules": ["a *:* rwm"],
    "cgroupnsMode": "private",
    "tmpfs": {"/run": "", "/scratch": "exec"},
    "volumes": [
        {"containerPath": "/var"},
        {"hostPath": "/lib/modules", "containerPath": "/m", "readOnly": True},
    ],
    "stopSignal": "SIGRTMIN+3",
    "envs": ["container=docker"],
    "networksAdvanced": [{"name": "net", "ipv4Address": "10.9.0.10", "aliases": ["a"]}],
}


def handler() -> ContainerHandler:
    session = Session()
    session.configure({"host": "unix:///nonexistent/docker.sock"})
    return ContainerHandler(session)


def difference(old: dict[str, Any], new: dict[str, Any], state: dict[str, Any] | None = None) -> Any:
    return handler().diff(Request(), "id", old, state or {}, new)


def failures(inputs: dict[str, Any], name: str = "box") -> dict[str, str]:
    _, found = handler().check(Request(name=name), {}, inputs)
    return {failure.property: failure.reason for failure in found}


def test_a_host_that_boots_systemd_is_asked_for_like_the_command_line_does() -> None:
    body = create_body(HOST)
    host = body["HostConfig"]
    assert (host["CapAdd"], host["CapDrop"]) == (["ALL"], ["CAP_SYS_RESOURCE"])
    assert host["SecurityOpt"] == ["seccomp=unconfined", "apparmor=unconfined"]
    assert (host["MaskedPaths"], host["ReadonlyPaths"]) == ([], [])
    assert host["DeviceCgroupRules"] == ["a *:* rwm"]
    assert host["CgroupnsMode"] == "private"
    assert host["Tmpfs"] == {"/run": "", "/scratch": "exec"}
    assert body["Volumes"] == {"/var": {}}
    assert host["Binds"] == ["/lib/modules:/m:ro"]
    assert body["StopSignal"] == "SIGRTMIN+3"
    assert host["NetworkMode"] == "net"
    endpoint = body["NetworkingConfig"]["EndpointsConfig"]["net"]
    assert endpoint == {"Aliases": ["a"], "IPAMConfig": {"IPv4Address": "10.9.0.10"}}


def test_the_engines_masks_stay_where_nobody_lifts_them() -> None:
    assert "MaskedPaths" not in create_body({"name": "a", "image": "i"})["HostConfig"]


def test_megabytes_and_fractions_of_cpus_become_the_engines_units() -> None:
    body = limits({"memory": 64, "memorySwap": -1, "cpus": "1.5", "restart": "always"})
    assert body["Memory"] == 64 * 1024 * 1024
    assert body["MemorySwap"] == -1
    assert body["NanoCpus"] == 1_500_000_000
    assert body["RestartPolicy"] == {"Name": "always", "MaximumRetryCount": 0}


def test_limits_read_back_are_the_limits_given() -> None:
    given = {"memory": 64, "cpus": "1.5", "restart": "always", "cpuShares": 512, "cpuSet": "0-1"}
    host = {**limits(given), "MemorySwap": 2 * 64 * 1024 * 1024}
    assert container_state.live_limits(host) == given


@pytest.mark.parametrize("key", ["memory", "restart", "cpuShares", "cpus", "memorySwap", "cpuSet"])
def test_limits_change_in_place(key: str) -> None:
    found = difference({"name": "a", "image": "i"}, {"name": "a", "image": "i", key: "always"})
    assert found.changes
    assert not found.replaces


@pytest.mark.parametrize("key", ["command", "envs", "uploads", "hostname", "privileged", "networksAdvanced"])
def test_what_a_container_is_made_of_replaces_it(key: str) -> None:
    found = difference({"name": "a", "image": "i", key: ["x"]}, {"name": "a", "image": "i", key: ["y"]})
    assert found.replaces == (f"{key}[0]",)
    assert found.delete_before_replace, "two containers cannot have one name"


def test_a_container_named_by_the_plugin_is_replaced_before_it_is_deleted() -> None:
    named = {"name": "a-1234567", "__defaults": ["name"]}
    assert not difference({**named, "image": "i"}, {**named, "image": "j"}).delete_before_replace
    fixed = {**named, "networksAdvanced": [{"name": "n", "ipv4Address": "10.0.0.2"}]}
    assert difference({**fixed, "image": "i"}, {**fixed, "image": "j"}).delete_before_replace


def test_the_order_of_sets_and_spelled_out_defaults_are_no_change() -> None:
    old = {"name": "a", "image": "i", "envs": ["A=1", "B=2"], "labels": [{"label": "x", "value": "1"}]}
    new = {
        "name": "a",
        "image": "i",
        "envs": ["B=2", "A=1"],
        "labels": [{"value": "1", "label": "x"}],
        "mustRun": True,
        "restart": "no",
    }
    assert not difference(old, new).changes


def test_a_name_and_the_id_it_stood_for_are_the_same_image() -> None:
    state = {"image": "sha256:abc"}
    assert not difference(
        {"name": "a", "image": "app:1"}, {"name": "a", "image": "sha256:abc"}, state
    ).changes
    assert difference({"name": "a", "image": "app:1"}, {"name": "a", "image": "sha256:def"}, state).replaces
    assert difference({"name": "a", "image": "app:1"}, {"name": "a", "image": UNKNOWN}, state).replaces


def stopped(**state: Any) -> dict[str, Any]:
    return {
        "Id": "f" * 64,
        "Name": "/a",
        "Image": "sha256:abc",
        "Config": {"Hostname": "a"},
        "HostConfig": {"RestartPolicy": {"Name": "no"}},
        "NetworkSettings": {"Networks": {"net": {"NetworkID": "n1", "IPAddress": "10.0.0.2"}}},
        "State": {"Running": False, "Status": "exited", "ExitCode": 137, **state},
    }


class FixedSession(Session):
    """A session whose engine knows one container."""

    def __init__(self, container: dict[str, Any]) -> None:
        super().__init__()
        self._container = container

    @property
    def client(self) -> Any:
        return self

    def inspect_container(self, id: str) -> dict[str, Any]:
        return self._container


def test_a_stopped_container_is_seen_by_refresh_and_replaced_by_the_next_update() -> None:
    inputs = {"name": "a", "image": "sha256:abc"}
    dead = ContainerHandler(FixedSession(stopped()))
    found = dead.read(Request(), "f" * 64, inputs, {"image": "sha256:abc"})
    assert found is not None
    _, fresh, state = found
    assert fresh["mustRun"] is False
    assert state["exitCode"] == 137
    assert dead.diff(Request(), "f" * 64, fresh, state, inputs).replaces == ("mustRun",)


def test_a_container_that_may_stop_is_left_alone() -> None:
    inputs = {"name": "a", "image": "sha256:abc", "mustRun": False}
    done = ContainerHandler(FixedSession(stopped()))
    found = done.read(Request(), "f" * 64, inputs, {})
    assert found is not None
    assert not done.diff(Request(), "f" * 64, found[1], found[2], inputs).changes


def test_what_was_changed_by_hand_shows_in_the_refreshed_inputs() -> None:
    live = stopped(Running=True)
    live["HostConfig"] = {"RestartPolicy": {"Name": "always"}, "Memory": 32 * 1024 * 1024}
    inputs = {"name": "a", "memory": 64, "networksAdvanced": [{"name": "net"}, {"name": "other"}]}
    fresh = container_state.refreshed_inputs(inputs, live, ["net", "n1"])
    assert fresh["memory"] == 32
    assert fresh["restart"] == "always"
    assert fresh["networksAdvanced"] == [{"name": "net"}]


def test_outputs_follow_the_vendors_names() -> None:
    state = container_state.live_state({"name": "a", "image": "i"}, stopped())
    assert state["networkDatas"][0]["networkName"] == "net"
    assert state["networkDatas"][0]["ipAddress"] == "10.0.0.2"
    assert state["image"] == "sha256:abc"
    assert state["mustRun"] is True


def test_inputs_that_are_not_honoured_are_refused_by_name() -> None:
    found = failures({"image": "i", "gpus": "all", "ports": [{"internal": 80, "weight": 3}]})
    assert set(found) == {"gpus", "ports[0].weight"}
    assert "gpus" in found["gpus"]


@pytest.mark.parametrize(
    ("inputs", "place", "words"),
    [
        ({"restart": "sometimes"}, "restart", "unless-stopped"),
        ({"envs": ["A"]}, "envs[0]", "NAME=VALUE"),
        ({"uploads": [{"file": "/a"}]}, "uploads[0]", "exactly one"),
        ({"uploads": [{"file": "a", "content": ""}]}, "uploads[0].file", "absolute"),
        (
            {"uploads": [{"file": "/a", "content": "", "permissions": "rw"}]},
            "uploads[0].permissions",
            "octal",
        ),
        ({"uploads": [{"file": "/a", "content": "", "owner": "root"}]}, "uploads[0].owner", "numeric"),
        ({"volumes": [{"hostPath": "/a"}]}, "volumes[0].containerPath", "where"),
        ({"mounts": [{"target": "/a", "type": "nfs"}]}, "mounts[0].type", "tmpfs"),
        ({"healthcheck": {"tests": ["CMD", "x"], "interval": "soon"}}, "healthcheck.interval", "10s"),
    ],
)
def test_bad_inputs_are_told_with_what_is_allowed(inputs: dict[str, Any], place: str, words: str) -> None:
    found = failures({"image": "i", **inputs})
    assert words in found[place]


def test_inputs_not_known_yet_pass_the_checks() -> None:
    inputs = dict.fromkeys(ALLOWED, UNKNOWN)
    assert failures({**inputs, "name": "a"}) == {}


def test_a_name_is_made_up_once_and_kept() -> None:
    wish = Request(name="web", autonaming=Autonaming("web-abc1234", "propose"))
    first, _ = handler().check(wish, {}, {"image": "i"})
    assert first["name"] == "web-abc1234"
    again, _ = handler().check(Request(name="web"), first, {"image": "i"})
    assert again["name"] == "web-abc1234"
    given, _ = handler().check(wish, first, {"image": "i", "name": "mine"})
    assert given["name"] == "mine"
    assert "__defaults" not in given


def test_uploads_carry_content_mode_and_owner() -> None:
    packed = archive(
        [
            {"file": "/etc/a", "content": "text", "permissions": "0600", "owner": "5", "group": "6"},
            {"file": "/bin/b", "contentBase64": "AP8=", "executable": True},
        ]
    )
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        first, second = tar.getmembers()
        content = tar.extractfile(second)
        assert content is not None
        assert content.read() == b"\x00\xff"
    assert (first.name, first.mode, first.uid, first.gid) == ("etc/a", 0o600, 5, 6)
    assert second.mode == 0o744


def test_a_source_that_is_not_there_is_named() -> None:
    with pytest.raises(Failure, match="/nonexistent/file"):
        archive([{"file": "/a", "source": "/nonexistent/file"}])


@pytest.mark.parametrize(
    ("text", "length"), [("0s", 0), ("500ms", 5 * 10**8), ("1m30s", 90 * 10**9), ("soon", None), ("5", None)]
)
def test_durations_are_read_as_go_writes_them(text: str, length: int | None) -> None:
    assert nanoseconds(text) == length


def test_an_engine_that_is_not_there_is_named_with_what_to_try() -> None:
    session = Session()
    session.configure({"host": "unix:///nonexistent/docker.sock"})
    with pytest.raises(Failure, match=r"/nonexistent/docker\.sock.*docker -H"):
        _ = session.client


def test_other_types_are_refused_by_name() -> None:
    with pytest.raises(Failure, match=r"docker:index/service:Service.*index/container:Container"):
        DockerProvider().handler("docker:index/service:Service")


def test_settings_that_would_be_ignored_are_refused() -> None:
    _, found = DockerProvider().check_config(Request(), {}, {"host": "unix:///x", "sshOpts": ["-v"]})
    assert [failure.property for failure in found] == ["sshOpts"]
