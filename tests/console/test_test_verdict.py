"""The last lines of a test run name what failed, whichever part it was in."""

import subprocess
import sys
from pathlib import Path

from console.test_verdict import counts, verdict

TESTS = """
import pytest
def test_good(): pass
def test_bad(): assert 1 == 2, "one is not two"
@pytest.fixture
def broken(): raise OSError("no such cloud")
def test_never(broken): pass
@pytest.fixture
def left(): yield; raise OSError("something is left")
def test_that_leaves_something(left): pass
@pytest.mark.skip(reason="not here")
def test_skipped(): pass
"""


def test_failures_of_every_part_and_a_part_that_died_are_named(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    report = tmp_path / "demo.xml"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            f"--junitxml={report}",
            "test_it.py",
            "-p",
            "no:cacheprovider",
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    cut = tmp_path / "rest.xml"
    cut.write_text(report.read_text()[:100])

    reports = [report, cut, tmp_path / "quick.xml"]
    *failed, all_in_all = verdict(reports)

    assert len(failed) == 5
    assert failed[0].startswith("FAILED test_it.py::test_bad: AssertionError: one is not two")
    assert failed[1].startswith(
        'FAILED test_it.py::test_never: failed on setup with "OSError: no such cloud"'
    )
    assert failed[2].startswith("FAILED test_it.py::test_that_leaves_something: failed on teardown")
    assert failed[3:] == [
        f"FAILED the part {each}: it ended before its tests did" for each in ("rest", "quick")
    ]
    assert all_in_all.endswith(" in 0 min, 5 failed")
    assert counts(reports) == "1 passed, 5 failed, 1 skipped"
    assert counts([report]) == "1 passed, 3 failed, 1 skipped"
