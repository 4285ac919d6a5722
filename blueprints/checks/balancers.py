"""Checks of load balancers: what their drivers can do, routes that match alike, names that lead nowhere."""

from collections.abc import Iterator

from blueprints.balancing.capabilities import FEATURES, Capabilities, asked, fits, in_words
from blueprints.balancing.catalogue import BrokenDriver, capabilities, names
from blueprints.balancing.names import path_key
from blueprints.checks.traffic import find_cluster
from blueprints.composition import ComposedGroup, ComposedLevel
from blueprints.findings import Finding
from blueprints.kinds.application import Application
from blueprints.kinds.domain_mapping import DomainMapping
from blueprints.kinds.load_balancer import LoadBalancer
from blueprints.loader import Loaded
from blueprints.nearest import nearest
from blueprints.workspace import Workspace

_CODE = "ALT1221"


def check_driver(document: Loaded) -> Iterator[Finding]:
    """A driver that is not there, or that cannot do what its document asks; routes that contradict."""
    model = document.model
    if not isinstance(model, LoadBalancer):
        return
    yield from _alike(document, model)
    yield from _limits(document, model)
    try:
        able = capabilities(model.driver)
    except BrokenDriver as error:
        yield document.finding(_CODE, str(error), ("driver",))
        return
    if able is None:
        known = names()
        close = nearest(model.driver, known)
        yield document.finding(
            _CODE,
            f"there is no driver {model.driver!r}",
            ("driver",),
            allowed=known,
            nearest=close,
            hint=f"Did you mean {close!r}?" if close else f"There are {', '.join(known)}.",
        )
        return
    yield from _refused(document, model, able)


def _refused(document: Loaded, model: LoadBalancer, able: Capabilities) -> Iterator[Finding]:
    others = [
        name for name in names() if name != model.driver and (found := _quiet(name)) and _can(found, model)
    ]
    hint = f"The driver {others[0]} can." if others else "Leave it out."
    for each in asked(model):
        if each.feature not in able.features:
            words = FEATURES[each.feature]
            yield document.finding(
                _CODE, f"the driver {model.driver!r} cannot do {words}", each.place, hint=hint
            )
    if len(model.rate_limits) > able.rate_limits:
        most = able.rate_limits
        said = f"counts at most {most} rate limits" if most else "has no rate limits"
        yield document.finding(_CODE, f"the driver {model.driver!r} {said}", ("rateLimits",), hint=hint)
    for name, value in model.options.items():
        kind = able.options.get(name)
        if kind is None:
            close = nearest(name, tuple(able.options))
            yield document.finding(
                _CODE,
                f"the driver {model.driver!r} has no option {name!r}",
                ("options", name),
                allowed=tuple(able.options),
                nearest=close,
                hint=f"Did you mean {close!r}?" if close else f"It has {', '.join(able.options) or 'none'}.",
            )
        elif not fits(kind, value):
            yield document.finding(
                _CODE,
                f"the option {name!r} is {value!r}",
                ("options", name),
                hint=f"It must be {in_words(kind)}.",
            )


def _quiet(name: str) -> Capabilities | None:
    try:
        return capabilities(name)
    except BrokenDriver:
        return None


def _can(able: Capabilities, model: LoadBalancer) -> bool:
    return len(model.rate_limits) <= able.rate_limits and all(
        each.feature in able.features for each in asked(model)
    )


def _alike(document: Loaded, model: LoadBalancer) -> Iterator[Finding]:
    seen: dict[tuple[str | None, str, tuple[str, ...]], int] = {}
    for index, route in enumerate(model.routes):
        key = (route.host, path_key(route.path), tuple(sorted(route.listeners)))
        first = seen.setdefault(key, index)
        other = model.routes[first]
        if other.rewrite != route.rewrite:
            yield document.finding(
                "ALT1222",
                f"routes[{first}] matches the same requests, and rewrites their paths in another way",
                ("routes", index),
                hint="Routes that share requests must rewrite alike.",
            )
        elif first != index and (other.cluster, other.port) == (route.cluster, route.port):
            yield document.finding(
                "ALT1222",
                f"routes[{first}] already sends the same requests to {route.cluster!r}",
                ("routes", index),
                hint="Take one of them out.",
            )
    for index, listener in enumerate(model.listeners):
        if model.scope == "cloud" and listener.protocol in ("tcp", "tls"):
            yield document.finding(
                "ALT1218",
                f"applications share a cloud's balancer by host names, and {listener.protocol} has none",
                ("listeners", index, "protocol"),
                hint="Give the application a load balancer of its own for it.",
            )
    if model.scope == "cloud" and model.routes:
        yield document.finding(
            "ALT1218",
            "a load balancer of a cloud has no routes of its own: applications bring theirs",
            ("routes",),
            hint="Write a DomainMapping for each application.",
        )


