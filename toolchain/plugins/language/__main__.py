import sys
from pathlib import Path
from typing import NoReturn

from toolchain.plugins.language.forked import ForkedPrograms
from toolchain.plugins.language.interpreter import find
from toolchain.plugins.language.server import LanguageServer
from toolchain.plugins.protocol.peers import Peers
from toolchain.plugins.protocol.serving import engine_address, serve_peers, serve_until_end
from toolchain.plugins.protocol.stubs import language_pb2_grpc


def main() -> None:
    """Serves the language runtime protocol until the engine is done."""
    words = sys.argv[1:]
    if "--resident" in words:
        serve_resident_host(words)
    host = LanguageServer(engine_address(words))
    serve_until_end(
        "python language",
        words,
        lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server),
        host.close,
    )


def serve_resident_host(words: list[str]) -> NoReturn:
    """Serves until the process that started this one is gone."""
    programs = ForkedPrograms(_listed(words, "--path="), _listed(words, "--preload="))
    peers = Peers(lambda: LanguageServer("", programs), LanguageServer.close)
    for folder in _listed(words, "--virtualenv="):
        programs.prepare(find(Path(folder), {"virtualenv": folder}))

    def close() -> None:
        peers.close()
        programs.stop()

    serve_peers(
        "python language",
        words,
        peers,
        language_pb2_grpc.LanguageRuntimeServicer,
        language_pb2_grpc.add_LanguageRuntimeServicer_to_server,
        close,
    )


def _listed(words: list[str], option: str) -> list[str]:
    text = next((word.removeprefix(option) for word in words if word.startswith(option)), "")
    return [each for each in text.split(",") if each]


if __name__ == "__main__":
    main()
