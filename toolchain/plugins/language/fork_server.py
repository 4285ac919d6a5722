"""Forks a process for every run of a program; its imports were done once, before.

Executed by path in the project's own Python, as `program.py` is, and for the same reason: it may
import only the standard library, the SDK, and what it is told to. Arguments: the file descriptor
of a Unix socket to the language host, then as JSON lists the folders to import from and the modules
to import.

Each message on the socket carries one more socket. The run's process gets that one: it sends its
process id, reads the settings, runs, and sends its exit code. A process of its own for each run
means that no module state and no memory outlive it. When a file of a loaded module has changed
since it was loaded, the answer is "stale" instead of a process id, and the host starts anew.
"""

import gc
import importlib
import importlib.util
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STALE = "stale"
Stamp = tuple[int, int]


def main() -> None:
    """Serves runs until the host's end of the socket closes."""
    sys.path.pop(0)  # this file's folder: its neighbours must not hide the program's modules
    program = _neighbour("program")
    host = socket.socket(fileno=int(sys.argv[1]))
    sys.path[:0] = json.loads(sys.argv[2])
    begun = time.time_ns()
    _be_brief()
    for name in json.loads(sys.argv[3]):
        try:
            importlib.import_module(name)
        except Exception as error:
            # Whatever is wrong with it, the program's own run says it where the user looks.
            print(f"not loaded ahead: {name}: {error}", file=sys.stderr, flush=True)
    # A file that changed while it was loaded never compares equal: the next run starts anew.
    known = {path: stamp for path, stamp in stamps().items() if stamp is None or stamp[1] < begun}
    fresh = len(known) == len(stamps())
    signal.signal(signal.SIGCHLD, _reap)  # the run's own socket tells its end
    gc.collect()
    gc.freeze()  # the collector must not write to pages that the runs share
    while True:
        message, descriptors, _, _ = socket.recv_fds(host, 16, 1)
        if not message:
            return
        run = socket.socket(fileno=descriptors[0])
        if not fresh or stamps(known) != known:
            run.sendall(f"{STALE}\n".encode())
        elif os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            host.close()
            _serve(program, run)
        run.close()


def _be_brief() -> None:
    """Keeps the SDK's debug messages here: it sends five for each resource, and waits for each one.

    The engine shows them with `--debug` only, and runs started like this never have that.
    """
    from pulumi import log

    log.debug = lambda *_, **__: None


def _reap(*_: object) -> None:
    """Forgets the runs that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _neighbour(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"_alto_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stamps(known: Mapping[str, Stamp | None] | None = None) -> dict[str, Stamp | None]:
    """Size and time of change of every loaded module's file, or of the known ones."""
    if known is not None:
        return {path: _stamp(path) for path in known}
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return {path: _stamp(path) for path in files if isinstance(path, str)}


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)  # noqa: PTH116  (hundreds of files before every run)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _serve(program: Any, run: socket.socket) -> None:
    """The life of a run's process; never returns."""
    code = 1
    try:
        run.sendall(f"{os.getpid()}\n".encode())
        reader = run.makefile()
        line = reader.readline()
        if line:  # the host may have gone
            # Nobody is left to run for when the host goes away.
            threading.Thread(target=lambda: (reader.read(), os._exit(1)), daemon=True).start()
            code = program.execute(json.loads(line))
            run.sendall(f"{code}\n".encode())
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
        run.sendall(f"{code}\n".encode())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
