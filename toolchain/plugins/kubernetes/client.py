"""A small Kubernetes API client over the standard library's HTTP.

Made for a plugin that lives for one update: it starts in a few milliseconds (the usual clients
take several hundred to import), keeps connections open, and streams watches.
"""

import base64
import http.client
import json
import os
import re
import select
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from toolchain.plugins.kubernetes.kinds import VERSION
from toolchain.plugins.kubernetes.kubeconfig import Cluster
from toolchain.plugins.protocol import Failure

Object = dict[str, Any]
Warn = Callable[[str], None]

CALL_TIMEOUT = 60.0  # seconds for one request
WATCH_TIMEOUT = 300  # seconds after which the server ends a watch, and it is begun anew
IDLE_LIMIT = 30.0  # seconds a connection may rest before it is no longer trusted
WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')  # code, agent, quoted text
JSON = "application/json"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"


class Unreachable(Failure):
    """The API server does not answer, or not to us."""


class ApiError(Failure):
    """The API server refused: its status code, its reason word and its message."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason

    @property
    def namespace_missing(self) -> bool:
        """Whether it failed because the namespace is not there (yet)."""
        return self.code == 404 and str(self).startswith("namespaces ")

    @property
    def field_immutable(self) -> bool:
        """Whether it failed because a field cannot change in place."""
        return self.code == 422 and "field is immutable" in str(self)


class Client:
    """One API server, many threads. `timeout`: seconds for one request."""

    def __init__(self, cluster: Cluster, timeout: float = CALL_TIMEOUT) -> None:
        self._timeout = timeout
        self._address = urlsplit(cluster.server)
        if self._address.scheme not in ("https", "http") or not self._address.hostname:
            raise Failure(f"the kubeconfig's server must be an https URL, not {cluster.server!r}")
        self._server = cluster.server
        self._tls = _tls(cluster) if self._address.scheme == "https" else None
        self._headers = {"Accept": JSON, "User-Agent": f"altostratus-kubernetes/{VERSION}"}
        if cluster.token:
            self._headers["Authorization"] = f"Bearer {cluster.token}"
        elif cluster.username:
            basic = base64.b64encode(f"{cluster.username}:{cluster.password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {basic}"
        self._lock = threading.Lock()
        self._idle: list[tuple[float, http.client.HTTPConnection]] = []

    def get(self, path: str, **parameters: Any) -> Object:
        """One object or a list. Raises `ApiError`, `Unreachable`."""
        return self._call("GET", path, parameters)

    def ask(self, path: str, headers: Mapping[str, str]) -> Object:
        """What stands behind a proxy of the API server says, with headers for it."""
        with self._send("GET", path, {}, None, JSON, headers=headers) as response:
            answer: Object = json.loads(response.body())
            return answer

    def find(self, path: str) -> Object | None:
        """One object, or None where it does not exist."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def create(self, path: str, content: Object, warn: Warn | None = None, **parameters: Any) -> Object:
        """Creates; an existing object is an error. The server's warnings go to `warn`."""
        return self._call("POST", path, parameters, content, warn=warn)

    def replace(self, path: str, content: Object, **parameters: Any) -> Object:
        """Puts the whole object in the place of the old one."""
        return self._call("PUT", path, parameters, content)

    def apply(self, path: str, content: Object, warn: Warn | None = None, **parameters: Any) -> Object:
        """Server-side apply; needs `fieldManager`. The server's warnings go to `warn`."""
        return self._call("PATCH", path, parameters, content, APPLY, warn)

    def patch(self, path: str, operations: list[Object], **parameters: Any) -> Object:
        """JSON patch."""
        return self._call("PATCH", path, parameters, operations, JSON_PATCH)

    def delete(self, path: str, propagation: str) -> Object:
        """Asks for deletion; `propagation` is Foreground, Background or Orphan."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        return self._call("DELETE", path, {}, options)

    def log(self, namespace: str, pod: str, container: str, lines: int, *, previous: bool = False) -> str:
        """The last lines that a container wrote."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        parameters = {"container": container, "tailLines": lines, "previous": _text(previous)}
        response = self._send("GET", path, parameters, None, JSON)
        with response:
            return response.body().decode(errors="replace")

    def watch(self, path: str, **parameters: Any) -> "Watch":
        """A stream of events from `resourceVersion` on; ends when the server ends it."""
        parameters = {"watch": "true", "timeoutSeconds": WATCH_TIMEOUT, **parameters}
        return Watch(self._send("GET", path, parameters, None, JSON, WATCH_TIMEOUT + 10))

    def close(self) -> None:
        """Closes the connections that rest."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()

    def _call(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any],
        content: Any = None,
        kind: str = JSON,
        warn: Warn | None = None,
    ) -> Object:
        with self._send(method, path, parameters, content, kind) as response:
            if warn:
                for text in response.warnings():
                    warn(text)
            answer: Object = json.loads(response.body())
            return answer

    def _send(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any],
        content: Any,
        kind: str,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "Response":
        timeout = self._timeout if timeout is None else timeout
        query = urlencode({key: _text(value) for key, value in parameters.items() if value not in (None, "")})
        url = f"{self._address.path}{path}" + (f"?{query}" if query else "")
        body = None if content is None else json.dumps(content).encode()
        headers = {
            **self._headers,
            **({} if body is None else {"Content-Type": kind}),
            **(headers or {}),
        }
        connection = self._connection()
        reused = connection.sock is not None
        try:
            answer = self._exchange(connection, timeout, method, url, body, headers)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            connection.close()
            # A connection at rest may be closed by the server at any time. Asking again is safe unless
            # the first request may have created something.
            if not reused or method == "POST":
                raise Unreachable(f"{self._server} closed the connection: {error}") from error
            return self._send_anew(timeout, method, url, body, headers)
        return Response(self, connection, answer)

    def _send_anew(
        self, timeout: float, method: str, url: str, body: bytes | None, headers: Object
    ) -> "Response":
        connection = self._fresh()
        try:
            return Response(self, connection, self._exchange(connection, timeout, method, url, body, headers))
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            connection.close()
            raise Unreachable(f"{self._server} closed the connection: {error}") from error

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        timeout: float,
        method: str,
        url: str,
        body: bytes | None,
        headers: Object,
    ) -> http.client.HTTPResponse:
        try:
            connection.timeout = timeout
            if connection.sock is not None:
                connection.sock.settimeout(timeout)
            connection.request(method, url, body, headers)
            return connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            raise
        except ssl.SSLCertVerificationError as error:
            connection.close()
            raise Unreachable(
                f"{self._server} has a certificate that the kubeconfig's authority did not sign: "
                f"{error.verify_message}"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Unreachable(f"{self._server} does not answer: {error}") from error

    def _connection(self) -> http.client.HTTPConnection:
        now = time.monotonic()
        with self._lock:
            while self._idle:
                since, connection = self._idle.pop()
                if now - since < IDLE_LIMIT and _is_silent(connection):
                    return connection
                connection.close()
        return self._fresh()

    def _fresh(self) -> http.client.HTTPConnection:
        host, port = self._address.hostname or "", self._address.port
        if self._tls is None:
            return http.client.HTTPConnection(host, port)
        return http.client.HTTPSConnection(host, port, context=self._tls)

    def keep(self, connection: http.client.HTTPConnection) -> None:
        """Takes a connection back whose answer has been read to its end."""
        with self._lock:
            self._idle.append((time.monotonic(), connection))


class Response:
    """One answer; its connection goes back to the client once it is read to its end."""

    def __init__(
        self, client: Client, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse
    ) -> None:
        self._client = client
        self._connection = connection
        self._answer = answer
        self._reusable = True
        if answer.status >= 400:
            with self:
                raise _error(answer.status, self.body())

    def __enter__(self) -> "Response":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._reusable and self._answer.isclosed() and not self._answer.will_close:
            self._client.keep(self._connection)
        else:
            self._connection.close()

    def body(self) -> bytes:
        """Everything. Raises `Unreachable` when the connection breaks."""
        try:
            return self._answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"the API server's answer broke off: {error}") from error

    def warnings(self) -> list[str]:
        """What the server warns of: fields it does not know, versions it will drop."""
        headers = self._answer.headers.get_all("Warning") or []
        return [found.replace("\\", "") for text in headers for found in WARNING.findall(text)]

    def lines(self) -> Iterator[bytes]:
        """One line after the other, as they come; `abort` may end them from another thread."""
        self._reusable = False
        while line := self._answer.readline():
            yield line

    def abort(self) -> None:
        """Ends a stream from another thread."""
        sock = self._connection.sock
        if sock is not None:
            try:
                sock.shutdown(2)
            except OSError:
                pass  # it has ended by itself


class Watch:
    """Events of a collection: (`ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK` or `ERROR`, object)."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self._ended = threading.Event()

    def __iter__(self) -> Iterator[tuple[str, Object]]:
        with self._response:
            try:
                for line in self._response.lines():
                    event = json.loads(line)
                    yield event["type"], event["object"]
            except (OSError, ValueError, http.client.HTTPException) as error:
                if not self._ended.is_set():
                    raise Unreachable(f"the API server's stream of events broke off: {error}") from error

    def end(self) -> None:
        """Stops the iteration, also while it waits."""
        self._ended.set()
        self._response.abort()


