"""What the autoscaler tells: metrics over TLS with a token, health, and explanations from the journal."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest

from autoscaler.act.runner import StackState
from autoscaler.journal.journal import Journal
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.autoscaler import Pace
from autoscaler.loop.settings import Serving, SettingsError
from autoscaler.observe.gathering import SourceHealth
from autoscaler.serve.explain import tell
from autoscaler.serve.server import Server
from autoscaler.serve.state import read_state, write_state
from console.autoscaling_story import moment
from console.errors import BadInput
from tests.autoscaler.shop import BUSY, STACK, Shop

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


class Desk(SimpleNamespace):
    """What the server reads of the autoscaler, and of the runner."""

    def states(self) -> dict[str, StackState]:
        return {STACK: StackState("retrying", 1, 7, "quota")}

    def problems(self) -> dict[str, str]:
        return {"cloud away": "does not answer"}


def desk(application: ApplicationLoop) -> Any:
    health = SourceHealth("local", "kubelet", answered=1.0, problem="forbidden")
    return Desk(
        applications={STACK: application},
        pace=Pace(periods=3, lag=0.2, work=0.01, finished=datetime.now().timestamp()),
        gathering=SimpleNamespace(health=lambda: {("local", "kubelet"): health}),
        period=5.0,
    )


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.run(BUSY, 3)
    shop.run({"search.1/engine": 30.0}, 8)
    return shop


@pytest.fixture
def server(shop: Shop, tmp_path: Path) -> Iterator[Server]:
    served = Server(desk(shop.loop), desk(shop.loop), Serving(port=0), tmp_path / "serve")
    yield served
    served.close()


def get(server: Server, path: str, folder: Path, token: str = "") -> tuple[int, str]:
    trust = ssl.create_default_context(cafile=str(folder / "serve.crt"))
    request = urllib.request.Request(server.url + path)  # noqa: S310
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, context=trust, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_metrics_need_the_token_and_say_what_is_missing(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "serve"
    token = server.token_file.read_text().strip()
    assert get(server, "/metrics", folder)[0] == 401
    assert get(server, "/metrics", folder, "wrong")[0] == 401
    status, text = get(server, "/metrics", folder, token)
    assert status == 200
    web = 'application="shop",cloud="local",cluster="web"'
    assert f'altostratus_autoscaler_factor_missing{{{web},factor="loadAverage"}} 1.0' in text
    assert f"altostratus_autoscaler_members_asked{{{web}}} 4.0" in text
    assert 'altostratus_autoscaler_source_up{cloud="local",source="kubelet"} 0.0' in text
    assert 'altostratus_autoscaler_stack_state{stack="app-shop",state="retrying"} 1.0' in text
    assert "altostratus_autoscaler_updates_total" in text


def test_health_needs_no_token_and_tells_nothing_that_is_for_whoever_has_one(
    server: Server, tmp_path: Path
) -> None:
    status, text = get(server, "/healthz", tmp_path / "serve")
    assert status == 200
    assert json.loads(text).keys() == {"ok", "periods", "secondsSinceLast"}
    assert get(server, "/metrics", tmp_path / "serve", "t\u00f6ken")[0] == 401
    assert get(server, "/secrets", tmp_path / "serve")[0] == 404


def test_a_loop_that_stands_still_or_has_not_looked_yet_is_not_healthy(shop: Shop, tmp_path: Path) -> None:
    stuck = desk(shop.loop)
    served = Server(stuck, None, Serving(port=0), tmp_path / "serve")
    try:
        assert get(served, "/healthz", tmp_path / "serve")[0] == 200
        stuck.pace.finished -= 3600
        assert get(served, "/healthz", tmp_path / "serve")[0] == 503
        stuck.pace = Pace()
        assert get(served, "/healthz", tmp_path / "serve")[0] == 503
    finally:
        served.close()


def test_what_protects_the_server_is_for_its_owner_only(server: Server, tmp_path: Path) -> None:
    assert server.url.startswith("https://127.0.0.1:")
    for name in ("token", "serve.key"):
        assert (tmp_path / "serve" / name).stat().st_mode & 0o077 == 0


def test_settings_of_the_server_that_cannot_be(shop: Shop, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("secret")
    for serving, words in (
        (Serving(port=0, certificate=short), "certificate and key go together"),
        (Serving(port=0, token_file=short), "at least 16"),
        (Serving(port=0, address="192.0.2.1"), "cannot be used"),
    ):
        with pytest.raises(SettingsError, match=words):
            Server(desk(shop.loop), None, serving, tmp_path / "serve")


def test_the_state_for_alto_status(shop: Shop, tmp_path: Path) -> None:
    write_state(tmp_path, desk(shop.loop), desk(shop.loop))
    found = read_state(tmp_path)
    assert found is not None
    application = found["applications"][STACK]
    assert application["update"] == "retrying"
    assert application["clusters"]["web"]["asked"] == 4
    assert application["clusters"]["web"]["reason"]
    assert read_state(tmp_path / "elsewhere") is None


def test_an_explanation_has_inputs_forecast_band_and_reason(shop: Shop, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    shop.loop.notes.take().write(journal)
    story = tell(journal, STACK, None, 10)
    (web,) = [each for each in story.explanations if each.cluster == "web"]
    assert web.members == 4
    assert "No fresh value of loadAverage" in web.reason
    assert [line.factor for line in web.factors] == ["loadAverage"]
    assert web.factors[0].value is None
    rose = next(row for row in story.history if row.action == "up" and row.cluster == "web")
    for _ in range(20):  # newer ones than any list has room for
        journal.update_started(STACK, "later", {})
        journal.accept(STACK, "later", {})
    then = tell(journal, STACK, rose.at, 10)
    assert not then.updates
    assert not then.edits
    (web,) = [each for each in then.explanations if each.cluster == "web"]
    assert web.factor == "loadAverage"
    assert web.reason.startswith("Up from 2 to 4: loadAverage is expected at")
    assert web.band is not None
    assert web.factors[0].expected is not None
    assert web.factors[0].age == pytest.approx(1.0)
    schema = json.loads((SCHEMAS / "explanation.schema.json").read_text())
    for told in (story, then):
        jsonschema.validate(json.loads(json.dumps(told.as_json())), schema)
    journal.close()


def test_times_as_people_write_them() -> None:
    now = datetime(2026, 5, 31, 14, 0, 0).astimezone()
    assert datetime.fromtimestamp(moment("13:59", now)).hour == 13
    assert datetime.fromtimestamp(moment("23:30:10", now)).day == 30
    assert moment("2026-05-31T10:00:00Z", now) == 1780221600.0
    assert moment("10m", now) == now.timestamp() - 600


def test_a_date_without_a_zone_has_the_summer_time_of_that_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        winter = datetime(2026, 1, 31, 14, 0, 0).astimezone()
        assert moment("2026-07-01T14:05", winter) == moment("2026-07-01T12:05Z", winter)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_is_no_time_is_told() -> None:
    now = datetime(2026, 5, 31, 14, 0, 0).astimezone()
    with pytest.raises(BadInput, match="is no time"):
        moment("yesterday", now)
