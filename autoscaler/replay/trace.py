"""Load traces: reading a CSV, smoothing, scaling and cutting it to the ticks of a replay."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoscaler.decide.observation import LATEST

Rates = NDArray[np.float64]

DAY = 86_400.0
# About three years of five-second ticks; beyond, it is the file that is wrong, or days of it are wanted.
MOST_SAMPLES = 20_000_000
MOST_LOAD = 1e18


class TraceError(ValueError):
    """A trace file that cannot be replayed; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Requests a second over time, without sampling noise.

    ``rates[i]`` is the rate at ``start + i * step`` (seconds since the epoch, seconds).
    """

    name: str
    start: float
    step: float
    rates: Rates

    @property
    def seconds(self) -> float:
        return len(self.rates) * self.step

    def smoothed(self, window: float) -> Trace:
        """Centred moving mean over ``window`` seconds.

        Low counts must be smoothed before they are scaled up: their sampling noise would be replayed as
        if it were demand.
        """
        if not 0.0 <= window <= self.seconds:
            raise TraceError(
                f"{self.name}: smoothing over {window:g} s; allowed are 0 to {self.seconds:g} s, its length"
            )
        width = max(1, round(window / self.step))
        if width == 1:
            return self
        kernel = np.ones(width)
        weight = np.convolve(np.ones(len(self.rates)), kernel, mode="same")
        return Trace(self.name, self.start, self.step, np.convolve(self.rates, kernel, mode="same") / weight)

    def window(self, first_day: float, days: float) -> Trace:
        """The part that starts ``first_day`` days after the trace does and lasts ``days`` days."""
        if not (0.0 <= first_day < math.inf and 0.0 < days < math.inf):
            raise TraceError(
                f"{self.name}: {days:g} days from day {first_day:g} on; needs a first day from 0, "
                "and a number of days above 0"
            )
        begin = round(min(first_day * DAY, self.seconds) / self.step)
        end = min(len(self.rates), begin + round(min(days * DAY, self.seconds) / self.step))
        if begin >= end:
            raise TraceError(
                f"{self.name}: day {first_day:g} is past the end of a trace of {self.seconds / DAY:.1f} days"
            )
        return Trace(self.name, self.start + begin * self.step, self.step, self.rates[begin:end])

    def resampled(self, tick: float) -> Trace:
        """The same load by ``tick`` seconds, straight lines between the samples."""
        if tick == self.step:
            return self
        count = max(1, math.floor((len(self.rates) - 1) * self.step / tick) + 1)
        if count > MOST_SAMPLES:
            raise TraceError(
                f"{self.name}: {self.seconds / DAY:.0f} days are too long to replay by {tick:g} s; "
                f"allowed are {MOST_SAMPLES * tick / DAY:.0f} days"
            )
        at = np.arange(count) * tick
        known = np.arange(len(self.rates)) * self.step
        return Trace(self.name, self.start, tick, np.interp(at, known, self.rates))

    def scaled(self, peak_rate: float, quantile: float = 99.9) -> Trace:
        """Scaled so that the ``quantile``-th percentile becomes ``peak_rate`` requests a second."""
        peak = float(np.percentile(self.rates, quantile))
        if peak <= 0 or math.isinf(peak_rate / peak):
            raise TraceError(f"{self.name}: the trace has no load to scale ({quantile:g}th percentile is 0)")
        return Trace(self.name, self.start, self.step, self.rates * (peak_rate / peak))

    def arrivals(self, seed: int) -> NDArray[np.int64]:
        """Poisson counts by step for these rates; the same seed gives the same counts."""
        counts: NDArray[np.int64] = np.random.default_rng(seed).poisson(self.rates * self.step)
        return counts


def read_trace(path: Path, *, name: str | None = None) -> Trace:
    """Read ``timestamp,value`` rows; a value is a count for its step (any unit, since traces are scaled).

    Gaps are filled by straight lines. Raises `TraceError` with file and line for anything unreadable.
    """
    times: list[float] = []
    values: list[float] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            rows = csv.reader(handle)
            header = next(rows, None)
            if header is None or [cell.strip() for cell in header[:2]] != ["timestamp", "value"]:
                raise TraceError(f"{path}:1: expected the header 'timestamp,value', found {header!r}")
            for row in rows:
                if not row:
                    continue
                times.append(_timestamp(row[0], path, rows.line_num))
                values.append(_value(row, path, rows.line_num))
                if len(times) > 1 and times[-1] <= times[-2]:
                    raise TraceError(f"{path}:{rows.line_num}: {row[0]!r} is not later than the row before")
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TraceError(f"{path}: is not UTF-8 text") from error
    except csv.Error as error:
        raise TraceError(f"{path}: is no CSV: {error}") from error
    if len(times) < 2:
        raise TraceError(f"{path}: a trace needs at least two rows, found {len(times)}")
    stamps = np.asarray(times)
    step = float(np.median(np.diff(stamps)))
    samples = (times[-1] - times[0]) / step
    if samples > MOST_SAMPLES:
        days, longest = (times[-1] - times[0]) / DAY, float(np.max(np.diff(stamps)))
        raise TraceError(
            f"{path}: {days:.0f} days by {step:g} s are {samples:.3g} samples, allowed are {MOST_SAMPLES:,}; "
            f"its longest gap is of {longest / DAY:.3g} days"
        )
    grid = np.arange(stamps[0], stamps[-1] + step / 2, step)
    rates = np.interp(grid, stamps, np.asarray(values)) / step
    return Trace(name or path.stem, float(stamps[0]), step, rates)


def _timestamp(text: str, path: Path, line: int) -> float:
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            seconds = math.nan
        else:
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not 0.0 <= seconds < LATEST:
        raise TraceError(
            f"{path}:{line}: {text!r} is neither an ISO 8601 time nor seconds since the epoch, "
            "from 1970 to the year 9000"
        )
    return seconds


def _value(row: list[str], path: Path, line: int) -> float:
    try:
        value = float(row[1])
    except (IndexError, ValueError):
        raise TraceError(f"{path}:{line}: expected a number in the second column, found {row!r}") from None
    if not 0.0 <= value <= MOST_LOAD:
        raise TraceError(
            f"{path}:{line}: {value!r} is not a load; allowed are numbers from 0 to {MOST_LOAD:g}"
        )
    return value
