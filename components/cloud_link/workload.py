"""The Pods of both ends of a link, as plain specifications. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.cloud_link.configuration import FOLDER, KEYS, STATE_PORT
from components.pods.template import LEAVING_SECONDS, PULL_SECRET

REPLICAS = 2
USER = 10001
_GRACE = 30
_FIRST_CONNECTION = 300
"""Seconds; after these its container begins anew."""


def deployment_spec(
    name: str,
    labels: Mapping[str, str],
    selector: Mapping[str, str],
    image: Any,
    ports: Sequence[int],
    checksums: Mapping[str, Any],
    started: str,
) -> dict[str, Any]:
    """Two Pods that are alike. They count as started when `started`, a path of their state, says yes."""
    probe = {"port": STATE_PORT, "scheme": "HTTPS"}
    container = {
        "name": "proxy",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        # Process 1 itself: it hears the signal below.
        "command": ["/usr/sbin/haproxy", "-W", "-db", "-f", f"{FOLDER}/config/haproxy.cfg"],
        "ports": [{"name": f"p{port}", "containerPort": port} for port in (*ports, STATE_PORT)],
        "startupProbe": {
            "httpGet": {"path": started, **probe},
            # Addresses count as alive until they have been looked at for the first time.
            "initialDelaySeconds": 1,
            "periodSeconds": 1,
            "timeoutSeconds": 2,
            "failureThreshold": _FIRST_CONNECTION,
        },
        "readinessProbe": {
            "httpGet": {"path": "/alive", **probe},
            "periodSeconds": 2,
            "timeoutSeconds": 2,
            "failureThreshold": 2,
        },
        "livenessProbe": {
            "httpGet": {"path": "/alive", **probe},
            "periodSeconds": 5,
            "timeoutSeconds": 3,
            "failureThreshold": 4,
        },
        # New connections come until every host knows; open ones end by themselves, or after the grace.
        "lifecycle": {
            "preStop": {
                "exec": {"command": ["/bin/sh", "-c", f"sleep {LEAVING_SECONDS}; kill -USR1 1; sleep 25"]}
            }
        },
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
        },
        "volumeMounts": [
            {"name": "config", "mountPath": f"{FOLDER}/config", "readOnly": True},
            {"name": "keys", "mountPath": KEYS, "readOnly": True},
        ],
    }
    return {
        "replicas": REPLICAS,
        "selector": {"matchLabels": dict(selector)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {
            "metadata": {"labels": dict(labels), "annotations": dict(checksums)},
            "spec": {
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "imagePullSecrets": [{"name": PULL_SECRET}],
                "terminationGracePeriodSeconds": _GRACE,
                "securityContext": {
                    "runAsNonRoot": True,
                    "fsGroup": USER,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "topologySpreadConstraints": [
                    {
                        "maxSkew": 1,
                        "topologyKey": "kubernetes.io/hostname",
                        "whenUnsatisfiable": "ScheduleAnyway",
                        "labelSelector": {"matchLabels": dict(selector)},
                        "matchLabelKeys": ["pod-template-hash"],
                    }
                ],
                "containers": [container],
                "volumes": [
                    {"name": "config", "configMap": {"name": name}},
                    {"name": "keys", "secret": {"secretName": name, "defaultMode": 0o440}},
                ],
            },
        },
    }
