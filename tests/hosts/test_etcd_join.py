"""How a host decides to start etcd: the real script, with the network's answers made up."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from toolchain import paths

SCRIPTS = paths.root() / "toolchain" / "images" / "host"
MEMBERS = """\
aa11, started, host1, https://10.0.0.1:2380, https://10.0.0.1:2379, false
bb22, started, host2, https://10.0.0.2:2380, https://10.0.0.2:2379, false
cc33, started, host3, https://10.0.0.3:2380, https://10.0.0.3:2379, false
"""

CURL = """\
#!/bin/sh
for last in "$@"; do :; done
case "$last" in
  https://*/members) grep -qxF "$last" "$WORLD/running" ;;
  -) echo "curl $*" >> "$WORLD/called"; cat > "$WORLD/asked"; cat "$WORLD/registered" ;;
esac
"""
ETCDCTL = """\
#!/bin/sh
echo "$*" >> "$WORLD/called"
case "$*" in
  *"member list"*) [ -s "$WORLD/members" ] && cat "$WORLD/members" ;;
  *"member remove"*) echo removed ;;
  *"member add"*)
    [ ! -e "$WORLD/full" ] || { echo "Error: etcdserver: unhealthy cluster" >&2; exit 1; }
    printf 'Member 99 added\\n\\nETCD_NAME="x"\\nETCD_INITIAL_CLUSTER="host2=https://10.0.0.2:2380"\\n' ;;
esac
"""


@dataclass
class World:
    """What the host sees of the others; `run` starts a script as host1 of three."""

    folder: Path
    members: str = "host1=10.0.0.1 host2=10.0.0.2 host3=10.0.0.3"
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "var" / "member"

    @property
    def called(self) -> str:
        path = self.folder / "called"
        return path.read_text() if path.exists() else ""

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "etcd.env").write_text(
            f'NAME=host1\nADDRESS=10.0.0.1\nDATA={self.folder}/var\nMEMBERS="{self.members}"\n'
            "DISCOVERY=https://10.0.0.9:8087/token\n"
        )
        (self.folder / "etcd.yaml").write_text("name: host1\n")
        text = (SCRIPTS / script).read_text()
        text = text.replace("/etc/altostratus", str(self.folder)).replace(
            "/run/altostratus", f"{self.folder}/run"
        )
        return subprocess.run(
            ["sh", "-s"],
            input=text.replace("sleep 1", ":"),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={
                "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
                "WORLD": str(self.folder),
                "SSL_CERT_FILE": "ca",
            },
        )

    def started(self) -> str:
        """What was added to the host's own configuration, after a run that decides to start."""
        result = self.run("etcd-join")
        assert result.returncode == 0, result.stderr
        configuration = self.folder / "run" / "etcd.yaml"
        assert configuration.stat().st_mode & 0o077 == 0
        return configuration.read_text().removeprefix("name: host1\n")

    def others(self, members: str = "", running: tuple[int, ...] = (2, 3)) -> None:
        (self.folder / "running").write_text(
            "".join(f"https://10.0.0.{number}:2380/members\n" for number in running)
        )
        (self.folder / "members").write_text(members)

    def registered(self, *numbers: int) -> None:
        nodes = ",".join(
            f'{{"key":"/t/{number}","value":"host{number}=https://10.0.0.{number}:2380"}}'
            for number in numbers
        )
        (self.folder / "registered").write_text(f'{{"node":{{"nodes":[{nodes}]}}}}')


