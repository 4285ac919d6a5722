import sys

from toolchain.plugins.language.server import LanguageServer
from toolchain.plugins.protocol.serving import engine_address, serve_until_end
from toolchain.plugins.protocol.stubs import language_pb2_grpc


def main() -> None:
    """Serves the language runtime protocol until the engine is done."""
    words = sys.argv[1:]
    host = LanguageServer(engine_address(words))
    serve_until_end(
        "python language",
        words,
        lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server),
        host.close,
    )


if __name__ == "__main__":
    main()
