"""From documents, an application's plan and live data to a placement problem. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from blueprints.composition import ComposedGroup, ComposedLevel
from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.kinds.cartridge_use import UNBOUNDED
from blueprints.kinds.containers import Resources
from blueprints.kinds.deployment_policy import DeploymentPolicy, NetworkPartitionShare
from blueprints.kinds.network_partition import NetworkPartition
from blueprints.kinds.tenant import Tenant
from blueprints.plan import Plan, PlannedCluster
from blueprints.workspace import Workspace
from policies.placement.live import Live
from policies.placement.problem import Demand, Network, Place, Problem, Rules, Share

EVERYWHERE = "everywhere"
"""The partition of a cloud that no document divides."""


def problem_of(workspace: Workspace, plan: Plan, live: Live | None = None, home: str = "local") -> Problem:
    """The problem of placing an application at its plan's scale.

    `home` is the cloud of clusters that no policy sends anywhere. Raises DocumentError where a policy
    is not there.
    """
    live = live or Live()
    rules = _RulesReader(workspace, plan, home)
    units = _Units(workspace.compose(plan.application.name))
    demands = tuple(_demand(plan, cluster, rules, units, live) for cluster in plan.clusters.values())
    return Problem(demands, live.hosts, live.quota_used)


def _demand(
    plan: Plan, cluster: PlannedCluster, rules: "_RulesReader", units: "_Units", live: Live
) -> Demand:
    cpu, memory = requests(cluster)
    together = units.owner(cluster)
    return Demand(
        cluster.id,
        cluster.members,
        rules.of(cluster.deployment),
        minimum=min(cluster.bounds.min, cluster.members),
        cpu=cpu,
        memory=memory,
        now=live.members.get(cluster.id, {}),
        unschedulable=live.unschedulable.get(cluster.id, {}),
        near=tuple(
            near for near in _near(plan, cluster, rules.near(cluster.deployment)) if near != cluster.id
        ),
        together=together,
    )


def requests(cluster: PlannedCluster) -> tuple[int, int]:
    """What a member asks for: thousandths of a processor, and bytes of memory.

    As Kubernetes counts: all containers that run side by side, or the largest that runs before them; a
    limit stands in for a request that is left out.
    """
    cartridge = cluster.cartridge
    beside = [cluster.resources, *(each.resources for each in cartridge.sidecars)]
    first = [each.resources for each in cartridge.init]
    cpu = max([sum(map(_cpu, beside)), *map(_cpu, first)])
    memory = max([sum(map(_memory, beside)), *map(_memory, first)])
    return cpu, memory


def _cpu(resources: Resources) -> int:
    asked = resources.requests.cpu or resources.limits.cpu
    return asked.millicores if asked is not None else 0


def _memory(resources: Resources) -> int:
    asked = resources.requests.memory or resources.limits.memory
    return asked.bytes if asked is not None else 0


def _near(plan: Plan, cluster: PlannedCluster, paths: Iterable[str]) -> list[str]:
    """The clusters that paths of aliases mean to this one: those of its own group instance come alone."""
    found: list[str] = []
    for path in paths:
        named = [
            each
            for each in plan.clusters.values()
            if path in (each.path, each.alias) or each.path.startswith(f"{path}/")
        ]
        own = [each for each in named if each.level and each.level == cluster.level]
        found += [each.id for each in own or named]
    return list(dict.fromkeys(found))


class _Units:
    """Which group instance a cluster is kept together with: the one whose group has the deployment policy."""

    def __init__(self, root: ComposedLevel) -> None:
        self._root = root

    def owner(self, cluster: PlannedCluster) -> str:
        """The group instance's id; empty where the policy is the cluster's or the application's."""
        steps = cluster.level.split("/") if cluster.level else []
        aliases = tuple(step.rpartition(".")[0] for step in steps)
        for depth in range(len(steps), 0, -1):
            group = self._root.descend(aliases[:depth])
            if isinstance(group, ComposedGroup) and group.use.deployment is not None:
                return "/".join(steps[:depth])
        return ""


