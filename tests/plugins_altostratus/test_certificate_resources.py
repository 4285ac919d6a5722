"""Certificates over time: what an update does on which day."""

from datetime import UTC, datetime, timedelta
from typing import Any

import bcrypt
import pytest

from toolchain.plugins.altostratus import pki
from toolchain.plugins.altostratus.certificate_handlers import (
    AuthorityHandler,
    CertificateHandler,
    KeyPairHandler,
)
from toolchain.plugins.altostratus.password import PasswordHandler
from toolchain.plugins.altostratus.provider import AltostratusProvider
from toolchain.plugins.protocol import UNKNOWN, Failure, Properties, Request, ResourceHandler

START = datetime(2026, 1, 1, tzinfo=UTC)
RUN, PREVIEW = Request(), Request(preview=True)


class Calendar:
    """A clock that stands still until told otherwise."""

    def __init__(self) -> None:
        self.day = 0

    def __call__(self) -> datetime:
        return START + timedelta(days=self.day)


class Kept:
    """One resource as the engine keeps it: inputs, id, state."""

    def __init__(self, handler: ResourceHandler, **inputs: Any) -> None:
        self.handler = handler
        self.inputs = self.check(inputs)
        self.id, self.state = handler.create(RUN, self.inputs)

    def check(self, inputs: Properties) -> Properties:
        checked, failures = self.handler.check(RUN, {}, inputs)
        assert not failures, failures
        return checked

    def diff(self, **changes: Any) -> Any:
        return self.handler.diff(
            RUN, self.id, self.inputs, self.state, self.check({**self.inputs, **changes})
        )

    def update(self, **changes: Any) -> Properties:
        news = self.check({**self.inputs, **changes})
        self.state = self.handler.update(RUN, self.id, self.inputs, self.state, news)
        self.inputs = news
        return self.state


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def authority(calendar: Calendar) -> Kept:
    return Kept(
        AuthorityHandler(calendar), commonName="ca", validityHours=24 * 1000, renewBeforeHours=24 * 100
    )


@pytest.fixture
def certificate(calendar: Calendar, authority: Kept) -> Kept:
    return Kept(
        CertificateHandler(calendar),
        caCertificate=authority.state["certificate"],
        caPrivateKey=authority.state["privateKey"],
        commonName="web",
        dnsNames=["web.example"],
        validityHours=24 * 90,
        renewBeforeHours=24 * 30,
    )


def test_nothing_changes_before_the_window(certificate: Kept, calendar: Calendar) -> None:
    calendar.day = 59
    assert not certificate.diff().changes


def test_within_the_window_a_plain_update_renews_and_keeps_the_key(
    certificate: Kept, calendar: Calendar
) -> None:
    before = dict(certificate.state)
    calendar.day = 60
    found = certificate.diff()
    assert found.changes
    assert not found.replaces
    after = certificate.update()
    assert after["privateKey"] == before["privateKey"]
    assert after["certificate"] != before["certificate"]
    assert after["notAfter"] == "2026-05-31T00:00:00Z"
    assert not certificate.diff().changes


def test_a_preview_of_a_renewal_knows_the_key_only(certificate: Kept, calendar: Calendar) -> None:
    calendar.day = 60
    handler = certificate.handler
    state = handler.update(PREVIEW, certificate.id, certificate.inputs, certificate.state, certificate.inputs)
    assert state["privateKey"] == certificate.state["privateKey"]
    assert state["certificate"] is UNKNOWN
    assert state["notAfter"] is UNKNOWN


def test_a_renewed_authority_leaves_its_certificates_alone(
    authority: Kept, certificate: Kept, calendar: Calendar
) -> None:
    calendar.day = 901
    renewed = authority.update()
    assert pki.signed_by(certificate.state["certificate"], renewed["certificate"])
    calendar.day = 0
    assert not certificate.diff(caCertificate=renewed["certificate"]).changes
    assert not certificate.diff(caCertificate=UNKNOWN).changes, "so a preview shows the authority alone"


def test_another_authority_issues_anew(certificate: Kept, calendar: Calendar) -> None:
    other = Kept(AuthorityHandler(calendar), commonName="ca")
    changes = {"caCertificate": other.state["certificate"], "caPrivateKey": other.state["privateKey"]}
    assert certificate.diff(**changes).changes
    assert pki.signed_by(certificate.update(**changes)["certificate"], other.state["certificate"])


def test_new_names_are_issued_in_place_and_a_new_authority_name_is_another_authority(
    authority: Kept, certificate: Kept
) -> None:
    found = certificate.diff(dnsNames=["web.example", "www.example"])
    assert found.changes
    assert not found.replaces
    assert authority.diff(commonName="other").replaces == ("commonName",)


