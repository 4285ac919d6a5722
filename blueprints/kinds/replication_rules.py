"""Rules about a cartridge whose data can be followed."""

from typing import TYPE_CHECKING

from blueprints.kinds.exports import Placeholder
from blueprints.kinds.replication import REPLICATE_FROM
from blueprints.model import fault
from blueprints.names import PRIMARY_SUFFIX

if TYPE_CHECKING:
    from blueprints.kinds.cartridge import Cartridge


def check_replication(cartridge: "Cartridge") -> None:
    """Refuse a replication without data of its own, and what belongs to one. Raises a validation error."""
    port = cartridge.followed_port
    if cartridge.replication is None:
        _refuse_primary(cartridge)
        return
    if not cartridge.persistence or any(each.shared for each in cartridge.persistence):
        shared = "data that members share" if cartridge.persistence else "no data"
        raise fault(
            "ALT1111",
            f"replication goes with persistence of a member's own, and this cartridge has {shared}",
            at=("replication",),
        )
    if port is not None and port.carrier != "tcp":
        raise fault(
            "ALT1113",
            f"followers come by tcp, and the port {port.name!r} is {port.carrier}",
            at=("replication", "port") if cartridge.replication.port else ("replication",),
        )
    primary = f"{port.name}{PRIMARY_SUFFIX}" if port is not None else ""
    if primary in {each.name for each in cartridge.all_ports}:
        raise fault(
            "ALT1114",
            f"the port name {primary!r} belongs to the Service that leads to whoever takes writes",
            at=("ports",),
        )
    if REPLICATE_FROM in cartridge.environment:
        raise fault(
            "ALT1111", f"{REPLICATE_FROM} is given by the platform", at=("environment", REPLICATE_FROM)
        )


def _refuse_primary(cartridge: "Cartridge") -> None:
    for name, export in cartridge.exports.items():
        if any(isinstance(part, Placeholder) and part.kind == "primary" for part in export.parts()):
            raise fault(
                "ALT1111",
                "${primary} goes with replication only",
                at=("exports", name, "file" if export.file is not None else "value"),
                hint="Write ${host}, or declare how the cartridge's data can be followed.",
            )
