"""The process of a program: started ahead of its run, ended with it."""

import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

from toolchain.plugins.language.interpreter import Interpreter

PROGRAM = Path(__file__).with_name("program.py")
PATIENCE = 5.0  # seconds between asking a program to stop and stopping it


class ProgramProcess:
    """A Python process that has, or will have, read one set of settings and run that program.

    Its output is this process's own: the engine shows it.
    """

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        reading, self._writing = os.pipe()
        self._process = subprocess.Popen(
            [interpreter.executable, "-u", PROGRAM, str(reading)],
            stdin=subprocess.DEVNULL,
            env=interpreter.environment(),
            pass_fds=(reading,),
        )
        os.close(reading)

    def run(self, settings: dict[str, Any]) -> int:
        """Hands over the settings and waits; returns the exit code, negative for a signal."""
        try:
            with os.fdopen(self._writing, "w") as pipe:
                self._writing = -1
                json.dump(settings, pipe)
        except BrokenPipeError:
            pass  # it ended early, after saying why
        return self._process.wait()

    def stop(self) -> None:
        """Ends the process, politely first."""
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1
        stop_process(self._process)


def stop_process(process: "subprocess.Popen[bytes]") -> None:
    """Interrupts a process, and kills it when it does not listen."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


class WarmStart:
    """Keeps one process ready whose slow imports run while the engine does other things."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready: ProgramProcess | None = None

    def prepare(self, interpreter: Interpreter) -> None:
        """Starts a process for a run that will probably follow."""
        with self._lock:
            if self._ready is None:
                self._ready = ProgramProcess(interpreter)

    def take(self, interpreter: Interpreter) -> ProgramProcess:
        """The prepared process if it is of that interpreter, else a fresh one."""
        with self._lock:
            ready, self._ready = self._ready, None
        if ready and ready.interpreter == interpreter:
            return ready
        if ready:
            ready.stop()
        return ProgramProcess(interpreter)

    def stop(self) -> None:
        """Ends a process that was never used."""
        with self._lock:
            ready, self._ready = self._ready, None
        if ready:
            ready.stop()
