"""What is being done, how far it is, and how much time is left.

On a terminal: one live line for each running step. Elsewhere (a log, CI): a plain line when a step
starts and ends, and one now and then in between. Safe to use from several threads.

    with Progress("Preparing the tools") as progress:
        step = progress.step("pulumi", expected_seconds=260)
        step.advance(0.4)
        step.done()
"""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from toolchain import durations

if TYPE_CHECKING:  # a command that shows no progress need not pay for the library
    from rich.console import Console, RenderableType
    from rich.live import Live

PLAIN_INTERVAL = 10.0
_REMEMBER_FROM = 1.0  # seconds; shorter steps need no forecast
_CEILING = 0.97  # a forecast never claims to be done


def spell(seconds: float) -> str:
    """A duration in words: `0.4 s`, `12 s`, `3 min 05 s`, `1 h 02 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _console() -> "Console":
    from rich.console import Console

    return Console(file=sys.stderr, highlight=False)


class Step:
    """One thing being done. Use `advance`, `note`, then `done`, `skip` or `fail`; or as a context manager."""

    def __init__(self, owner: "Progress", name: str, expected: float | None) -> None:
        self.name = name
        self.expected = expected
        self.outcome = ""  # empty while it runs, then done, skipped or failed
        self.detail = ""
        self.seconds = 0.0
        self._owner = owner
        self._fraction = 0.0
        self._started = owner.clock()

    @property
    def elapsed(self) -> float:
        return self.seconds if self.outcome else self._owner.clock() - self._started

    @property
    def fraction(self) -> float:
        """How far, 0 to 1: what was reported, or what the clock says where nothing was."""
        if self.outcome:
            return 1.0
        if self._fraction or not self.expected:
            return self._fraction
        return min(self.elapsed / self.expected, _CEILING)

    @property
    def remaining(self) -> float | None:
        """Seconds left, or None when nothing tells."""
        if self.outcome:
            return 0.0
        guesses = []
        if self.expected is not None and self.elapsed < self.expected:
            guesses.append(self.expected - self.elapsed)
        if self._fraction > 0.1:
            guesses.append(self.elapsed / self._fraction * (1 - self._fraction))
        return sum(guesses) / len(guesses) if guesses else None

    def advance(self, fraction: float) -> None:
        """Report how far the step is, 0 to 1; it never goes back."""
        self._fraction = max(self._fraction, min(fraction, 1.0))

    def note(self, text: str) -> None:
        """Say in a few words what the step does now."""
        self.detail = text

    def done(self, detail: str = "") -> None:
        """End well; the time taken is remembered for the next forecast."""
        self._end("done", detail)
        if self.seconds >= _REMEMBER_FROM:
            durations.remember(self.name, self.seconds)

    def skip(self, detail: str = "") -> None:
        """End without having had to do it: the time taken teaches nothing."""
        self._end("skipped", detail)

    def fail(self, detail: str = "") -> None:
        self._end("failed", detail)

    def _end(self, outcome: str, detail: str) -> None:
        if self.outcome:
            return
        self.seconds = self.elapsed
        self.outcome = outcome
        self.detail = detail
        self._owner.ended(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.done(self.detail)
        elif issubclass(kind, KeyboardInterrupt):
            self.fail("interrupted")
        else:
            self.fail(str(error).splitlines()[0] if str(error) else kind.__name__)


class Progress:
    """The steps of one piece of work, shown on `console` (standard error unless told otherwise)."""

    def __init__(
        self,
        title: str,
        *,
        console: "Console | None" = None,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
        interval: float = PLAIN_INTERVAL,
    ) -> None:
        self.title = title
        self.clock = clock
        self.steps: list[Step] = []
        self._console = console or _console()
        self._expected: dict[str, float | None] = {}
        self._quiet = quiet
        self._interval = interval
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None
        self._live: Live | None = None
        self._started = clock()

    @property
    def live(self) -> bool:
        """Whether steps are redrawn in place rather than printed line by line."""
        return self._console.is_terminal and not self._console.is_dumb_terminal and not self._quiet

    @property
    def elapsed(self) -> float:
        return self.clock() - self._started

    @property
    def remaining(self) -> float | None:
        """Seconds left over the running and the planned steps, or None when one of them is unknown."""
        with self._lock:
            running = [step.remaining for step in self.steps if not step.outcome]
            planned = list(self._expected.values())
        known = [seconds for seconds in [*running, *planned] if seconds is not None]
        return sum(known) if known and len(known) == len(running) + len(planned) else None

    def step(self, name: str, expected_seconds: float | None = None) -> Step:
        """Start a step. What it took in earlier runs counts for more than `expected_seconds`."""
        step = Step(self, name, durations.recall(name) or expected_seconds)
        with self._lock:
            self.steps.append(step)
            self._expected.pop(name, None)
        if not self.live:
            about = f" (about {spell(step.expected)})" if step.expected else ""
            self.say(f"… {name}{about}")
        return step

    def expect(self, name: str, seconds: float | None = None) -> None:
        """Announce a step that will come, so that its time counts in the total left."""
        with self._lock:
            self._expected[name] = durations.recall(name) or seconds

    def say(self, line: str) -> None:
        """Print a line of its own, above the live ones."""
        if not self._quiet:
            self._console.print(line, markup=False, soft_wrap=True)

    def ended(self, step: Step) -> None:
        """Called by a step that ended."""
        if self._quiet:
            return
        sign, style = {"done": ("✓", "green"), "skipped": ("–", "dim"), "failed": ("✗", "red")}[step.outcome]
        from rich.text import Text

        line = Text.assemble((sign, style), f" {step.name}", (f"  {spell(step.seconds)}", "cyan"))
        if step.detail:
            line.append(f"  {step.detail}", "dim")
        self._console.print(line, soft_wrap=True)

    def __enter__(self) -> Self:
        self._started = self.clock()
        if self.title and not self._quiet:
            self._console.print(self.title, style="bold", markup=False)
        if self.live:
            from rich.live import Live
            from rich.spinner import Spinner

            self._spinner = Spinner("dots")
            self._live = Live(
                console=self._console, get_renderable=self._render, refresh_per_second=4, transient=True
            )
            self._live.start()
        elif not self._quiet:
            self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
            self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._ticker:
            self._ticker.join()
        for step in [step for step in self.steps if not step.outcome]:
            interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
            step.fail("interrupted" if interrupted else "not finished")
        if self._live:
            self._live.stop()

    def _tick(self) -> None:
        while not self._stop.wait(self._interval):
            for step in [step for step in self.steps if not step.outcome]:
                self.say(f"  {step.name}: {self._standing(step)}")

    @staticmethod
    def _standing(step: Step) -> str:
        parts = [f"{step.fraction:.0%}"] if step.fraction else []
        parts.append(f"{spell(step.elapsed)} so far")
        if (left := step.remaining) is not None:
            parts.append(f"about {spell(left)} left")
        if step.detail:
            parts.append(step.detail)
        return ", ".join(parts)

    def _render(self) -> "RenderableType":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        rows = Table.grid(padding=(0, 1))
        for step in [step for step in self.steps if not step.outcome]:
            left = step.remaining
            rows.add_row(
                self._spinner,
                step.name,
                ProgressBar(total=1.0, completed=step.fraction, width=24, pulse=not step.fraction),
                Text(spell(step.elapsed), "cyan"),
                Text(f"{spell(left)} left" if left is not None else "", "dim"),
                Text(step.detail, "dim", overflow="ellipsis", no_wrap=True),
            )
        total = self.remaining
        if total is None or len(self.steps) < 2:
            return rows
        return Group(rows, Text(f"  about {spell(total)} left in all", "dim"))
