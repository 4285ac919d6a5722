"""One server for several engines at once: what each connection says stays with that connection.

A plugin that an engine starts serves that engine alone. One that stays resident is attached to by
several (`PULUMI_DEBUG_PROVIDERS`, `PULUMI_DEBUG_LANGUAGES`), each with settings of its own, such as
the cluster. Pulumi's protocol has no authentication there, so the kernel is asked who owns the
other end of the connection: only processes of this user, and root's, are served.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import grpc

from toolchain.plugins.protocol import connections


class Peers:
    """A servicer for each connection."""

    def __init__(self, make: Callable[[], Any], close: Callable[[Any], None]) -> None:
        self.port = 0
        self._make, self._close = make, close
        self._lock = threading.Lock()
        self._servicers: dict[int, Any] = {}

    def servicer(self, context: grpc.ServicerContext) -> Any:
        """The caller's own servicer. Ends the call where the caller is not of this user."""
        port = _port(context.peer())
        if not connections.is_ours(port, self.port):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "only processes of the same user are served")
        with self._lock:
            if port in self._servicers:
                return self._servicers[port]
            gone = [known for known in self._servicers if connections.owner(known, self.port) is None]
            left = [self._servicers.pop(known) for known in gone]
            servicer = self._servicers[port] = self._make()
        for each in left:
            self._close(each)
        return servicer

    def close(self) -> None:
        """Closes every servicer."""
        with self._lock:
            all_of_them, self._servicers = self._servicers, {}
        for each in all_of_them.values():
            self._close(each)


def _port(peer: str) -> int:
    """The port in gRPC's `ipv4:127.0.0.1:PORT`; 0 for any other kind of peer."""
    kind, _, rest = peer.partition(":")
    port = rest.rpartition(":")[2]
    return int(port) if kind == "ipv4" and port.isdecimal() else 0


def dispatching(base: type, peers: Peers) -> Any:
    """A servicer of the generated class `base` that hands every call to the caller's own servicer."""

    def method(name: str) -> Callable[[Any, Any, grpc.ServicerContext], Any]:
        def call(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
            return getattr(peers.servicer(context), name)(request, context)

        return call

    methods: Mapping[str, Any] = {name: method(name) for name in vars(base) if not name.startswith("_")}
    return type(f"Resident{base.__name__}", (base,), dict(methods))()
