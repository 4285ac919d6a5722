"""Starts a plugin's server and ends it with the engine that started it."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any, NoReturn

import grpc

from toolchain.plugins.protocol.engine import CHANNEL_OPTIONS, EngineLog
from toolchain.plugins.protocol.handlers import Provider
from toolchain.plugins.protocol.peers import Peers, dispatching
from toolchain.plugins.protocol.server import ProviderServer
from toolchain.plugins.protocol.stubs import provider_pb2_grpc

CALLS_AT_ONCE = 256  # most of them wait for a cluster; threads start only when needed
PARENT_CHECK = 1.0  # seconds
# Without this two servers may share a port, and calls would land at either.
SERVER_OPTIONS = (*CHANNEL_OPTIONS, ("grpc.so_reuseport", 0))
GRACE = 0.2  # seconds for calls under way when the engine lets go


def serve(provider: Provider, arguments: list[str] | None = None) -> None:
    """Serves a resource plugin until the engine is done with it.

    The engine's address is the last argument, if any. With `--port=N` the plugin listens there
    (to be attached to with PULUMI_DEBUG_PROVIDERS=name:N) instead of on a free port.
    """
    words = sys.argv[1:] if arguments is None else arguments
    servicer = ProviderServer(provider, EngineLog(engine_address(words)))
    serve_until_end(
        provider.name,
        words,
        lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server),
        provider.close,
    )


def serve_resident(make: Callable[[], Provider], arguments: list[str] | None = None) -> NoReturn:
    """Serves a resource plugin to every engine that attaches to it, until its starter ends.

    Each connection gets a provider of its own, so that the settings of one update never reach another.
    """
    peers = Peers(lambda: ProviderServer(make(), EngineLog()), lambda servicer: servicer.provider.close())
    serve_peers(
        "resident",
        sys.argv[1:] if arguments is None else arguments,
        peers,
        provider_pb2_grpc.ResourceProviderServicer,
        provider_pb2_grpc.add_ResourceProviderServicer_to_server,
        peers.close,
    )


def serve_peers(
    name: str,
    words: list[str],
    peers: Peers,
    base: type,
    add: Callable[[Any, grpc.Server], None],
    close: Callable[[], None],
) -> NoReturn:
    """Serves one servicer of the class `base` to each connection."""

    def listening(port: int) -> None:
        peers.port = port

    serve_until_end(name, words, lambda server: add(dispatching(base, peers), server), close, listening)


def engine_address(words: list[str]) -> str:
    """The engine's HOST:PORT among a plugin's arguments; empty when started by hand."""
    addresses = [word for word in words if not word.startswith("-")]
    return addresses[-1] if addresses else ""


def serve_until_end(
    name: str,
    words: list[str],
    register: Callable[[grpc.Server], None],
    close: Callable[[], None],
    listening: Callable[[int], None] = lambda port: None,
) -> NoReturn:
    """Listens on loopback, prints the port as the engine expects, and ends the process when asked to.

    `listening` gets the port before the first call can come.
    """
    parent = os.getppid()  # now: after the port is told it may end at any moment
    wanted = next((word.removeprefix("--port=") for word in words if word.startswith("--port=")), "0")
    server = grpc.server(ThreadPoolExecutor(CALLS_AT_ONCE), options=SERVER_OPTIONS)
    register(server)
    try:
        port = server.add_insecure_port(f"127.0.0.1:{wanted}")
    except RuntimeError as error:
        raise SystemExit(f"the {name} plugin cannot listen on 127.0.0.1:{wanted}: {error}") from None
    listening(port)
    server.start()
    done = _ask_for_end()
    print(port, flush=True)
    _wait_for_end(done, parent)
    server.stop(GRACE).wait()
    close()
    # Threads still waiting for a cluster would keep the process alive; the engine has gone already.
    sys.stdout.flush()
    os._exit(0)


def _ask_for_end() -> threading.Event:
    """An event that the signals of a leaving engine or user set, instead of a traceback."""
    done = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        done.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    return done


def _wait_for_end(done: threading.Event, parent: int) -> None:
    """Returns when a signal asked for it, or when the process that started this one is gone."""
    while not done.wait(PARENT_CHECK):
        if os.getppid() != parent:
            return
