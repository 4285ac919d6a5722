"""Programs forked from a process that has their imports: apart from each other, never of old code."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import until
from toolchain import paths
from toolchain.plugins.language.forked import ForkedPrograms
from toolchain.plugins.language.interpreter import Interpreter
from toolchain.plugins.language.server import EXPLAINED

pytestmark = pytest.mark.engine

INTERPRETER = Interpreter(paths.root() / ".venv" / "bin" / "python", None)
PROGRAM = """\
import os, sys, pathlib, part
part.seen.append(1)
pathlib.Path(sys.argv[1]).write_text(f"{part.word} {len(part.seen)} {os.getpid()}")
if sys.argv[2:] == ["wait"]:
    import time; time.sleep(600)
"""


class Bench:
    """A program with a module of its own, run by forks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "__main__.py").write_text(PROGRAM)
        self.part("old")
        self.programs = ForkedPrograms([str(folder)], ["pulumi", "part"])

    def part(self, word: str) -> None:
        (self.folder / "part.py").write_text(f"word = {word!r}\nseen = []\n")

    def run(self, *arguments: str) -> tuple[int, list[str]]:
        said = self.folder / "said"
        said.unlink(missing_ok=True)
        code = self.programs.take(INTERPRETER).run(self.settings(str(said), *arguments))
        return code, said.read_text().split()

    def settings(self, *arguments: str) -> dict[str, Any]:
        return {
            "directory": str(self.folder),
            "program": str(self.folder / "__main__.py"),
            "arguments": list(arguments),
            "config": {},
            "secrets": [],
            "monitor": None,
            "engine": None,
            "project": "p",
            "stack": "s",
            "organization": "o",
            "root": str(self.folder),
            "parallel": 4,
            "preview": False,
        }


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.programs.stop()


def test_a_run_leaves_nothing_to_the_next(bench: Bench) -> None:
    first, second = bench.run()[1], bench.run()[1]
    assert (first[:2], second[:2]) == (["old", "1"], ["old", "1"])
    assert first[2] != second[2]


def test_changed_code_counts_from_the_next_run_on(bench: Bench) -> None:
    assert bench.run()[1][0] == "old"
    bench.part("brand new")
    assert bench.run()[1][:3:2][0] == "brand"


def test_an_exit_code_and_a_kill_are_told(bench: Bench) -> None:
    assert bench.run()[0] == EXPLAINED, "without an engine a program cannot end well"
    said = bench.folder / "said"
    said.unlink()
    run = bench.programs.take(INTERPRETER)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(run.run(bench.settings(str(said), "wait"))))
    thread.start()
    until(lambda: said.exists() and len(said.read_text().split()) == 3, "the program runs")
    run.stop()
    thread.join(120)
    assert codes
    assert codes[0] < 0


def test_a_program_ends_with_its_host(bench: Bench, tmp_path: Path) -> None:
    said = bench.folder / "said"
    pid = os.fork()
    if pid == 0:
        try:
            bench.programs.take(INTERPRETER).run(bench.settings(str(said), "wait"))
        finally:
            os._exit(0)
    until(lambda: said.exists() and len(said.read_text().split()) == 3, "the program runs")
    program = int(said.read_text().split()[2])
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    until(lambda: not Path(f"/proc/{program}").exists(), "the program is gone too")
