"""Checks of what leads requests to clusters: domain mappings, load balancers, fixed ports of hosts."""

from collections.abc import Iterable, Iterator

from blueprints.checks.levels import levels_of
from blueprints.composition import ComposedCluster, ComposedGroup, ComposedLevel, DocumentPath
from blueprints.findings import Finding
from blueprints.kinds.application import Application
from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.domain_mapping import DomainMapping
from blueprints.kinds.load_balancer import LoadBalancer
from blueprints.loader import Loaded
from blueprints.nearest import nearest
from blueprints.workspace import Workspace

Roots = dict[str, ComposedLevel]


def check_domain_mappings(documents: Iterable[Loaded], roots: Roots) -> Iterator[Finding]:
    """Domain mappings to clusters that are not there, and two that claim one address."""
    owners: dict[tuple[str, str], Loaded] = {}
    for document in documents:
        model = document.model
        if not isinstance(model, DomainMapping):
            continue
        address = (model.domain, model.path.rstrip("/") or "/")
        owner = owners.setdefault(address, document)
        if owner is not document:
            yield document.finding(
                "ALT1212",
                f"{model.domain}{address[1]} already belongs to DomainMapping {owner.name!r} "
                f"({owner.source.name}:{owner.node.line})",
                ("domain",),
                hint="Give it another domain or path.",
            )
        root = roots.get(model.application)
        if root is None:
            continue
        found = find_cluster(root, model.cluster)
        if found is None:
            yield no_cluster(document, ("cluster",), model.cluster, root)
        elif found.cartridge is not None:
            yield from _port(document, ("port",), model.port, found.cartridge)


def find_cluster(root: ComposedLevel, path: str) -> ComposedCluster | None:
    found = root.descend(tuple(path.split("/")))
    if found is None and "/" not in path:
        matches = [c for p, c in root.paths() if p[-1] == path and isinstance(c, ComposedCluster)]
        found = matches[0] if len(matches) == 1 else None
    return found if isinstance(found, ComposedCluster) else None


def no_cluster(document: Loaded, where: DocumentPath, path: str, root: ComposedLevel) -> Finding:
    known = tuple("/".join(p) for p, c in root.paths(200) if isinstance(c, ComposedCluster))
    close = nearest(path, known)
    return document.finding(
        "ALT1213",
        f"{root.origin.kind} {root.origin.name!r} has no cluster {path!r}",
        where,
        allowed=known,
        nearest=close,
        hint=f"Did you mean {close!r}?" if close else f"It has {', '.join(known[:8]) or 'none'}.",
    )


def _port(document: Loaded, where: DocumentPath, name: str | None, cartridge: Cartridge) -> Iterator[Finding]:
    known = [p.name for p in cartridge.all_ports]
    if (name is not None and name not in known) or not known:
        close = nearest(name, known) if name else ""
        yield document.finding(
            "ALT1213",
            f"the cartridge {cartridge.name!r} has no port {name!r}"
            if name
            else f"the cartridge {cartridge.name!r} has no port to send requests to",
            where if name else where[:-1],
            allowed=tuple(known),
            nearest=close,
            hint=f"Did you mean {close!r}?" if close else f"It has {', '.join(known) or 'none'}.",
        )


def check_load_balancers(document: Loaded, workspace: Workspace) -> Iterator[Finding]:
    """Load balancers asked for where their scope does not fit."""
    model = document.model
    asked: list[tuple[DocumentPath, str, str | None]] = []
    if isinstance(model, Application):
        asked.append((("loadBalancer",), "application", model.load_balancer))
    for place, level in levels_of(document):
        for index, use in enumerate(level.cartridges):
            asked.append(((*place, "cartridges", index, "loadBalancer"), "cluster", use.load_balancer))
        for index, group in enumerate(level.groups):
            asked.append(((*place, "groups", index, "loadBalancer"), "group", group.load_balancer))
    for where, scope, name in asked:
        found = workspace.find("LoadBalancer", name) if name else None
        if found is None or not isinstance(found.model, LoadBalancer):
            continue
        allowed = ("application", "cloud") if scope == "application" else (scope,)
        if found.model.scope not in allowed:
            asker = "application" if found.model.scope == "cloud" else found.model.scope
            yield document.finding(
                "ALT1218",
                f"the load balancer {name!r} is for a {found.model.scope}, and a {scope} asks for it here",
                where,
                hint=f"Ask for it on an {asker}, or set its scope to {scope}."
                if asker == "application"
                else f"Ask for it on a {asker}, or set its scope to {scope}.",
            )


