"""The service levels that an application promises, as its document states them."""

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from blueprints.model import Items, Model, fault
from blueprints.quantities import Duration, Percent
from blueprints.rules import unique

SHORTEST_WINDOW = 3600.0


def _leaves_a_budget(share: Percent) -> Percent:
    if not 0.0 < share.fraction < 1.0:
        raise fault(
            "ALT1113",
            f"{share} is no objective: it must be over 0% and under 100%",
            at=(),
            hint="What is left to 100% is the error budget, such as 0.1% with 99.9%.",
        )
    return share


class LatencyObjective(Model):
    """A share of requests that must be answered in time."""

    within: Duration
    """The time, from the request's arrival at the load balancer to the answer's last byte."""
    share: Percent = Percent("99%")
    """How many of the requests."""

    @field_validator("share")
    @classmethod
    def _share_leaves_a_budget(cls, share: Percent) -> Percent:
        return _leaves_a_budget(share)


class Objectives(Model):
    """The service levels that an application promises; `alto sla` tells how it keeps them."""

    availability: Percent | None = None
    """The share of requests answered without an error of ours: 5xx, or broken off by a member."""
    latency: Annotated[Items[LatencyObjective], Field(max_length=8)] = ()
    """Answers in time."""
    window: Duration = Duration("30d")
    """The time over which both are counted, an hour at least."""

    @field_validator("availability")
    @classmethod
    def _availability_leaves_a_budget(cls, share: Percent | None) -> Percent | None:
        return None if share is None else _leaves_a_budget(share)

    @field_validator("window")
    @classmethod
    def _window_is_long_enough(cls, window: Duration) -> Duration:
        if window.seconds < SHORTEST_WINDOW:
            raise fault("ALT1113", f"{window} is too short to count in", at=(), hint="Give 1h or more.")
        return window

    @model_validator(mode="after")
    def _something_is_promised(self) -> Self:
        if self.availability is None and not self.latency:
            raise fault("ALT1111", "the objectives promise nothing", hint="Give availability or latency.")
        unique("latency", self.latency, "within")
        return self
