"""What a front door is told: which clouds stand behind it, at which addresses, with which weight. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from blueprints.balancing.front import PLACES, SPLIT

Address = tuple[str, int]
"""Host (an IP address, or a name for doors that are DNS) and port."""

MOST_WEIGHT = 1_000_000

LAST_RESORT = ".again"
"""How the names of those end that are never found to be down."""

_INSIDE = (".svc", ".cluster.local")
"""How names end that mean nothing outside their cluster."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+", re.IGNORECASE)


@dataclass(frozen=True)
class Trust:
    """How a copy's certificate is verified: by an authority (PEM), for a name."""

    authority: str
    name: str


@dataclass(frozen=True)
class ToldCloud:
    """One cloud behind the door; `place` is its backend in the balancer's model."""

    place: str
    weight: int
    addresses: tuple[Address, ...]
    trust: Trust | None = None


@dataclass(frozen=True)
class Told:
    """All of them by name. `left` are the places of those that have gone, the oldest first; `held` are
    clouds that get no request, while those that come for them wait."""

    clouds: Mapping[str, ToldCloud] = field(default_factory=dict)
    left: tuple[tuple[str, str], ...] = ()
    held: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str) -> "Told":
        """From its file. Raises ValueError."""
        try:
            read = json.loads(text)
            clouds = {
                str(name): ToldCloud(
                    str(each["place"]),
                    int(each["weight"]),
                    tuple((str(host), int(port)) for host, port in each["addresses"]),
                    Trust(*map(str, each["trust"])) if each.get("trust") else None,
                )
                for name, each in read["clouds"].items()
            }
            left = tuple((str(cloud), str(place)) for cloud, place in read["left"])
            return cls(clouds, left, tuple(map(str, read.get("held") or ())))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it lacks {error}") from error

    def text(self) -> str:
        """As it is kept."""
        clouds = {
            name: {
                "place": each.place,
                "weight": each.weight,
                "addresses": [list(a) for a in each.addresses],
                **({"trust": [each.trust.authority, each.trust.name]} if each.trust else {}),
            }
            for name, each in self.clouds.items()
        }
        held = {"held": list(self.held)} if self.held else {}
        return (
            json.dumps({"clouds": clouds, "left": [list(each) for each in self.left], **held}, indent=1)
            + "\n"
        )

    def with_addresses(
        self, clouds: Mapping[str, Sequence[Address]], trusts: Mapping[str, Trust] | None = None
    ) -> "Told":
        """With these clouds at these addresses, verified so; clouds not named stay, without weight.

        A cloud that is new has no weight, unless nobody has any: then the first named has all. Raises
        ValueError for more clouds than there are places, or an address that is none.
        """
        _check(clouds)
        kept = {
            name: each if name in clouds else replace(each, weight=0) for name, each in self.clouds.items()
        }
        found = dict(kept)
        for name, addresses in clouds.items():
            if name in found:
                found[name] = replace(found[name], addresses=tuple(addresses))
            else:
                found[name] = ToldCloud(self._place(name, found), 0, tuple(addresses))
            found[name] = replace(found[name], trust=(trusts or {}).get(name))
        if clouds and not any(each.weight for each in found.values()):
            first = next(iter(clouds))
            found[first] = replace(found[first], weight=100)
        gone = {each.place for each in found.values()}
        return replace(self, clouds=found, left=tuple(each for each in self.left if each[1] not in gone))

    def without_others(self, clouds: Mapping[str, object]) -> "Told":
        """Without the clouds that are not named."""
        gone = tuple((name, each.place) for name, each in self.clouds.items() if name not in clouds)
        kept = {name: each for name, each in self.clouds.items() if name in clouds}
        return Told(kept, self.left + gone, tuple(name for name in self.held if name in clouds))

    def with_weights(self, weights: Mapping[str, int]) -> "Told":
        """With these weights; clouds not named keep theirs. Raises ValueError for an unknown cloud."""
        unknown = [name for name in weights if name not in self.clouds]
        if unknown:
            there = ", ".join(self.clouds) or "none"
            raise ValueError(f"the front door knows no cloud {', '.join(unknown)}; it knows {there}")
        wrong = [f"{name}: {each}" for name, each in weights.items() if not 0 <= each <= MOST_WEIGHT]
        if wrong:
            raise ValueError(f"a weight is a whole number from 0 to {MOST_WEIGHT}, not {', '.join(wrong)}")
        changed = {name: replace(self.clouds[name], weight=weight) for name, weight in weights.items()}
        return replace(self, clouds={**self.clouds, **changed})

    def with_held(self, clouds: Sequence[str]) -> "Told":
        """Holding these clouds' requests, and no others'. Raises ValueError for an unknown cloud."""
        if unknown := [name for name in clouds if name not in self.clouds]:
            raise ValueError(f"the front door knows no cloud {', '.join(unknown)}")
        return replace(self, held=tuple(clouds))

    def control(self) -> dict[str, Any]:
        """The same as control data of the balancer (`docs/balancer-protocol.md`).

        The other clouds' addresses stand by in each place: a request that cannot be brought to its own
        cloud goes to one of them. Where no other cloud may get any, its own stand by for it, unchecked: a
        request is tried again there, instead of failing the moment that the last address is found down.
        """
        weights = dict.fromkeys(PLACES, 0) | {each.place: each.weight for each in self.clouds.values()}
        addresses = {
            each.place: [
                *_members(name, each),
                *(self._standing_by(name) or _last_resort(name, each)),
                # Those that waited for it come to the others all at once: each is tried more than once.
                *(self._last_resorts(name) if name in self.held else ()),
            ]
            for name, each in self.clouds.items()
        }
        # Where all of a place's members leave, requests for it wait.
        leaving = {
            str(member["name"])
            for place in addresses.values()
            for member in place
            if member_cloud(member["name"]) in self.held
        }
        told = {"weights": {SPLIT: weights}, "addresses": addresses}
        return {**told, "leaving": sorted(leaving)} if leaving else told

    def _standing_by(self, cloud: str) -> list[dict[str, Any]]:
        return [
            {**member, "backup": True}
            for name, other in self.clouds.items()
            # Who shall get nothing gets nothing by a detour either.
            if name != cloud and other.weight
            for member in _members(name, other)
        ]

    def _last_resorts(self, cloud: str) -> list[dict[str, Any]]:
        others = ((name, each) for name, each in self.clouds.items() if name != cloud and each.weight)
        return [member for name, each in others for member in _last_resort(name, each)]

    def _place(self, cloud: str, taken: Mapping[str, ToldCloud]) -> str:
        """The place it had, else one that nobody had, else the one that was left first: counts stay apart."""
        used = {each.place for each in taken.values()}
        left = {place: name for name, place in self.left if place not in used}
        own = [place for place, name in left.items() if name == cloud]
        new = [place for place in PLACES if place not in used and place not in left]
        for place in (*own, *new, *left):
            return place
        raise ValueError(f"the front door has places for {len(PLACES)} clouds, and all are taken")


