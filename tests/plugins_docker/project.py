"""A Pulumi project of a test's own, run by the real CLI with the bundled docker and altostratus plugins."""

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolchain import paths, plugin_install

PLUGINS = paths.root() / "toolchain" / "plugins"
LIMIT = 600.0  # seconds for one command
STACK = "test"


@dataclass
class Project:
    """One project with one stack; its state, plugins and passphrase are apart from everybody's."""

    folder: Path
    pulumi: Path

    def create(self) -> None:
        """Writes the project file and the stack."""
        for name in ("bin", "state", "home", "program"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "bin" / plugin_install.LANGUAGE_HOST).symlink_to(plugin_install.language_host().path)
        plugins = "".join(
            f"    - {{name: {name}, path: {PLUGINS / name}}}\n" for name in ("docker", "altostratus")
        )
        (self.folder / "program" / "Pulumi.yaml").write_text(
            "name: plugintest\n"
            f"runtime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n"
            f"plugins:\n  providers:\n{plugins}"
        )
        self.run("stack", "init", STACK)

    def program(self, text: str) -> None:
        """The program from now on."""
        (self.folder / "program" / "__main__.py").write_text(textwrap.dedent(text))

    def run(self, *words: str, fails: bool = False) -> str:
        """Runs a command; returns all it printed. Asserts that it succeeds, or that it `fails`."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
        done = subprocess.run(
            [self.pulumi, *words, "--non-interactive", "--color=never"],
            cwd=self.folder / "program",
            env={
                **inherited,
                "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "PULUMI_HOME": str(self.folder / "home"),
                "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
                "PULUMI_CONFIG_PASSPHRASE": "plugintest",
                "PULUMI_SKIP_UPDATE_CHECK": "true",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    def up(self, *words: str, fails: bool = False) -> str:
        """`pulumi up` without a question and without a preview."""
        return self.run("up", "--yes", "--skip-preview", "--stack", STACK, *words, fails=fails)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets revealed."""
        found: dict[str, Any] = json.loads(self.run("stack", "output", "--json", "--show-secrets"))
        return found

    def state(self) -> str:
        """The stack's state as it is kept."""
        return self.run("stack", "export", "--stack", STACK)

    def destroy(self) -> str:
        """`pulumi destroy` without a question."""
        return self.run("destroy", "--yes", "--skip-preview", "--stack", STACK)
