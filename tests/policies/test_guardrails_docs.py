"""What the documentation says of CI and the guard rails is so."""

import json
import re

import yaml
from typer.main import get_command

from console.commands import app
from toolchain import paths

DOCS = paths.root() / "docs"
PACK = paths.root() / "policies" / "guardrails"


def test_the_table_of_rules_is_the_packs() -> None:
    told = re.findall(r"^\| `([a-z-]+)` \|", (DOCS / "ci-example.md").read_text(), re.MULTILINE)
    made = re.findall(r'policy\(\s*"([a-z-]+)"', (PACK / "__main__.py").read_text())
    assert told == made
    assert len(made) == 10


def test_the_configuration_in_the_example_is_of_rules_that_take_it() -> None:
    [text] = re.findall(r"```json\n(.*?)```", (DOCS / "ci-example.md").read_text(), re.DOTALL)
    rules = re.findall(r'policy\(\s*"([a-z-]+)"', (PACK / "__main__.py").read_text())
    assert set(json.loads(text)) <= set(rules)


def test_the_workflow_calls_commands_and_options_that_there_are() -> None:
    workflow = yaml.safe_load((DOCS / "ci-example.yaml").read_text())
    lines = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    asked = re.findall(r"\./alto ([a-z]+)", "\n".join(lines))
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert asked
    assert set(asked) <= set(commands)
    for command in ("preview", "up"):
        options = {option for each in commands[command].params for option in each.opts}
        assert {"--policy-pack", "--policy-pack-config"} <= options
