"""`altostratus:application:Application`: a namespace with everything that an application's plan asks for."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from blueprints.balancing.sharing import NAMESPACE
from blueprints.following import followed_of, home_port
from blueprints.plan import Plan, PlannedCluster
from components import kubernetes as k8s
from components.cloud_link.ends import Ends, create_ends
from components.cluster import Cluster
from components.kept_password import KeptPassword
from components.load_balancer.fronting import create_balancers
from components.load_balancer.load_balancer import LoadBalancer
from components.maintenance_page import Maintenance, MaintenancePage
from components.pods.artifact import TRUST_KEY, TRUST_OBJECT
from components.pods.errors import ApplicationError
from components.pods.exports import Exports
from components.pods.security import namespace_level
from components.pods.template import PULL_SECRET, Images
from components.pods.volumes import keeps_data, protects_data
from components.pods.workload import SKIP_AWAIT, Lead, metadata, service_spec
from components.registry_login import RegistryLogin, docker_config
from policies.placement.scheduling import WITHOUT, Scheduling

TYPE = "altostratus:application:Application"
APPLICATION_LABEL = "altostratus.dev/application"
NAME_LABEL = "kubernetes.io/metadata.name"

KEPT_SECRET = "altostratus-kept"  # noqa: S105
"""What comes back to the application when it is made again: its generated passwords."""

_WEB = {"http": "http", "https": "https", "http2": "http", "websocket": "http", "grpc": "http", "tls": "tls"}


class Application(pulumi.ComponentResource):
    """A whole application on one cloud.

    Clusters start in the plan's order: each when those it waits for are ready; a load balancer when what
    it fronts is. Outputs: `urls` (list, one for each exposed port and host, those of load balancers first),
    `namespace`, `clusters` (what is known of each, by id), `balancers` (the same, by name), `gateway` (where
    its other clouds come in), and `handed` (secret: what its parts in other clouds need of it).
    """

    urls: pulumi.Output[list[str]]
    namespace: pulumi.Output[str]
    clusters: pulumi.Output[dict[str, Any]]
    balancers: pulumi.Output[dict[str, Any]]
    gateway: pulumi.Output[dict[str, Any]]
    handed: pulumi.Output[dict[str, Any]] | None

    def __init__(
        self,
        plan: Plan,
        images: Images,
        registry: RegistryLogin,
        node_addresses: pulumi.Input[Sequence[str]],
        kubeconfig: pulumi.Input[str],
        secrets: pulumi.Output[Mapping[str, str]] | None = None,
        cloud: str = "",
        maintenance: Maintenance | None = None,
        schedulings: Mapping[str, Scheduling] | None = None,
        ends: Ends | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(TYPE, plan.application.name, None, opts)
        self._plan = plan
        self._schedulings = schedulings or {}
        self._children = pulumi.ResourceOptions(parent=self)
        self._labels = {
            "app.kubernetes.io/part-of": plan.application.name,
            "app.kubernetes.io/managed-by": "altostratus",
            APPLICATION_LABEL: plan.application.name,
        }
        keeps = any(keeps_data(cluster) for cluster in plan.clusters.values())
        namespace = self._create_namespace(keeps)
        self.namespace = namespace.metadata.apply(lambda metadata: str(metadata["name"]))
        shared: list[pulumi.Resource] = [
            self._create_pull_secret(registry),
            self._create_trust(registry.ca_certificate),
        ]
        self._create_network_policies()
        self._create_family_services()
        passwords = self._create_passwords(kubeconfig, keeps, ends)
        linked = create_ends(
            plan.application.name, ends, self.namespace, self._labels, plan.copy, shared, self
        )
        shared += linked.links
        self.gateway = linked.gateway
        self.handed = _handed(linked.handed, passwords)
        exports = Exports(plan, passwords, secrets)
        page = None if maintenance is None else self._create_page(maintenance, images, shared)
        made = self._create_clusters(exports, images, shared, page, linked.leads)
        self.clusters = pulumi.Output.from_input(
            {identity: _described(plan.clusters[identity], cluster) for identity, cluster in made.items()}
        )
        fronts = self._create_balancers(exports, images, node_addresses, cloud, made, shared, page)
        self.balancers = pulumi.Output.from_input({name: each.described for name, each in fronts.items()})
        direct = pulumi.Output.all(node_addresses, *_exposed(plan, made)).apply(
            lambda known: [
                f"{scheme}://{address}:{port}" for scheme, port in known[1:] for address in known[0]
            ]
        )
        self.urls = pulumi.Output.all(*(each.urls for each in fronts.values()), direct).apply(
            lambda lists: [url for urls in lists for url in urls]
        )
        self.register_outputs(
            {
                "urls": self.urls,
                "namespace": self.namespace,
                "clusters": self.clusters,
                "balancers": self.balancers,
            }
        )

    def _create_namespace(self, keeps: bool) -> k8s.core.v1.Namespace:
        level = namespace_level(self._plan)
        rules = {f"pod-security.kubernetes.io/{mode}": level for mode in ("enforce", "warn", "audit")}
        return k8s.core.v1.Namespace(
            self._plan.namespace,
            metadata={"name": self._plan.namespace, "labels": {**self._labels, **rules}},
            # Its end would be that of all claims in it.
            opts=pulumi.ResourceOptions(
                parent=self,
                retain_on_delete=keeps,
                protect=any(protects_data(cluster) for cluster in self._plan.clusters.values()),
            ),
        )

    def _metadata(self, name: str) -> dict[str, Any]:
        return {"name": name, "namespace": self.namespace, "labels": self._labels}

    def _create_pull_secret(self, registry: RegistryLogin) -> k8s.core.v1.Secret:
        login = pulumi.Output.all(registry.address, registry.username, registry.password)
        config: pulumi.Output[str] = login.apply(lambda known: docker_config(*known))
        secret: pulumi.Output[str] = pulumi.Output.secret(config)
        return k8s.core.v1.Secret(
            PULL_SECRET,
            metadata=self._metadata(PULL_SECRET),
            type="kubernetes.io/dockerconfigjson",
            string_data={".dockerconfigjson": secret},
            opts=self._children,
        )

    def _create_trust(self, ca_certificate: pulumi.Input[str]) -> k8s.core.v1.ConfigMap:
        return k8s.core.v1.ConfigMap(
            TRUST_OBJECT,
            metadata=self._metadata(TRUST_OBJECT),
            data={TRUST_KEY: ca_certificate},
            opts=self._children,
        )

    def _create_network_policies(self) -> None:
        # flannel carries packets and filters none; these speak where a cloud's network does filter.
        k8s.networking.v1.NetworkPolicy(
            "same-application",
            metadata=self._metadata("same-application"),
            spec={
                "podSelector": {},
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [{"podSelector": {}}]}],
            },
            opts=self._children,
        )
        if self._plan.shared:
            k8s.networking.v1.NetworkPolicy(
                "shared-balancers",
                metadata=self._metadata("shared-balancers"),
                spec={
                    "podSelector": {},
                    "policyTypes": ["Ingress"],
                    "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {NAME_LABEL: NAMESPACE}}}]}],
                },
                opts=self._children,
            )
        for cluster in self._plan.clusters.values():
            ports = [port for port in cluster.ports if port.exposure != "cluster"]
            if not ports:
                continue
            name = f"{cluster.name}-public"
            k8s.networking.v1.NetworkPolicy(
                name,
                metadata=self._metadata(name),
                spec={
                    "podSelector": {"matchLabels": dict(cluster.selector)},
                    "policyTypes": ["Ingress"],
                    "ingress": [
                        {"ports": [{"port": p.port, "protocol": p.transport.upper()} for p in ports]}
                    ],
                },
                opts=self._children,
            )

    def _create_passwords(
        self, kubeconfig: pulumi.Input[str], keeps: bool, ends: Ends | None
    ) -> dict[tuple[str, str], pulumi.Output[str]]:
        """The generated passwords, and a Secret with them that outlives the application where data does.

        A part of an application has those of its home.
        """
        if ends is not None and ends.passwords is not None:
            handed = _Handed(ends)
            if self._plan.data is not None:  # its data may become the home's, and they with it
                generated = self._plan.generated
                self._keep(
                    {(family, export): handed[family, export] for family, export, _ in generated}, keeps
                )
            return handed
        made = {
            (family, export): KeptPassword(
                password_key(family, export),
                length=length,
                kubeconfig=kubeconfig,
                namespace=self.namespace,
                secret=KEPT_SECRET,
                key=password_key(family, export),
                opts=self._children,
            ).value
            for family, export, length in self._plan.generated
        }
        self._keep(made, keeps)
        return made

    def _keep(self, passwords: Mapping[tuple[str, str], pulumi.Output[str]], keeps: bool) -> None:
        if passwords:
            k8s.core.v1.Secret(
                KEPT_SECRET,
                metadata=self._metadata(KEPT_SECRET),
                type="Opaque",
                string_data={password_key(*of): value for of, value in passwords.items()},
                opts=pulumi.ResourceOptions(parent=self, retain_on_delete=keeps),
            )

    def _create_family_services(self) -> None:
        for family in self._plan.families.values():
            for port in family.ports:
                k8s.core.v1.Service(
                    port.service,
                    # There may be no copies now.
                    metadata={
                        **metadata(family, self.namespace, port.service),
                        "annotations": {SKIP_AWAIT: "true"},
                    },
                    spec=service_spec(family, port),
                    opts=self._children,
                )

    def _create_balancers(
        self,
        exports: Exports,
        images: Images,
        node_addresses: pulumi.Input[Sequence[str]],
        cloud: str,
        made: Mapping[str, Cluster],
        shared: list[pulumi.Resource],
        page: MaintenancePage | None,
    ) -> dict[str, LoadBalancer]:
        first = shared if page is None else [*shared, page]
        return create_balancers(
            self._plan, exports.secret, images.balancers, self.namespace, node_addresses, cloud,
            lambda clusters: pulumi.ResourceOptions(
                parent=self, depends_on=[*first, *(made[each] for each in clusters if each in made)]
            ),
            None if page is None else page.service,
        )  # fmt: skip

    def _create_page(
        self, maintenance: Maintenance, images: Images, shared: list[pulumi.Resource]
    ) -> MaintenancePage:
        if images.page is None:
            raise ApplicationError("an application in maintenance needs its platform's image of the page")
        options = pulumi.ResourceOptions(parent=self, depends_on=shared)
        return MaintenancePage(self._plan, maintenance, images.page, self.namespace, self._labels, options)

    def _create_clusters(
        self,
        exports: Exports,
        images: Images,
        shared: list[pulumi.Resource],
        page: MaintenancePage | None,
        leads: Mapping[str, Lead],
    ) -> dict[str, Cluster]:
        made: dict[str, Cluster] = {}
        for identity in (identity for stage in self._plan.stages for identity in stage):
            planned = self._plan.clusters[identity]
            before: list[pulumi.Resource] = [made[each] for each in planned.waits_for]
            made[identity] = Cluster(
                planned,
                exports,
                images,
                self.namespace,
                page,
                self._schedulings.get(identity, WITHOUT),
                leads.get(home_port(followed_of(planned)).service) if planned.follows else None,
                pulumi.ResourceOptions(parent=self, depends_on=[*shared, *before]),
            )
        return made


class _Handed(dict[tuple[str, str], pulumi.Output[str]]):
    """Passwords of the home, each asked for when it is used."""

    def __init__(self, ends: Ends) -> None:
        super().__init__()
        self._ends = ends

    def __missing__(self, of: tuple[str, str]) -> pulumi.Output[str]:
        return self._ends.password(password_key(*of))


def password_key(family: str, export: str) -> str:
    """A name for a generated password that Secrets take: letters, digits, `.`, `-` and `_`."""
    return f"{family.replace('/', '_').replace('*', 'all')}-{export}"


def _handed(
    keys: pulumi.Output[Mapping[str, str]] | None, passwords: Mapping[tuple[str, str], pulumi.Output[str]]
) -> pulumi.Output[dict[str, Any]] | None:
    if keys is None:
        return None
    by_name = {password_key(*of): value for of, value in passwords.items()}
    parts: Any = pulumi.Output.all(keys=keys, passwords=pulumi.Output.from_input(by_name))
    handed: pulumi.Output[dict[str, Any]] = pulumi.Output.secret(parts)
    return handed


def _described(planned: PlannedCluster, cluster: Cluster) -> dict[str, Any]:
    return {
        "alias": planned.alias,
        "name": planned.name,
        "cartridge": planned.cartridge.name,
        "members": planned.members,
        "min": planned.bounds.min,
        "max": planned.bounds.max,
        "services": dict(cluster.services),
        "nodePorts": dict(cluster.node_ports),
    }


def _exposed(plan: Plan, made: Mapping[str, Cluster]) -> list[pulumi.Output[list[Any]]]:
    """Scheme and node port of every port that can be reached at the hosts' addresses, in the plan's order."""
    return [
        pulumi.Output.all(_WEB.get(port.protocol, port.protocol), made[cluster.id].node_ports[port.name])
        for cluster in plan.clusters.values()
        for port in cluster.ports
        if port.name in made[cluster.id].node_ports
    ]
