"""The real `alto autoscale`, as tests start, kill and end it."""

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.demo import ROOT, Demo

ENDS_WITHIN = 300.0


@dataclass
class AutoscaleProcess:
    """One process at a time, for one application; what it says goes to the log."""

    demo: Demo
    application: str
    settings: Path
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("a") as stream:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "console", "autoscale"),
                    *("--app", self.application, "--settings", str(self.settings)),
                ],
                cwd=ROOT,
                env=self.demo.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )

    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """As the power does: it alone, what it had started lives on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(120)

    def stop(self) -> int | None:
        """In order; its exit code. None where it never ran."""
        if self.process is None:
            return None
        if self.runs():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
