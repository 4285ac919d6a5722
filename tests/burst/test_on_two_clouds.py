"""On two real clouds: a copy comes and goes, and the application moves, under requests that are counted."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.demo import ROOT, Demo
from tests.steady_load import SteadyLoad

pytestmark = pytest.mark.cluster

NAME = "moving"
RATE = 60.0


@pytest.fixture(scope="module")
def shop(demo: Demo, away: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo's application under another name, with a secret and a front door; its address."""
    outputs = json.loads(
        demo.run("pulumi", "stack", "output", "--stack", f"app-{demo.application}", "-j").stdout
    )
    documents = list(yaml.safe_load_all(_blueprint(demo).read_text()))
    for document in documents:
        if document["kind"] == "Application":
            document["name"] = NAME
            document["cartridges"][0]["environment"] = {"TOKEN": {"secret": "token"}}
    path = tmp_path_factory.mktemp("moving") / "application.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    stack = f"app-{NAME}"
    demo.run("pulumi", "stack", "init", stack, "--no-select")
    for key, value in (
        ("cloud", outputs["cloud"]),
        ("blueprint", str(path)),
        ("application", NAME),
    ):
        demo.run("pulumi", "config", "set", "--stack", stack, f"altostratus:{key}", value)
    demo.run(
        "pulumi", "config", "set", "--stack", stack, "--secret", "--path", "altostratus:secrets.token", "open"
    )
    try:
        demo.alto("up", stack)
        demo.alto("front", NAME)
        door = json.loads(demo.run("pulumi", "stack", "output", "--stack", f"front-{NAME}", "-j").stdout)
        yield str(door["urls"][0])
    finally:
        demo.alto("burst", NAME, "--to", away.cloud, "--end", check=False)
        demo.alto("front", NAME, "--end", check=False)
        demo.alto("destroy", stack, "--yes")
        demo.run("pulumi", "stack", "rm", "--yes", "--stack", stack)


def _blueprint(demo: Demo) -> Path:
    config = yaml.safe_load((ROOT / f"stacks/config/Pulumi.app-{demo.application}.yaml").read_text())
    return Path(config["config"]["altostratus:blueprint"][0])


def stacks(demo: Demo) -> list[str]:
    known: list[dict[str, Any]] = json.loads(demo.run("pulumi", "stack", "ls", "-j").stdout)
    return sorted(each["name"] for each in known if NAME in each["name"])


def test_a_copy_comes_and_goes_and_no_request_fails(demo: Demo, away: Demo, shop: str) -> None:
    with SteadyLoad([f"{shop}/"], RATE) as load:
        demo.alto("burst", NAME, "--to", away.cloud)
        status = json.loads(demo.alto("status", "--json").stdout)
        demo.alto("burst", NAME, "--to", away.cloud, "--end")
    assert load.seen.failed == []
    assert load.answered() > 500
    assert f"{NAME}--{away.cloud}" in [each["name"] for each in status["applications"]]
    assert stacks(demo) == [f"app-{NAME}", f"front-{NAME}"]
    home = Path(demo.environment["PULUMI_BACKEND_URL"].removeprefix("file://")).parent
    left = [each for each in home.rglob(f"*{NAME}--{away.cloud}*") if "history" not in each.parts]
    assert left == []


def test_killed_again_and_again_the_migration_ends_and_no_request_fails(
    demo: Demo, away: Demo, shop: str
) -> None:
    with SteadyLoad([f"{shop}/"], RATE) as load:
        for line in ("members ready", "50 % of the traffic", "is being removed"):
            killed_at(demo, line, away)
        ended = demo.alto("migrate", NAME, "--to", away.cloud).stdout
    assert "goes on with the migration" in ended
    assert f"{NAME} is at home in {away.cloud}" in ended
    assert load.seen.failed == []
    assert stacks(demo) == [f"app-{NAME}", f"front-{NAME}"]
    assert "unchanged" in demo.up(f"app-{NAME}")  # nothing is replaced
    token = demo.run("pulumi", "config", "--stack", f"app-{NAME}", "--show-secrets", "-j").stdout
    assert "open" in json.loads(token)["altostratus:secrets"]["value"]


def killed_at(demo: Demo, line: str, away: Demo, name: str = NAME) -> None:
    """A migration whose process is killed when it says a line."""
    process = subprocess.Popen(
        ["./alto", "migrate", name, "--to", away.cloud],
        cwd=ROOT,
        env=demo.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = []
    for each in process.stdout:
        said.append(each)
        if line in each:
            process.send_signal(signal.SIGKILL)
            break
    process.wait(300)
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL, "".join(said)
