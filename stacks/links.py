"""What an application's stack has to do with its parts in other clouds, from documents and settings."""

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
import yaml

from blueprints.beside import stands_alone
from blueprints.following import data_clusters, following, unfit
from blueprints.following import let_out as let_out_to_followers
from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.parts import stateless
from blueprints.passages import Passage, passages
from blueprints.plan import Data, Plan
from blueprints.workspace import Workspace
from components.cloud_link.ends import Ends, LedIn
from stacks import settings
from stacks.config_file import NAMESPACE
from stacks.deployed import Basis
from stacks.names import StackName
from stacks.recording import Parts
from stacks.references import OtherStack

PROGRAM = "haproxy"

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def ends(stack: StackName, by: Basis, plan: Plan, hosts: OtherStack, parts: Parts) -> Ends | None:
    """The ends of links that the stack makes; None where the application is all in one cloud.

    Raises SettingsError where a home is told to have some clusters only.
    """
    if stack.cloud is None:
        if plan.partial:
            raise settings.SettingsError(
                [f"{NAMESPACE}:clusters is for copies (app-{stack.subject}--CLOUD): a home has all clusters"]
            )
        return _of_home(stack, by, plan, hosts, parts)
    return _of_part(stack, by, plan, hosts, parts) if plan.partial or plan.data == "follows" else None


def with_data(plan: Plan, data: Data | None, stack: StackName) -> Plan:
    """The plan with its data where the settings say it is. Raises SettingsError."""
    if data is None:
        return plan
    problems = [f"{NAMESPACE}:data: {id} cannot follow another one: {why}" for id, why in unfit(plan).items()]
    if data == "follows" and stack.cloud is None:
        problems.append(
            f"{NAMESPACE}:data: follows is for copies (app-{stack.subject}--CLOUD): a home follows nobody"
        )
    if plan.partial:
        problems.append(f"{NAMESPACE}:data is for copies with all clusters, and this one has some only")
    if problems:
        raise settings.SettingsError(problems)
    return following(plan, data)


def reach(hosts: OtherStack) -> pulumi.Output[list[str]]:
    """The addresses under which other clouds reach a cloud's hosts."""
    told: pulumi.Output[Any] = pulumi.Output.all(hosts.known("reach", None), hosts.require("nodes"))
    return told.apply(lambda known: known[0] or [node["address"] for node in known[1]])


def _of_home(stack: StackName, by: Basis, plan: Plan, hosts: OtherStack, parts: Parts) -> Ends | None:
    wanted = list(_parts(stack, by, plan))
    followed = _followed(stack, by.workspace, plan)
    if not wanted and not followed:
        return None
    let_out: dict[str, Passage] = {}
    for part in wanted:
        let_out |= {each.key: each for each in passages(part.remote.values())}
    if followed:
        let_out |= {each.key: each for each in passages(let_out_to_followers(plan))}
    image = parts.one("balancerImages", PROGRAM)
    return Ends(image, let_out=tuple(let_out.values()), addresses=reach(hosts))


def _of_part(stack: StackName, by: Basis, plan: Plan, hosts: OtherStack, parts: Parts) -> Ends | None:
    image = parts.one("balancerImages", PROGRAM)
    # Members beside the home are reached by its balancers; those of a copy by its own.
    let_out = passages(plan.clusters.values()) if by.scale.overflow else ()
    if by.scale.overflow and stands_alone(plan):
        return Ends(image, let_out=let_out, addresses=reach(hosts)) if let_out else None
    home = OtherStack(f"app-{stack.subject}")
    handed = home.require("link")
    through = passages(plan.remote.values())
    return Ends(
        image,
        let_out=let_out,
        addresses=reach(hosts) if let_out else (),
        handed=handed.apply(lambda known: known["keys"]),
        led_in=LedIn(through, home.require("gateway")) if through else None,
        passwords=handed.apply(lambda known: known["passwords"]),
    )


def _parts(stack: StackName, by: Basis, plan: Plan) -> Iterator[Plan]:
    """The parts of the application that other clouds have, or may have by its policy, and that need it."""
    name, workspace = plan.application.name, by.workspace
    for config in _copies(stack):
        if given := config.get(f"{NAMESPACE}:clusters"):
            only = (given,) if isinstance(given, str) else tuple(map(str, given))
            beside = bool((config.get(f"{NAMESPACE}:scale") or {}).get("overflow"))
            scale = by.scale.model_copy(update={"overflow": True}) if beside else by.scale
            part = workspace.plan(name, scale, copy=plan.copy, only=only)
            if not (beside and stands_alone(part)):
                yield part
    if _burst_data(workspace, plan) == "home":
        some = stateless(workspace.compose(name))
        if some and any(cluster.persistence for cluster in plan.clusters.values()):
            yield workspace.plan(name, by.scale, copy=plan.copy, only=some)


def _followed(stack: StackName, workspace: Workspace, plan: Plan) -> bool:
    """Whether the data of other clouds follows that here, or may by the policy."""
    if not data_clusters(plan) or unfit(plan):
        return False
    now = any(config.get(f"{NAMESPACE}:data") == "follows" for config in _copies(stack))
    return now or _burst_data(workspace, plan) == "replicate"


def _burst_data(workspace: Workspace, plan: Plan) -> str:
    policy = workspace.find(ApplicationPolicy.KIND, plan.application.placement or "")
    burst = policy.model.burst if policy and isinstance(policy.model, ApplicationPolicy) else None
    return burst.data if burst is not None else ""


def _copies(stack: StackName) -> Iterator[Mapping[str, Any]]:
    """The configs of the application's copies."""
    folder = settings.config_path(stack.text).parent
    for path in sorted(folder.glob(f"Pulumi.{stack.text}--*.yaml")):
        try:
            document: Any = yaml.load(path.read_text("utf-8"), _LOADER)  # noqa: S506  (either is the safe one)
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            continue  # its own update says what is wrong with it
        yield (document.get("config") or {}) if isinstance(document, dict) else {}
