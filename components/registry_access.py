"""From this machine to a cloud's registry: the engine trusts it, and it answers."""

import http.client
import ssl
import time

import pulumi

from toolchain import registry_trust
from toolchain.errors import ToolchainError

_ANSWER_SECONDS = 30.0
_PAUSE_SECONDS = 0.2


def trusted_address(
    cloud: str, address: pulumi.Output[str], ca_certificate: pulumi.Output[str]
) -> pulumi.Output[str]:
    """The address, known once images can be pushed to it. Nothing is done in a preview.

    Idempotent; where it is not possible the update stops and says what to do.
    """

    def prepare(known: list[str]) -> str:
        if not pulumi.runtime.is_dry_run():
            try:
                if known[1]:
                    registry_trust.install(cloud, known[0], known[1])
                await_registry(known[0], known[1])
            except ToolchainError as error:
                raise pulumi.RunError(str(error)) from error
        return known[0]

    return pulumi.Output.all(address, ca_certificate).apply(prepare)


def await_registry(address: str, ca_certificate: str, limit: float = _ANSWER_SECONDS) -> None:
    """Return once the registry asks for a password, over TLS that the CA (or, without one, the public ones)
    vouches for.

    Raises ToolchainError after `limit` seconds, with the last reason.
    """
    context = ssl.create_default_context(cadata=ca_certificate or None)
    deadline = time.monotonic() + limit
    while True:
        try:
            status = _status(address, context)
            if status == http.client.UNAUTHORIZED:
                return
            reason = f"it answers with status {status} instead of asking for a password"
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
        if time.monotonic() >= deadline:
            raise ToolchainError(
                f"the registry at https://{address} is not to be used from this machine: {reason}",
                "Look at its log (docker logs alto-CLOUD-registry), and whether this machine reaches it.",
            )
        time.sleep(_PAUSE_SECONDS)


def _status(address: str, context: ssl.SSLContext) -> int:
    connection = http.client.HTTPSConnection(address, timeout=5, context=context)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status
    finally:
        connection.close()
