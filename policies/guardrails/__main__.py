"""The policy pack: hands resources to the rules, and what they say to Pulumi.

    pulumi preview --policy-pack policies/guardrails [--policy-pack-config FILE]

Every rule is mandatory. A configuration file may say `{"RULE": "advisory"}` (or `"disabled"`), and give
`images: {registries: [...]}`, `host-access: {paths: [...]}`, `cost: {perHour: N, memberHour: N}`.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# The pack is run as a folder: that folder must not lend its names, and ours must be found.
sys.path[0] = str(ROOT)

from pulumi_policy import (  # noqa: E402
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy import policy as sdk  # noqa: E402
from pulumi_policy.proxy import UnknownValueError  # noqa: E402

from policies.guardrails import (  # noqa: E402
    engine_containers,
    facts,
    images,
    plain_text,
    pods,
    replicas,
    totals,
    unseen,
)
from policies.guardrails.resource import UNKNOWN, Resource, objects, pod_specs  # noqa: E402
from toolchain import paths  # noqa: E402

Rule = Callable[[Resource, Mapping[str, Any]], Iterable[str]]
StackRule = Callable[[list[Resource], Mapping[str, Any]], Iterable[tuple[str, str]]]


class Stack:
    """Which stack is judged, and its settings: what the engine tells a pack before all else.

    The SDK keeps only the tags of it, and its own way to the settings is an environment that engines
    that start packs through the language host do not set: so the message is read on its way.
    """

    name = ""
    settings: Mapping[str, Any] = {}

    @classmethod
    def listen(cls) -> None:
        """Read the engine's message when it comes."""
        servicer = sdk._PolicyAnalyzerServicer
        original = servicer.ConfigureStack

        def configure(self: Any, request: Any, context: Any) -> Any:
            cls.name = request.stack
            # Lists and mappings arrive as JSON, everything else as it was written.
            cls.settings = {
                key: json.loads(text) if text[:1] in ("[", "{") else text
                for key, text in request.config.items()
                if key not in request.config_secret_keys
            }
            return original(self, request, context)

        servicer.ConfigureStack = configure


def plain(value: Any) -> Any:
    """Inputs without the SDK's proxies; what is not known yet becomes UNKNOWN."""
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if isinstance(value, (list, tuple)) or type(value).__name__ == "_ListProxy":
        return [_item(value, index) for index in range(len(value))]
    return value


def _item(container: Any, key: Any) -> Any:
    try:
        return plain(container[key])
    except UnknownValueError:
        return UNKNOWN


def policy(name: str, description: str, rule: Rule, **properties: Any) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        made = Resource(args.resource_type, args.name, args.urn, plain(args.props))
        for resource in objects(made):
            for message in rule(resource, args.get_config()):
                report(message, None)

    return ResourceValidationPolicy(
        name=name,
        description=description,
        validate=validate,
        config_schema=PolicyConfigSchema(properties) if properties else None,
    )


class Whole:
    """A rule about a stack as a whole, judged again with each resource that comes.

    Pulumi's own stack policies see what the update has made already. This one stops the resource that is
    one too many before it is made. Each fault is told once.
    """

    def __init__(self, rule: StackRule, concerns: Callable[[Resource], bool] = lambda _: True) -> None:
        self._rule = rule
        self._concerns = concerns
        self._seen: dict[str, Resource] = {}
        self._told: set[str] = set()
        # The engine asks about several resources at once.
        self._lock = Lock()

    def __call__(self, resource: Resource, config: Mapping[str, Any]) -> list[str]:
        if not self._concerns(resource):
            return []
        with self._lock:
            self._seen[resource.urn] = resource
            said = dict.fromkeys(message for _, message in self._rule(list(self._seen.values()), config))
            new = [message for message in said if message not in self._told]
            self._told.update(new)
        return new


@lru_cache(maxsize=1)
def stack_facts() -> totals.StackFacts:
    """What the stack's documents say. Documents that are wrong fail the program itself, with their places."""
    return facts.gather(ROOT, Stack.name, Stack.settings, backend())


