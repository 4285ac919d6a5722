"""Commands as tests run them: an interrupted test run ends them in order, and does not kill them."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 1800.0


def run(
    command: Sequence[str], environment: Mapping[str, str], limit: float = LIMIT
) -> subprocess.CompletedProcess[str]:
    """Run it in the checkout. On an interrupt, or after `limit` seconds, it is interrupted and waited for:
    what it has begun (an update, a cloud) is then in a state that the next command can take down."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        output, errors = process.communicate(timeout=limit)
    except BaseException:
        process.send_signal(signal.SIGINT)
        process.communicate()
        raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)
