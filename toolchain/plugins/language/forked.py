"""Runs of programs in processes forked from one that has done their imports."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolchain.plugins.language.interpreter import Interpreter
from toolchain.plugins.language.process import ProgramProcess, stop_process

SERVER = Path(__file__).with_name("fork_server.py")
STALE = "stale\n"


class ForkServer:
    """One process that forks runs. Ends by itself when this process is gone."""

    def __init__(self, interpreter: Interpreter, folders: Sequence[str], modules: Sequence[str]) -> None:
        self.interpreter = interpreter
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        with theirs:
            self._process = subprocess.Popen(
                [
                    interpreter.executable,
                    "-u",
                    SERVER,
                    str(theirs.fileno()),
                    json.dumps(list(folders)),
                    json.dumps(list(modules)),
                ],
                stdin=subprocess.DEVNULL,
                env=interpreter.environment(),
                pass_fds=(theirs.fileno(),),
            )

    def fork(self) -> "ForkedRun | None":
        """A process for one run; None where its code has changed since, or the server is gone."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._socket, [b"run"], [theirs.fileno()])
            reader = ours.makefile()
            line = reader.readline()
            if line and line != STALE:
                return ForkedRun(ours, reader, int(line))
        except OSError:
            pass
        ours.close()
        return None

    def stop(self) -> None:
        """Ends the server; runs that are under way go on to their end."""
        self._socket.close()
        stop_process(self._process)


class ForkedRun:
    """One run, in a process of its own."""

    def __init__(self, connection: socket.socket, reader: Any, pid: int) -> None:
        self._connection = connection
        self._reader = reader
        # It waits for its settings now, so this is the process that was meant, whatever comes later.
        self._process = os.pidfd_open(pid)
        self._lock = threading.Lock()

    def run(self, settings: dict[str, Any]) -> int:
        """Hands over the settings and waits; returns the exit code, negative when it was killed."""
        try:
            self._connection.sendall(json.dumps(settings).encode() + b"\n")
            line = self._reader.readline()
        except OSError:
            line = ""
        finally:
            self._close()
        return int(line) if line else -signal.SIGKILL

    def stop(self) -> None:
        """Ends the process, if it still runs."""
        with self._lock:
            if self._process >= 0:
                try:
                    signal.pidfd_send_signal(self._process, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def _close(self) -> None:
        with self._lock:
            os.close(self._process)
            self._process = -1
        self._reader.close()
        self._connection.close()


class ForkedPrograms:
    """Keeps a fork server for the project's Python; begins anew when the code has changed."""

    def __init__(self, folders: Sequence[str], modules: Sequence[str]) -> None:
        self._folders, self._modules = folders, modules
        self._lock = threading.Lock()
        self._server: ForkServer | None = None

    def prepare(self, interpreter: Interpreter) -> None:
        """Starts the server unless it is there."""
        with self._lock:
            self._for(interpreter)

    def take(self, interpreter: Interpreter) -> ForkedRun | ProgramProcess:
        """A process for one run: a fork, or a fresh one while the code keeps changing."""
        with self._lock:
            for _ in range(2):
                run = self._for(interpreter).fork()
                if run is not None:
                    return run
                self._end()
        return ProgramProcess(interpreter)

    def stop(self) -> None:
        """Ends the server."""
        with self._lock:
            self._end()

    def _for(self, interpreter: Interpreter) -> ForkServer:
        if self._server is None or self._server.interpreter != interpreter:
            self._end()
            self._server = ForkServer(interpreter, self._folders, self._modules)
        return self._server

    def _end(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None
