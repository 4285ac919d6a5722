"""The rate at which one member still meets the objective, learnt from what was served and missed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from autoscaler.decide.search import Look, Search

# Bins are 2 % apart: finer than head-room ever matters, coarse enough to fill within minutes.
RATIO = math.log(1.02)
OFFSET = 1000
SETTLE_SECONDS = 60.0
FORGET_SECONDS = 2 * 86_400.0
# What is not known yet, before the first miss or between what went well and what did not, is entered by a
# tenth beyond what went well, and while all goes well by a twentieth a minute, as nobody comes that far with
# head-room: a step too far costs a start-up time of misses, one less a few members for a minute.
EXPLORE = 1.1
GROWTH = 1.05
UTILISATION = 0.8
# Misses that come at any rate are a fault, not a lack of members: the limit is never put below this share of
# the rate from which on most requests miss.
LEAST_SHARE = 1 / 3
# A told rate is believed unless misses show that it is off by more than this.
TOLERANCE = 0.9


@dataclass(slots=True)
class MemberRate:
    """Histogram of requests and misses over the offered rate (backlog included) by ready member.

    ``estimate`` is the rate (requests a second) up to which misses stay within the budget; ``limit`` the same
    when misses have shown it, 0.0 while they have not; ``failing`` then the rate from which on they came.
    """

    served: dict[int, float] = field(default_factory=dict)
    missed: dict[int, float] = field(default_factory=dict)
    highest_good: float = 0.0
    by_utilisation: float = 0.0
    estimate: float = 0.0
    limit: float = 0.0
    failing: float = 0.0
    unsettled: float = 0.0
    # The rate up to which all went well, without a guess at what is beyond.
    proven: float = 0.0
    # Whether all went well since the last estimate.
    well: bool = True
    search: Search = field(default_factory=Search)

    def learn(self, look: Look, busy: float | None, budget: float) -> None:
        """Add one tick; ``busy`` is the members' share of time at work (0..1), None when unknown."""
        if look.offered <= 0.0 or look.requests <= 0.0:
            return
        if look.missed <= budget * look.requests:
            faded = self.highest_good * 0.5 ** (look.seconds / FORGET_SECONDS)
            self.highest_good = max(faded, look.offered)
        else:
            self.well = False
        if busy is not None and 0.05 < busy < 0.95:
            full = look.offered / busy
            self.by_utilisation += (full - self.by_utilisation) * (0.02 if self.by_utilisation else 1.0)
        self._count(_place(look.offered), look.requests, look.missed)
        self.unsettled += look.seconds
        if self.unsettled >= SETTLE_SECONDS or not self.estimate or look.mostly_missed:
            self._settle(budget)

    def follow(self, look: Look, lead: float, told: float | None) -> bool:
        """Whether members fail at a rate that they should take: ``limit`` is then searched for.

        ``lead`` is how long an order takes, in seconds. What was learnt before waits during a search, and is
        forgotten once less by member goes well and as much as before never did.
        """
        search = self.search
        if search.ceiling:
            if look.mostly_missed:
                search.go_on(look, lead)
            else:
                self._end_search(look)
        elif look.mostly_missed and told is None and not self.highest_good:
            if not 0.0 < self.estimate <= look.handled:
                search.begin(look, 0.0, blank=True)
        elif look.mostly_missed and look.handled < (expected := self._expected(told)):
            if search.doubts(look):
                search.begin(look, LEAST_SHARE * expected if self.highest_good else 0.0, blank=False)
            else:
                place = _place(look.offered)
                search.held[place] = search.held.get(place, 0.0) + look.requests
                return True
        elif search.held:
            for place, requests in search.held.items():
                self._count(place, requests, requests)
            self.search = Search()
        if not search.ceiling:
            return False
        self.estimate = self.limit = search.ceiling
        self.failing = search.lowest
        return True

    def _expected(self, told: float | None) -> float:
        """The rate that should go well: what was told, if that is believed, or what did."""
        return told if told is not None and trusted_rate(told, self) == told else self.proven

    def _end_search(self, look: Look) -> None:
        if self.search.was_fault(look):
            self.estimate = self.limit = 0.0
        else:
            self.served.clear()
            self.missed.clear()
            self.by_utilisation = 0.0
            self.highest_good = 0.0
            self.estimate = look.offered
            self._count(_place(self.search.lowest), look.requests, look.requests)
        # `learn` estimates anew; who is ready now is enough, and more were ordered before that was seen.
        self.estimate *= EXPLORE
        self.well = True
        self.unsettled = SETTLE_SECONDS
        self.search = Search()

    def _count(self, place: int, requests: float, missed: float) -> None:
        self.served[place] = self.served.get(place, 0.0) + requests
        self.missed[place] = self.missed.get(place, 0.0) + missed

    def _settle(self, budget: float) -> None:
        """Fade old evidence and estimate anew."""
        keep = 0.5 ** (self.unsettled / FORGET_SECONDS)
        self.unsettled = 0.0
        for table in (self.served, self.missed):
            for place in table:
                table[place] *= keep
        well = self.well
        self.well = True
        within = self._border(budget)
        if within is None:
            self.limit, self.proven = 0.0, self.highest_good
            self.estimate = max(self.highest_good * EXPLORE, self.by_utilisation * UTILISATION)
            return
        good, bad = within
        self.proven, self.failing = good, bad
        limit = bad / EXPLORE
        if good:
            further = GROWTH * self.estimate if well else 0.0
            likely = max(good * EXPLORE, further, self.by_utilisation * UTILISATION)
            limit = min(likely, math.sqrt(good * bad))
        most = self._border(0.5)
        if most is not None:
            good, bad = most
            limit = max(limit, LEAST_SHARE * (math.sqrt(good * bad) if good else bad))
        self.limit = limit
        self.estimate = self.limit

    def _border(self, share: float) -> tuple[float, float] | None:
        """The last rate up to which ``share`` of the requests miss, 0.0 for none, and the next one seen.

        The border that leaves the fewest misses beyond that share below it, so that single bins with little
        evidence do not decide. None when nothing beyond it was seen.
        """
        total = best = 0.0
        good = 0
        places = sorted(self.served)
        for count, place in enumerate(places, 1):
            total += self.missed[place] - share * self.served[place]
            if total <= best:
                best, good = total, count
        if good == len(places):
            return None
        return _rate(places[good - 1] + 1) if good else 0.0, _rate(places[good])


def _place(rate: float) -> int:
    return OFFSET + math.floor(math.log(rate) / RATIO)


def _rate(place: int) -> float:
    """The lower end of a bin."""
    return math.exp((place - OFFSET) * RATIO)


def trusted_rate(told: float | None, learnt: MemberRate) -> float:
    """The rate to plan with: what was told, unless misses contradict it; 0.0 when nothing is known."""
    if told is None:
        return learnt.estimate
    # Where members jump from idle to overrun, nothing between was seen, and nothing speaks against it.
    contradicted = 0.0 < learnt.limit < TOLERANCE * told and learnt.failing < TOLERANCE * told
    return learnt.limit if contradicted else told
