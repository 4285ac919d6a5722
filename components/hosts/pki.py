"""Key material as Pulumi resources: authorities, certificates, key pairs, passwords.

It exists in the stack's state only. A certificate near its end is issued again by a plain `up`.
"""

from collections.abc import Sequence

import pulumi

from components.hosts.provided import ProvidedResource

YEAR_HOURS = 365 * 24
_ISSUED = ("certificate", "privateKey", "notAfter", "serial")


class CertificateAuthority(ProvidedResource):
    """A self-signed authority (ECDSA P-256). Renewed, it keeps its key and name, so what it has signed
    stays valid.

    Outputs: `certificate` and `private_key` (PEM; the key is a secret), `not_after` (RFC 3339) and
    `serial` (hexadecimal).
    """

    certificate: pulumi.Output[str]
    private_key: pulumi.Output[str]
    not_after: pulumi.Output[str]
    serial: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        common_name: pulumi.Input[str],
        validity_hours: pulumi.Input[int] = 10 * YEAR_HOURS,
        renew_before_hours: pulumi.Input[int] = YEAR_HOURS,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "altostratus:pki:CertificateAuthority",
            resource_name,
            {
                "commonName": common_name,
                "validityHours": validity_hours,
                "renewBeforeHours": renew_before_hours,
                **dict.fromkeys(_ISSUED),
            },
            opts,
            secrets=["privateKey"],
        )


class Certificate(ProvidedResource):
    """A certificate signed by an authority (PEM). `usages` are server, client, or both; it never
    outlives the authority.

    Outputs as of an authority.
    """

    certificate: pulumi.Output[str]
    private_key: pulumi.Output[str]
    not_after: pulumi.Output[str]
    serial: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        ca_certificate: pulumi.Input[str],
        ca_private_key: pulumi.Input[str],
        common_name: pulumi.Input[str],
        usages: pulumi.Input[Sequence[pulumi.Input[str]]],
        organizations: pulumi.Input[Sequence[pulumi.Input[str]]] = (),
        dns_names: pulumi.Input[Sequence[pulumi.Input[str]]] = (),
        ip_addresses: pulumi.Input[Sequence[pulumi.Input[str]]] = (),
        validity_hours: pulumi.Input[int] = YEAR_HOURS,
        renew_before_hours: pulumi.Input[int] = 60 * 24,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "altostratus:pki:Certificate",
            resource_name,
            {
                "caCertificate": ca_certificate,
                "caPrivateKey": pulumi.Output.secret(ca_private_key),
                "commonName": common_name,
                "organizations": organizations,
                "dnsNames": dns_names,
                "ipAddresses": ip_addresses,
                "usages": usages,
                "validityHours": validity_hours,
                "renewBeforeHours": renew_before_hours,
                **dict.fromkeys(_ISSUED),
            },
            opts,
            secrets=["privateKey", "caPrivateKey"],
        )


class KeyPair(ProvidedResource):
    """A key pair (ECDSA P-256) without a certificate, such as the one that signs service account tokens.

    Outputs: `public_key` and `private_key` (PEM; the latter is a secret).
    """

    public_key: pulumi.Output[str]
    private_key: pulumi.Output[str]

    def __init__(self, resource_name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "altostratus:pki:KeyPair",
            resource_name,
            {"publicKey": None, "privateKey": None},
            opts,
            secrets=["privateKey"],
        )


class Password(ProvidedResource):
    """A random password of letters and digits (12 to 256) that stays until its length changes.

    Outputs, both secret: `value`, and `bcrypt`, its hash as htpasswd files hold it.
    """

    value: pulumi.Output[str]
    bcrypt: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        length: pulumi.Input[int] = 32,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "altostratus:pki:Password",
            resource_name,
            {"length": length, "value": None, "bcrypt": None},
            opts,
            secrets=["value", "bcrypt"],
        )
