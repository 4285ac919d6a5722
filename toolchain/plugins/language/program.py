"""Runs one Pulumi program; started by the language host in the project's own Python.

This file is executed by path, in an environment that knows nothing of the host: it may import
only the standard library and the SDK. The import of the SDK, the slow part, happens before the
settings arrive, so that the host can start this process early. Settings are one JSON object on
the file descriptor given as the only argument: secret config stays out of argv and environment.
"""

import asyncio
import json
import logging
import os
import runpy
import sys
import traceback
from typing import Any

EXPLAINED = 32  # exit code for: it failed, and the user has already been told why


def main() -> None:
    """Reads the settings, runs the program, exits as the language host expects."""
    sys.path.pop(0)  # this file's folder: its neighbours must not hide the program's modules
    try:
        import pulumi
        import pulumi.runtime  # noqa: F401
    except ImportError:
        traceback.print_exc()
        print(
            f"The Pulumi SDK is not installed in this Python ({sys.executable}). Install the project's "
            "requirements with: pulumi install",
            file=sys.stderr,
        )
        sys.exit(1)
    with os.fdopen(int(sys.argv[1])) as pipe:
        text = pipe.read()
    if not text:  # the host ended without a run
        sys.exit(0)
    sys.exit(execute(json.loads(text)))


def execute(settings: dict[str, Any]) -> int:
    """Runs the program that the settings name, in this process; returns its exit code."""
    import pulumi
    import pulumi.runtime

    os.chdir(settings["directory"])
    sys.argv = [settings["program"], *settings["arguments"]]
    pulumi.runtime.set_all_config(settings["config"], settings["secrets"])
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            monitor=settings["monitor"],
            engine=settings["engine"],
            project=settings["project"],
            stack=settings["stack"],
            organization=settings["organization"],
            root_directory=settings["root"],
            parallel=settings["parallel"],
            dry_run=settings["preview"],
        )
    )
    return run(pulumi, settings["program"], settings["parallel"])


def run(pulumi: Any, program: str, parallel: int) -> int:
    """Runs the program to its end; returns the exit code."""
    from concurrent.futures import ThreadPoolExecutor

    # A failed program leaves awaitables behind; asyncio's complaints about them help nobody.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # Registrations block a thread each, so the default pool of a few would serialise them.
    loop.set_default_executor(ThreadPoolExecutor(max_workers=max(parallel, 1) * 4))
    try:
        loop.run_until_complete(
            pulumi.runtime.run_in_stack(lambda: runpy.run_path(program, run_name="__main__"))
        )
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return EXPLAINED
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        pulumi.log.error("Program failed with an unhandled exception:\n" + explain(error))
        return EXPLAINED
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def explain(error: BaseException) -> str:
    """The traceback, without the frames between this file and the program."""
    frames = list(traceback.extract_tb(error.__traceback__))
    launched = [index for index, frame in enumerate(frames) if frame.filename.startswith("<frozen runpy")]
    if launched and launched[-1] + 1 < len(frames):
        frames = frames[launched[-1] + 1 :]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames)]
    return "".join(lines + traceback.format_exception_only(type(error), error))


if __name__ == "__main__":
    main()
