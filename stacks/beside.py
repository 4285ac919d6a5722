"""What leads from an application's home to its members in another cloud."""

from typing import Any

import pulumi
import yaml

from blueprints.beside import LINK_LABEL
from blueprints.names import LABEL_LIMIT, shorten
from blueprints.passages import passages
from blueprints.plan import Plan
from components.application import Application
from components.cloud_link.ends import Ends
from components.cloud_link.keys import end
from components.cloud_link.link import Link
from components.cloud_link.proxy import Place
from stacks import settings
from stacks.config_file import NAMESPACE
from stacks.kubernetes_provider import kubernetes_provider
from stacks.links import PROGRAM
from stacks.names import StackName
from stacks.references import OtherStack

NAME = "altostratus-link-{}"


def link_at_home(
    stack: StackName, plan: Plan, cloud: str, application: Application, ends: Ends
) -> pulumi.Output[Any]:
    """A link in the home's cloud to the clusters of this stack, which has the gateway: both ends come and go
    together. Its keys are the home's where the stack uses those, else the stack's own.

    By passage, such as `web:http`, the host and port at home that lead here. Raises SettingsError where the
    home does not say its cloud.
    """
    home = _home_cloud(stack)
    hosts, platform = OtherStack(f"hosts-{home}"), OtherStack(f"platform-{home}")
    provider = kubernetes_provider(f"{home}-home", hosts.require("kubeconfig"))
    through = [
        each.under(shorten(f"{each.service}--{cloud}", LABEL_LIMIT))
        for each in passages(plan.clusters.values())
    ]
    handed = ends.handed
    if handed is None and application.handed is not None:
        handed = application.handed.apply(lambda known: known["keys"])
    if not through or handed is None:
        return pulumi.Output.from_input({})
    labels = {
        "altostratus.dev/application": plan.application.name,
        "app.kubernetes.io/managed-by": "altostratus",
        LINK_LABEL: cloud,
    }
    image = platform.require("balancerImages").apply(lambda known: known[PROGRAM])
    made = Link(
        plan.application.name,
        through,
        end(handed, "link"),
        application.gateway,
        Place(plan.namespace, labels, cloud, image),
        name=NAME.format(cloud),
        opts=pulumi.ResourceOptions(providers=[provider]),
    )
    return made.addresses


def _home_cloud(stack: StackName) -> str:
    path = settings.config_path(f"app-{stack.subject}")
    try:
        document: Any = yaml.safe_load(path.read_text("utf-8"))
        return str(document["config"][f"{NAMESPACE}:cloud"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise settings.SettingsError(
            [f"{path}, the config of the application's home, does not say its cloud: {error}"]
        ) from error
