"""Keys and certificates. Pure, but for randomness: the time is an argument.

Keys are ECDSA on P-256. Certificates follow RFC 5280: the authority is critical CA with path length
0, key identifiers tie the chain together by key alone, so an authority that is issued again with its
key and name stays the issuer of all it has signed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BACKDATED = timedelta(minutes=5)
"""How far before its issue a certificate begins: clocks of hosts differ."""

USAGES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


class PkiError(ValueError):
    """Key material that cannot be used; the message says which and why."""


@dataclass(frozen=True)
class Subject:
    """Whom a certificate names, and what for (`usages`: server, client)."""

    common_name: str
    organizations: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    usages: tuple[str, ...] = ("server",)


@dataclass(frozen=True)
class Issued:
    """PEM texts, the end of validity (UTC), and the serial number in hexadecimal."""

    certificate: str
    private_key: str = field(repr=False)
    not_after: datetime
    serial: str


def new_key() -> str:
    """A private key, PEM (PKCS 8)."""
    return _private_pem(ec.generate_private_key(ec.SECP256R1()))


def public_key(private_key: str) -> str:
    """The public half of a private key, PEM (SubjectPublicKeyInfo). Raises `PkiError`."""
    return _public_pem(_load_key(private_key, "the private key"))


def issue_authority(common_name: str, validity: timedelta, now: datetime, private_key: str = "") -> Issued:
    """A self-signed authority; with `private_key`, the same authority again. Raises `PkiError`."""
    key = _load_key(private_key or new_key(), "the authority's private key")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = _key_usage(signs_certificates=True)
    builder = (
        _begin(name, name, key, now, now + validity)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
    )
    return _issued(builder.sign(key, hashes.SHA256()), key)


def issue_certificate(
    subject: Subject,
    authority: str,
    authority_key: str,
    validity: timedelta,
    now: datetime,
    private_key: str = "",
) -> Issued:
    """A certificate signed by an authority (PEM texts); it never outlives it. Raises `PkiError`.

    With `private_key`, the same key again.
    """
    issuer = load_certificate(authority)
    issuer_key = _load_key(authority_key, "the authority's private key")
    if issuer.public_key() != issuer_key.public_key():
        raise PkiError("the authority's private key does not belong to its certificate")
    key = _load_key(private_key or new_key(), "the private key")
    name = x509.Name(
        [
            *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, text) for text in subject.organizations),
            x509.NameAttribute(NameOID.COMMON_NAME, subject.common_name),
        ]
    )
    end = min(now + validity, issuer.not_valid_after_utc)
    if end <= now:
        raise PkiError(f"the authority {issuer.subject.rfc4514_string()} has expired on {rfc3339(end)}")
    issuer_identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _begin(name, issuer.subject, key, now, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([USAGES[usage] for usage in subject.usages]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_identifier), critical=False
        )
    )
    names = _alternative_names(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return _issued(builder.sign(issuer_key, hashes.SHA256()), key)


def renewal_due(not_after: datetime, renew_before: timedelta, now: datetime) -> bool:
    """Whether less than `renew_before` is left."""
    return now >= not_after - renew_before


def load_certificate(pem: str) -> x509.Certificate:
    """Parses a PEM certificate. Raises `PkiError`."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise PkiError(f"not a PEM certificate: {error}") from None


def signed_by(certificate: str, authority: str) -> bool:
    """Whether the authority's key signed the certificate."""
    try:
        load_certificate(certificate).verify_directly_issued_by(load_certificate(authority))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def rfc3339(moment: datetime) -> str:
    """A moment as `2027-01-31T12:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_rfc3339(text: str) -> datetime:
    """The moment in a text made by `rfc3339`. Raises ValueError."""
    return datetime.fromisoformat(text)


def _begin(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(end)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(subject: Subject) -> Sequence[x509.GeneralName]:
    return [
        *(x509.DNSName(name) for name in subject.dns_names),
        *(x509.IPAddress(ip_address(address)) for address in subject.ip_addresses),
    ]


def _issued(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Issued:
    return Issued(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        _private_pem(key),
        certificate.not_valid_after_utc,
        f"{certificate.serial_number:x}",
    )


def _load_key(pem: str, what: str) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise PkiError(f"{what} is not a PEM key: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PkiError(f"{what} is no elliptic curve key")
    return key


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _public_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
