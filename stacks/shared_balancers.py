"""The load balancers that a platform's applications share: planned from documents, made in the platform."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from blueprints.balancing.model import Balancer
from blueprints.balancing.sharing import shared
from blueprints.workspace import Workspace
from components.load_balancer.cloud_balancer import CloudBalancers
from components.registry_login import RegistryLogin
from stacks import settings
from stacks.references import served_at
from toolchain import paths


def planned(wanted: Sequence[settings.SharedBalancer]) -> list[Balancer]:
    """Each balancer with the parts of all its applications. Raises DocumentError and SettingsError."""
    return [_planned(each) for each in wanted]


def _planned(wanted: settings.SharedBalancer) -> Balancer:
    workspace = Workspace.load([paths.root() / path for path in wanted.blueprint])
    parts, problems = [], []
    for name in wanted.applications:
        found = [each for each in workspace.plan(name).shared if each.document.name == wanted.document]
        parts += found
        if not found:
            problems.append(
                f"altostratus:platform.loadBalancers: the application {name} does not ask for "
                f"{wanted.document}; write `loadBalancer: {wanted.document}` in its document, or take it out"
            )
    if problems:
        raise settings.SettingsError(problems)
    return shared(parts)


def make(
    cloud: str,
    balancers: Sequence[Balancer],
    images: Mapping[str, pulumi.Input[str]],
    registry: RegistryLogin,
    nodes: pulumi.Output[Sequence[Mapping[str, Any]]],
    provider: k8s.Provider,
) -> pulumi.Output[dict[str, Any]]:
    """Register them; what programs need to know of each, by document."""

    def secret(name: str, wanted_by: str) -> pulumi.Output[str]:
        found = settings.secrets()
        if found is None:
            raise settings.SettingsError([f"{wanted_by} needs the secret {name!r}; this stack has none"])
        return pulumi.Output.secret(found.apply(lambda known: known[name]))

    addresses = nodes.apply(served_at)
    return CloudBalancers(
        cloud, balancers, images, registry, addresses, secret, pulumi.ResourceOptions(providers=[provider])
    ).described
