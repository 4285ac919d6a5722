"""Why the runner did not do what it was asked; each says what is in the way and what helps.

Failures of the update itself are `UpdateError` and its kinds (`act.update_errors`).
"""

from blueprints.scale import ScaleState


class Refusal(Exception):
    """Nothing was written; nothing was started."""

    exit_code = 1


class StaleScale(Refusal):
    """The config holds another scale than the decision was made on. Decide again on `current`."""

    exit_code = 3

    def __init__(self, stack: str, seen: ScaleState, current: ScaleState) -> None:
        super().__init__(
            f"{stack}: the scale is of generation {current.generation} now, not as it was at "
            f"generation {seen.generation} when this was decided"
        )
        self.current = current


class ConfigMissing(Refusal):
    """The stack's config file is gone, or has no application in it any more."""

    exit_code = 2


class NotOurs(Refusal):
    """Another autoscaler holds the lease of this stack."""

    exit_code = 3


class RunnerClosed(Refusal):
    """The runner is ending and takes nothing more. What is in the journal goes on at the next start."""
