"""The demo as tests drive it: through the commands that a user has."""

import json
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.commands import LIMIT, run
from tests.commands import ROOT as ROOT


@dataclass(frozen=True)
class Demo:
    """The running demo: its names and an environment as `eval "$(./alto env)"` gives it."""

    cloud: str
    application: str
    output: str
    environment: dict[str, str]

    def run(
        self, *command: str, check: bool = True, timeout: float = LIMIT
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the checkout with the demo's environment; its output is in the failure."""
        done = run(command, self.environment, timeout)
        if check:
            assert done.returncode == 0, (
                f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done

    def alto(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("./alto", *arguments, check=check)

    def kubectl(self, *arguments: str) -> Any:
        """A kubectl query, as its JSON."""
        return json.loads(self.run("kubectl", *arguments, "-o", "json").stdout)

    def up(self, stack: str, *arguments: str) -> str:
        """A plain `pulumi up` by hand."""
        return self.run("pulumi", "up", "--stack", stack, "--yes", "--skip-preview", *arguments).stdout

    def at(self, cloud: str) -> "Demo":
        """The same demo with `kubectl` on another of its clouds."""
        kept = {key: value for key, value in self.environment.items() if not key.startswith("ETCDCTL_")}
        kubeconfig = Path(kept["ALTO_HOME"]) / "clouds" / cloud / "kubeconfig"
        return replace(self, cloud=cloud, environment={**kept, "KUBECONFIG": str(kubeconfig)})

    @property
    def namespace(self) -> str:
        return f"app-{self.application}"

    @property
    def url(self) -> str:
        return self.alto("url", self.application).stdout.split()[0]
