"""The certificates of KEDA's programs: what its certificate rotation makes inside of a cluster."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=2)


def make(folder: Path, names: list[str]) -> str:
    """`ca.crt`, `tls.crt` and `tls.key` in `folder`, for servers and clients of these host names and of
    127.0.0.1. Returns the authority's certificate, a PEM text."""
    signer, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("bench-keda-authority", signer, "bench-keda-authority", signer, None)
    leaf = _certificate("bench-keda", key, "bench-keda-authority", signer, names)
    pem = serialization.Encoding.PEM
    _write(folder / "ca.crt", authority.public_bytes(pem))
    _write(folder / "tls.crt", leaf.public_bytes(pem))
    plain = serialization.NoEncryption()
    _write(folder / "tls.key", key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return authority.public_bytes(pem).decode()


def _write(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    signer: ec.EllipticCurvePrivateKey,
    names: list[str] | None,
) -> x509.Certificate:
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
    )
    if names is not None:
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        hosts: list[x509.GeneralName] = [x509.DNSName(each) for each in names]
        hosts.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        made = made.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        made = made.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    return made.sign(signer, hashes.SHA256())
