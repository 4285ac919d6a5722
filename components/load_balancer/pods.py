"""What drivers with Pods of their own share: everything around the program's configuration."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import pulumi

from blueprints.balancing.capabilities import Capabilities
from blueprints.balancing.model import Balancer
from components import kubernetes as k8s
from components.hosts.pki import Password
from components.load_balancer.certificates import MADE, Certificates, folders
from components.load_balancer.drivers.driver import Facts, Made, Site
from components.load_balancer.workload import (
    SEES_MEMBERS,
    Names,
    deployment_spec,
    disruption_budget_spec,
    network_policy_spec,
    replicas,
    role_rules,
    service_spec,
)
from components.pods.errors import ApplicationError
from components.pods.workload import AWAIT_SECONDS, SKIP_AWAIT

_TOKEN_LENGTH = 40
_AWAIT = 420


class PodDriver(ABC):
    """A driver whose balancers are Pods that run a program under the balancer's agent."""

    program: ClassVar[str]
    """The program's name; its image is called so by the platform."""
    capabilities: Capabilities

    @abstractmethod
    def configuration(self, balancer: Balancer, facts: Facts) -> Mapping[str, str]:
        """Its configuration as files by name. Pure."""

    def create(self, balancer: Balancer, site: Site, parent: pulumi.Resource) -> Made:
        """Register Deployment, Service, rights, certificates and the rest."""
        return _Pods(self, balancer, site, parent).made


