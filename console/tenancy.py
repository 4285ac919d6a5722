"""Whether an application's tenant lets it run in a cloud that a person asks for."""

from autoscaler.act.app_stack import AppStack
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.burst.world import home_of
from blueprints.tenancy import refusal
from blueprints.workspace import Workspace
from console.errors import BadInput


def refuse_cloud(workspace: Workspace, application: str, cloud: str) -> None:
    """Raises BadInput where it may not."""
    if why := refusal(workspace, application, cloud):
        raise BadInput(why)


def refuse_move(cli: Pulumi, application: str, cloud: str) -> None:
    """The same for a copy or a move, by the documents as they are now. Raises BadInput."""
    home = AppStack.read(cli, home_of(application))
    # A move deploys what is deployed, so that half-edited documents do not stop it here.
    workspace, _, _ = Workspace.read(home.sources)
    refuse_cloud(workspace, home.application, cloud)
