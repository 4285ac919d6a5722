"""What the bench asks of the demo's cluster, and changes in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from toolchain.plugins.kubernetes.client import ApiError, Client

Object = Mapping[str, Any]
DEPLOYMENT = "/apis/apps/v1/namespaces/app-{}/deployments/web"
PODS = "/api/v1/namespaces/app-{}/pods"


def replicas(client: Client, application: str) -> tuple[int, int]:
    """Wanted and ready members."""
    found = client.get(DEPLOYMENT.format(application))
    return int(found["spec"]["replicas"]), int(found.get("status", {}).get("readyReplicas", 0))


def order(client: Client, application: str, members: int) -> None:
    """Set the count by hand."""
    change = {"op": "replace", "path": "/spec/replicas", "value": members}
    client.patch(DEPLOYMENT.format(application), [change])


def alone(client: Client, application: str) -> bool:
    """Whether one member is wanted, one is ready, and none is still ending."""
    if replicas(client, application) != (1, 1):
        return False
    labels = client.get(DEPLOYMENT.format(application))["spec"]["selector"]["matchLabels"]
    chosen = ",".join(f"{key}={value}" for key, value in labels.items())
    return len(client.get(PODS.format(application), labelSelector=chosen)["items"]) == 1


def wait(condition: Callable[[], bool], what: str, limit: float = 600.0) -> None:
    """Until the condition holds. Raises SystemExit after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {limit:.0f} s: {what}")
        time.sleep(0.5)


def gateway(client: Client) -> str:
    """This machine's address on the network of the demo's hosts."""
    address = str(client.get("/api/v1/nodes")["items"][0]["status"]["addresses"][0]["address"])
    return ".".join([*address.split(".")[:3], "1"])


@contextmanager
def there(client: Client, collection: str, content: Object) -> Iterator[None]:
    """An object while the block lasts; one that a killed bench left is replaced."""
    path = f"{collection}/{content['metadata']['name']}"
    gone(client, path)
    client.create(collection, dict(content))
    try:
        yield
    finally:
        gone(client, path)


@contextmanager
def all_there(client: Client, objects: list[tuple[str, Object]]) -> Iterator[None]:
    """Several of them, in their order; gone in the other one."""
    with ExitStack() as stack:
        for collection, content in objects:
            stack.enter_context(there(client, collection, content))
        yield


def gone(client: Client, path: str, limit: float = 90.0) -> None:
    """Delete an object, if it is there, and see that it is gone."""
    try:
        client.delete(path, "Background")
    except ApiError as error:
        if error.code != 404:
            raise
    wait(lambda: client.find(path) is None, f"{path} is gone", limit)


def outside(name: str, namespace: str, address: str, port: int, listens: int) -> list[tuple[str, Object]]:
    """A Service of `port` whose only endpoint is a program outside of the cluster, listening on `listens`."""
    services = f"/api/v1/namespaces/{namespace}/services"
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"name": "https", "port": port, "targetPort": listens}]},
    }
    labels = {"kubernetes.io/service-name": name}
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": "IPv4",
        "metadata": {"name": name, "labels": labels},
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": listens}],
    }
    return [(services, service), (slices, endpoints)]
