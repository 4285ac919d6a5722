"""Joining, changing and leaving, with a machine that answers from a script."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from toolchain.plugins.altostratus import etcd_membership
from toolchain.plugins.altostratus.joining import FAILED, PROVISIONED, Joining
from toolchain.plugins.altostratus.machine import File, Result, Unreachable, machine_for
from toolchain.plugins.altostratus.node import DEFAULTS, NodeHandler
from toolchain.plugins.docker.session import Session
from toolchain.plugins.protocol import Failure, PartialFailure, Properties, Request

MEMBERS = """\
8e9e05c52164694d, started, host1, https://10.88.0.10:2380, https://10.88.0.10:2379, false
91bc3c398fb3c146, started, host2, https://10.88.0.11:2380, https://10.88.0.11:2379, false
fd422379fda50e48, unstarted, , https://10.88.0.12:2380, , false
"""
NODE: Properties = {
    **DEFAULTS,
    "name": "host1",
    "machineId": "c" * 64,
    "address": "10.88.0.10",
    "roles": ["etcd"],
    "kubeconfig": "",
    "units": {"/etc/etcd/": "etcd.service", "/etc/etcd/pki/": "etcd-reload.service"},
}


class ScriptedMachine:
    """Answers programs by the first words that fit; notes what it was asked."""

    def __init__(
        self, answers: Mapping[str, Result | list[Result]] | None = None, alive: bool = True
    ) -> None:
        self.answers = {
            words: answer if isinstance(answer, list) else [answer]
            for words, answer in (answers or {}).items()
        }
        self.is_alive = alive
        self.asked: list[str] = []
        self.files: dict[str, File] = {}

    def alive(self) -> bool:
        return self.is_alive

    def run(self, argv: Sequence[str]) -> Result:
        text = " ".join(argv)
        self.asked.append(text)
        for words, answers in self.answers.items():
            if words in text:
                return answers.pop(0) if len(answers) > 1 else answers[0]
        return Result(1, "")

    def put(self, files: Mapping[str, File]) -> None:
        self.files |= files


class Hurried:
    """A clock on which every look costs a second, so that no test waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


