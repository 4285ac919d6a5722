"""One factor's signal over time: even grid, gaps, and its outlooks near and at the lead."""

from __future__ import annotations

from dataclasses import dataclass, field

from autoscaler.decide.policy import ForecasterName
from autoscaler.predict.forecaster import Expert, Forecaster
from autoscaler.predict.history import History
from autoscaler.predict.nowcast import BORDERS, Nowcast
from autoscaler.predict.outlook import Outlook
from autoscaler.predict.seasonal import Season
from autoscaler.predict.spread import Noise

# Within a minute a missing sample may be filled by its neighbour; a longer gap is a new beginning.
BRIDGE_SECONDS = 60.0
SMOOTH_SECONDS = 60.0
# Steps whose mean stands for "now" where nothing better is kept.
RECENT = 3
# In standard deviations: noise alone gets there a few times a day, and then costs one action too many.
SURPRISE = 3.5


@dataclass(slots=True)
class Outlooks:
    """What a signal is expected to be at the next tick and at the lead."""

    near: Outlook
    lead: Outlook


@dataclass(slots=True)
class Signal:
    """State of one factor; ``step`` in seconds, ``horizon`` in steps."""

    step: float
    horizon: int
    history: History
    noise: Noise
    near: Nowcast | None
    far: Forecaster
    season: Season | None = None
    last: float = -1.0
    latest: Outlooks | None = field(default=None)

    @classmethod
    def new(cls, step: float, horizon: int, *, precise: bool, seasonal: bool = False) -> Signal:
        """An empty signal; ``precise`` adds a forecast of the next step, ``seasonal`` that of other days."""
        far = Forecaster.new(horizon, step)
        return cls(
            step,
            horizon,
            History(_kept(far)),
            Noise(step),
            Nowcast.new(step) if precise else None,
            far,
            Season(horizon * step) if seasonal else None,
        )

    def look_ahead(self, horizon: int) -> None:
        """Forecast another number of steps ahead; noise, other days and the size of errors stay known."""
        far = Forecaster.new(horizon, self.step)
        far.spread = self.far.spread
        self.horizon, self.far = horizon, far
        self.history.keep = _kept(far)
        if self.season is not None:
            self.season.horizon_seconds = horizon * self.step

    def advance(self, now: float, value: float, forecaster: ForecasterName) -> tuple[Outlooks, bool]:
        """Take the value of the step that ends at ``now``; also says whether a gap forced a new beginning."""
        steps, gap = 1, False
        if self.last >= 0.0:
            elapsed = now - self.last
            steps = round(elapsed / self.step)
            if steps < 1 and self.latest is not None:
                return self.latest, False
            gap = elapsed > BRIDGE_SECONDS and elapsed > 3.0 * self.step
            if gap:
                self.rewind()
                steps = 1
        self.last = now
        learning = forecaster in ("auto", "seasonal")
        for _ in range(steps or 1):
            self.history.push(value)
            self.noise.learn(value)
            if learning:
                self._learn(now, value, forecaster)
        if not learning:
            self.latest = self._simple(value, forecaster)
        assert self.latest is not None
        return self.latest, gap

    def rewind(self) -> None:
        """Begin anew after a gap or a clock change; coefficients and error statistics stay."""
        self.last = -1.0
        self.history.clear()
        if self.near is not None:
            self.near.restart()
        self.far.restart()
        self.noise.last = -1.0

    def _learn(self, now: float, value: float, forecaster: ForecasterName) -> None:
        before = self.latest
        if self.near is None:
            near = Outlook(self.history.mean(0, RECENT), 0.0)
            usual = None if before is None else Outlook(before.near.value, before.lead.sigma)
        else:
            near = self.near.update(self.history, value, self.noise)
            usual = None if before is None else before.near
        if usual is not None and value > usual.value + SURPRISE * usual.sigma:
            # No window of the past knows a step; the sample itself is then the best guess for the next.
            near = Outlook(max(near.value, value), near.sigma)
        only: Expert | None = "seasonal" if forecaster == "seasonal" else None
        far = self.far.update(self.history, value, self.noise, self.season, only)
        if self.season is not None:
            self.season.learn(now, value)
        self.latest = Outlooks(near, far)

    def _simple(self, value: float, forecaster: ForecasterName) -> Outlooks:
        width = max(1, round(SMOOTH_SECONDS / self.step))
        level = self.history.mean(0, width)
        noise = self.noise.dispersion
        sigma = (noise * level / self.step / width) ** 0.5
        near = Outlook(level, sigma)
        if forecaster != "stratos":
            return Outlooks(near, near)
        return Outlooks(near, self.far.extrapolate(self.history, value, self.noise))


def _kept(far: Forecaster) -> int:
    """Steps of history that forecasts look back on."""
    return max(far.regression.borders[-1], BORDERS[-1]) + far.horizon + 1
