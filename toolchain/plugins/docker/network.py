"""`docker:index/network:Network`."""

from collections.abc import Sequence
from typing import Any

from toolchain.plugins.docker.inputs import (
    DEFAULTS,
    autonamed,
    label_list,
    labels,
    text_map,
    unsupported,
    with_name,
)
from toolchain.plugins.docker.session import Session, conflict, explained, not_found
from toolchain.plugins.protocol import (
    UNKNOWN,
    CheckFailure,
    Diff,
    Failure,
    Properties,
    Request,
    ResourceHandler,
)

ALLOWED = {
    "name": None,
    "driver": None,
    "attachable": None,
    "ingress": None,
    "internal": None,
    "ipv6": None,
    "ipamDriver": None,
    "ipamOptions": None,
    "ipamConfigs": ("subnet", "gateway", "ipRange", "auxAddress"),
    "labels": ("label", "value"),
    "options": None,
}
BUILT_IN = frozenset({"bridge", "host", "none"})


class NetworkHandler(ResourceHandler):
    """Networks. Every change makes a new one, as the engine cannot change them."""

    echoes = ("options",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        named, failures = with_name(request, olds, news)
        if named.get("name") in BUILT_IN:
            failures.append(CheckFailure("name", f"{named['name']!r} is one of the engine's own networks"))
        return named, [*failures, *unsupported(news, ALLOWED, "Network")]

    def diff(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Diff:
        return Diff.between(
            old_inputs,
            news,
            immutable=tuple(ALLOWED),
            ignored=(DEFAULTS,),
            # Two networks cannot share a subnet, nor two a name.
            delete_before_replace=not autonamed(news) or bool(news.get("ipamConfigs")),
        )

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        if request.preview:
            return "", {**_defaults(news), "scope": UNKNOWN}
        name = str(news["name"])
        client = self._session.client
        with explained(f"the network {name} could not be created"):
            # The engine allows two networks of one name; every later use of that name would then fail.
            if any(network["Name"] == name for network in client.networks(names=[name])):
                raise Failure(
                    f"a network named {name} exists already and is not part of this stack; remove it "
                    f"(docker network rm {name}) or import it by its id"
                )
            answer = client.create_network(
                name,
                driver=news.get("driver"),
                options=text_map(news.get("options")) or None,
                ipam=_ipam(news),
                internal=bool(news.get("internal")),
                labels=labels(news.get("labels")) or None,
                enable_ipv6=bool(news.get("ipv6")),
                attachable=news.get("attachable"),
                ingress=news.get("ingress"),
                check_duplicate=True,
            )
            id = str(answer["Id"])
            return id, _state(client.inspect_network(id))

    def read(
        self, request: Request, id: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties] | None:
        from docker.errors import NotFound

        client = self._session.client
        try:
            with_details = client.inspect_network(id)
        except NotFound:
            return None
        live = _state(with_details)
        return str(with_details["Id"]), inputs or _inputs(live), live

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        from docker.errors import APIError

        try:
            self._session.client.remove_network(id)
        except APIError as error:
            if not_found(error):
                return
            name = state.get("name", id)
            users = self._users(id)
            if conflict(error) or users:
                raise Failure(
                    f"the network {name} is still used by: {', '.join(users) or 'other objects'}; "
                    f"remove them or disconnect them first"
                ) from None
            raise Failure(f"the network {name} could not be removed: {error.explanation}") from None

    def _users(self, id: str) -> list[str]:
        with explained(f"the network {id} could not be inspected"):
            containers = self._session.client.inspect_network(id).get("Containers") or {}
        return sorted(str(container["Name"]) for container in containers.values())


def _ipam(news: Properties) -> dict[str, Any] | None:
    pools = [
        {
            "Subnet": config.get("subnet"),
            "Gateway": config.get("gateway"),
            "IPRange": config.get("ipRange"),
            "AuxiliaryAddresses": config.get("auxAddress") or {},
        }
        for config in news.get("ipamConfigs") or []
    ]
    if not pools and not news.get("ipamDriver") and not news.get("ipamOptions"):
        return None
    return {
        "Driver": news.get("ipamDriver") or "default",
        "Config": pools,
        "Options": text_map(news.get("ipamOptions")),
    }


def _defaults(news: Properties) -> Properties:
    return {
        "driver": "bridge",
        "internal": False,
        "ipamDriver": "default",
        **{key: value for key, value in news.items() if not key.startswith("__")},
    }


def _state(live: dict[str, Any]) -> Properties:
    ipam = live.get("IPAM") or {}
    pools = [
        {
            key: value
            for key, value in {
                "subnet": pool.get("Subnet"),
                "gateway": pool.get("Gateway"),
                "ipRange": pool.get("IPRange"),
                "auxAddress": pool.get("AuxiliaryAddresses") or None,
            }.items()
            if value
        }
        for pool in ipam.get("Config") or []
    ]
    return {
        "name": live["Name"],
        "driver": live["Driver"],
        "scope": live["Scope"],
        "attachable": live.get("Attachable", False),
        "ingress": live.get("Ingress", False),
        "internal": live["Internal"],
        "ipv6": live.get("EnableIPv6", False),
        "ipamDriver": ipam.get("Driver", "default"),
        "ipamOptions": ipam.get("Options") or {},
        "ipamConfigs": pools,
        "labels": label_list(live.get("Labels")),
        "options": live.get("Options") or {},
    }


def _inputs(live: Properties) -> Properties:
    """The inputs of an imported network: what differs from an empty one."""
    plain = {"driver": "bridge", "ipamDriver": "default"}
    return {
        key: value
        for key, value in live.items()
        if key in ALLOWED and value not in (False, {}, []) and plain.get(key) != value
    }
