"""`alto autoscale` over two real clouds: a peak makes a copy, its end removes it; a kill only delays that."""

import json
import sys
from typing import Any

import pytest

from tests.demo import Demo

pytestmark = pytest.mark.cluster


def test_a_peak_is_carried_in_two_clouds_though_the_autoscaler_is_killed_in_both_moves(
    demo: Demo, away: Demo
) -> None:
    soak = (sys.executable, "-m", "tests.soak.burst_soak", "1", "--name", f"peaks-{demo.cloud}")
    done = demo.run(
        *soak, "--clouds", f"{demo.cloud},{away.cloud}", "--kill", "1", "--share", "1", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{\n") :])
    assert report["faults"] == [], "no stack, file, lock, object, container or process is left"
    assert report["broken"] == []
    assert set(report["answered"]) == {"200"}
    assert (report["bursts"], report["kills"]) == (1, 2)
    told = [line.partition(":")[0] for line in reversed(report["told"])]
    assert told.index("burst") < told.index("end")
    assert "resumed" in told or "done" in told
    reason = next(line for line in report["told"] if line.startswith("burst: "))
    assert f"Burst to {away.cloud}: web needs" in reason