@pytest.fixture
def world(tmp_path: Path) -> World:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("curl", CURL), ("etcdctl", ETCDCTL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    made = World(tmp_path)
    made.others(running=())
    made.registered()
    return made


def test_the_first_start_meets_the_others_through_discovery(world: World) -> None:
    world.registered(2)
    assert world.started() == "discovery: https://10.0.0.9:8087/token\n"


def test_the_token_is_never_among_a_programs_arguments(world: World) -> None:
    world.started()
    assert "token" in (world.folder / "asked").read_text()
    assert "token" not in world.called


def test_a_host_with_data_starts_with_it_though_nobody_answers(world: World) -> None:
    world.data.mkdir(parents=True)
    assert world.started() == ""


def test_a_host_with_data_starts_with_it_when_the_others_still_count_on_it(world: World) -> None:
    world.data.mkdir(parents=True)
    world.others(MEMBERS)
    assert world.started() == ""
    assert world.data.exists()


def test_a_host_that_was_removed_joins_anew_without_its_old_data(world: World) -> None:
    world.data.mkdir(parents=True)
    world.others("".join(line for line in MEMBERS.splitlines(keepends=True) if "host1" not in line))
    assert "initial-cluster-state: existing" in world.started()
    assert not world.data.exists()
    assert "member remove" not in world.called


def test_a_host_that_lost_its_data_replaces_its_stale_member(world: World) -> None:
    world.others(MEMBERS)
    assert world.started() == (
        "initial-cluster: host2=https://10.0.0.2:2380\ninitial-cluster-state: existing\n"
    )
    assert "member remove aa11" in world.called
    assert "member remove bb22" not in world.called


def test_a_member_that_never_started_is_replaced_too(world: World) -> None:
    world.others("dd44, unstarted, , https://10.0.0.1:2380, , false\n" + MEMBERS.split("\n", 1)[1])
    world.started()
    assert "member remove dd44" in world.called


def test_a_host_waits_while_the_cluster_takes_no_member(world: World) -> None:
    world.others(MEMBERS)
    (world.folder / "full").touch()
    result = world.run("etcd-join")
    assert result.returncode == 1
    assert "unhealthy cluster" in result.stderr


def test_without_data_and_without_a_quorum_nothing_new_is_started(world: World) -> None:
    world.others("", running=(3,))
    result = world.run("etcd-join")
    assert result.returncode == 1
    assert "without a quorum" in result.stderr
    assert not (world.folder / "run" / "etcd.yaml").exists()


def test_a_full_registry_and_silence_mean_that_data_was_lost(world: World) -> None:
    world.registered(1, 2, 3)
    result = world.run("etcd-join")
    assert result.returncode == 1
    assert "has lost its data" in result.stderr


def test_stopped_between_registering_and_starting_it_goes_on_by_configuration(world: World) -> None:
    world.registered(1, 2)
    started = world.started()
    assert "initial-cluster: host1=https://10.0.0.1:2380,host2=https://10.0.0.2:2380," in started
    assert "initial-cluster-state: new" in started


def test_a_single_member_that_lost_its_data_starts_afresh(world: World) -> None:
    world.members = "host1=10.0.0.1"
    world.registered(1)
    assert "initial-cluster: host1=https://10.0.0.1:2380\n" in world.started()


def test_a_silent_discovery_service_is_waited_for(world: World) -> None:
    (world.folder / "registered").unlink()
    result = world.run("etcd-join")
    assert result.returncode == 1
    assert "the discovery service does not answer" in result.stderr


def test_a_member_may_start_and_a_host_that_never_was_one_may_not(world: World) -> None:
    assert world.run("etcd-role").returncode == 0
    world.members = "host2=10.0.0.2"
    assert world.run("etcd-role").returncode == 1
    assert world.called == ""


def test_a_host_that_is_no_longer_a_member_takes_its_leave(world: World) -> None:
    world.members = "host2=10.0.0.2"
    world.data.mkdir(parents=True)
    world.others(MEMBERS)
    assert world.run("etcd-role").returncode == 1
    assert "member remove aa11" in world.called
    assert not world.data.exists()


def test_a_host_that_cannot_leave_keeps_its_data(world: World) -> None:
    world.members = "host2=10.0.0.2"
    world.data.mkdir(parents=True)
    result = world.run("etcd-role")
    assert result.returncode == 1
    assert "no quorum answers" in result.stderr
    assert world.data.exists()