def _limits(document: Loaded, model: LoadBalancer) -> Iterator[Finding]:
    http = any(each.protocol in ("http", "https") for each in model.listeners)
    if model.rate_limits and not http:
        yield document.finding(
            "ALT1218", "rate limits count requests, and no listener takes http or https", ("rateLimits",)
        )
    hidden = model.exposure != "cluster" and not model.client_addresses
    for index, limit in enumerate(model.rate_limits):
        if limit.per == "client" and hidden and not any(each.proxy_protocol for each in model.listeners):
            yield document.finding(
                "ALT1218",
                "clients that come in through one host may be counted as one",
                ("rateLimits", index),
                hint="Set clientAddresses: true where every host you publish runs a replica.",
                severity="warning",
            )


def check_fronts(root: ComposedLevel, workspace: Workspace) -> Iterator[Finding]:
    """Domain mappings to clusters without a load balancer, and what balancers of their scope cannot front."""
    model = root.origin.model
    if not isinstance(model, Application):
        return
    mappings = [
        document
        for document in workspace.documents.values()
        if isinstance(document.model, DomainMapping) and document.model.application == model.name
    ]
    shared = _balancer(workspace, model.load_balancer)
    if shared is not None and shared.scope == "cloud" and not mappings:
        yield root.origin.finding(
            "ALT1218",
            f"the load balancer {shared.name!r} is shared, and nothing says which requests are for this one",
            ("loadBalancer",),
            hint=f"Add a DomainMapping with application: {model.name}.",
        )
    for document in mappings:
        mapping = document.model
        if isinstance(mapping, DomainMapping) and not _fronted(root, mapping.cluster, workspace):
            yield document.finding(
                "ALT1218",
                f"no load balancer stands in front of {mapping.cluster!r}, so nothing answers to this name",
                ("cluster",),
                hint="Give the application, the group or the cluster a loadBalancer.",
                severity="warning",
            )
    yield from _streams(root, workspace)


def _balancer(workspace: Workspace, name: str | None) -> LoadBalancer | None:
    found = workspace.find("LoadBalancer", name) if name else None
    return found.model if found and isinstance(found.model, LoadBalancer) else None


def _fronted(root: ComposedLevel, path: str, workspace: Workspace) -> bool:
    model = root.origin.model
    if isinstance(model, Application) and _balancer(workspace, model.load_balancer):
        return True
    cluster = find_cluster(root, path)
    if cluster is not None and _balancer(workspace, cluster.use.load_balancer):
        return True
    steps = path.split("/")
    around = [root.descend(tuple(steps[:length])) for length in range(1, len(steps))]
    return cluster is None or any(
        isinstance(each, ComposedGroup) and _balancer(workspace, each.use.load_balancer) for each in around
    )


def _streams(root: ComposedLevel, workspace: Workspace) -> Iterator[Finding]:
    """Targets of tcp and tls listeners inside groups that have several copies: there is no telling which."""
    model = root.origin.model
    name = model.load_balancer if isinstance(model, Application) else None
    found = workspace.find("LoadBalancer", name) if name else None
    if found is None or not isinstance(found.model, LoadBalancer) or found.model.scope == "cloud":
        return
    for index, listener in enumerate(found.model.listeners):
        steps = tuple((listener.target or "").split("/"))
        for length in range(1, len(steps)):
            group = root.descend(steps[:length])
            if isinstance(group, ComposedGroup) and group.instances.max > 1:
                yield found.finding(
                    "ALT1218",
                    f"the group {'/'.join(steps[:length])!r} may have {group.instances.max} copies, and a "
                    f"{listener.protocol} listener leads to one cluster",
                    ("listeners", index, "target"),
                    hint="Give the group a load balancer of its own.",
                )
                break
