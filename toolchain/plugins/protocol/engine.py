"""Messages to the user, through the engine's own log service."""

import threading

import grpc

from toolchain.plugins.protocol.request import Severity
from toolchain.plugins.protocol.stubs import engine_pb2, engine_pb2_grpc

MESSAGE_LIMIT = 400 * 1024 * 1024
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
)
LOG_PATIENCE = 5.0  # seconds; a message nobody takes must not hold up the work


class EngineLog:
    """The engine's log; silent until its address is known and after it went away."""

    def __init__(self, address: str = "") -> None:
        self._lock = threading.Lock()
        self._address = ""
        self._channel: grpc.Channel | None = None
        self._engine: engine_pb2_grpc.EngineStub | None = None
        if address:
            self.connect(address)

    def connect(self, address: str) -> None:
        """Points the log at an engine, HOST:PORT; the channel opens at the first message."""
        with self._lock:
            if address == self._address:
                return
            if self._channel:
                self._channel.close()
            self._address = address
            self._channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
            self._engine = engine_pb2_grpc.EngineStub(self._channel)

    def __call__(self, severity: Severity, message: str, urn: str = "", *, status: bool = False) -> None:
        """Sends one message; `status` messages replace one another on the screen."""
        with self._lock:
            engine = self._engine
        if engine is None:
            return
        try:
            level = engine_pb2.LogSeverity.ValueType(severity)
            record = engine_pb2.LogRequest(severity=level, message=message, urn=urn, ephemeral=status)
            engine.Log(record, timeout=LOG_PATIENCE)
        except (grpc.RpcError, ValueError):
            # The engine is going away; what it no longer shows, nobody can see.
            pass
