"""The policy pack: hands resources to the rules, and what they say to Pulumi.

    pulumi preview --policy-pack policies/guardrails [--policy-pack-config FILE]

Every rule is mandatory. A configuration file may say `{"RULE": "advisory"}` (or `"disabled"`), and give
`images: {registries: [...]}`, `host-access: {paths: [...]}`, `cost: {perHour: N, memberHour: N}`.
"""

import json
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

from policies.guardrails import facts, images, plain_text, pods, replicas, totals  # noqa: E402
from policies.guardrails.resource import TEMPLATES, UNKNOWN, WORKLOADS, Resource  # noqa: E402

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
        resource = Resource(args.resource_type, args.name, args.urn, plain(args.props))
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

    def __init__(self, rule: StackRule, *kinds: str) -> None:
        self._rule = rule
        self._kinds = kinds
        self._seen: dict[str, Resource] = {}
        self._told: set[str] = set()
        # The engine asks about several resources at once.
        self._lock = Lock()

    def __call__(self, resource: Resource, config: Mapping[str, Any]) -> list[str]:
        if self._kinds and resource.kind not in self._kinds:
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
    return facts.gather(ROOT, Stack.name, Stack.settings)


def judged_images(resources: list[Resource], config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    allowed = tuple(config.get("registries") or images.logged_in(resources))
    for each in resources:
        for message in images.wrong_images(each, allowed):
            yield each.urn, message


def judged_settings(_: list[Resource], config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for message in plain_text.plain_settings(facts.read_settings(facts.settings_file(ROOT, Stack.name))):
        yield "", message


def judged_quota(resources: list[Resource], _: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    return (("", message) for message in totals.over_quota(totals.members_of(resources), stack_facts()))


def judged_cost(resources: list[Resource], config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    cost = totals.cost_per_hour(totals.members_of(resources), stack_facts(), config.get("memberHour") or 0.0)
    return (("", message) for message in totals.over_ceiling(cost, config.get("perHour")))


LIST_OF_TEXT = {"type": "array", "items": {"type": "string"}}
AMOUNT = {"type": "number", "minimum": 0}
POD_MAKERS = ("Pod", "CronJob", *TEMPLATES)

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
                lambda resource, config: pods.reaching_for_the_host(
                    resource, Stack.name.partition("-")[0], config.get("paths") or ()
                ),
                paths=LIST_OF_TEXT,
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
                Whole(judged_images, "Secret", *POD_MAKERS),
                registries=LIST_OF_TEXT,
            ),
            policy(
                "one-owner-of-replicas",
                "No other autoscaler scales what Altostratus scales.",
                Whole(lambda resources, _: replicas.second_owners(resources), *replicas.SCALERS, *WORKLOADS),
            ),
            policy(
                "deployment-policy",
                "Members stay within the deployment policies' places and quotas.",
                Whole(
                    lambda resources, _: totals.over_policy(totals.members_of(resources), stack_facts()),
                    *WORKLOADS,
                ),
            ),
            policy(
                "tenant-quota",
                "A tenant's applications stay within its quota.",
                Whole(judged_quota, *WORKLOADS),
            ),
            policy(
                "cost",
                "An hour of the stack costs no more than its ceiling.",
                Whole(judged_cost, *WORKLOADS),
                perHour=AMOUNT,
                memberHour=AMOUNT,
            ),
        ],
    )