class _RulesReader:
    """Deployment policies under the application's own policy and its tenant's bounds."""

    def __init__(self, workspace: Workspace, plan: Plan, home: str) -> None:
        self._workspace = workspace
        self._home = home
        application = plan.application
        self._order = (
            workspace.get(ApplicationPolicy, application.placement) if application.placement else None
        )
        tenant = workspace.get(Tenant, application.tenant) if application.tenant else None
        self._tenant = tenant.name if tenant and tenant.clouds else ""
        self._allowed = frozenset(tenant.clouds) if tenant and tenant.clouds else None
        self._known: dict[str | None, Rules] = {}

    def of(self, policy: str | None) -> Rules:
        """The rules of a policy by name, or of none."""
        if policy not in self._known:
            self._known[policy] = self._named(policy) if policy else self._without()
        return self._known[policy]

    def near(self, policy: str | None) -> tuple[str, ...]:
        """The clusters that a policy wants to be near."""
        return tuple(self._workspace.get(DeploymentPolicy, policy).near) if policy else ()

    def _named(self, name: str) -> Rules:
        policy = self._workspace.get(DeploymentPolicy, name)
        networks = [self._network(share) for share in policy.network_partitions]
        groups, left_out = self._ordered({network.name: network for network in networks})
        quota = policy.quota.members if policy.quota else None
        return Rules(name, groups, policy.spread, policy.prefer_cheap, quota, left_out)

    def _without(self) -> Rules:
        """Without a policy members go to the application's places in order, or to its only cloud."""
        if self._order is None:
            place = Place(self._home, EVERYWHERE, self._home)
            only = Network(self._home, "one-after-another", (Share(place, UNBOUNDED),))
            return Rules("no deployment policy", ((only,),))
        networks = {
            name: Network(
                name,
                "one-after-another",
                tuple(Share(place, UNBOUNDED) for place in self._places(name).values()),
            )
            for group in self._order.groups
            for name in group
        }
        groups, left_out = self._ordered(networks)
        return Rules(self._order.name, groups, left_out=left_out)

    def _network(self, share: NetworkPartitionShare) -> Network:
        places = self._places(share.name)
        return Network(
            share.name,
            share.order,
            tuple(Share(places[p.name], p.max, p.min, p.weight) for p in share.partitions),
        )

    def _places(self, network: str) -> dict[str, Place]:
        document = self._workspace.get(NetworkPartition, network)
        return {
            each.name: Place(
                network,
                each.name,
                document.cloud,
                each.zone or "",
                each.region or "",
                tuple(sorted(each.node_labels.items())),
                each.cost,
            )
            for each in document.partitions
        }

    def _ordered(
        self, networks: Mapping[str, Network]
    ) -> tuple[tuple[tuple[Network, ...], ...], dict[str, str]]:
        """The application policy's groups, or each network by itself; and those left out, with the reason."""
        left_out = {
            name: f"tenant {self._tenant} may not use it"
            for name in networks
            if self._allowed is not None and name not in self._allowed
        }
        if self._order is None:
            groups: Iterable[tuple[str, ...]] = ((name,) for name in networks)
        else:
            groups = self._order.groups
            if self._order.order == "all-at-once":
                groups = (tuple(name for group in groups for name in group),)
            named = {name for group in self._order.groups for name in group}
            left_out |= {
                name: f"the application policy {self._order.name} does not name it"
                for name in networks
                if name not in named and name not in left_out
            }
        used = [tuple(networks[n] for n in group if n in networks and n not in left_out) for group in groups]
        return tuple(group for group in used if group), left_out


def restricted(rules: Rules, networks: Iterable[str], why: str) -> Rules:
    """The rules with only some of their network partitions, as for one copy of an application."""
    kept = frozenset(networks)
    groups = tuple(tuple(n for n in group if n.name in kept) for group in rules.groups)
    gone = {n.name: why for n in rules.networks if n.name not in kept}
    return replace(rules, groups=tuple(g for g in groups if g), left_out={**rules.left_out, **gone})
