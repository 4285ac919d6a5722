"""`altostratus:pki:CertificateAuthority`, `altostratus:pki:Certificate`, `altostratus:pki:KeyPair`.

A certificate within its renewal window shows up as an update, and is issued again with its key.
"""

import uuid
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, ClassVar

from toolchain.plugins.altostratus import pki
from toolchain.plugins.altostratus.fields import missing, unknown_fields
from toolchain.plugins.protocol import (
    UNKNOWN,
    CheckFailure,
    Diff,
    Failure,
    Properties,
    Request,
    ResourceHandler,
    has_unknowns,
)

YEAR_HOURS = 365 * 24
AUTHORITY_DEFAULTS: Properties = {"validityHours": 10 * YEAR_HOURS, "renewBeforeHours": YEAR_HOURS}
CERTIFICATE_DEFAULTS: Properties = {
    "validityHours": YEAR_HOURS,
    "renewBeforeHours": 60 * 24,
    "organizations": [],
    "dnsNames": [],
    "ipAddresses": [],
    "usages": ["server"],
}
_LISTS = ("organizations", "dnsNames", "ipAddresses", "usages")

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class _RenewedHandler(ResourceHandler):
    """What authorities and certificates share: hours, renewal, keeping the key."""

    secret_outputs = ("privateKey", "caPrivateKey")
    fields: ClassVar[tuple[str, ...]]
    required: ClassVar[tuple[str, ...]]
    defaults: ClassVar[Properties]
    unimportant: ClassVar[tuple[str, ...]] = ()  # a change of these issues nothing

    def __init__(self, now: Clock = utc_now) -> None:
        self._now = now

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        inputs = {**self.defaults, **{key: value for key, value in news.items() if value is not None}}
        failures = [
            *missing(inputs, self.required),
            *unknown_fields(news, self.fields),
            *_hour_problems(inputs),
            *self.problems(inputs),
        ]
        return inputs, failures

    def problems(self, inputs: Properties) -> Iterator[CheckFailure]:
        """What else is wrong with the inputs."""
        return iter(())

    def diff(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Diff:
        found = Diff.between(
            old_inputs, news, immutable=self.immutable, ignored=self.ignored(old_inputs, news)
        )
        if not found.changes and self._due(old_state, news):
            return Diff(True, (), {"notAfter": "update"})
        return found

    def ignored(self, old_inputs: Properties, news: Properties) -> tuple[str, ...]:
        """Inputs whose change makes no difference."""
        return ()

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        if request.preview:
            return "", self._preview(news, {})
        return f"{news['commonName']}-{uuid.uuid4().hex[:12]}", self._state(news, "")

    def update(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Properties:
        ignored = (*self.ignored(old_inputs, news), *self.unimportant)
        if not Diff.between(old_inputs, news, ignored=ignored).changes and not self._due(old_state, news):
            return {**old_state, **news}
        if request.preview:
            return self._preview(news, old_state)
        return self._state(news, str(old_state.get("privateKey") or ""))

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Nothing outside the state exists."""

    @abstractmethod
    def issue(self, news: Properties, private_key: str) -> pki.Issued:
        """Issues anew; with `private_key`, for that key."""

    def _due(self, state: Properties, news: Properties) -> bool:
        end, window = state.get("notAfter"), news.get("renewBeforeHours")
        if not isinstance(end, str) or not isinstance(window, int | float):
            return end is not UNKNOWN and end is None
        return pki.renewal_due(pki.from_rfc3339(end), timedelta(hours=window), self._now())

    def _state(self, news: Properties, private_key: str) -> Properties:
        try:
            issued = self.issue(news, private_key)
        except pki.PkiError as error:
            raise Failure(f"the certificate of {news['commonName']!r} cannot be issued: {error}") from None
        return {
            **news,
            "certificate": issued.certificate,
            "privateKey": issued.private_key,
            "notAfter": pki.rfc3339(issued.not_after),
            "serial": issued.serial,
        }

    def _preview(self, news: Properties, old_state: Properties) -> Properties:
        outputs = dict.fromkeys(("certificate", "notAfter", "serial"), UNKNOWN)
        return {**news, **outputs, "privateKey": old_state.get("privateKey", UNKNOWN)}


class AuthorityHandler(_RenewedHandler):
    """An authority. Renewed, it keeps key and name, so what it has signed stays valid."""

    immutable = ("commonName",)
    fields = ("commonName", "validityHours", "renewBeforeHours")
    required = ("commonName",)
    defaults = AUTHORITY_DEFAULTS
    unimportant = ("renewBeforeHours",)

    def issue(self, news: Properties, private_key: str) -> pki.Issued:
        validity = timedelta(hours=news["validityHours"])
        return pki.issue_authority(news["commonName"], validity, self._now(), private_key)


class CertificateHandler(_RenewedHandler):
    """A certificate of an authority."""

    fields = ("caCertificate", "caPrivateKey", "commonName", "validityHours", "renewBeforeHours", *_LISTS)
    required = ("caCertificate", "caPrivateKey", "commonName")
    defaults = CERTIFICATE_DEFAULTS
    unimportant = ("renewBeforeHours",)

    def problems(self, inputs: Properties) -> Iterator[CheckFailure]:
        for key in _LISTS:
            value = inputs[key]
            if value is not UNKNOWN and not isinstance(value, list):
                yield CheckFailure(key, f"{key} must be a list, not {value!r}")
                return
        for index, address in enumerate(_known(inputs["ipAddresses"])):
            if not _is_address(address):
                yield CheckFailure(f"ipAddresses[{index}]", f"{address!r} is not an IP address")
        for index, name in enumerate(_known(inputs["dnsNames"])):
            if not isinstance(name, str) or not name.isascii() or not name:
                yield CheckFailure(f"dnsNames[{index}]", f"{name!r} is not a DNS name (ASCII)")
        usages = _known(inputs["usages"])
        if inputs["usages"] == []:
            yield CheckFailure("usages", "say what the certificate is for: server, client, or both")
        for index, usage in enumerate(usages):
            if usage not in pki.USAGES:
                yield CheckFailure(f"usages[{index}]", f"{usage!r} is not one of: {', '.join(pki.USAGES)}")

    def ignored(self, old_inputs: Properties, news: Properties) -> tuple[str, ...]:
        # An authority that was renewed with its key has signed this certificate all the same.
        same_key = old_inputs.get("caPrivateKey") == news.get("caPrivateKey")
        return ("caCertificate",) if same_key else ()

    def _due(self, state: Properties, news: Properties) -> bool:
        return super()._due(state, news) and not _as_long_as_authority(state, news)

    def issue(self, news: Properties, private_key: str) -> pki.Issued:
        subject = pki.Subject(
            news["commonName"],
            tuple(news["organizations"]),
            tuple(news["dnsNames"]),
            tuple(news["ipAddresses"]),
            tuple(news["usages"]),
        )
        validity = timedelta(hours=news["validityHours"])
        return pki.issue_certificate(
            subject, news["caCertificate"], news["caPrivateKey"], validity, self._now(), private_key
        )


class KeyPairHandler(ResourceHandler):
    """A key pair without a certificate: what signs the tokens of service accounts."""

    secret_outputs = ("privateKey",)

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        return news, list(unknown_fields(news, ()))

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        if request.preview:
            return "", {"publicKey": UNKNOWN, "privateKey": UNKNOWN}
        key = pki.new_key()
        return uuid.uuid4().hex, {"publicKey": pki.public_key(key), "privateKey": key}

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Nothing outside the state exists."""


def _as_long_as_authority(state: Properties, news: Properties) -> bool:
    """Whether a new certificate would end no later, as the authority's own end is what bounds it."""
    authority, end = news.get("caCertificate"), state.get("notAfter")
    if not isinstance(authority, str) or not isinstance(end, str):
        return False
    try:
        return pki.from_rfc3339(end) >= pki.load_certificate(authority).not_valid_after_utc
    except pki.PkiError:
        return False  # issuing will say what is wrong with it


def _hour_problems(inputs: Properties) -> Iterator[CheckFailure]:
    hours = {key: inputs[key] for key in ("validityHours", "renewBeforeHours")}
    for key, value in hours.items():
        if value is not UNKNOWN and (
            isinstance(value, bool) or not isinstance(value, int | float) or value <= 0
        ):
            yield CheckFailure(key, f"{key} must be a number of hours above 0, not {value!r}")
            return
    if not has_unknowns(hours) and hours["renewBeforeHours"] >= hours["validityHours"]:
        yield CheckFailure(
            "renewBeforeHours",
            f"renewBeforeHours ({hours['renewBeforeHours']}) must be less than validityHours "
            f"({hours['validityHours']}), or every update would renew",
        )


def _known(values: Any) -> list[Any]:
    return [] if values is UNKNOWN else [value for value in values if value is not UNKNOWN]


def _is_address(value: Any) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return isinstance(value, str)
