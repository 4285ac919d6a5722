"""The stack kinds `app-<name>` and `app-<name>--<cloud>`: an application on one cloud."""

import asyncio
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pulumi

from blueprints.plan import HOME_COPY, Plan
from blueprints.revision import InForce, Pin, Revision, documents_of, in_force
from components.application import Application
from components.load_balancer.images import PROGRAMS
from components.maintenance_page import Maintenance
from components.pods.template import Images, image_keys
from components.registry_login import RegistryLogin
from stacks import settings
from stacks.artifact_commits import AUTOMATIC, at_commits, followed, heads
from stacks.holders import refuse_second
from stacks.kubernetes_provider import kubernetes_provider
from stacks.names import StackName
from stacks.references import OtherStack
from stacks.schedulings import schedulings
from toolchain import paths

REVISION_VARIABLE = "ALTO_REVISION"
"""An environment variable with a kept revision to look at, whatever the config says: for previews."""


def build(stack: StackName) -> None:
    """Make the application that the settings name.

    Exports `application`, `cloud`, `namespace`, `urls`, `members` (by cluster), `clusters`,
    `balancers` (by name), `images`, and `revision` (what `alto rollback` needs to come back to this).
    """
    defaults: dict[str, Any] = {"application": stack.subject}
    if stack.cloud is not None:
        defaults["cloud"] = stack.cloud
    chosen = settings.load(settings.ApplicationStack, stack.text, defaults)
    if AUTOMATIC not in os.environ:  # who scales does not begin
        configs = settings.config_path(stack.text).parent
        refuse_second(stack, chosen.application, chosen.cloud, configs, paths.state())
    revision = os.environ.get(REVISION_VARIABLE) or chosen.revision
    documents = in_force(paths.root(), stack.text, chosen.blueprint, revision)
    _tell_of(documents)
    workspace = documents.workspace
    copy = chosen.copy_name or stack.cloud or HOME_COPY
    asked = workspace.plan(chosen.application, chosen.scale, copy=copy)
    plan = at_commits(asked, documents.pin.commits) if documents.pin else asked
    hosts, platform = OtherStack(f"hosts-{chosen.cloud}"), OtherStack(f"platform-{chosen.cloud}")
    kubeconfig = hosts.require("kubeconfig")
    provider = kubernetes_provider(chosen.cloud, kubeconfig)
    images = _images(plan, platform, chosen.images, stack, documents.pin)
    if chosen.maintenance is not None:
        images = replace(images, page=platform.require("pageImage"))
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
        node_addresses=hosts.require("nodes").apply(lambda nodes: [node["address"] for node in nodes]),
        kubeconfig=kubeconfig,
        secrets=settings.secrets(),
        cloud=chosen.cloud,
        maintenance=_maintenance(chosen.maintenance),
        schedulings=schedulings(workspace, plan, chosen.cloud),
        opts=pulumi.ResourceOptions(providers=[provider]),
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
    pulumi.export("images", images.by_key)
    pulumi.export("revision", _revision(plan, documents, images, _open(registry, "caCertificate")))


def _revision(
    plan: Plan, documents: InForce, images: Images, authority: pulumi.Output[str]
) -> pulumi.Output[dict[str, object]]:
    made_of = documents_of(documents.workspace)
    preview = pulumi.runtime.is_dry_run()
    mirrors: pulumi.Input[Mapping[str, str]] = {} if images.git_mirrors is None else images.git_mirrors

    async def recorded(known: Any) -> dict[str, object]:
        trusted, used, mirrored = known
        asked = () if preview else followed(plan).values()
        # Nothing else of the update waits for repositories.
        commits = await asyncio.to_thread(heads, asked, trusted, mirrored)
        revision = Revision(plan.application.name, made_of, used, commits)
        return {**revision.to_output(), "pinned": documents.pin is not None}

    return pulumi.Output.all(authority, dict(images.by_key), mirrors).apply(recorded)


def _tell_of(documents: InForce) -> None:
    """Nobody shall wonder why a change of the documents does, or does not, arrive."""
    if documents.pin is not None:
        pulumi.log.warn(
            f"stands at revision {documents.pin.revision}, not at its documents: `alto rollback` went back "
            "to it. Change the documents to go forward, or: alto rollback APP --forward"
        )
    elif documents.released:
        pulumi.log.warn(
            f"the documents have changed since `alto rollback` went back to revision {documents.released}: "
            "they count again"
        )


def _maintenance(chosen: settings.MaintenanceSettings | None) -> Maintenance | None:
    if chosen is None:
        return None
    return Maintenance(chosen.text(), math.ceil(chosen.retry_after.seconds))


def _open(registry: pulumi.Output[Mapping[str, str]], name: str) -> pulumi.Output[str]:
    """A part of the registry's output that is no secret, though the password beside it is one."""
    return pulumi.Output.unsecret(registry.apply(lambda known: str(known[name])))


def _images(plan: Plan, platform: OtherStack, own: str | None, stack: StackName, pin: Pin | None) -> Images:
    """The images of everything that the plan runs: the application's own before the platform's."""
    shared: pulumi.Output[Mapping[str, str]] = platform.require("images")
    built = pulumi.Output.all(shared, OtherStack(own).require("images")) if own else shared.apply(_alone)
    keys = {key for cluster in plan.clusters.values() for key in image_keys(cluster)}
    fetched = any(c.artifact is not None and c.artifact.git is not None for c in plan.clusters.values())
    name = stack.text.removeprefix("app-")
    return Images(
        by_key={key: built.apply(partial(_image, key, name, pin)) for key in sorted(keys)},
        artifact=platform.require("artifactImage") if fetched else None,
        git_mirrors=platform.known("gitMirrors", {}) if fetched else None,
        balancers=_balancer_images(plan, platform),
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


def _balancer_images(plan: Plan, platform: OtherStack) -> dict[str, pulumi.Output[str]]:
    """The images of the drivers in use; drivers without Pods of their own need none."""
    wanted = {balancer.document.driver for balancer in plan.balancers} & set(PROGRAMS)
    built: pulumi.Output[Mapping[str, str]] | None = platform.require("balancerImages") if wanted else None
    return {name: built.apply(partial(_named, name)) for name in sorted(wanted) if built is not None}


def _named(name: str, known: Mapping[str, str]) -> str:
    return known[name]


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
