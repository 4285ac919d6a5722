"""One application as its supervisor reads it: from its stack's config, its documents and its stack's lock."""

from dataclasses import dataclass

from autoscaler.act.app_stack import AppStack
from autoscaler.act.footing import Footings
from autoscaler.act.pulumi_cli import PROJECT, Pulumi
from autoscaler.act.stack_config import ConfigUnreadable
from autoscaler.act.stack_lock import locks
from autoscaler.observe.members import Copy
from blueprints.deployed import admitted, composed_as
from blueprints.findings import DocumentError
from blueprints.plan import Plan
from blueprints.scale import RestartState


class Unreadable(Exception):
    """The application cannot be read now; the message says why."""


@dataclass(frozen=True)
class Reading:
    """What config and documents say of an application now."""

    cloud: str
    plan: Plan
    restart: RestartState | None
    resting: str

    @property
    def copy(self) -> Copy:
        """Where its members are found."""
        return self.plan.namespace, self.plan.copy


class Supervised:
    """One stack `app-<name>`, `app-<name>--<cloud>`. Documents are read again only when they changed."""

    def __init__(self, cli: Pulumi, stack: str) -> None:
        self.stack = stack
        self._cli = cli
        self._footings = Footings(cli, stack)

    def updating(self) -> str:
        """Who updates the stack now; empty when nobody does, or whoever did is dead."""
        living = (lock for lock in locks(self._cli.state, PROJECT, self.stack) if not lock.is_dead())
        return next((str(lock) for lock in living), "")

    def read(self) -> Reading:
        """Raises Unreadable."""
        try:
            found = self._footings.read(AppStack.read(self._cli, self.stack))
            stack, workspace = found.stack, found.standing.workspace
            scale, root = stack.scale, workspace.compose(stack.application)
            fit = admitted(root, scale.at_rest(), valid=found.standing.valid)
            plan = composed_as(workspace, fit.root).plan(
                stack.application, fit.scale, stack.copy, stack.clusters
            )
        except (ConfigUnreadable, OSError) as error:
            raise Unreadable(str(error)) from error
        except DocumentError as error:
            first = error.findings[0]
            raise Unreadable(f"its documents cannot be used: {first.message}") from error
        resting = "in maintenance" if stack.in_maintenance else ""
        return Reading(stack.cloud, plan, scale.restart, resting)
