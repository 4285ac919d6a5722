"""Targets for tests of sources, and an API server that answers from a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from autoscaler.decide.policy import LOAD_AVERAGE, MEMORY
from autoscaler.observe.members import SeenMember
from autoscaler.observe.source import Measurement, Place, Target

NOW = 1_700_000_000.0
WEB = Place("local", "app-shop", "home", "web")


def seen(name: str = "web-1", host: str = "host1", **more: Any) -> SeenMember:
    given: dict[str, Any] = {"ready": True, "leaving": False, "crashing": False, "state": "Ready"}
    given |= {"created": NOW - 100, "cpu": 0.5, "memory": 1000.0}
    return SeenMember(name, host, **{**given, **more})


def target(*members: SeenMember, **more: Any) -> Target:
    given: dict[str, Any] = {"factors": frozenset({LOAD_AVERAGE, MEMORY})}
    return Target(WEB, "web", "shop", members, **{**given, **more})


def connected(monkeypatch: pytest.MonkeyPatch, module: Any, answer: Any) -> None:
    """Both sources reach the API server through `connect`: the real client, another transport."""

    def connect(kubeconfig: Path, seconds: float) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url="https://server", timeout=seconds, transport=httpx2.MockTransport(answer)
        )

    monkeypatch.setattr(module, "connect", connect)


def load(member: str, value: float, at: float, window: float = 10.0) -> Measurement:
    return Measurement(WEB, LOAD_AVERAGE, member, value, at, window)
