"""`alto sla`: what it prints from journals of several autoscalers, and what it refuses."""

import json
import time
from pathlib import Path

import pytest
import yaml

from autoscaler.act.pulumi_cli import PROJECT, Pulumi
from autoscaler.journal.journal import Journal
from autoscaler.journal.records import ServiceRow
from console import sla
from console.errors import BadInput

SHOP = """
apiVersion: altostratus/v1
kind: Application
name: shop
objectives: {availability: 99%, latency: [{within: 300ms}], window: 1d}
cartridges: [{alias: web, cartridge: php}]
---
apiVersion: altostratus/v1
kind: Application
name: silent
cartridges: [{alias: web, cartridge: php}]
"""


@pytest.fixture
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two applications with their stacks, and the folder of the autoscalers' journals."""
    cli = Pulumi(tmp_path, Path("/bin/false"), tmp_path / "state", tmp_path / "logs", {})
    (tmp_path / "shop.yaml").write_text(SHOP)
    for name in ("shop", "silent"):
        config = {"altostratus:blueprint": "shop.yaml", "altostratus:cloud": "local"}
        path = cli.config_path(f"app-{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"config": config}))
        state = tmp_path / "state" / ".pulumi" / "stacks" / PROJECT / f"app-{name}.json"
        state.parent.mkdir(parents=True, exist_ok=True)
        state.write_text("{}")
    folder = tmp_path / "autoscaler"
    folder.mkdir()
    monkeypatch.setattr(sla, "pulumi", lambda: cli)
    monkeypatch.setattr(sla, "folder", lambda: folder)
    return folder


def write(path: Path, stack: str, requests: float, errors: float) -> None:
    journal = Journal(path)
    at = time.time() // 60 * 60 - 600
    slow = {"0.3": (requests, 0.0)}
    journal.served([ServiceRow(at, 60.0, stack, "shop", requests, errors, 60.0, 60.0, 60.0, 0.0, slow)])
    journal.close()


def test_all_copies_and_journals_count(journals: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(journals / "journal-one.sqlite", "app-shop", 100, 3)
    write(journals / "journal-two.sqlite", "app-shop--away", 100, 0)
    sla.sla("shop", None, as_json=True)
    told = json.loads(capsys.readouterr().out)
    available, fast = told["objectives"]
    assert (available["requests"], available["bad"], available["kept"]) == (200, 3, False)
    # Of most of the time since then nobody knows anything.
    assert (fast["achieved"], fast["kept"]) == (1.0, None)
    assert told["gaps"]
    sla.sla("shop", "2h", as_json=False)
    printed = capsys.readouterr().out
    assert "98.500 %" in printed
    assert "within 300ms: nobody counted, or served, for longer than this share of the time allows" in printed
    assert "Unknown, and counted as neither good nor bad: requests" in printed


@pytest.mark.parametrize("errors", [1, 0])
def test_what_is_not_all_is_never_shown_as_all(
    journals: Path, capsys: pytest.CaptureFixture[str], errors: int
) -> None:
    write(journals / "journal.sqlite", "app-shop", 10_000_000, errors)
    sla.sla("shop", None, as_json=False)
    first = next(line for line in capsys.readouterr().out.splitlines() if "without error" in line)
    assert ("99.999 %" if errors else "100.000 %") in first


def test_nothing_measured_is_said(journals: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sla.sla("shop", None, as_json=False)
    assert "Nothing was measured" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("application", "since", "words"),
    [
        ("shpo", None, "there is no application shpo"),
        ("silent", None, "silent promises nothing"),
        ("shop", "yesterday", "'yesterday' is no time"),
        ("shop", "2999-01-01", "not in the past"),
    ],
)
def test_bad_input_is_refused(journals: Path, application: str, since: str | None, words: str) -> None:
    with pytest.raises(BadInput) as refused:
        sla.sla(application, since, as_json=False)
    assert words in str(refused.value)
