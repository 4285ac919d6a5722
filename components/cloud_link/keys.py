"""`altostratus:link:Keys`: the authority of an application's links, and what each end shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.cloud_link.configuration import server_name
from components.hosts.certificates import AUTHORITY_HOURS, CERTIFICATE_HOURS, RENEW_BEFORE_HOURS
from components.hosts.pki import Certificate, CertificateAuthority

TYPE = "altostratus:link:Keys"


@dataclass(frozen=True)
class EndKeys:
    """PEM texts: an end's certificate with its private key, a secret, and the authority's certificate."""

    own: pulumi.Output[str]
    authority: pulumi.Output[str]


class LinkKeys(pulumi.ComponentResource):
    """Made once for an application, by its home; near their end certificates are issued again by an update.

    `handed`, a secret, is for the application's other stacks: `end` makes the keys of an end of it.
    """

    handed: pulumi.Output[dict[str, str]]

    def __init__(self, application: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(TYPE, f"{application}-link", None, opts)
        children = pulumi.ResourceOptions(parent=self)
        authority = CertificateAuthority(
            f"{application}-link-ca",
            common_name=f"links of {application}"[:64],
            validity_hours=AUTHORITY_HOURS,
            opts=children,
        )

        def issued(role: str, usage: str, names: list[str]) -> pulumi.Output[str]:
            made = Certificate(
                f"{application}-link-{role}",
                ca_certificate=authority.certificate,
                ca_private_key=authority.private_key,
                common_name=role,
                dns_names=names,
                usages=[usage],
                validity_hours=CERTIFICATE_HOURS,
                renew_before_hours=RENEW_BEFORE_HOURS,
                opts=children,
            )
            return pulumi.Output.concat(made.certificate, made.private_key)

        parts: dict[str, Any] = {
            "authority": authority.certificate,
            "gateway": issued("gateway", "server", [server_name(application)]),
            "link": issued("link", "client", []),
        }
        self.handed = pulumi.Output.secret(pulumi.Output.all(**parts))
        self.register_outputs({"handed": self.handed})


def end(handed: pulumi.Output[Mapping[str, str]], role: str) -> EndKeys:
    """The keys of a `gateway` or a `link`, from what an application's keys hand on."""
    return EndKeys(
        pulumi.Output.secret(handed.apply(lambda known: str(known[role]))),
        pulumi.Output.unsecret(handed.apply(lambda known: str(known["authority"]))),
    )
