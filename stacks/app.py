"""The stack kinds `app-<name>` and `app-<name>--<cloud>`: an application on one cloud."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pulumi

from blueprints.cloud_environment import in_cloud
from blueprints.deployed import AS_DEPLOYED
from blueprints.plan import Plan
from blueprints.revision import Pin
from blueprints.tenancy import refusal
from components.application import Application
from components.load_balancer.images import PROGRAMS
from components.maintenance_page import Maintenance
from components.pods.template import Images, image_keys
from components.registry_login import RegistryLogin
from stacks import settings
from stacks.artifact_commits import AUTOMATIC, at_commits
from stacks.beside import link_at_home
from stacks.config_file import NAMESPACE
from stacks.deployed import Basis, basis
from stacks.holders import refuse_second
from stacks.kept_secrets import keeping
from stacks.kubernetes_provider import kubernetes_provider
from stacks.links import ends, with_data
from stacks.names import StackName
from stacks.recording import Parts, record
from stacks.references import OtherStack, served_at
from stacks.schedulings import schedulings
from toolchain import paths


def build(stack: StackName) -> None:
    """Make the application that the settings name.

    Exports `application`, `cloud`, `namespace`, `urls`, `members` (by cluster), `clusters`,
    `balancers` (by name), `gateway` (where its other clouds come in), `link` (secret: what they need of a
    home that lets them in), `images`, and `revision` (what `alto rollback` needs to come back to this).
    """
    by = basis(stack)
    chosen, workspace = by.chosen, by.workspace
    if AUTOMATIC not in os.environ:  # who scales does not begin
        configs = settings.config_path(stack.text).parent
        refuse_second(stack, chosen.application, chosen.cloud, configs, paths.state())
        # A move updates the home that it leaves, too, where that may be no longer.
        why = "" if AS_DEPLOYED in os.environ else refusal(workspace, chosen.application, chosen.cloud)
        if why:
            raise settings.SettingsError([f"{NAMESPACE}:cloud: {why}"])
    asked = workspace.plan(chosen.application, by.scale, copy=by.copy(stack), only=chosen.clusters)
    asked = in_cloud(workspace, asked, chosen.cloud)
    plan = with_data(at_commits(asked, by.commits) if by.commits else asked, chosen.data, stack)
    hosts, platform = OtherStack(f"hosts-{chosen.cloud}"), OtherStack(f"platform-{chosen.cloud}")
    kubeconfig = hosts.require("kubeconfig")
    provider = kubernetes_provider(chosen.cloud, kubeconfig)
    parts = Parts(platform, by.deployed.parts if by.deployed else {})
    images = _images(plan, parts, chosen.images, stack, by)
    if chosen.maintenance is not None:
        images = replace(images, page=parts.require("pageImage"))
    registry = platform.require("registry")
    application = Application(
        plan,
        images,
        RegistryLogin(
            address=_open(registry, "address"),
            username=_open(registry, "username"),
            password=registry.apply(lambda known: str(known["password"])),
            ca_certificate=_open(registry, "caCertificate"),
        ),
        node_addresses=hosts.require("nodes").apply(served_at),
        kubeconfig=kubeconfig,
        secrets=settings.secrets(),
        cloud=chosen.cloud,
        maintenance=_maintenance(chosen.maintenance),
        schedulings=schedulings(workspace, plan, chosen.cloud),
        ends=(linked := ends(stack, by, plan, hosts, parts)),
        opts=pulumi.ResourceOptions(
            providers=[provider],
            transformations=[keeping(plan)] if by.keeps_secrets else [],
        ),
    )
    pulumi.export("application", plan.application.name)
    pulumi.export("cloud", chosen.cloud)
    pulumi.export("namespace", application.namespace)
    shared = _shared(plan, platform)
    pulumi.export("urls", pulumi.Output.all(shared, application.urls).apply(_all_urls))
    pulumi.export("members", {cluster.id: cluster.members for cluster in plan.clusters.values()})
    pulumi.export("clusters", application.clusters)
    pulumi.export(
        "balancers",
        pulumi.Output.all(shared, application.balancers).apply(lambda known: {**known[1], **known[0]}),
    )
    pulumi.export("gateway", application.gateway)
    if by.scale.overflow and linked is not None:
        pulumi.export("links", link_at_home(stack, plan, chosen.cloud, application, linked))
    elif application.handed is not None:
        pulumi.export("link", application.handed)
    pulumi.export("images", images.by_key)
    pulumi.export("revision", record(stack, by, plan, images, parts, _open(registry, "caCertificate")))


def _maintenance(chosen: settings.MaintenanceSettings | None) -> Maintenance | None:
    if chosen is None:
        return None
    return Maintenance(chosen.text(), math.ceil(chosen.retry_after.seconds))


def _open(registry: pulumi.Output[Mapping[str, str]], name: str) -> pulumi.Output[str]:
    """A part of the registry's output that is no secret, though the password beside it is one."""
    return pulumi.Output.unsecret(registry.apply(lambda known: str(known[name])))


