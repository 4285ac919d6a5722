"""Load balancers in the clouds, told of further members, and asked, while they run
(`docs/balancer-protocol.md`)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from blueprints.beside import LINK_LABEL
from toolchain.plugins.kubernetes.client import ApiError, Client, Unreachable

KEY, FURTHER = "control.json", "further"
LABEL = "altostratus.dev/balancer"
_STATE_PORT = 8404
_MADE = (
    "/apis/apps/v1/namespaces/{}/deployments",
    "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "/api/v1/namespaces/{}/services",
    "/api/v1/namespaces/{}/configmaps",
    "/api/v1/namespaces/{}/secrets",
)
_MANAGER = "altostratus-autoscaler"

Further = Mapping[str, Sequence[Mapping[str, Any]]]
"""Members by backend: `{name, host, port}`."""


def entries(cloud: str, host: str, port: int, ready: int) -> list[dict[str, Any]]:
    """One for each member that is ready in a cloud, all at the link that leads there."""
    return [{"name": f"{cloud}.{number}", "host": host, "port": port} for number in range(1, ready + 1)]


def cloud_of(name: str) -> str:
    """The cloud that an entry stands for."""
    return name.rpartition(".")[0]


def told(text: str | None) -> dict[str, Any]:
    """Control data as it is. Raises ValueError where it cannot be read."""
    found = json.loads(text) if text else {}
    if not isinstance(found, dict):
        raise ValueError("control.json is no object")  # noqa: TRY004 - as what cannot be parsed
    return found


def merged(before: Mapping[str, Any], clouds: Further, only: Sequence[str]) -> dict[str, Any]:
    """The control data with these further members of the clouds `only`; all else in it stays. Pure."""
    kept: dict[str, list[Any]] = {}
    for backend, members in (before.get(FURTHER) or {}).items():
        kept[backend] = [each for each in members if cloud_of(each["name"]) not in only]
    for backend, members in clouds.items():
        kept.setdefault(backend, []).extend(members)
    further = {backend: members for backend, members in sorted(kept.items()) if members}
    others = {key: value for key, value in before.items() if key != FURTHER}
    return {**others, FURTHER: further} if further else others


def tell(api: Client, namespace: str, balancer: str, further: Further, only: Sequence[str]) -> bool:
    """Have a balancer know these members of the clouds `only`. Whether anything changed.

    Somebody else's write in between is not overwritten: that raises ConnectionError, and is tried again.
    """
    name = f"{balancer}-control"
    path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
    try:
        there = api.find(path)
        before = told((there or {}).get("data", {}).get(KEY))
        after = merged(before, further, only)
        if after == before:
            return False
        if not after and there is not None:
            api.delete(path, "Background")
            return True
        about: dict[str, Any] = {"name": name, "namespace": namespace}
        if there is not None:
            about["resourceVersion"] = there["metadata"]["resourceVersion"]
        content = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": about,
            "data": {KEY: json.dumps(after, indent=1, sort_keys=True) + "\n"},
        }
        api.apply(path, content, fieldManager=_MANAGER, force="true")
    except (ApiError, Unreachable) as error:
        raise ConnectionError(f"the load balancer {balancer} cannot be told: {error}") from error
    except ValueError as error:
        raise ConnectionError(f"the control data of the load balancer {balancer}: {error}") from error
    return True


def clouds_told(api: Client, namespace: str) -> dict[str, frozenset[str]]:
    """The clouds that each balancer of a namespace has further members of. Raises as `Client` does."""
    listed = api.get(f"/api/v1/namespaces/{namespace}/configmaps")["items"]
    found = {}
    for each in listed:
        name, text = each["metadata"]["name"], (each.get("data") or {}).get(KEY)
        if not name.endswith("-control") or text is None:
            continue
        try:
            further = told(text).get(FURTHER) or {}
        except ValueError:
            continue
        found[name.removesuffix("-control")] = frozenset(
            cloud_of(member["name"]) for members in further.values() for member in members
        )
    return found


def held(api: Client, namespace: str, cloud: str) -> int | None:
    """The requests that balancers still have with further members of a cloud; None where none of them knows
    any more. Raises as `Client` does."""
    found: int | None = None
    for state in _states(api, namespace, LABEL):
        for backend in state["backends"].values():
            for member, each in backend["members"].items():
                if cloud_of(member) == cloud:
                    in_flight = each["inFlight"]
                    found = (found or 0) + int(in_flight["serving"]) + int(in_flight["queued"])
    return found


@dataclass(frozen=True, slots=True)
class Served:
    """What the replicas of one balancer tell together. Counts are since they started; `errors` were answered
    5xx, or broken off, by a member or by the balancer. `serving`: whether any replica serves. `weight` is for
    whoever shares requests between several such."""

    serving: bool = False
    in_flight: int = 0
    queued: int = 0
    requests: int = 0
    errors: int = 0
    weight: int = 0


def served(api: Client, namespace: str, balancer: str) -> Served:
    """What a balancer has served. Raises as `Client` does."""
    return summed(_states(api, namespace, f"{LABEL}={balancer}"))


def summed(states: Iterable[Mapping[str, Any]]) -> Served:
    """The same, of its replicas' states. Pure."""
    found = Served()
    for state in states:
        for backend in state["backends"].values():
            in_flight, errors = backend["inFlight"], backend["errors"]
            found = replace(
                found,
                in_flight=found.in_flight + int(in_flight["serving"]),
                queued=found.queued + int(in_flight["queued"]),
                requests=found.requests + int(backend["requests"]),
                errors=found.errors + int(errors["balancer"]) + int(errors["member"]),
            )
        found = replace(found, serving=found.serving or bool(state["ready"]))
    return found


def _states(api: Client, namespace: str, selector: str) -> Iterator[dict[str, Any]]:
    """The states of the balancers' replicas that run and are not ending."""
    tokens: dict[str, str] = {}
    for pod in api.get(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)["items"]:
        name, balancer = pod["metadata"]["name"], pod["metadata"]["labels"][LABEL]
        if pod["metadata"].get("deletionTimestamp") or pod["status"].get("phase") != "Running":
            continue
        if balancer not in tokens:
            secret = api.get(f"/api/v1/namespaces/{namespace}/secrets/{balancer}-token")
            tokens[balancer] = base64.b64decode(secret["data"]["token"]).decode().strip()
        path = f"/api/v1/namespaces/{namespace}/pods/https:{name}:{_STATE_PORT}/proxy/v1/state"
        yield api.ask(path, {"X-Altostratus-Token": tokens[balancer]})


def sweep(api: Client, namespace: str, cloud: str) -> None:
    """Remove links to a cloud, which a copy that was forgotten left. Raises as `Client` does."""
    selector = f"{LINK_LABEL}={cloud}"
    for kind in _MADE:
        path = kind.format(namespace)
        for each in api.get(path, labelSelector=selector)["items"]:
            api.delete(f"{path}/{each['metadata']['name']}", "Background")
