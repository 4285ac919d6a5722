"""Starts a plugin's server and ends it with the engine that started it."""

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import grpc

from toolchain.plugins.protocol.engine import CHANNEL_OPTIONS, EngineLog
from toolchain.plugins.protocol.handlers import Provider
from toolchain.plugins.protocol.server import ProviderServer
from toolchain.plugins.protocol.stubs import provider_pb2_grpc

CALLS_AT_ONCE = 256  # most of them wait for a cluster; threads start only when needed
PARENT_CHECK = 1.0  # seconds
GRACE = 0.2  # seconds for calls under way when the engine lets go


def serve(provider: Provider, arguments: list[str] | None = None) -> None:
    """Serves until the engine is done with the plugin; prints the port first, as the engine expects.

    The engine's address is the last argument, if any. With `--port=N` the plugin listens there
    (to be attached to with PULUMI_DEBUG_PROVIDERS=name:N) instead of on a free port.
    """
    words = sys.argv[1:] if arguments is None else arguments
    addresses = [word for word in words if not word.startswith("-")]
    wanted = next((word.removeprefix("--port=") for word in words if word.startswith("--port=")), "0")
    log = EngineLog(addresses[-1] if addresses else "")
    server = grpc.server(ThreadPoolExecutor(CALLS_AT_ONCE), options=CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(ProviderServer(provider, log), server)
    try:
        port = server.add_insecure_port(f"127.0.0.1:{wanted}")
    except RuntimeError as error:
        raise SystemExit(f"the {provider.name} plugin cannot listen on 127.0.0.1:{wanted}: {error}") from None
    server.start()
    print(port, flush=True)
    wait_for_end()
    server.stop(GRACE).wait()
    provider.close()
    # Threads still waiting for a cluster would keep the process alive; the engine has gone already.
    sys.stdout.flush()
    os._exit(0)


def wait_for_end() -> None:
    """Returns when a signal asks for it, or when the process that started this one is gone."""
    done = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        done.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    parent = os.getppid()
    while not done.wait(PARENT_CHECK):
        if os.getppid() != parent:
            return
