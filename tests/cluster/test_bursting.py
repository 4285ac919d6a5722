"""`alto autoscale` over two real clouds: a peak makes a copy, its end removes it; a kill only delays that."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.demo import ROOT, Demo

pytestmark = pytest.mark.cluster
LONGEST_SECONDS = 2400.0


def run(demo: Demo, *command: str) -> tuple[int, str, str]:
    """Exit code and output. What takes too long is told to end, and removes what it made."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=demo.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            said, complaints = running.communicate(timeout=LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            running.terminate()
            said, complaints = running.communicate()
        return running.returncode, said, complaints


def test_a_peak_is_carried_in_two_clouds_though_the_autoscaler_is_killed_in_both_moves(
    demo: Demo, away: Demo
) -> None:
    soak = (sys.executable, "-m", "tests.soak.burst_soak", "1", "--name", f"peaks-{demo.cloud}")
    code, said, complaints = run(
        demo, *soak, "--clouds", f"{demo.cloud},{away.cloud}", "--kill", "1", "--share", "1"
    )
    assert code == 0, said + complaints
    report: dict[str, Any] = json.loads(said[said.index("{\n") :])
    assert report["faults"] == [], "no stack, file, lock, object, container or process is left"
    assert report["broken"] == []
    assert set(report["answered"]) == {"200"}
    assert (report["bursts"], report["kills"]) == (1, 2)
    told = [line.partition(":")[0] for line in reversed(report["told"])]
    assert told.index("burst") < told.index("end")
    assert "resumed" in told or "done" in told
    reason = next(line for line in report["told"] if line.startswith("burst: "))
    assert f"Burst to {away.cloud}: web needs" in reason
