"""Clouds that do not answer hold up their own updates, and nobody else's."""

import threading
from pathlib import Path

import pytest

from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.refusals import NotOurs
from autoscaler.act.runner import Runner
from autoscaler.act.update_errors import UpdateError
from autoscaler.journal.journal import Journal
from tests.waiting import until

AWAY = [f"app-away-{number}" for number in range(3)]


class Nothing:
    """In the place of resident processes, which no update here comes to."""

    def attached(self) -> None:
        raise AssertionError("no update runs")


class Silent:
    """Leases that take as long as a silent API server, once `silent`; nobody gets one."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = threading.Event()
        self.answers.set()

    def hold(self, stack: str) -> None:
        self.asked.append(stack)
        if stack in AWAY:
            self.answers.wait(120)
            raise UpdateError("dial tcp: i/o timeout")
        raise NotOurs(f"{stack}: it was asked, which is all that is tested")

    def beat(self) -> None:
        """Nothing to renew."""

    def close(self) -> None:
        """Nothing to give up."""


def test_one_place_is_always_for_those_whose_cloud_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    cli = Pulumi(
        tmp_path,
        tmp_path / "pulumi",
        tmp_path / "state",
        tmp_path / "logs",
        {"PULUMI_HOME": str(tmp_path / "home")},
    )
    leases = Silent()
    runner = Runner(
        cli,
        Journal(tmp_path / "journal.db"),
        leases=leases,  # type: ignore[arg-type]
        resident=Nothing(),  # type: ignore[arg-type]
        jitter=lambda: 0.0,
    )
    runner.start()
    try:
        for stack in AWAY:
            runner.apply(stack, "as tested")
        until(lambda: set(AWAY) <= set(leases.asked), "each was tried once")
        leases.answers.clear()
        tried = len(leases.asked)
        until(lambda: len(leases.asked) > tried, "one is tried again and waits")
        until(lambda: not any(runner.states()[stack].retry for stack in AWAY), "all would be tried again")
        runner.apply("app-well", "as tested")
        until(lambda: "app-well" in leases.asked, "the one whose cloud answers is taken up")
    finally:
        leases.answers.set()
        runner.close()