def member_cloud(member: str) -> str:
    """The cloud of a member by its name in the balancer."""
    return member.partition(".")[0]


def addresses_of(outputs: Mapping[str, Any]) -> list[Address]:
    """Where the copy behind these outputs of an application's stack is reached: (host, port).

    Those of its first URL: every host at that port. Empty where it shows itself inside its cloud only.
    """
    found: list[Address] = []
    wanted = scheme_of(outputs)
    for url in outputs.get("urls") or []:
        parts = urlsplit(str(url))
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        if wanted is None or parts.hostname is None or parts.hostname.endswith(_INSIDE):
            continue
        if parts.scheme == wanted and (not found or found[0][1] == port):
            found.append((parts.hostname, port))
    return found


def scheme_of(outputs: Mapping[str, Any]) -> str | None:
    """`http` or `https`, as the copy's first URL says; None where it has none of these."""
    for url in outputs.get("urls") or []:
        scheme = urlsplit(str(url)).scheme
        return scheme if scheme in ("http", "https") else None
    return None


def trust_of(outputs: Mapping[str, Any]) -> Trust | None:
    """How the certificate at the first URL of an application's stack is verified, by the stack's outputs.

    None where it is not https, and where a person gave the certificate: whose authority nobody told.
    """
    if scheme_of(outputs) != "https":
        return None
    first = str(outputs["urls"][0])
    port = urlsplit(first).port or 443
    for each in (outputs.get("balancers") or {}).values():
        listeners = [name for name, known in (each.get("ports") or {}).items() if known == port]
        if first in (each.get("urls") or ()) and set(listeners) & set(each.get("made") or ()):
            return Trust(str(each["authority"]), f"{each['name']}.{each['namespace']}.svc.cluster.local")
    return None


def counted_by(outputs: Mapping[str, Any]) -> tuple[str, str] | None:
    """The load balancer at the first URL of an application's stack that tells what it serves: its namespace
    and name. None where it is shared with other applications, tells nothing, or is none."""
    first = next(iter(outputs.get("urls") or ()), None)
    for each in (outputs.get("balancers") or {}).values():
        if first in (each.get("urls") or ()) and each["namespace"] == outputs.get("namespace"):
            return (str(each["namespace"]), str(each["name"])) if "tokenSecret" in each else None
    return None


def _members(cloud: str, told: ToldCloud) -> list[dict[str, Any]]:
    trust = told.trust
    verified = {} if trust is None else {"authority": trust.authority, "verify": trust.name}
    return [
        {"name": f"{cloud}.{host.replace(':', '-')}.{port}", "host": host, "port": port, **verified}
        for host, port in told.addresses
    ]


def _last_resort(cloud: str, each: ToldCloud) -> list[dict[str, Any]]:
    return [
        {**member, "name": member["name"] + LAST_RESORT, "backup": True, "unchecked": True}
        for member in _members(cloud, each)
    ]


def _check(clouds: Mapping[str, Sequence[Address]]) -> None:
    wrong = [
        f"{cloud}: {host}:{port}"
        for cloud, addresses in clouds.items()
        for host, port in addresses
        if not (is_ip(host) or _NAME.fullmatch(host)) or not 1 <= port <= 65535
    ]
    if wrong:
        raise ValueError(f"not an address with a port: {', '.join(wrong)}")


def is_ip(host: str) -> bool:
    """Whether it is an IP address and not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
