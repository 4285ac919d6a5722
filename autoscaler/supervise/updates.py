"""The one place where a restart meets Pulumi: a change of `altostratus:scale`, and the runner's update."""

import threading
from collections.abc import Callable
from typing import Any, Protocol

from autoscaler.act import stack_config
from autoscaler.act.app_stack import SCALE
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.runner import Runner
from blueprints.scale import ScaleState

LOOK_SECONDS = 0.25

Become = Callable[[ScaleState], ScaleState]


class Updates(Protocol):
    """Edits of a stack's scale. Both raise `ConfigUnreadable`; `apply` also `UpdateError` and `Refusal`."""

    def note(self, stack: str, become: Become) -> None:
        """Edit the scale where that changes nothing in the cluster."""

    def apply(self, stack: str, become: Become, reason: str, give_up: threading.Event) -> None:
        """Edit the scale and update; returns when what changed is ready. `give_up` ends it in order."""


class RunnerUpdates:
    """Updates in the runner's queue, with the autoscaler's own: one at a time for each stack."""

    def __init__(self, cli: Pulumi, runner: Runner) -> None:
        self._cli = cli
        self._runner = runner

    def note(self, stack: str, become: Become) -> None:
        """Edit the scale without an update."""

        def edited(old: Any) -> Any:
            return become(ScaleState.parse(old)).to_data()

        stack_config.change(self._cli.config_path(stack), SCALE, edited)

    def apply(self, stack: str, become: Become, reason: str, give_up: threading.Event) -> None:
        """Wait for the stack's turn, edit, update without a refresh."""
        ticket = self._runner.become(stack, become, reason)
        while True:
            try:
                ticket.result(LOOK_SECONDS)
                return
            except TimeoutError:
                if give_up.is_set():
                    self._runner.withdraw(ticket)
