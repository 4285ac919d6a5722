"""Programs run by the real Pulumi CLI against a real cluster, with whichever kubernetes plugin there is."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolchain import paths

PLUGIN = "pulumi-resource-kubernetes"
VERSION = "4.34.2"
COMMAND_LIMIT = 600.0  # seconds; every wait within is bounded by the programs' own timeouts
PRELUDE = """
import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

config = pulumi.Config()
with open(config.require("kubeconfig")) as file:
    provider = k8s.Provider("cluster", kubeconfig=file.read())
opts = ResourceOptions(provider=provider)
namespace = config.require("namespace")


def meta(name=None, **rest):
    return {"namespace": namespace, **({"name": name} if name else {}), **rest}

"""


def kubernetes_plugin() -> Path:
    """The plugin under test: `ALTO_PLUGIN_KUBERNETES`, the installed one, else the bundled one."""
    configured = os.environ.get("ALTO_PLUGIN_KUBERNETES")
    if configured:
        path = Path(configured).absolute()
        return path / PLUGIN if path.is_dir() else path
    installed = paths.pulumi_home() / "plugins" / f"resource-kubernetes-v{VERSION}" / PLUGIN
    return installed if installed.exists() else bundled_plugin()


def bundled_plugin() -> Path:
    """Our own."""
    return paths.root() / "toolchain" / "plugins" / "kubernetes" / PLUGIN


def without_colours(text: str) -> str:
    """The text without what only a terminal understands."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


@dataclass
class Outcome:
    """How a command ended, and all it printed."""

    code: int
    output: str

    def succeeded(self) -> "Outcome":
        assert self.code == 0, self.output
        return self

    def failed(self) -> "Outcome":
        assert self.code != 0, f"this was to fail:\n{self.output}"
        return self


@dataclass
class Project:
    """One project with one stack, in a folder of its own."""

    folder: Path
    environment: Mapping[str, str]
    kubeconfig: Path
    namespace: str
    stack: str = "test"
    started: "list[subprocess.Popen[str]]" = field(default_factory=list)

    def create(self) -> None:
        """Writes the project file and the stack."""
        self.folder.mkdir(parents=True)
        # The tests' own Python has the SDKs; pytest runs in it.
        virtualenv = Path(sys.prefix)
        (self.folder / "Pulumi.yaml").write_text(
            f"name: conformance\nruntime:\n  name: python\n  options:\n    virtualenv: {virtualenv}\n"
        )
        self.program("")
        self.pulumi("stack", "init", self.stack).succeeded()
        self.configure(kubeconfig=str(self.kubeconfig), namespace=self.namespace)

    def configure(self, **values: str) -> None:
        """Sets config values in one call."""
        words = [word for key, value in values.items() for word in ("--plaintext", f"{key}={value}")]
        self.pulumi("config", "set-all", "--stack", self.stack, *words).succeeded()

    def configure_secret(self, key: str, value: str) -> None:
        """Sets an encrypted config value, handed over on the standard input."""
        self.pulumi("config", "set", "--stack", self.stack, "--secret", key, given=value).succeeded()

    def program(self, text: str) -> None:
        """The program from now on; `opts`, `meta` and `namespace` are at hand in it."""
        (self.folder / "__main__.py").write_text(PRELUDE + textwrap.dedent(text))

    def pulumi(self, *words: str, given: str = "") -> Outcome:
        """Runs a command to its end."""
        done = subprocess.run(
            ["pulumi", *words, "--non-interactive", "--color=never"],
            cwd=self.folder,
            env=dict(self.environment),
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=COMMAND_LIMIT,
        )
        return Outcome(done.returncode, without_colours(done.stdout))

    def up(self, *words: str) -> Outcome:
        """`pulumi up` without a question and without a preview."""
        return self.pulumi("up", "--stack", self.stack, "--yes", "--skip-preview", *words)

    def preview(self, *words: str) -> Outcome:
        """`pulumi preview`."""
        return self.pulumi("preview", "--stack", self.stack, *words)

    def refresh(self) -> Outcome:
        """`pulumi refresh` without a question."""
        return self.pulumi("refresh", "--stack", self.stack, "--yes", "--skip-preview")

    def destroy(self) -> Outcome:
        """`pulumi destroy` without a question."""
        return self.pulumi("destroy", "--stack", self.stack, "--yes", "--skip-preview")

    def start_up(self) -> "subprocess.Popen[str]":
        """`pulumi up` in the background, its output in a pipe."""
        process = subprocess.Popen(
            ["pulumi", "up", "--stack", self.stack, "--yes", "--skip-preview", "--color=never"],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def close(self) -> None:
        """Ends what still runs and removes every object of the stack."""
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=COMMAND_LIMIT)
        if any(self.resources()):
            self.destroy().succeeded()

    def state(self) -> dict[str, Any]:
        """The deployment in the stack's export."""
        exported = json.loads(self.pulumi("stack", "export", "--stack", self.stack).succeeded().output)
        deployment: dict[str, Any] = exported["deployment"]
        return deployment

    def resources(self) -> Iterable[dict[str, Any]]:
        """The Kubernetes objects in the state."""
        return [
            resource
            for resource in self.state().get("resources") or []
            if resource["type"].startswith("kubernetes:")
        ]

    def resource(self, name: str) -> dict[str, Any]:
        """The one object in the state whose resource has that name."""
        found = [each for each in self.resources() if each["urn"].endswith(f"::{name}")]
        assert len(found) == 1, f"{len(found)} resources named {name} in the state"
        return found[0]
