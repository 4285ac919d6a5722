"""What both ends of a link are made of: a configuration, keys, and two Pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components import kubernetes as k8s
from components.cloud_link.keys import EndKeys
from components.cloud_link.workload import deployment_spec
from components.cluster import CONFIG_CHECKSUM, SECRETS_CHECKSUM, checksum
from components.pods.workload import AWAIT_SECONDS

_AWAIT = 420
NAME_LABEL = "app.kubernetes.io/name"


@dataclass(frozen=True)
class Place:
    """Where an end stands. `labels` are of everything there; `copy` is the application's copy there."""

    namespace: pulumi.Input[str]
    labels: Mapping[str, str]
    copy: str
    image: pulumi.Input[str]

    def selector(self, name: str) -> dict[str, str]:
        """The labels that pick exactly the Pods of an end."""
        return {NAME_LABEL: name, "altostratus.dev/copy": self.copy}

    def about(self, name: str, of: str, **annotations: str) -> dict[str, Any]:
        """The metadata of an object of the end `of`."""
        labels = {**self.labels, **self.selector(of)}
        found: dict[str, Any] = {"name": name, "namespace": self.namespace, "labels": labels}
        return {**found, "annotations": annotations} if annotations else found


def create_proxy(
    name: str,
    place: Place,
    configuration: pulumi.Input[str],
    keys: EndKeys,
    ports: Sequence[int],
    started: str,
    parent: pulumi.Resource,
) -> pulumi.Resource:
    """Its Deployment. Pods are replaced when, and only when, what they read has changed."""
    children = pulumi.ResourceOptions(parent=parent)
    files = {"haproxy.cfg": configuration}
    secrets: dict[str, pulumi.Output[str]] = {"tls.pem": keys.own, "authority.pem": keys.authority}
    needed: list[pulumi.Resource] = [
        k8s.core.v1.ConfigMap(name, metadata=place.about(name, name), data=files, opts=children),
        k8s.core.v1.Secret(
            name,
            metadata=place.about(name, name),
            type="Opaque",
            string_data=secrets,
            opts=children,
        ),
    ]
    checksums = {
        CONFIG_CHECKSUM: pulumi.Output.all(**files).apply(checksum),
        SECRETS_CHECKSUM: _secret(pulumi.Output.all(**secrets).apply(checksum)),
    }
    selector = place.selector(name)
    made: pulumi.Resource = k8s.apps.v1.Deployment(
        name,
        metadata=place.about(name, name, **{AWAIT_SECONDS: str(_AWAIT)}),
        spec=deployment_spec(
            name, {**place.labels, **selector}, selector, place.image, ports, checksums, started
        ),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=needed),
    )
    return made


def _secret(value: pulumi.Output[str]) -> pulumi.Output[str]:
    found: pulumi.Output[str] = pulumi.Output.secret(value)
    return found
