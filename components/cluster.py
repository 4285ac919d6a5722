"""`altostratus:application:Cluster`: the members of one cartridge, and how they are reached."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pulumi

from blueprints.plan import PlannedCluster, PlannedPort
from components import kubernetes as k8s
from components import maintenance_page
from components.maintenance_page import MaintenancePage, is_replaced
from components.pods.exports import Exports, Value
from components.pods.template import Images, Members, config_object, members, secret_object, shared_claim
from components.pods.volumes import claim_spec, protects_data
from components.pods.workload import (
    AWAIT_SECONDS,
    SKIP_AWAIT,
    Lead,
    await_seconds,
    deployment_spec,
    disruption_budget_spec,
    headless_service_spec,
    metadata,
    primary_service_spec,
    service_spec,
    stateful_set_spec,
)
from policies.placement.scheduling import WITHOUT, Scheduling

TYPE = "altostratus:application:Cluster"
CONFIG_CHECKSUM = "altostratus.dev/config-checksum"
SECRETS_CHECKSUM = "altostratus.dev/secrets-checksum"


class Cluster(pulumi.ComponentResource):
    """One cluster of an application.

    Who depends on it waits until all its members are ready. Outputs: `services`, host:port by port
    name, and `node_ports`, the port on every host by port name, for ports exposed on hosts.
    """

    services: Mapping[str, str]
    node_ports: Mapping[str, pulumi.Output[int]]

    def __init__(
        self,
        planned: PlannedCluster,
        exports: Exports,
        images: Images,
        namespace: pulumi.Input[str],
        page: MaintenancePage | None = None,
        told: Scheduling = WITHOUT,
        home: Lead | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`home`: who takes the writes, where these members follow that."""
        super().__init__(TYPE, planned.name, None, opts)
        self._planned = planned
        self._page = page
        self._namespace = namespace
        self._children = pulumi.ResourceOptions(parent=self)
        made = members(planned, exports, images, told)
        needed = [*self._create_settings(made), *self._create_shared_claims()]
        workload = self._create_workload(_with_checksums(made), needed)
        node_ports = {port.name: self._create_service(port, workload) for port in planned.ports}
        for port in planned.ports:
            self._create_primary(port, home)
        if planned.bounds.max > 1:
            self._create_disruption_budget()
        self.services = {port.name: f"{port.host}:{port.service_port}" for port in planned.ports}
        self.node_ports = {name: port for name, port in node_ports.items() if port is not None}
        self.register_outputs({"services": self.services, "nodePorts": self.node_ports})

    def _metadata(self, name: str, **annotations: Any) -> dict[str, Any]:
        found = metadata(self._planned, self._namespace, name)
        return {**found, "annotations": annotations} if annotations else found

    def _create_settings(self, made: Members) -> list[pulumi.Resource]:
        created: list[pulumi.Resource] = []
        if made.config:
            name = config_object(self._planned)
            created.append(
                k8s.core.v1.ConfigMap(
                    name, metadata=self._metadata(name), data=made.config, opts=self._children
                )
            )
        if made.secrets:
            name = secret_object(self._planned)
            created.append(
                k8s.core.v1.Secret(
                    name,
                    metadata=self._metadata(name),
                    type="Opaque",
                    string_data=dict(made.secrets),
                    opts=self._children,
                )
            )
        return created

    def _create_shared_claims(self) -> list[pulumi.Resource]:
        claims: list[pulumi.Resource] = []
        for data in self._planned.persistence:
            if not data.shared:
                continue
            name = shared_claim(self._planned, data.name)
            claims.append(
                k8s.core.v1.PersistentVolumeClaim(
                    name,
                    # A class that binds late binds when the first member starts, which waits for this.
                    metadata=self._metadata(name, **{SKIP_AWAIT: "true"}),
                    spec=claim_spec(data, "ReadWriteMany"),
                    opts=pulumi.ResourceOptions(
                        parent=self, protect=data.protect, retain_on_delete=data.retain
                    ),
                )
            )
        return claims

    def _create_service(self, port: Any, workload: pulumi.Resource) -> pulumi.Output[int] | None:
        # Readiness is the workload's to tell: a cluster at zero members has no endpoints to wait for.
        waits = port.exposure == "loadBalancer"
        spec, options = service_spec(self._planned, port), self._children
        if is_replaced(port):
            # Whoever comes to these ports meets the page until members serve, and members until it does.
            if self._page is not None:
                spec["selector"] = dict(self._page.selector)
                spec["ports"][0]["targetPort"] = maintenance_page.PORT
            options = pulumi.ResourceOptions(parent=self, depends_on=[self._page or workload])
        service = k8s.core.v1.Service(
            port.service,
            metadata=self._metadata(port.service, **({} if waits else {SKIP_AWAIT: "true"})),
            spec=spec,
            opts=options,
        )
        if port.exposure != "node":
            return None
        found: pulumi.Output[int] = service.spec.apply(lambda spec: int(spec["ports"][0]["nodePort"]))
        return found

    def _create_primary(self, port: PlannedPort, home: Lead | None) -> None:
        if not port.primary:
            return
        k8s.core.v1.Service(
            port.primary,
            metadata=self._metadata(port.primary, **{SKIP_AWAIT: "true"}),
            spec=primary_service_spec(self._planned, port, home),
            opts=self._children,
        )

    def _create_workload(self, made: Members, needed: list[pulumi.Resource]) -> pulumi.Resource:
        name = self._planned.name
        described = self._metadata(name, **{AWAIT_SECONDS: str(await_seconds(self._planned))})
        options = pulumi.ResourceOptions(parent=self, depends_on=needed)
        if not self._planned.cartridge.stateful:
            deployment: pulumi.Resource = k8s.apps.v1.Deployment(
                name, metadata=described, spec=deployment_spec(self._planned, made), opts=options
            )
            return deployment
        headless = k8s.core.v1.Service(
            name,
            metadata=self._metadata(name, **{SKIP_AWAIT: "true"}),
            spec=headless_service_spec(self._planned),
            opts=self._children,
        )
        stateful_set: pulumi.Resource = k8s.apps.v1.StatefulSet(
            name,
            metadata=described,
            spec=stateful_set_spec(self._planned, made),
            opts=pulumi.ResourceOptions.merge(
                options,
                pulumi.ResourceOptions(depends_on=[headless], protect=protects_data(self._planned)),
            ),
        )
        return stateful_set

    def _create_disruption_budget(self) -> None:
        name = self._planned.name
        k8s.policy.v1.PodDisruptionBudget(
            name,
            metadata=self._metadata(name),
            spec=disruption_budget_spec(self._planned),
            opts=self._children,
        )


def _with_checksums(made: Members) -> Members:
    """Annotations by which members are replaced when, and only when, what they read has changed."""
    annotations: dict[str, Any] = dict(made.template["metadata"]["annotations"])
    if made.config:
        annotations[CONFIG_CHECKSUM] = checksum(made.config)
    if made.secrets:
        annotations[SECRETS_CHECKSUM] = _secret_checksum(made.secrets)
    template = {**made.template, "metadata": {**made.template["metadata"], "annotations": annotations}}
    return Members(template, made.config, made.secrets, made.claim_templates)


def checksum(content: Mapping[str, str]) -> str:
    """Sixteen digits over keys and values."""
    return hashlib.sha256(json.dumps(sorted(content.items())).encode()).hexdigest()[:16]


def _secret_checksum(secrets: Mapping[str, Value]) -> pulumi.Output[str]:
    # It stays a secret in the state: a short password could be guessed from its checksum.
    return pulumi.Output.secret(pulumi.Output.all(**secrets).apply(checksum))
