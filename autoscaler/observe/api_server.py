"""An API server as the sources ask it: one client for each cloud, many requests at once."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx2
from lightkube import KubeConfig
from lightkube.config.client_adapter import ConnectionParams

from autoscaler.observe.source import SourceError

CONNECTIONS = 64


def connect(kubeconfig: Path, seconds: float) -> httpx2.AsyncClient:
    """A client with the kubeconfig's identity; each request may take `seconds`."""
    config = KubeConfig.from_file(str(kubeconfig)).get()
    if config is None:
        raise SourceError(f"{kubeconfig} names no cluster to talk to")
    params = ConnectionParams(timeout=httpx2.Timeout(seconds)).httpx_params(config)
    limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    return httpx2.AsyncClient(**params, limits=limits)


async def get(
    client: httpx2.AsyncClient, path: str, headers: dict[str, str] | None = None
) -> httpx2.Response:
    """The answer to a GET. Raises `SourceError` with the reason in words."""
    try:
        answer = await client.get(path, headers=headers)
    except (httpx2.HTTPError, OSError) as error:
        raise SourceError(f"no answer: {str(error) or type(error).__name__}") from error
    if answer.status_code == 403:
        raise SourceError(
            "forbidden: the kubeconfig's user may not read this (deploy/kubernetes shows the rights)"
        )
    if answer.status_code >= 400:
        raise SourceError(f"answered {answer.status_code}: {answer.text[:200].strip()}")
    return answer


def clock_lead(answer: httpx2.Response, now: float) -> float:
    """Seconds that the clock of who answered is ahead of ours; the header is exact to a second only."""
    try:
        there = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return 0.0
    lead = there - now
    return lead if abs(lead) > 1.5 else 0.0
