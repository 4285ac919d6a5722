"""What the replicas of an application's load balancers tell now, added up."""

import base64
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx2
from lightkube import KubeConfig
from lightkube.config.client_adapter import ConnectionParams

from console import credentials
from console.applications import known
from console.errors import BadInput
from console.status_report import stack_outputs

STATE_PORT = 8404
LABEL = "altostratus.dev/balancer"
_ANSWER_SECONDS = 4.0


@dataclass
class MemberFigures:
    """One member over all replicas of its balancer; `known` is how many of them know it."""

    state: str
    address: str
    known: int = 0
    serving: int = 0
    queued: int = 0
    requests: int = 0
    errors: int = 0


@dataclass
class BackendFigures:
    """One backend over all replicas. `p99` is the slowest replica's, in seconds; None without requests."""

    serving: int = 0
    queued: int = 0
    requests: int = 0
    errors: int = 0
    rate: float = 0.0
    p50: float | None = None
    p99: float | None = None
    maintenance: str | None = None
    members: dict[str, MemberFigures] = field(default_factory=dict)


@dataclass
class BalancerFigures:
    """A balancer as its replicas tell it; `problems` says who did not answer, and what they complain of."""

    name: str
    driver: str
    urls: list[str]
    hosts: list[str]
    routes: list[dict[str, Any]]
    replicas: int = 0
    ready: int = 0
    backends: dict[str, BackendFigures] = field(default_factory=dict)
    splits: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class BalancerReader:
    """Reads the balancers of one application's stack. Raises BadInput, in words, where there are none."""

    def __init__(self, application: str) -> None:
        cli, stack = known(application)
        outputs = stack_outputs(cli, stack)
        self.described: dict[str, Any] = outputs.get("balancers") or {}
        if not self.described:
            raise BadInput(
                f"{application} has no load balancer, or is not deployed yet",
                f"Give its document a loadBalancer, then `alto up {stack}`.",
            )
        kubeconfig = credentials.refresh(cli, str(outputs["cloud"]))
        config = KubeConfig.from_file(str(kubeconfig)).get() if kubeconfig else None
        if config is None:
            raise BadInput(
                f"the cloud {outputs['cloud']} has no cluster", f"`alto up hosts-{outputs['cloud']}`"
            )
        params = ConnectionParams(timeout=httpx2.Timeout(_ANSWER_SECONDS)).httpx_params(config)
        self._client = httpx2.Client(**params)
        self._tokens: dict[str, str] = {}

    def read(self) -> list[BalancerFigures]:
        """Ask every replica once. Raises ConnectionError where the API server does not answer."""
        return [self._balancer(described) for described in self.described.values()]

    def _balancer(self, described: Mapping[str, Any]) -> BalancerFigures:
        name = str(described["name"])
        found = BalancerFigures(
            name,
            str(described["driver"]),
            list(described.get("urls") or []),
            list(described.get("hosts") or []),
            list(described.get("routes") or []),
        )
        if "tokenSecret" not in described:
            found.problems.append("its driver tells no figures")
            return found
        space = str(described["namespace"])
        pods = self._json(f"/api/v1/namespaces/{space}/pods?labelSelector={LABEL}%3D{name}")["items"]
        names = [pod["metadata"]["name"] for pod in pods if pod["status"].get("phase") == "Running"]
        found.replicas = len(names)
        token = self._token(space, str(described["tokenSecret"]))
        with ThreadPoolExecutor(max_workers=8) as pool:
            answers = list(pool.map(lambda pod: self._state(space, pod, token), names))
        states = [each for each in answers if isinstance(each, dict)]
        found.problems += [each for each in answers if isinstance(each, str)]
        add_up(found, states)
        return found

    def _token(self, space: str, secret: str) -> str:
        if secret not in self._tokens:
            data = self._json(f"/api/v1/namespaces/{space}/secrets/{secret}")["data"]
            self._tokens[secret] = base64.b64decode(data["token"]).decode().strip()
        return self._tokens[secret]

    def _state(self, space: str, pod: str, token: str) -> dict[str, Any] | str:
        path = f"/api/v1/namespaces/{space}/pods/https:{pod}:{STATE_PORT}/proxy/v1/state"
        try:
            return self._json(path, {"X-Altostratus-Token": token})
        except ConnectionError as error:
            return f"{pod}: {error}"

    def _json(self, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        try:
            answer = self._client.get(path, headers=headers)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
        except (httpx2.HTTPError, OSError, ValueError) as error:
            raise ConnectionError(f"no answer: {error}") from error
        return found


def add_up(found: BalancerFigures, states: Iterable[Mapping[str, Any]]) -> None:
    """Put the replicas' states together. Pure but for `found`."""
    for state in states:
        found.ready += bool(state.get("ready"))
        refused = (state.get("config") or {}).get("refused")
        if refused:
            found.problems.append(f"{state['replica']} refused a configuration: {refused['reason']}")
        for part in ("source", "control"):
            problem = (state.get(part) or {}).get("problem")
            if problem:
                found.problems.append(f"{state['replica']}: {problem}")
        for key, figures in (state.get("backends") or {}).items():
            _add_backend(found.backends.setdefault(key, BackendFigures()), figures)
        for split, shares in (state.get("splits") or {}).items():
            found.splits.setdefault(split, dict(shares))


def _add_backend(total: BackendFigures, one: Mapping[str, Any]) -> None:
    total.serving += int(one["inFlight"]["serving"])
    total.queued += int(one["inFlight"]["queued"])
    total.requests += int(one["requests"])
    total.errors += int(one["errors"]["balancer"]) + int(one["errors"]["member"])
    recent = one.get("recent") or {}
    total.rate += float(recent.get("rate") or 0)
    for name in ("p50", "p99"):
        known = [each for each in (getattr(total, name), recent.get(name)) if each is not None]
        setattr(total, name, max(known) if known else None)
    total.maintenance = total.maintenance or one.get("maintenance")
    for name, member in (one.get("members") or {}).items():
        seen = total.members.setdefault(name, MemberFigures(member["state"], member["address"]))
        # Replicas may hear of a change one after the other: the least ready one is told.
        seen.state = max(seen.state, member["state"], key=_STATES.index)
        seen.known += 1
        seen.serving += int(member["inFlight"]["serving"])
        seen.queued += int(member["inFlight"]["queued"])
        seen.requests += int(member["requests"])
        seen.errors += int(member["errors"]["balancer"]) + int(member["errors"]["member"])


_STATES = ("serving", "starting", "draining", "leaving", "down")