def _images(plan: Plan, parts: Parts, own: str | None, stack: StackName, by: Basis) -> Images:
    """The images of everything that the plan runs: the application's own before the platform's.

    What a person's update has used, those that nobody asks for go on using.
    """
    shared: pulumi.Output[Mapping[str, str]] = parts.platform.require("images")
    built = pulumi.Output.all(shared, OtherStack(own).require("images")) if own else shared.apply(_alone)
    keys = {key for cluster in plan.clusters.values() for key in image_keys(cluster)}
    fetched = any(c.artifact is not None and c.artifact.git is not None for c in plan.clusters.values())
    name = stack.text.removeprefix("app-")
    used = by.deployed.revision.images if by.deployed else {}
    return Images(
        by_key={
            key: used.get(key) or built.apply(partial(_image, key, name, by.pin)) for key in sorted(keys)
        },
        artifact=parts.require("artifactImage") if fetched else None,
        git_mirrors=parts.known("gitMirrors", {}) if fetched else None,
        balancers=_balancer_images(plan, parts),
    )


def _shared(plan: Plan, platform: OtherStack) -> pulumi.Output[dict[str, Any]]:
    """What the platform says of the balancers that this application shares, by name."""
    wanted = [each.document.name for each in plan.shared]
    if not wanted:
        return pulumi.Output.from_input({})

    def found(known: Mapping[str, Any]) -> dict[str, Any]:
        for name in wanted:
            if name not in known:
                raise pulumi.RunError(
                    f"the platform has no load balancer {name!r} (it has {', '.join(known) or 'none'}).\n"
                    f"  Add it, with {plan.application.name} among its applications, to `loadBalancers` in "
                    "`altostratus:platform` of the platform's stack, and update that stack first."
                )
        return {str(known[name]["name"]): known[name] for name in wanted}

    return platform.require("balancers").apply(found)


def _all_urls(known: Sequence[Any]) -> list[str]:
    shared, own = known
    return [*(url for each in shared.values() for url in each["urls"]), *own]


def _balancer_images(plan: Plan, parts: Parts) -> dict[str, pulumi.Output[str]]:
    """The images of the drivers in use; drivers without Pods of their own need none."""
    wanted = {balancer.document.driver for balancer in plan.balancers} & set(PROGRAMS)
    return {name: parts.one("balancerImages", name) for name in sorted(wanted)}


def _alone(images: Mapping[str, str]) -> list[Mapping[str, str]]:
    return [images]


def _image(key: str, application: str, pin: Pin | None, known: Sequence[Mapping[str, str]]) -> str:
    found = next((images[key] for images in reversed(known) if key in images), None)
    image = pin.image(key, found) if pin else found
    if image is not None:
        return image
    there = ", ".join(sorted({each for images in known for each in images})) or "none"
    raise pulumi.RunError(
        f"the image {key} is not built (there are {there}).\n"
        f"  `./alto build {application}` builds what the application needs."
    )
