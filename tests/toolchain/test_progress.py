"""Progress says what, how far and how long, on a terminal and without one."""

import io
import threading

import pytest
from rich.console import Console

from toolchain import durations
from toolchain.progress import Progress, spell


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Lines(io.StringIO):
    """Output that tells when a wanted text was written, so that a test need not guess."""

    def __init__(self, wanted: str = "") -> None:
        super().__init__()
        self._wanted = wanted
        self.arrived = threading.Event()

    def write(self, text: str) -> int:
        count = super().write(text)
        if self._wanted and self._wanted in self.getvalue():
            self.arrived.set()
        return count


def plain(output: io.StringIO, clock: Clock, interval: float = 60.0) -> Progress:
    return Progress("Work", console=Console(file=output, width=200), clock=clock, interval=interval)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (12.4, "12 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3725, "1 h 02 min"),
    ],
)
def test_durations_are_spelled_in_the_unit_that_fits(seconds: float, words: str) -> None:
    assert spell(seconds) == words


def test_without_a_terminal_a_step_is_a_line_at_its_start_and_one_at_its_end() -> None:
    output, clock = io.StringIO(), Clock()
    with plain(output, clock) as progress:
        step = progress.step("build pulumi", expected_seconds=260)
        clock.now += 200
        step.advance(0.5)
        step.done("113 MB")
    assert output.getvalue().splitlines() == [
        "Work",
        "… build pulumi (about 4 min 20 s)",
        "✓ build pulumi  3 min 20 s  113 MB",
    ]
    assert "\x1b" not in output.getvalue()


def test_without_a_terminal_a_long_step_says_now_and_then_how_far_it_is() -> None:
    clock, output = Clock(), Lines("half.")
    with plain(output, clock, interval=0.01) as progress:
        step = progress.step("build pulumi")
        clock.now += 30
        step.advance(0.5)
        step.note("half.")
        assert output.arrived.wait(120)
        step.done()
    assert "  build pulumi: 50%, 30 s so far, about 30 s left, half." in output.getvalue().splitlines()


def test_on_a_terminal_steps_are_redrawn_in_place_and_leave_one_line_each() -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=120)
    with Progress("Work", console=console, clock=Clock()) as progress:
        progress.step("one").done()
        progress.step("two").fail("no network")
    assert "\x1b[" in output.getvalue()
    assert output.getvalue().count("one") == 1


def test_a_quiet_progress_prints_nothing() -> None:
    output = io.StringIO()
    with Progress("Work", console=Console(file=output), quiet=True) as progress:
        progress.step("one").done()
        progress.say("hello")
    assert output.getvalue() == ""


def test_the_time_of_earlier_runs_tells_how_long_the_next_takes() -> None:
    clock = Clock()
    with plain(io.StringIO(), clock) as progress:
        step = progress.step("hosts", expected_seconds=600)
        clock.now += 50
        step.done()
        again = progress.step("hosts", expected_seconds=600)
        clock.now += 10
        assert again.remaining == pytest.approx(40)
        assert again.fraction == pytest.approx(0.2)
        progress.expect("platform", 60)
        assert progress.remaining == pytest.approx(100)
        again.done()
    assert durations.recall("hosts") == pytest.approx(0.6 * 10 + 0.4 * 50)


def test_a_step_of_unknown_length_claims_no_time_left() -> None:
    clock = Clock()
    with plain(io.StringIO(), clock) as progress:
        step = progress.step("something new")
        clock.now += 5
        assert step.remaining is None
        assert step.fraction == 0
        assert progress.remaining is None
        step.advance(0.25)
        assert step.remaining == pytest.approx(15)
        step.skip()


def test_a_skipped_or_failed_step_does_not_teach_how_long_it_takes() -> None:
    clock = Clock()
    with plain(io.StringIO(), clock) as progress:
        for end in ("skip", "fail"):
            step = progress.step("registry")
            clock.now += 30
            getattr(step, end)()
    assert durations.recall("registry") is None


def test_a_step_that_raises_is_shown_as_failed_with_the_reason() -> None:
    output = io.StringIO()

    def work() -> None:
        with plain(output, Clock()) as progress, progress.step("hosts"):
            raise ValueError("no such subnet\nmore")

    with pytest.raises(ValueError, match="no such subnet"):
        work()
    assert "✗ hosts  0.0 s  no such subnet" in output.getvalue().splitlines()


def test_steps_still_running_at_an_interrupt_are_shown_as_interrupted() -> None:
    output = io.StringIO()

    def work() -> None:
        with plain(output, Clock()) as progress:
            progress.step("hosts")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert output.getvalue().splitlines()[-1] == "✗ hosts  0.0 s  interrupted"
