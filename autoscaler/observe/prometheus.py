"""Factors from a Prometheus server: the policies' own queries, over its HTTP API.

Settings: `url` (https or http), `tokenFile` (sent as a bearer token), `caFile` (PEM, for servers that no
public authority vouches for). In a query `$application`, `$cluster`, `$namespace`, `$copy` and `$cloud` are
filled in, each as a string that is safe inside double quotes; `$cluster` is the cluster's Kubernetes name,
as its members' label `altostratus.dev/cluster` has it.

A query that gives one value is the whole cluster's. One that gives several with a label `pod` is by member.
No value, or one that is no number, is no measurement: never zero. Prometheus answers with the time that it
evaluated for; how old the samples under it are it does not say, so a query should not reach back further
than its data is wanted (Prometheus' own limit is five minutes).
"""

from __future__ import annotations

import asyncio
import math
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import httpx2

from autoscaler.observe.source import Cloud, Measurement, Report, SourceError, Target

ANSWER_SECONDS = 4.0
AT_ONCE = 8


class PrometheusSource:
    """One Prometheus server; every metric of every policy is one query for each cluster and period."""

    name = "prometheus"

    def __init__(self, cloud: Cloud, clock: Callable[[], float] = time.time) -> None:
        settings = cloud.settings
        unknown = sorted(set(settings) - {"url", "tokenFile", "caFile"})
        if unknown:
            raise SourceError(
                f"prometheus: unknown setting {unknown[0]!r}; allowed are url, tokenFile, caFile"
            )
        url = settings.get("url")
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise SourceError(
                f"prometheus: url is {url!r}; write its address, such as https://prometheus.example.org"
            )
        token = settings.get("tokenFile")
        self._token_file = Path(str(token)) if token else None
        if self._token_file is not None and not url.startswith("https://"):
            raise SourceError(
                "prometheus: a token is only sent over https; change url, or leave tokenFile out"
            )
        self._client = httpx2.AsyncClient(
            base_url=url.rstrip("/"), timeout=ANSWER_SECONDS, verify=_trust(settings.get("caFile"))
        )
        self._clock = clock
        self._lane = asyncio.Semaphore(AT_ONCE)

    async def close(self) -> None:
        await self._client.aclose()

    async def collect(self, targets: Sequence[Target], report: Report) -> None:
        headers = {} if self._token_file is None else {"Authorization": f"Bearer {self._token()}"}
        asked = [(target, name, query) for target in targets for name, query in target.queries.items()]
        problems = [
            each
            for each in await asyncio.gather(*(self._ask(*one, headers, report) for one in asked))
            if each
        ]
        if problems and len(problems) == len(asked):
            raise SourceError(problems[0])

    def _token(self) -> str:
        assert self._token_file is not None
        try:
            return self._token_file.read_text("utf-8").strip()
        except OSError as error:
            raise SourceError(f"{self._token_file} cannot be read: {error.strerror}") from error

    async def _ask(
        self, target: Target, name: str, query: str, headers: Mapping[str, str], report: Report
    ) -> str:
        """One query; what went wrong in words, or nothing."""
        now = self._clock()
        try:
            async with self._lane:
                answer = await self._client.post(
                    "/api/v1/query", data={"query": filled_in(query, target)}, headers=dict(headers)
                )
            found = answer.json()
        except (httpx2.HTTPError, OSError) as error:
            return f"no answer: {str(error) or type(error).__name__}"
        except ValueError:
            return f"answered {answer.status_code}, and no JSON"
        if answer.status_code != 200 or not isinstance(found, dict) or found.get("status") != "success":
            why = found.get("error") if isinstance(found, dict) else None
            return f"{name} of {target.place.cluster}: {why or f'answered {answer.status_code}'}"
        for member, value in values(found.get("data") or {}):
            report(Measurement(target.place, name, member, value, now))
        return ""


def filled_in(query: str, target: Target) -> str:
    """The query with the names of what it is about."""
    names = {
        "application": target.application,
        "cluster": target.name,
        "namespace": target.place.namespace,
        "copy": target.place.copy,
        "cloud": target.place.cloud,
    }
    safe = {name: text.replace("\\", "\\\\").replace('"', '\\"') for name, text in names.items()}
    return Template(query).safe_substitute(safe)


def values(data: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Values by member, or one under the name "" for the whole cluster; what is no number is left out."""
    kind, result = data.get("resultType"), data.get("result") or []
    if kind == "scalar":
        return [("", value) for value in [_number(result)] if value is not None]
    if kind != "vector":
        return []
    found = [((each.get("metric") or {}).get("pod", ""), _number(each.get("value"))) for each in result]
    known = [(member, value) for member, value in found if value is not None]
    # Several values that no member goes with cannot be told apart: none of them is the cluster's.
    return known if len(known) == 1 or all(member for member, _ in known) else []


def _number(sample: Any) -> float | None:
    try:
        value = float(sample[1])
    except (TypeError, ValueError, IndexError):
        return None
    return value if math.isfinite(value) and value >= 0.0 else None


def _trust(authority: object) -> ssl.SSLContext | bool:
    if not authority:
        return True
    try:
        return ssl.create_default_context(cafile=str(authority))
    except (OSError, ssl.SSLError) as error:
        raise SourceError(f"prometheus: caFile {authority} cannot be used: {error}") from error
