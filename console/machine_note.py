"""A word before the demo begins, where it asks for more than this machine has."""

import os
from pathlib import Path

HOST_MIB = 700
"""What a host of the demo takes with its share of the members, measured on three and on one; the first of a
cloud somewhat more, the others less."""
HOSTS_PER_PROCESSOR = 2
MEMINFO = Path("/proc/meminfo")


def note(hosts: int, available_mib: int | None, processors: int) -> str:
    """What to expect of so many hosts with so much free memory; empty where all is well."""
    wanted = hosts * HOST_MIB
    if available_mib is not None and available_mib < wanted:
        return (
            f"{hosts} hosts want about {wanted / 1024:.1f} GiB of memory, and {available_mib / 1024:.1f} GiB "
            "is free: members may be ended for want of it. --hosts 1 and a single cloud take the least."
        )
    if hosts > processors * HOSTS_PER_PROCESSOR:
        return (
            f"{hosts} hosts on {processors} processor{'s' if processors > 1 else ''}: everything works, "
            "slower than the times that are told."
        )
    return ""


def of_this_machine(hosts: int, meminfo: Path = MEMINFO) -> str:
    """The note for this machine. Where its memory cannot be read, only its processors count."""
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        usable = os.cpu_count() or 1
    return note(hosts, available(meminfo), usable)


def available(meminfo: Path) -> int | None:
    """The memory (MiB) that programs can still have; None where the system does not say."""
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return None
    found = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return int(found) // 1024 if found else None
