"""`altostratus:application:MaintenancePage`: what answers instead of an application in maintenance."""

import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from blueprints.plan import HOME_COPY, Plan, PlannedPort
from components import kubernetes as k8s
from components.load_balancer.resting import PageService
from components.pods.template import LEAVING_SECONDS, PULL_SECRET

TYPE = "altostratus:application:MaintenancePage"
NAME = "altostratus-maintenance"
PORT = 8080
REPLICAS = 2
_USER = 10001
_HEALTH = "/.altostratus/health"
_WEB = {"http", "http2", "websocket", "grpc"}

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{name}: maintenance</title>
<style>body {{ font: 1.1em/1.5 sans-serif; max-width: 34em; margin: 20vh auto; padding: 0 1em }}</style>
<h1>Back soon</h1>
<p>{name} is in maintenance. Please try again in a little while.</p>
"""


@dataclass(frozen=True)
class Maintenance:
    """An application is in maintenance: the page's HTML (None: a plain one of ours), and after how many
    seconds clients may ask again."""

    page: str | None
    retry_after: int


def is_replaced(port: PlannedPort) -> bool:
    """Whether the page answers at this port: those that people outside reach with a browser.

    A port that its members encrypt themselves is left out: the page has none of their certificates.
    """
    return port.exposure != "cluster" and port.protocol in _WEB


class MaintenancePage(pulumi.ComponentResource):
    """Pods that answer every request with the page, 503 and Retry-After.

    `selector` picks them; `service` is theirs, for the application's own load balancers (None: it has none).
    """

    selector: Mapping[str, str]
    service: PageService | None

    def __init__(
        self,
        plan: Plan,
        maintenance: Maintenance,
        image: pulumi.Input[str],
        namespace: pulumi.Input[str],
        labels: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(TYPE, NAME, None, opts)
        self.selector = {"app.kubernetes.io/name": NAME, "altostratus.dev/copy": plan.copy}
        labels = {**labels, **self.selector}
        name = NAME if plan.copy == HOME_COPY else f"{NAME}-{plan.copy}"
        about: dict[str, Any] = {"name": name, "namespace": namespace, "labels": labels}
        children = pulumi.ResourceOptions(parent=self)
        page = maintenance.page or _PAGE.format(name=html.escape(plan.application.name))
        retry = f"add_header Retry-After {maintenance.retry_after} always;\n"
        files = k8s.core.v1.ConfigMap(
            name, metadata=about, data={"page.html": page, "retry.conf": retry}, opts=children
        )
        k8s.networking.v1.NetworkPolicy(
            name,
            metadata=about,
            spec={
                "podSelector": {"matchLabels": self.selector},
                "policyTypes": ["Ingress"],
                "ingress": [{"ports": [{"port": PORT, "protocol": "TCP"}]}],
            },
            opts=children,
        )
        k8s.apps.v1.Deployment(
            name,
            metadata=about,
            spec=_spec(labels, self.selector, name, image, [page, retry]),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[files]),
        )
        self.service = None
        if plan.balancers:
            self.service = PageService(name, "http", PORT, _HEALTH, REPLICAS, self.selector)
            k8s.core.v1.Service(
                name,
                metadata=about,
                spec={
                    "selector": dict(self.selector),
                    "ports": [{"name": "http", "port": 80, "targetPort": PORT, "protocol": "TCP"}],
                },
                opts=children,
            )
        self.register_outputs({})


def _spec(
    labels: Mapping[str, str],
    selector: Mapping[str, str],
    name: str,
    image: pulumi.Input[str],
    content: list[str],
) -> dict[str, Any]:
    health = {"path": _HEALTH, "port": PORT}
    container = {
        "name": "page",
        "image": image,
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {"httpGet": health, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": LEAVING_SECONDS}}},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
        },
        "volumeMounts": [
            {"name": "page", "mountPath": "/etc/altostratus/page", "readOnly": True},
            {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108
        ],
    }
    return {
        "replicas": REPLICAS,
        "selector": {"matchLabels": dict(selector)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {
            "metadata": {
                "labels": dict(labels),
                "annotations": {"altostratus.dev/page-checksum": _checksum(content)},
            },
            "spec": {
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "imagePullSecrets": [{"name": PULL_SECRET}],
                "terminationGracePeriodSeconds": LEAVING_SECONDS + 5,
                "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                "topologySpreadConstraints": [
                    {
                        "maxSkew": 1,
                        "topologyKey": "kubernetes.io/hostname",
                        "whenUnsatisfiable": "ScheduleAnyway",
                        "labelSelector": {"matchLabels": dict(selector)},
                    }
                ],
                "containers": [container],
                "volumes": [
                    {"name": "page", "configMap": {"name": name}},
                    {"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}},
                ],
            },
        },
    }


def _checksum(content: list[str]) -> str:
    return hashlib.sha256("\0".join(content).encode()).hexdigest()[:16]
