"""How `alto` ends: one message for people and the exit code that says which kind of end it was."""

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 bad input, 3 conflict, 130 interrupted."""
    try:
        from console.commands import app

        # A command that exits with a code of its own comes back as that number.
        ended = app(prog_name="alto", standalone_mode=False)
        code = ended if isinstance(ended, int) else 0
    except KeyboardInterrupt:
        code = _say("interrupted", 130)
    except BrokenPipeError:
        # The reader (head, less) has left; a second failure at exit would only add noise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        code = _explain(error)
    sys.exit(code)


def _explain(error: Exception) -> int:
    import typer
    from click import ClickException
    from click.exceptions import Abort, Exit

    # Typer has a click of its own, and tells by both.
    if isinstance(error, Exit | typer.Exit):
        return error.exit_code
    if isinstance(error, Abort | typer.Abort):
        return _say("interrupted, or not confirmed: nothing was done (--yes does not ask)", 130)
    if isinstance(error, ClickException):
        error.show()
        return 2
    if isinstance(getattr(error, "exit_code", None), int):
        return _say(str(error), error.exit_code)  # type: ignore[attr-defined]
    if type(error).__name__ == "DocumentError":
        return _findings(error)
    if isinstance(error, OSError):
        return _say(f"{error.strerror or error}: {error.filename or 'the system'}{_advice(error)}", 1)
    if os.environ.get("ALTO_DEBUG"):
        raise error
    return _say(
        f"unexpected {type(error).__name__}: {error}\n  ALTO_DEBUG=1 shows where; please report it",
        1,
    )


def _findings(error: Exception) -> int:
    """Every finding about documents, each with its place, excerpt and hint."""
    from blueprints.render.human import render_findings

    print(render_findings(error.findings, colour=sys.stderr.isatty()), file=sys.stderr)  # type: ignore[attr-defined]
    return 2


def _advice(error: OSError) -> str:
    import errno

    if error.errno == errno.ENOSPC:
        return (
            "\n  The disk is full. Free some space (`alto toolchain clean` empties the cache) and run again."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return "\n  This user may not do that; run as the checkout's owner, or as root for Docker."
    return ""


def _say(text: str, code: int) -> int:
    print(f"alto: {text}", file=sys.stderr)
    return code