def check_routes(root: ComposedLevel, workspace: Workspace) -> Iterator[Finding]:
    """Routes and targets of an application's load balancers that lead to no cluster."""
    model = root.origin.model
    levels: list[tuple[str | None, ComposedLevel]] = []
    if isinstance(model, Application):
        levels.append((model.load_balancer, root))
    levels += [
        (child.use.load_balancer, child.level)
        for _, child in root.paths()
        if isinstance(child, ComposedGroup)
    ]
    for name, level in levels:
        found = workspace.find("LoadBalancer", name) if name else None
        if found is None or not isinstance(found.model, LoadBalancer) or found.model.scope == "cloud":
            continue
        for index, route in enumerate(found.model.routes):
            cluster = find_cluster(level, route.cluster)
            if cluster is None:
                yield no_cluster(found, ("routes", index, "cluster"), route.cluster, level)
            elif cluster.cartridge is not None:
                yield from _port(found, ("routes", index, "port"), route.port, cluster.cartridge)
        for index, listener in enumerate(found.model.listeners):
            if listener.target is not None and find_cluster(level, listener.target) is None:
                yield no_cluster(found, ("listeners", index, "target"), listener.target, level)


def check_node_ports(root: ComposedLevel) -> Iterator[Finding]:
    """Fixed ports of hosts that several clusters, or several copies of a group, would own."""
    owners: dict[tuple[int, str], str] = {}
    for path, child in root.paths():
        if not isinstance(child, ComposedCluster) or child.cartridge is None:
            continue
        name = "/".join(path)
        copies = _copies(root, path)
        for port in child.cartridge.all_ports:
            if port.node_port is None:
                continue
            owner = owners.setdefault((port.node_port, port.carrier), name)
            if owner != name or copies > 1:
                others = f"{owner!r}" if owner != name else f"another of its {copies} possible copies"
                yield child.origin.finding(
                    "ALT1115",
                    f"port {port.node_port} of every host belongs to {name!r} and to {others}",
                    (*child.place, "cartridge"),
                    hint="Leave nodePort out of the cartridge, and Kubernetes chooses free ones.",
                )


def check_shared_node_ports(roots: Iterable[ComposedLevel]) -> Iterator[Finding]:
    """Fixed ports of hosts that two applications would own, where they ever run in one cloud."""
    owners: dict[tuple[int, str], ComposedLevel] = {}
    for root in roots:
        for _, child in root.paths():
            if not isinstance(child, ComposedCluster) or child.cartridge is None:
                continue
            for port in child.cartridge.all_ports:
                if port.node_port is None:
                    continue
                owner = owners.setdefault((port.node_port, port.carrier), root)
                if owner is not root:
                    yield child.origin.finding(
                        "ALT1115",
                        f"port {port.node_port} of every host belongs to the application "
                        f"{owner.origin.name!r} as well; they cannot run in one cloud",
                        (*child.place, "cartridge"),
                        hint="Leave nodePort out of the cartridge, and Kubernetes chooses free ones.",
                        severity="warning",
                    )


def _copies(root: ComposedLevel, path: tuple[str, ...]) -> int:
    copies, level = 1, root
    for alias in path[:-1]:
        group = level.groups[alias]
        copies *= group.instances.max
        level = group.level
    return copies
