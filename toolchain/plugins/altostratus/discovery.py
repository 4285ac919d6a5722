"""`altostratus:etcd:DiscoveryToken`: where the members of a new etcd cluster find each other."""

import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

from toolchain.plugins.altostratus.fields import missing, unknown_fields
from toolchain.plugins.protocol import (
    UNKNOWN,
    CheckFailure,
    Diff,
    Failure,
    Properties,
    Request,
    ResourceHandler,
    Severity,
)

PATIENCE = 90.0  # seconds; the service may be starting
RETRY = 0.5  # seconds
ANSWER_TIMEOUT = 5.0  # seconds


class DiscoveryTokenHandler(ResourceHandler):
    """One token, used once by the first members. Later members join the cluster itself, so changes
    other than of the endpoint mean nothing any more.

    `endpoint` is where members reach the service; `reachedAt`, where it is given, where this machine does.
    """

    secret_outputs = ("url",)

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        failures = [
            *missing(news, ("endpoint", "caCertificate", "size")),
            *unknown_fields(news, ("endpoint", "reachedAt", "caCertificate", "size")),
        ]
        size = news.get("size")
        failures += [
            CheckFailure(name, f"{url!r} must be an https URL such as https://10.88.0.2:8087")
            for name in ("endpoint", "reachedAt")
            if isinstance(url := news.get(name), str) and not _is_https(url)
        ]
        if size not in (None, UNKNOWN) and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
            failures.append(
                CheckFailure("size", f"size must be a whole number of members from 1, not {size!r}")
            )
        return news, failures

    def diff(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Diff:
        return Diff.between(
            old_inputs, news, immutable=("endpoint",), ignored=("size", "caCertificate", "reachedAt")
        )

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        if request.preview:
            return "", {**news, "url": UNKNOWN}
        endpoint = str(news["endpoint"]).rstrip("/")
        reached = str(news.get("reachedAt") or endpoint).rstrip("/")
        token = self._new_token(request, reached, str(news["caCertificate"]), int(news["size"]))
        return token[:8], {**news, "url": f"{endpoint}/{token}"}

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Used-up tokens are left to the service, which usually goes with them."""

    def _new_token(self, request: Request, endpoint: str, authority: str, size: int) -> str:
        import httpx

        try:
            context = ssl.create_default_context(cadata=authority)
        except ssl.SSLError as error:
            raise Failure(f"caCertificate is not a PEM certificate: {error}") from None
        deadline = request.deadline(PATIENCE)
        with httpx.Client(verify=context, timeout=ANSWER_TIMEOUT, trust_env=False) as client:
            while True:
                try:
                    answer = client.get(f"{endpoint}/new", params={"size": size})
                    if answer.is_success:
                        return _token_of(answer.text, endpoint)
                    problem = f"it answers {answer.status_code}: {answer.text.strip()[:200]}"
                except httpx.HTTPError as error:
                    problem = str(error) or type(error).__name__
                if request.clock() > deadline:
                    raise Failure(f"the discovery service at {endpoint} gave no token: {problem}")
                request.status(f"waiting for the discovery service at {endpoint}")
                request.log(problem, Severity.DEBUG)
                request.wait(RETRY)


def _token_of(text: str, endpoint: str) -> str:
    """The token in the URL that the service answers. It may know itself by another name than we do."""
    token = urlsplit(text.strip().strip('"')).path.rstrip("/").rpartition("/")[2]
    if not token.isalnum():
        raise Failure(f"the discovery service at {endpoint} answered no token: {text.strip()[:200]!r}")
    return token


def _is_https(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(parts.hostname)
