"""The cloud's keys and certificates as Pulumi resources, gathered for the files that hold them."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pulumi

from components.hosts.certificates import (
    AUTHORITIES,
    AUTHORITY_HOURS,
    CERTIFICATE_HOURS,
    RENEW_BEFORE_HOURS,
    CertificateSpec,
    certificates,
)
from components.hosts.host_files import KeyPair as PemPair
from components.hosts.host_files import Materials, encryption_key
from components.hosts.pki import Certificate, CertificateAuthority, KeyPair, Password
from components.hosts.ranges import Ranges
from components.hosts.topology import DISCOVERY, Topology

T = TypeVar("T")


class Trust:
    """Everything that the cloud issues, under one parent; private keys are secrets throughout.

    Nothing is issued, or issued again, before `ranges` has agreed to the addresses. `public` and `endpoint`
    are the driver's.
    """

    def __init__(
        self,
        topology: Topology,
        ranges: Ranges,
        parent: pulumi.Resource,
        public: Mapping[str, pulumi.Output[str]],
        endpoint: pulumi.Output[str] | None,
    ) -> None:
        cloud = topology.cloud
        options = pulumi.ResourceOptions(parent=parent, depends_on=[ranges])
        self.authorities = {
            name: CertificateAuthority(
                f"{cloud}-ca-{name}",
                common_name=f"altostratus {cloud} {name}",
                validity_hours=AUTHORITY_HOURS,
                renew_before_hours=RENEW_BEFORE_HOURS,
                opts=options,
            )
            for name in AUTHORITIES
        }
        self.certificates = {
            spec.key: Certificate(
                f"{cloud}-cert-{spec.key}",
                ca_certificate=self.authorities[spec.authority].certificate,
                ca_private_key=self.authorities[spec.authority].private_key,
                common_name=spec.common_name,
                organizations=list(spec.organizations),
                **_names(spec, public, endpoint),
                usages=list(spec.usages),
                validity_hours=CERTIFICATE_HOURS,
                renew_before_hours=RENEW_BEFORE_HOURS,
                opts=options,
            )
            for spec in certificates(topology)
        }
        self.service_account = KeyPair(f"{cloud}-service-accounts", opts=options)
        self.secrets_password = Password(f"{cloud}-secrets-at-rest", length=43, opts=options)

    def materials(self, discovery_url: pulumi.Input[str], use: Callable[[Materials], T]) -> pulumi.Output[T]:
        """`use` applied to all of it, once everything is known; the result is a secret."""
        known: dict[str, Any] = {
            "authorities": {name: each.certificate for name, each in self.authorities.items()},
            "certificates": {
                key: {"certificate": each.certificate, "private_key": each.private_key}
                for key, each in self.certificates.items()
            },
            "service_account": {
                "certificate": self.service_account.public_key,
                "private_key": self.service_account.private_key,
            },
            "password": self.secrets_password.value,
            "discovery_url": discovery_url,
        }
        return pulumi.Output.secret(
            pulumi.Output.from_input(known).apply(lambda values: use(_gather(values)))
        )


def _names(
    spec: CertificateSpec, public: Mapping[str, pulumi.Output[str]], endpoint: pulumi.Output[str] | None
) -> dict[str, list[pulumi.Input[str]]]:
    """The names in a certificate, and those under which what shows it is known outside."""
    names: list[pulumi.Input[str]] = list(spec.dns_names)
    addresses: list[pulumi.Input[str]] = list(spec.ip_addresses)
    if spec.shown_by in public:
        addresses.append(public[spec.shown_by])
    if endpoint is not None and spec.shown_by not in ("", DISCOVERY):
        names.append(endpoint)
    return {"dns_names": names, "ip_addresses": addresses}


def _gather(values: dict[str, Any]) -> Materials:
    return Materials(
        authorities=values["authorities"],
        certificates={key: PemPair(**pair) for key, pair in values["certificates"].items()},
        service_account=PemPair(**values["service_account"]),
        encryption_key=encryption_key(values["password"]),
        discovery_url=values["discovery_url"],
    )
