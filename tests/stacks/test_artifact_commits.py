"""Where branches are: what is asked of repositories, and artifacts held at a commit."""

import os
from pathlib import Path

import pytest

from blueprints.kinds.cartridge_use import Artifact
from blueprints.plan import Plan
from stacks import artifact_commits
from stacks.artifact_commits import at_commits, followed, heads
from tests.blueprints.workbench import workspace_of

COMMIT = "a" * 40


def plan() -> Plan:
    workspace, findings = workspace_of(
        """
kind: Application
name: shop
cartridges:
  - {alias: web, cartridge: php, artifact: {git: https://git.example.org/shop.git, branch: main}}
  - {alias: held, cartridge: php, artifact: {git: https://git.example.org/shop.git, commit: abc1234}}
  - {alias: bare, cartridge: php}
"""
    )
    assert findings == []
    return workspace.plan("shop")


def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


def test_only_branches_are_followed_and_held() -> None:
    assert list(followed(plan())) == ["https://git.example.org/shop.git#main"]
    held = at_commits(plan(), {"https://git.example.org/shop.git#main": COMMIT})
    found = {id: cluster.artifact for id, cluster in held.clusters.items()}
    assert found["web"] is not None
    assert (found["web"].commit, found["web"].branch) == (COMMIT, None)
    assert found["held"] is not None
    assert found["held"].commit == "abc1234"


def test_a_branch_is_asked_for_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, monkeypatch, f'[ "$4" = refs/heads/main ] && echo "{COMMIT} $4"')
    assert heads(followed(plan()).values(), "") == {"https://git.example.org/shop.git#main": COMMIT}


@pytest.mark.parametrize("script", ["exit 128", "echo nothing", "sleep 60"])
def test_a_repository_that_does_not_answer_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(artifact_commits, "PATIENCE", 0.3)
    git(tmp_path, monkeypatch, f"exec {script}" if script.startswith("sleep") else script)
    assert heads(followed(plan()).values(), "") == {}


def test_automatic_updates_and_private_repositories_are_not_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, monkeypatch, f'echo "{COMMIT} x"')
    assert heads([Artifact(git="ssh://git@git.example.org/shop.git")], "") == {}
    monkeypatch.setenv(artifact_commits.AUTOMATIC, "true")
    assert heads(followed(plan()).values(), "") == {}