class Journal:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, severity: Any, message: str, urn: str, *, status: bool) -> None:
        self.lines.append(message)


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def request_(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Request:
    monkeypatch.setattr("toolchain.plugins.altostratus.joining.POLL", 0.0)
    return Request(clock=Hurried(), journal=journal)


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets what Kubernetes says of the node; empty is Ready."""

    def say(problem: str) -> None:
        class Told:
            def __init__(self, kubeconfig: str, name: str) -> None: ...

            def problem(self) -> str:
                return problem

        monkeypatch.setattr("toolchain.plugins.altostratus.kubernetes_node.KubernetesNode", Told)

    say("")
    return say


PROVISIONED_AT_ONCE = {f"test -e {PROVISIONED}": Result(0, "")}
HEALTHY = {"endpoint health": Result(0, "is healthy")}


def test_joining_goes_step_by_step(request_: Request, journal: Journal, ready: Callable[[str], None]) -> None:
    machine = ScriptedMachine(
        {
            f"test -e {PROVISIONED}": [Result(1, ""), Result(0, "")],
            "endpoint health": [Result(1, "connection refused"), Result(0, "healthy")],
        }
    )
    Joining(request_, machine, NODE).wait()
    assert journal.lines == [
        "waiting for the provisioning: it goes on",
        "waiting for etcd: connection refused",
    ]


def test_a_worker_is_not_asked_for_etcd(request_: Request, ready: Callable[[str], None]) -> None:
    machine = ScriptedMachine(PROVISIONED_AT_ONCE)
    Joining(request_, machine, {**NODE, "roles": ["worker"]}).wait()
    assert not any("etcdctl" in asked for asked in machine.asked)


def test_a_provisioning_that_failed_ends_the_wait_with_its_reason(request_: Request) -> None:
    machine = ScriptedMachine({f"cat {FAILED}": Result(0, "Ignition stage files: disk full")})
    with pytest.raises(Failure, match="host1 could not be provisioned: Ignition stage files: disk full"):
        Joining(request_, machine, NODE).wait()


def test_a_machine_that_stops_ends_the_wait(request_: Request) -> None:
    machine = ScriptedMachine(alive=False)
    with pytest.raises(Failure, match="host1 does not run"):
        Joining(request_, machine, {**NODE, "readyTimeoutSeconds": 5}).wait()


class OverSsh:
    """A machine of a cloud: of its connections only every `of`th comes about, or none."""

    def __init__(self, machine: ScriptedMachine, of: int | None) -> None:
        self._machine = machine
        self._of = of
        self._tried = 0

    def alive(self) -> bool:
        try:
            return self.run(["true"]).code == 0
        except Unreachable:
            return False

    def run(self, argv: Sequence[str]) -> Result:
        self._tried += 1
        if self._of is None or self._tried % self._of:
            raise Unreachable("203.0.113.1 is not reached over SSH: Connection timed out")
        return self._machine.run(argv)

    def put(self, files: Mapping[str, File]) -> None:
        self._machine.put(files)


REMOTE_NODE: Properties = {**NODE, "driver": "aws"}


def test_connections_that_are_lost_do_not_end_the_wait_for_a_machine_of_a_cloud(
    request_: Request, journal: Journal, ready: Callable[[str], None]
) -> None:
    script = ScriptedMachine({"true": Result(0, ""), **PROVISIONED_AT_ONCE, **HEALTHY})
    Joining(request_, OverSsh(script, of=3), REMOTE_NODE).wait()
    lost = "203.0.113.1 is not reached over SSH: Connection timed out"
    steps = ("the machine", "the provisioning", "etcd")
    assert journal.lines == [f"waiting for {step}: {lost}" for step in steps]


def test_a_machine_of_a_cloud_that_is_never_reached_is_told_with_the_reason_and_what_to_look_at(
    request_: Request,
) -> None:
    machine = OverSsh(ScriptedMachine(), of=None)
    with pytest.raises(Failure, match=r"(?s)host1 is not to be reached: .*timed out\n.*adminCidrs.*console"):
        Joining(request_, machine, {**REMOTE_NODE, "readyTimeoutSeconds": 5}).wait()


def test_running_out_of_time_says_what_is_missing_and_what_units_said(
    request_: Request, ready: Callable[[str], None]
) -> None:
    ready("KubeletNotReady: cni plugin not initialized")
    machine = ScriptedMachine(
        {
            **PROVISIONED_AT_ONCE,
            **HEALTHY,
            "--state=failed": Result(0, ""),
            "--state=activating": Result(0, "flanneld.service loaded activating auto-restart flannel"),
            "journalctl --unit flanneld.service": Result(0, "no route to etcd"),
        }
    )
    with pytest.raises(Failure) as failure:
        Joining(request_, machine, {**NODE, "readyTimeoutSeconds": 20}).wait()
    text = str(failure.value)
    assert "within 20 s" in text
    assert "cni plugin not initialized" in text
    assert "flanneld.service said last:\nno route to etcd" in text


def test_a_needed_unit_that_stays_failed_ends_the_wait_early(request_: Request) -> None:
    machine = ScriptedMachine(
        {
            **PROVISIONED_AT_ONCE,
            "endpoint health": Result(1, "connection refused"),
            "--state=failed": Result(
                0, "etcd.service loaded failed failed etcd\nfstrim.service loaded failed failed"
            ),
            "journalctl --unit etcd.service": Result(0, "bad certificate"),
        }
    )
    with pytest.raises(Failure, match=r"(?s)connection refused.*bad certificate"):
        Joining(request_, machine, {**NODE, "readyTimeoutSeconds": 10_000}).wait()
    assert not any("fstrim" in asked for asked in machine.asked), "an unneeded unit is nobody's reason"


def handler_with(machine: ScriptedMachine, monkeypatch: pytest.MonkeyPatch) -> NodeHandler:
    monkeypatch.setattr(
        "toolchain.plugins.altostratus.node.machine_for",
        lambda driver, session, machine_id, access=None: machine,
    )
    return NodeHandler(Session())


def test_a_machine_that_does_not_join_is_kept_in_the_state_so_that_it_can_leave(
    request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = ScriptedMachine({f"cat {FAILED}": Result(0, "no")})
    with pytest.raises(PartialFailure) as failure:
        handler_with(machine, monkeypatch).create(request_, NODE)
    assert failure.value.id == "host1-cccccccccccc"


def test_changed_files_are_written_and_their_units_restarted_once(
    request_: Request, ready: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = ScriptedMachine(
        {**PROVISIONED_AT_ONCE, **HEALTHY, "systemctl": Result(0, ""), "rm -f": Result(0, "")}
    )
    old = {**NODE, "files": {"/etc/etcd/pki/a": {"content": "1"}, "/etc/etcd/gone": {"content": "x"}}}
    new = {
        **NODE,
        "files": {"/etc/etcd/pki/a": {"content": "2", "mode": "0600"}, "/etc/motd": {"content": "hi"}},
    }
    handler = handler_with(machine, monkeypatch)
    assert handler.update(request_, "id", old, old, new) == new
    assert machine.files == {"/etc/etcd/pki/a": File("2", 0o600), "/etc/motd": File("hi", 0o644)}
    assert "rm -f /etc/etcd/gone" in machine.asked
    assert "systemctl restart etcd-reload.service etcd.service" in machine.asked


def test_units_of_a_machine_that_is_only_starting_are_restarted_when_systemd_answers(
    request_: Request, ready: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    no_bus = Result(1, "Failed to connect to bus: No such file or directory")
    machine = ScriptedMachine(
        {
            **HEALTHY,
            f"test -e {PROVISIONED}": [Result(1, ""), Result(0, "")],
            "systemctl show": [no_bus, no_bus, Result(0, "Version=252")],
            "systemctl": Result(0, ""),
        }
    )
    new = {**NODE, "files": {"/etc/etcd/a": {"content": "2"}}}
    handler_with(machine, monkeypatch).update(request_, "id", NODE, NODE, new)
    systemd = [
        asked for asked in machine.asked if asked.startswith("systemctl") and "list-units" not in asked
    ]
    assert systemd == [
        *["systemctl show --property=Version"] * 3,
        "systemctl daemon-reload",
        "systemctl restart etcd.service",
    ]


def test_a_unit_that_starts_at_its_second_try_is_waited_for(
    request_: Request, ready: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    again = Result(0, "etcd.service loaded activating auto-restart etcd")
    machine = ScriptedMachine(
        {
            **PROVISIONED_AT_ONCE,
            **HEALTHY,
            "systemctl restart": Result(1, "Job for etcd.service failed"),
            "--state=activating": [again, again, Result(0, "")],
            "systemctl": Result(0, ""),
        }
    )
    new = {**NODE, "files": {"/etc/etcd/a": {"content": "2"}}}
    assert handler_with(machine, monkeypatch).update(request_, "id", NODE, NODE, new) == new
    assert sum("--state=activating" in asked for asked in machine.asked) == 3


def test_a_unit_that_stays_failed_fails_the_update_with_what_it_said(
    request_: Request, ready: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = ScriptedMachine(
        {
            **PROVISIONED_AT_ONCE,
            **HEALTHY,
            "systemctl restart": Result(1, "Job for etcd.service failed"),
            "--state=failed": Result(0, "etcd.service loaded failed failed etcd"),
            "journalctl --unit etcd.service": Result(0, "cannot read etcd.yaml"),
            "systemctl": Result(0, ""),
        }
    )
    new = {**NODE, "files": {"/etc/etcd/a": {"content": "2"}}}
    with pytest.raises(Failure, match=r"(?s)etcd.service could not start yet.*cannot read etcd.yaml"):
        handler_with(machine, monkeypatch).update(request_, "id", NODE, NODE, new)


def test_an_update_without_changed_files_restarts_nothing(
    request_: Request, ready: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = ScriptedMachine({**PROVISIONED_AT_ONCE, **HEALTHY})
    handler_with(machine, monkeypatch).update(request_, "id", NODE, NODE, {**NODE, "peers": []})
    assert not any("restart" in asked for asked in machine.asked)


def test_another_machine_replaces_the_node_and_the_old_one_leaves_first() -> None:
    found = NodeHandler(Session()).diff(Request(), "id", NODE, NODE, {**NODE, "machineId": "d" * 64})
    assert found.replaces == ("machineId",)
    assert found.delete_before_replace


def test_new_files_and_a_new_kubeconfig_are_updates_in_place() -> None:
    news = {**NODE, "files": {"/etc/a": {"content": "b"}}, "kubeconfig": "new", "peers": [{"name": "x"}]}
    found = NodeHandler(Session()).diff(Request(), "id", NODE, NODE, news)
    assert found.changes
    assert not found.replaces


def test_a_cluster_that_is_gone_does_not_hold_up_the_end(
    request_: Request, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = handler_with(ScriptedMachine(alive=False), monkeypatch)
    kubeconfig = """{apiVersion: v1, kind: Config, current-context: c,
        clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}],
        users: [{name: u, user: {token: t}}],
        contexts: [{name: c, context: {cluster: c, user: u}}]}"""
    peers = [{"name": "host2", "machineId": "m2"}]
    handler.delete(request_, "id", {**NODE, "kubeconfig": kubeconfig, "peers": peers}, {})
    said = "\n".join(journal.lines)
    assert "host1 is not drained" in said
    assert "stays among etcd's members" in said
    assert "no other host runs" in said


def test_a_host_leaves_etcd_as_soon_as_its_members_allow_it(
    request_: Request, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Result(1, "etcdserver: unhealthy cluster")
    peer = ScriptedMachine(
        {"member list": Result(0, MEMBERS), "member remove": [refused, refused, Result(0, "removed")]}
    )
    monkeypatch.setattr("toolchain.plugins.altostratus.node.POLL", 0.0)
    handler = handler_with(peer, monkeypatch)
    peers = [{"name": "host2", "machineId": "m2"}]
    handler._leave_etcd(request_, {**NODE, "driver": "docker", "name": "host3", "peers": peers})
    assert sum("member remove" in asked for asked in peer.asked) == 3
    assert "removed from etcd's members: host3" in "\n".join(journal.lines)


def test_a_host_whose_members_never_allow_it_goes_with_a_warning(
    request_: Request, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = ScriptedMachine({"member list": Result(1, "context deadline exceeded")})
    monkeypatch.setattr("toolchain.plugins.altostratus.node.POLL", 0.0)
    handler = handler_with(peer, monkeypatch)
    peers = [{"name": "host2", "machineId": "m2"}]
    handler._leave_etcd(request_, {**NODE, "driver": "docker", "peers": peers})
    assert "stays among etcd's members, as it could not be removed: context deadline" in journal.lines[-1]


def test_members_are_found_by_name_or_by_address_before_they_have_one() -> None:
    named, _, unstarted = etcd_membership.parse_members(MEMBERS)
    assert (named.id, named.name) == ("8e9e05c52164694d", "host1")
    assert (unstarted.name, unstarted.peer_urls) == ("", "https://10.88.0.12:2380")


def test_a_member_is_removed_through_the_first_peer_that_can() -> None:
    dead = ScriptedMachine(alive=False)
    broken = ScriptedMachine({"member list": Result(1, "context deadline exceeded")})
    working = ScriptedMachine({"member list": Result(0, MEMBERS), "member remove": Result(0, "removed")})
    etcd_membership.remove_member([dead, broken, working], "host3", "10.88.0.12")
    assert working.asked[-1].endswith("member remove fd422379fda50e48")


def test_a_member_that_is_gone_already_is_no_error() -> None:
    peer = ScriptedMachine({"member list": Result(0, MEMBERS)})
    assert "no member" in etcd_membership.remove_member([peer], "host9", "10.88.0.19")


def test_without_a_peer_that_answers_the_reason_is_told() -> None:
    broken = ScriptedMachine({"member list": Result(1, "x\ncontext deadline exceeded")})
    with pytest.raises(Failure, match="context deadline exceeded"):
        etcd_membership.remove_member([broken], "host1", "10.88.0.10")


@pytest.mark.parametrize(
    ("inputs", "place", "words"),
    [
        ({"driver": "vmware"}, "driver", "docker"),
        ({"roles": ["boss"]}, "roles[0]", "control-plane"),
        ({"files": {"etc/a": {"content": ""}}}, 'files["etc/a"]', "absolute"),
        ({"files": {"/etc/a": {"content": "", "mode": 420}}}, 'files["/etc/a"].mode', "0600"),
        ({"files": {"/etc/a": {}}}, 'files["/etc/a"].content', "no content"),
        ({"readyTimeoutSeconds": "soon"}, "readyTimeoutSeconds", "seconds"),
        ({"peers": [{"name": "a"}]}, "peers[0]", "machineId"),
        ({"address": ""}, "address", "required"),
    ],
)
def test_mistakes_are_told_with_what_is_allowed(inputs: Properties, place: str, words: str) -> None:
    _, failures = NodeHandler(Session()).check(Request(), {}, {**NODE, "kubeconfig": "k", **inputs})
    assert words in {failure.property: failure.reason for failure in failures}[place]


def test_a_driver_that_is_not_there_is_named() -> None:
    with pytest.raises(Failure, match=r"'ssh'.*docker"):
        machine_for("ssh", Session(), "x")
