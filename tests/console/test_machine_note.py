"""When the demo says that a machine is small."""

from pathlib import Path

from console.machine_note import available, note


def test_a_note_is_for_machines_that_are_too_small_only() -> None:
    assert note(4, 8192, 2) == ""
    assert "2.7 GiB of memory, and 1.0 GiB is free" in note(4, 1024, 8)
    assert "4 hosts on 1 processor:" in note(4, 8192, 1)
    assert note(3, None, 2) == ""


def test_free_memory_is_what_the_system_says(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    assert available(meminfo) is None
    meminfo.write_text("MemTotal:       2048000 kB\nMemAvailable:   1048576 kB\n")
    assert available(meminfo) == 1024
