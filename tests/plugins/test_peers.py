"""A resident plugin keeps engines apart, and serves this user's processes only."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import grpc
import pytest
from google.protobuf import empty_pb2

from tests.waiting import until
from toolchain import paths
from toolchain.plugins.protocol import connections
from toolchain.plugins.protocol.stubs import provider_pb2, provider_pb2_grpc

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(not connections.supported(), reason="this system does not tell owners"),
]

SERVE = (
    "import sys; from toolchain.plugins.protocol.handlers import Provider\n"
    "from toolchain.plugins.protocol.serving import serve_resident\n"
    "class Desk(Provider):\n"
    "    place = 'nowhere'\n"
    "    def configure(self, request, config): self.place = config['place']\n"
    "    def __init__(self):\n"
    "        super().__init__('desk', '1.0.0', {}, {'desk:place': lambda r, a: {'place': self.place}})\n"
    "serve_resident(Desk, [])\n"
)


@pytest.fixture
def port() -> Iterator[int]:
    """A resident plugin of one function, which says what it was configured with."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True, cwd=paths.root()
    )
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.terminate()
    process.communicate(timeout=120)


class Engine:
    """One engine's connection."""

    def __init__(self, port: int) -> None:
        # Without this, gRPC would let two channels of one process share a connection.
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=options)
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)

    def configure(self, place: str) -> None:
        request = provider_pb2.ConfigureRequest()
        request.args.update({"place": place})
        self.stub.Configure(request, timeout=120)

    def place(self) -> str:
        answer = self.stub.Invoke(provider_pb2.InvokeRequest(tok="desk:place"), timeout=120)
        return str(getattr(answer, "return")["place"])


def test_each_connection_has_settings_of_its_own(port: int) -> None:
    first, second = Engine(port), Engine(port)
    first.configure("here")
    second.configure("there")
    assert (first.place(), second.place()) == ("here", "there")
    first.channel.close()
    third = Engine(port)
    assert third.place() == "nowhere", "a new engine got an old one's settings"
    assert second.place() == "there"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_another_users_process_is_refused(port: int) -> None:
    # Imports come before the user changes: what nobody may read he cannot import.
    code = (
        "import os, grpc\n"
        "from toolchain.plugins.protocol.stubs import provider_pb2_grpc\n"
        "from google.protobuf import empty_pb2\n"
        "os.setuid(65534)\n"
        f"stub = provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel('127.0.0.1:{port}'))\n"
        "try: stub.GetPluginInfo(empty_pb2.Empty(), timeout=120)\n"
        "except grpc.RpcError as error: print(error.code().name)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=paths.root(),
        check=False,
        timeout=120,
    )
    assert ran.stdout.strip() == "PERMISSION_DENIED", ran.stderr
    assert Engine(port).stub.GetPluginInfo(empty_pb2.Empty(), timeout=120).version == "1.0.0"


def test_the_kernel_tells_the_owner_of_a_connection_while_it_lasts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", here))
        there = client.getsockname()[1]
        accepted, _ = server.accept()
        assert connections.owner(there, here) == os.getuid()
        assert connections.is_ours(there, here)
        client.close()
        accepted.close()
        until(lambda: connections.owner(there, here) is None, "the connection is gone")