@lru_cache(maxsize=1)
def registries() -> tuple[str, ...]:
    """Where images come from unless the configuration says it."""
    return facts.registries(ROOT, Stack.name, Stack.settings, backend())


def backend() -> str:
    """Where Pulumi keeps stacks' state; the pack runs in the environment of the CLI."""
    return os.environ.get("PULUMI_BACKEND_URL", "")


def on_the_host(resource: Resource, config: Mapping[str, Any]) -> Iterable[str]:
    kind = Stack.name.partition("-")[0]
    more = config.get("paths") or ()
    yield from pods.reaching_for_the_host(resource, kind, more)
    if resource.type == engine_containers.CONTAINER:
        own = facts.machine_folders(Stack.name, Stack.settings, paths.home())
        folders = own if kind == "app" else (*own, *more)
        yield from engine_containers.reaching_for_the_machine(resource, kind, folders)


def judged_images(resources: list[Resource], config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    allowed: tuple[str, ...] | None = tuple(config.get("registries") or registries())
    if not allowed and Stack.name.startswith("platform-"):
        # It makes the registry, and its own login, which comes in this update, says where that is.
        allowed = images.logged_in(resources) or None
    for each in resources:
        for message in images.wrong_images(each, allowed):
            yield each.urn, message


def judged_settings(_: list[Resource], config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for message in plain_text.plain_settings(facts.read_settings(facts.settings_file(ROOT, Stack.name))):
        yield "", message


def judged_quota(resources: list[Resource], _: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    known = stack_facts()
    return (("", message) for message in totals.over_quota(totals.members_of(resources, known), known))


def judged_policies(resources: list[Resource], _: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    known = stack_facts()
    return totals.over_policy(totals.members_of(resources, known), known)


def judged_cost(resources: list[Resource], config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    if (ceiling := config.get("perHour")) is None:
        return ()
    known = stack_facts()
    members = totals.members_of(resources, known)
    said = totals.over_ceiling(members, known, ceiling, config.get("memberHour"))
    return (("", message) for message in said)


LIST_OF_TEXT = {"type": "array", "items": {"type": "string"}}
AMOUNT = {"type": "number", "minimum": 0}


def has_images(resource: Resource) -> bool:
    return resource.kind == "Secret" or bool(pod_specs(resource))


if __name__ == "__main__":
    Stack.listen()
    PolicyPack(
        name="altostratus-guardrails",
        enforcement_level=EnforcementLevel.MANDATORY,
        policies=[
            policy(
                "resource-limits",
                "Containers say how much they need, and the most memory they take.",
                lambda resource, _: pods.without_limits(resource),
            ),
            policy(
                "host-access",
                "Pods are not privileged and keep out of hosts' files, network and processes.",
                on_the_host,
                paths=LIST_OF_TEXT,
            ),
            policy(
                "unseen-objects",
                "Nothing is made that these rules cannot look into.",
                lambda resource, _: unseen.unseen(resource),
            ),
            policy(
                "plain-secrets",
                "No secret stands in plain text in an object.",
                lambda resource, _: plain_text.plain_secrets(resource),
            ),
            policy(
                "plain-settings",
                "No secret stands in plain text in the stack's settings.",
                Whole(judged_settings),
            ),
            policy(
                "images",
                "Images are named by digest and come from allowed registries.",
                Whole(judged_images, has_images),
                registries=LIST_OF_TEXT,
            ),
            policy(
                "one-owner-of-replicas",
                "No other autoscaler scales what Altostratus scales.",
                Whole(lambda resources, _: replicas.second_owners(resources), replicas.concerned),
            ),
            policy(
                "deployment-policy",
                "Members stay within the deployment policies' places and quotas.",
                Whole(judged_policies, totals.makes_pods),
            ),
            policy(
                "tenant-quota",
                "A tenant's applications stay within its quota.",
                Whole(judged_quota, totals.makes_pods),
            ),
            policy(
                "cost",
                "An hour of the stack costs no more than its ceiling.",
                Whole(judged_cost, totals.makes_pods),
                perHour=AMOUNT,
                memberHour=AMOUNT,
            ),
        ],
    )