def _is_silent(connection: http.client.HTTPConnection) -> bool:
    """Whether nothing waits to be read: on a connection at rest that would be its end."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _error(code: int, body: bytes) -> Failure:
    try:
        status = json.loads(body)
        message, reason = str(status["message"]), str(status.get("reason") or "")
    except (ValueError, KeyError, TypeError):
        message, reason = body.decode(errors="replace").strip()[:500] or f"HTTP status {code}", ""
    if code == 401:
        return Unreachable(f"the API server does not accept the kubeconfig's credentials: {message}")
    return ApiError(code, reason, message)


def _tls(cluster: Cluster) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=cluster.certificate_authority or None)
    if cluster.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cluster.client_certificate:
        _load_identity(context, cluster)
    if cluster.server_name:
        context = _under_name(context, cluster.server_name)
    return context


def _load_identity(context: ssl.SSLContext, cluster: Cluster) -> None:
    """The standard library reads a key only from a file: one that exists for a moment, for us alone."""
    descriptor, name = tempfile.mkstemp(prefix="identity-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{cluster.client_certificate.rstrip()}\n{cluster.client_key}")
        context.load_cert_chain(name)
    except ssl.SSLError as error:
        raise Failure(f"the kubeconfig's client certificate and key do not fit together: {error}") from error
    finally:
        Path(name).unlink()


def _under_name(context: ssl.SSLContext, name: str) -> ssl.SSLContext:
    wrap = context.wrap_socket

    def wrap_socket(sock: Any, *positional: Any, **named: Any) -> ssl.SSLSocket:
        return wrap(sock, *positional, **{**named, "server_hostname": name})

    context.wrap_socket = wrap_socket  # type: ignore[method-assign]
    return context
