"""The one place where a restart meets Pulumi: an edit of `altostratus:scale`, and an update."""

import threading
from collections.abc import Callable
from typing import Any, Protocol

from autoscaler.act import stack_config
from autoscaler.act.app_stack import SCALE
from autoscaler.act.history import AUTOMATIC
from autoscaler.act.pulumi_cli import Pulumi
from blueprints.scale import ScaleState

Become = Callable[[ScaleState], ScaleState]


class Updates(Protocol):
    """Edits of a stack's scale. Both raise `ConfigUnreadable`; `apply` also `UpdateError` and its kinds."""

    def note(self, stack: str, become: Become) -> None:
        """Edit the scale where that changes nothing in the cluster."""

    def apply(self, stack: str, become: Become, reason: str, give_up: threading.Event) -> None:
        """Edit the scale and update; returns when what changed is ready. `give_up` ends it in order."""


class DirectUpdates:
    """Updates by the CLI itself, one after another for each stack."""

    def __init__(self, cli: Pulumi) -> None:
        self._cli = cli

    def note(self, stack: str, become: Become) -> None:
        """Edit the scale without an update."""

        def edited(old: Any) -> Any:
            return become(ScaleState.parse(old)).to_data()

        stack_config.change(self._cli.config_path(stack), SCALE, edited)

    def apply(self, stack: str, become: Become, reason: str, give_up: threading.Event) -> None:
        """Clear what a killed update left, edit, update without a refresh."""
        self._cli.recover(stack)
        self.note(stack, become)
        self._cli.up(stack, "--refresh=false", f"--message={AUTOMATIC}{reason}", give_up=give_up)
