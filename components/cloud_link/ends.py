"""What an application has to do with its parts in other clouds, and the objects that this takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from blueprints.passages import Passage
from components.cloud_link.configuration import ports
from components.cloud_link.gateway import Gateway
from components.cloud_link.keys import LinkKeys, end
from components.cloud_link.link import NAME, Link
from components.cloud_link.proxy import Place
from components.pods.errors import ApplicationError
from components.pods.workload import Lead


@dataclass(frozen=True)
class LedIn:
    """Clusters that are reached in another cloud. `way`: what the gateway there describes itself as."""

    passages: tuple[Passage, ...]
    way: pulumi.Input[Mapping[str, Any]]


@dataclass(frozen=True)
class Ends:
    """The ends of links in one copy of an application.

    image: HAProxy's. handed: what the home's keys hand on; None makes them here, at home. let_out: what
    others come here for, at `addresses`. led_in: what this copy goes elsewhere for; its members wait until
    that is reached. passwords: generated ones of the home, by name; None where they are this copy's own.
    """

    image: pulumi.Input[str]
    handed: pulumi.Output[Mapping[str, str]] | None = None
    let_out: tuple[Passage, ...] = ()
    addresses: pulumi.Input[Sequence[str]] = ()
    led_in: LedIn | None = None
    passwords: pulumi.Output[Mapping[str, str]] | None = None

    def password(self, key: str) -> pulumi.Output[str]:
        """A generated password of the home's. Raises ApplicationError."""
        if self.passwords is None:
            raise ApplicationError(f"nothing hands on the password {key}")

        def found(known: Mapping[str, str]) -> str:
            if key not in known:
                raise pulumi.RunError(
                    f"the application's home hands on no password {key} (it has "
                    f"{', '.join(sorted(known)) or 'none'}).\n  Update the home's stack first."
                )
            return known[key]

        value: pulumi.Output[str] = pulumi.Output.secret(self.passwords.apply(found))
        return value


@dataclass(frozen=True)
class MadeEnds:
    """`handed`: keys that were made, for other copies. `gateway`: how it describes itself; {} without one.
    `leads`: where the Services of links lead, by their names."""

    handed: pulumi.Output[Mapping[str, str]] | None = None
    gateway: pulumi.Output[dict[str, Any]] = field(default_factory=lambda: pulumi.Output.from_input({}))
    links: tuple[pulumi.Resource, ...] = ()
    leads: Mapping[str, Lead] = field(default_factory=dict)


def create_ends(
    application: str,
    ends: Ends | None,
    namespace: pulumi.Input[str],
    labels: Mapping[str, str],
    copy: str,
    needed: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
) -> MadeEnds:
    """Register them; `needed` are what their Pods cannot start without."""
    if ends is None:
        return MadeEnds()
    options = pulumi.ResourceOptions(parent=parent, depends_on=list(needed))
    place = Place(namespace, labels, copy, ends.image)
    handed: pulumi.Output[Any] = (
        LinkKeys(application, pulumi.ResourceOptions(parent=parent)).handed
        if ends.handed is None
        else ends.handed
    )
    gateway: pulumi.Output[dict[str, Any]] = pulumi.Output.from_input({})
    if ends.let_out:
        made = Gateway(ends.let_out, end(handed, "gateway"), place, ends.addresses, opts=options)
        gateway = made.described
    links: list[pulumi.Resource] = []
    leads: dict[str, Lead] = {}
    if ends.led_in is not None:
        way, through = ends.led_in.way, ends.led_in.passages
        links.append(Link(application, through, end(handed, "link"), way, place, opts=options))
        inside = ports(through)
        leads = {each.service: Lead(place.selector(NAME), inside[each.key]) for each in through}
    return MadeEnds(handed if ends.handed is None else None, gateway, tuple(links), leads)
