"""Rules inside one Cartridge: names, port owners, and references between its parts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from blueprints.kinds.containers import Container
from blueprints.kinds.environment import ExportReference
from blueprints.kinds.exports import Placeholder
from blueprints.kinds.ports import Port
from blueprints.kinds.probes import Probes
from blueprints.model import fault

if TYPE_CHECKING:
    from blueprints.kinds.cartridge import Cartridge

MAIN_CONTAINER = "main"
"""The name of the container described by the cartridge itself."""

Place = tuple[str | int, ...]


def check_container_names(cartridge: "Cartridge") -> None:
    """Refuse two containers of one name. Raises a validation error."""
    taken = {MAIN_CONTAINER: "the main container"}
    named = [(("init", i), c.name) for i, c in enumerate(cartridge.init)]
    named += [(("sidecars", i), c.name) for i, c in enumerate(cartridge.sidecars)]
    for (field, index), name in named:
        if name in taken:
            raise fault(
                "ALT1114",
                f"container name {name!r} is already taken by {taken[name]}",
                at=(field, index, "name"),
            )
        taken[name] = f"{field}[{index}]"


def _ports(cartridge: "Cartridge") -> Iterator[tuple[Place, Port]]:
    for index, port in enumerate(cartridge.ports):
        yield ("ports", index), port
    for number, sidecar in enumerate(cartridge.sidecars):
        for index, port in enumerate(sidecar.ports):
            yield ("sidecars", number, "ports", index), port


def check_port_owners(cartridge: "Cartridge") -> None:
    """Refuse two owners of one port, proxy port or port name. Raises a validation error."""
    names: set[str] = set()
    inside: dict[tuple[int, str], str] = {}
    offered: dict[tuple[int, str], str] = {}
    for place, port in _ports(cartridge):
        if port.name in names:
            raise fault("ALT1114", f"port name {port.name!r} is already taken", at=(*place, "name"))
        names.add(port.name)
        _claim(inside, port.port, port, "port", (*place, "port"))
        at = (*place, "proxyPort" if port.proxy_port else "port")
        _claim(offered, port.service_port, port, "proxy port", at)
        if port.node_port is not None and port.exposure != "node":
            raise fault("ALT1111", "nodePort goes with exposure: node only", at=(*place, "nodePort"))


def _claim(owners: dict[tuple[int, str], str], number: int, port: Port, what: str, at: Place) -> None:
    owner = owners.setdefault((number, port.carrier), port.name)
    if owner != port.name:
        raise fault(
            "ALT1115",
            f"{what} {number}/{port.carrier} already belongs to {owner!r}",
            at=at,
            hint="The containers of a member share one address: give each port one owner.",
        )


def check_references(cartridge: "Cartridge") -> None:
    """Refuse references to ports, volumes, containers and exports that are not there.

    Raises a validation error.
    """
    known = {
        "port": [port.name for port in cartridge.all_ports],
        "volume": [*(v.name for v in cartridge.volumes), *(p.name for p in cartridge.persistence)],
        "container": [
            MAIN_CONTAINER,
            *(c.name for c in cartridge.init),
            *(c.name for c in cartridge.sidecars),
        ],
        "export": list(cartridge.exports),
    }
    for place, kind, name in _references(cartridge):
        if name and name not in known[kind]:
            listed = ", ".join(known[kind]) or "none"
            raise fault(
                "ALT1116", f"there is no {kind} {name!r} in this cartridge; it has {listed}", at=place
            )
        if not name and not known[kind]:
            raise fault(
                "ALT1116",
                f"this needs a {kind}, and the cartridge has none",
                at=place,
                hint=f"Add it to {kind}s.",
            )


def _references(cartridge: "Cartridge") -> Iterator[tuple[Place, str, str]]:
    """Every reference as its place, the kind of thing it names, and the name (empty: the first)."""
    yield from _container_references((), cartridge)
    yield from _probe_references(("probes",), cartridge.probes)
    for index, init in enumerate(cartridge.init):
        yield from _container_references(("init", index), init)
    for index, sidecar in enumerate(cartridge.sidecars):
        yield from _container_references(("sidecars", index), sidecar)
        yield from _probe_references(("sidecars", index, "probes"), sidecar.probes)
    if cartridge.metrics:
        yield ("metrics", "port"), "port", cartridge.metrics.port
    if cartridge.replication:
        at = ("replication", "port") if cartridge.replication.port else ("replication",)
        yield at, "port", cartridge.replication.port or ""
    for index, file in enumerate(cartridge.files):
        for number, name in enumerate(file.containers):
            yield ("files", index, "containers", number), "container", name
    for name, export in cartridge.exports.items():
        for part in export.parts():
            if isinstance(part, Placeholder) and part.kind in ("host", "port", "export"):
                place = ("exports", name, "file" if export.file is not None else "value")
                yield place, "export" if part.kind == "export" else "port", part.name


def _container_references(place: Place, container: Container) -> Iterator[tuple[Place, str, str]]:
    for index, mount in enumerate(container.mounts):
        yield (*place, "mounts", index, "volume"), "volume", mount.volume
    for name, value in container.environment.items():
        if isinstance(value, ExportReference) and value.source is None:
            yield (*place, "environment", name, "export"), "export", value.export


def _probe_references(place: Place, probes: Probes) -> Iterator[tuple[Place, str, str]]:
    for name in ("startup", "readiness", "liveness"):
        probe = getattr(probes, name)
        for check in ("http", "tcp", "grpc"):
            target = getattr(probe, check, None)
            if target is not None:
                at = (*place, name, check)
                yield ((*at, "port") if target.port else at), "port", target.port or ""
