"""How fast and how busy the machine is: what a figure in seconds has to be read with."""

from __future__ import annotations

import os
import time

ROUNDS = 200_000
TRIES = 5


def told() -> str:
    """Processors, load average, and the processor time of a fixed loop of Python: the best of some tries.

    Two runs whose loop took twice as long are not to be compared second by second.
    """
    return (
        f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, a fixed loop takes "
        f"{1e3 * min(_loop() for _ in range(TRIES)):.0f} ms"
    )


def _loop() -> float:
    begun = time.process_time()
    total = 0
    for number in range(ROUNDS):
        total += number * number % 7
    return time.process_time() - begun
