"""Keys and certificates, with the time given."""

import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from hypothesis import given, settings
from hypothesis import strategies as st

from toolchain.plugins.altostratus import pki

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
YEAR = timedelta(days=365)
SERVER = pki.Subject("kube-apiserver", dns_names=("api.example",), ip_addresses=("10.88.0.10", "::1"))


@pytest.fixture(scope="module")
def authority() -> pki.Issued:
    return pki.issue_authority("test authority", 10 * YEAR, NOW)


@pytest.fixture(scope="module")
def server(authority: pki.Issued) -> pki.Issued:
    return pki.issue_certificate(SERVER, authority.certificate, authority.private_key, YEAR, NOW)


def parsed(issued: pki.Issued) -> x509.Certificate:
    return x509.load_pem_x509_certificate(issued.certificate.encode())


def verify(
    certificate: pki.Issued, authority: pki.Issued, name: str = "api.example", at: datetime = NOW
) -> None:
    policy = PolicyBuilder().store(Store([parsed(authority)])).time(at.replace(tzinfo=None))
    subject: x509.GeneralName = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    policy.build_server_verifier(subject).verify(parsed(certificate), [])  # type: ignore[arg-type]


def test_a_server_certificate_passes_a_strict_verifier_by_name_and_address(
    authority: pki.Issued, server: pki.Issued
) -> None:
    verify(server, authority)
    verify(server, authority, "10.88.0.10")
    with pytest.raises(VerificationError):
        verify(server, authority, "other.example")


def test_a_client_certificate_does_not_pass_for_a_server(authority: pki.Issued) -> None:
    subject = pki.Subject("client", dns_names=("api.example",), usages=("client",))
    client = pki.issue_certificate(subject, authority.certificate, authority.private_key, YEAR, NOW)
    with pytest.raises(VerificationError):
        verify(client, authority)
    policy = PolicyBuilder().store(Store([parsed(authority)])).time(NOW.replace(tzinfo=None))
    policy.build_client_verifier().verify(parsed(client), [])


def test_another_authoritys_certificate_does_not_pass(server: pki.Issued) -> None:
    stranger = pki.issue_authority("test authority", YEAR, NOW)
    with pytest.raises(VerificationError):
        verify(server, stranger)
    assert not pki.signed_by(server.certificate, stranger.certificate)


def test_openssl_agrees(authority: pki.Issued, server: pki.Issued, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(authority.certificate)
    (tmp_path / "server.pem").write_text(server.certificate)
    moment = str(int(NOW.timestamp()))
    words = ["openssl", "verify", "-x509_strict", "-attime", moment, "-purpose", "sslserver"]
    shown = subprocess.run(
        [*words, "-verify_ip", "10.88.0.10", "-CAfile", tmp_path / "ca.pem", tmp_path / "server.pem"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert shown.returncode == 0, shown.stderr


def test_an_authority_signs_hosts_but_no_further_authority(authority: pki.Issued) -> None:
    extensions = parsed(authority).extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)
    assert (usage.critical, usage.value.key_cert_sign, usage.value.crl_sign) == (True, True, True)


def test_what_a_certificate_is_for_is_written_in_it(authority: pki.Issued) -> None:
    subject = pki.Subject("etcd", organizations=("system:masters", "ops"), usages=("server", "client"))
    issued = parsed(pki.issue_certificate(subject, authority.certificate, authority.private_key, YEAR, NOW))
    extensions = issued.extensions
    assert set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    assert not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    organizations = issued.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    assert [item.value for item in organizations] == ["system:masters", "ops"]
    ca_identifier = (
        parsed(authority).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    )
    issuer = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert (issuer.key_identifier, issuer.authority_cert_serial_number) == (ca_identifier, None)


def test_certificates_begin_five_minutes_ago_for_clocks_that_differ(server: pki.Issued) -> None:
    assert parsed(server).not_valid_before_utc == NOW - timedelta(minutes=5)
    assert server.not_after == NOW + YEAR


def test_no_certificate_outlives_its_authority() -> None:
    short = pki.issue_authority("short", timedelta(days=10), NOW)
    issued = pki.issue_certificate(SERVER, short.certificate, short.private_key, YEAR, NOW)
    assert issued.not_after == short.not_after
    with pytest.raises(pki.PkiError, match="expired"):
        pki.issue_certificate(SERVER, short.certificate, short.private_key, YEAR, NOW + timedelta(days=11))


def test_an_authority_issued_again_still_vouches_for_what_it_signed(
    authority: pki.Issued, server: pki.Issued
) -> None:
    later = NOW + timedelta(days=300)
    again = pki.issue_authority("test authority", 10 * YEAR, later, authority.private_key)
    assert again.certificate != authority.certificate
    assert again.private_key == authority.private_key
    verify(server, again, at=later)
    renewed = pki.issue_certificate(
        SERVER, again.certificate, again.private_key, YEAR, later, server.private_key
    )
    assert parsed(renewed).public_key() == parsed(server).public_key()
    # A host that has not got the authority's new certificate yet accepts the new one as well.
    verify(renewed, authority, at=later)


def test_a_foreign_key_is_not_signed_with() -> None:
    one, other = (pki.issue_authority(name, YEAR, NOW) for name in ("one", "other"))
    with pytest.raises(pki.PkiError, match="does not belong"):
        pki.issue_certificate(SERVER, one.certificate, other.private_key, YEAR, NOW)
    with pytest.raises(pki.PkiError, match="not a PEM"):
        pki.issue_certificate(SERVER, one.certificate, "no key", YEAR, NOW)
    with pytest.raises(pki.PkiError, match="not a PEM certificate"):
        pki.issue_certificate(SERVER, "no certificate", one.private_key, YEAR, NOW)


def test_keys_are_p256_and_their_public_half_belongs_to_them() -> None:
    private = pki.new_key()
    loaded = serialization.load_pem_private_key(private.encode(), None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    assert loaded.curve.name == "secp256r1"
    public = serialization.load_pem_public_key(pki.public_key(private).encode())
    assert public == loaded.public_key()


@settings(max_examples=60)
@given(left=st.integers(-1000, 5000), window=st.integers(1, 2000))
def test_renewal_is_due_exactly_within_the_window(left: int, window: int) -> None:
    end = NOW + timedelta(hours=left)
    assert pki.renewal_due(end, timedelta(hours=window), NOW) == (left <= window)


def test_moments_survive_the_way_through_the_state() -> None:
    assert pki.from_rfc3339(pki.rfc3339(NOW)) == NOW
    assert pki.rfc3339(NOW) == "2026-06-01T12:00:00Z"


def test_keys_do_not_show_when_printed(authority: pki.Issued) -> None:
    assert "PRIVATE KEY" not in repr(authority)