def test_a_certificate_that_its_authority_cuts_short_is_not_renewed_again_and_again(
    calendar: Calendar,
) -> None:
    short = Kept(AuthorityHandler(calendar), commonName="ca", validityHours=24 * 20, renewBeforeHours=24 * 5)
    certificate = Kept(
        CertificateHandler(calendar),
        caCertificate=short.state["certificate"],
        caPrivateKey=short.state["privateKey"],
        commonName="web",
    )
    assert certificate.state["notAfter"] == short.state["notAfter"]
    assert not certificate.diff().changes
    calendar.day = 16
    longer = short.update()["certificate"]
    assert certificate.diff(caCertificate=longer).changes, (
        "a longer authority makes a longer certificate possible"
    )


def test_another_window_alone_issues_nothing(certificate: Kept) -> None:
    before = certificate.state["serial"]
    assert certificate.diff(renewBeforeHours=24).changes
    assert certificate.update(renewBeforeHours=24)["serial"] == before


@pytest.mark.parametrize(
    ("inputs", "place", "words"),
    [
        ({"validityHours": 0}, "validityHours", "above 0"),
        ({"validityHours": True}, "validityHours", "above 0"),
        ({"validityHours": 10, "renewBeforeHours": 10}, "renewBeforeHours", "less than validityHours"),
        ({"ipAddresses": ["10.0.0.300"]}, "ipAddresses[0]", "10.0.0.300"),
        ({"dnsNames": ["bücher.example"]}, "dnsNames[0]", "ASCII"),
        ({"usages": ["peer"]}, "usages[0]", "server, client"),
        ({"usages": []}, "usages", "what the certificate is for"),
        ({"organizations": "ops"}, "organizations", "list"),
        ({"commonName": " "}, "commonName", "required"),
        ({"lifetime": 3}, "lifetime", "validityHours"),
    ],
)
def test_mistakes_are_told_with_what_is_allowed(inputs: Properties, place: str, words: str) -> None:
    given = {"caCertificate": "x", "caPrivateKey": "y", "commonName": "web", **inputs}
    _, failures = CertificateHandler().check(RUN, {}, given)
    assert words in {failure.property: failure.reason for failure in failures}[place]


def test_values_not_known_yet_pass_the_checks() -> None:
    given = {
        "caCertificate": UNKNOWN,
        "caPrivateKey": UNKNOWN,
        "commonName": UNKNOWN,
        "ipAddresses": [UNKNOWN],
    }
    _, failures = CertificateHandler().check(RUN, {}, given)
    assert not failures


def test_a_key_that_does_not_fit_is_a_sentence(authority: Kept, calendar: Calendar) -> None:
    with pytest.raises(Failure, match=r"'web' cannot be issued.*not a PEM"):
        CertificateHandler(calendar).create(
            RUN,
            CertificateHandler(calendar).check(
                RUN,
                {},
                {"caCertificate": authority.state["certificate"], "caPrivateKey": "?", "commonName": "web"},
            )[0],
        )


def test_a_password_stays_and_its_hash_fits() -> None:
    password = Kept(PasswordHandler(), length=20)
    value = password.state["value"]
    assert len(value) == 20
    assert value.isalnum()
    assert bcrypt.checkpw(value.encode(), password.state["bcrypt"].encode())
    assert not password.diff().changes
    assert password.diff(length=24).replaces == ("length",)


@pytest.mark.parametrize("length", [8, 300, "long", True])
def test_passwords_too_short_to_keep_or_too_long_to_hash_are_refused(length: Any) -> None:
    _, failures = PasswordHandler().check(RUN, {}, {"length": length})
    assert "12 to 256" in failures[0].reason


def test_a_key_pair_is_made_once() -> None:
    pair = Kept(KeyPairHandler())
    assert pki.public_key(pair.state["privateKey"]) == pair.state["publicKey"]
    assert not pair.diff().changes


def test_private_halves_are_secret_outputs() -> None:
    handlers = AltostratusProvider().handlers
    assert "privateKey" in handlers["altostratus:pki:CertificateAuthority"].secret_outputs
    assert "privateKey" in handlers["altostratus:pki:Certificate"].secret_outputs
    assert "privateKey" in handlers["altostratus:pki:KeyPair"].secret_outputs
    assert set(handlers["altostratus:pki:Password"].secret_outputs) == {"value", "bcrypt"}
    assert handlers["altostratus:etcd:DiscoveryToken"].secret_outputs == ("url",)