class _Pods:
    def __init__(self, driver: PodDriver, balancer: Balancer, site: Site, parent: pulumi.Resource) -> None:
        self._balancer, self._site = balancer, site
        self._parent = parent
        self._children = pulumi.ResourceOptions(parent=parent)
        self._names = Names(balancer)
        self._image = _image(driver.program, balancer, site)
        service = self._create_service()
        ports = self._ports(service)
        account = self._create_account()
        token = self._create_token()
        certificates = Certificates(balancer, site, self._names, self._metadata, parent)
        files = self._configuration(driver, ports)
        config = k8s.core.v1.ConfigMap(
            self._names.config, metadata=self._metadata(self._names.config), data=files, opts=self._children
        )
        self._create_policies()
        self._create_deployment(files, [*account, *certificates.secrets, config, token])
        self.made = Made(
            self._addresses(service),
            ports,
            {
                "authority": pulumi.Output.unsecret(certificates.authority),
                # The https listeners whose certificate for names nobody gave one for is signed by it.
                "made": [name for name, each in folders(self._balancer).items() if each[0] == MADE],
                "tokenSecret": self._names.token,
            },
        )

    def _metadata(self, name: str, **annotations: Any) -> dict[str, Any]:
        found = {"name": name, "namespace": self._site.namespace, "labels": dict(self._balancer.labels)}
        return {**found, "annotations": annotations} if annotations else found

    def _create_service(self) -> k8s.core.v1.Service:
        name = self._balancer.name
        waits = self._balancer.document.exposure == "loadBalancer"
        return k8s.core.v1.Service(
            name,
            metadata=self._metadata(name, **({} if waits else {SKIP_AWAIT: "true"})),
            spec=service_spec(self._balancer),
            opts=self._children,
        )

    def _ports(self, service: k8s.core.v1.Service) -> dict[str, pulumi.Output[int]]:
        exposed = self._balancer.document.exposure == "node"

        def port(index: int, port: int) -> pulumi.Output[int]:
            if not exposed:
                return pulumi.Output.from_input(port)
            found: pulumi.Output[int] = service.spec.apply(lambda spec: int(spec["ports"][index]["nodePort"]))
            return found

        return {each.name: port(i, each.port) for i, each in enumerate(self._balancer.listeners)}

    def _addresses(self, service: k8s.core.v1.Service) -> pulumi.Output[list[str]]:
        match self._balancer.document.exposure:
            case "node":
                return pulumi.Output.from_input(self._site.node_addresses).apply(list)
            case "cluster":
                return pulumi.Output.from_input([f"{self._balancer.name}.{self._balancer.namespace}.svc"])
            case _:
                found: pulumi.Output[list[str]] = service.status.apply(_ingress)
                return found

    def _create_account(self) -> list[pulumi.Resource]:
        name = self._balancer.name
        account = k8s.core.v1.ServiceAccount(
            name,
            metadata=self._metadata(name),
            automount_service_account_token=False,
            opts=self._children,
        )
        role = k8s.rbac.v1.Role(
            name, metadata=self._metadata(name), rules=role_rules(self._balancer), opts=self._children
        )
        binding = k8s.rbac.v1.RoleBinding(
            name,
            metadata=self._metadata(name),
            role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            subjects=[{"kind": "ServiceAccount", "name": name, "namespace": self._site.namespace}],
            opts=self._children,
        )
        if self._balancer.scope != "cloud":
            return [account, role, binding]
        return [account, role, binding, *self._create_wide_rights()]

    def _create_wide_rights(self) -> list[pulumi.Resource]:
        # Its members are in namespaces that applications make and remove, before it and after it.
        name = f"altostratus-{self._balancer.name}"
        metadata = {"name": name, "labels": dict(self._balancer.labels)}
        role = k8s.rbac.v1.ClusterRole(name, metadata=metadata, rules=[SEES_MEMBERS], opts=self._children)
        binding = k8s.rbac.v1.ClusterRoleBinding(
            name,
            metadata=metadata,
            role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            subjects=[
                {
                    "kind": "ServiceAccount",
                    "name": self._balancer.name,
                    "namespace": self._site.namespace,
                }
            ],
            opts=self._children,
        )
        return [role, binding]

    def _create_token(self) -> pulumi.Resource:
        name = self._names.token
        token = Password(name, length=_TOKEN_LENGTH, opts=self._children).value
        secret: pulumi.Output[str] = pulumi.Output.secret(token)
        made: pulumi.Resource = k8s.core.v1.Secret(
            name,
            metadata=self._metadata(name),
            type="Opaque",
            string_data={"token": secret},
            opts=self._children,
        )
        return made

    def _configuration(
        self, driver: PodDriver, ports: Mapping[str, pulumi.Output[int]]
    ) -> pulumi.Output[dict[str, str]]:
        balancer, site = self._balancer, self._site
        count = replicas(balancer, site.members)

        def write(known: Mapping[str, int]) -> dict[str, str]:
            facts = Facts(
                site.cloud, count, {name: int(port) for name, port in known.items()}, folders(balancer)
            )
            return dict(driver.configuration(balancer, facts))

        files: pulumi.Output[dict[str, str]] = pulumi.Output.all(**ports).apply(write)
        return files

    def _create_policies(self) -> None:
        name = self._balancer.name
        k8s.networking.v1.NetworkPolicy(
            name, metadata=self._metadata(name), spec=network_policy_spec(self._balancer), opts=self._children
        )
        k8s.policy.v1.PodDisruptionBudget(
            name,
            metadata=self._metadata(name),
            spec=disruption_budget_spec(self._balancer),
            opts=self._children,
        )

    def _create_deployment(self, files: pulumi.Output[dict[str, str]], needed: list[pulumi.Resource]) -> None:
        name = self._balancer.name
        k8s.apps.v1.Deployment(
            name,
            metadata=self._metadata(name, **{AWAIT_SECONDS: str(_AWAIT)}),
            spec=deployment_spec(
                self._balancer,
                replicas(self._balancer, self._site.members),
                self._image,
                files.apply(_checksum),
                folders(self._balancer),
                self._names,
            ),
            opts=pulumi.ResourceOptions(parent=self._parent, depends_on=needed),
        )


def _image(program: str, balancer: Balancer, site: Site) -> pulumi.Input[str]:
    if program not in site.images:
        raise ApplicationError(
            f"the load balancer {balancer.document.name} needs the image {program}, which the platform of "
            f"cloud {site.cloud} does not build (it has {', '.join(sorted(site.images)) or 'none'}).\n"
            f"  Update it first: pulumi up --stack platform-{site.cloud}"
        )
    return site.images[program]


def _checksum(files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()[:16]


def _ingress(status: Any) -> list[str]:
    entries = ((status or {}).get("loadBalancer") or {}).get("ingress") or []
    return [str(entry.get("ip") or entry.get("hostname")) for entry in entries]
