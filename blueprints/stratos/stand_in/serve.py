"""Stands in for software that has no container image yet: answers on every port of $PORTS."""

import os
import signal
import socket
import sys
import threading


def answer(connection: socket.socket, port: int) -> None:
    """Answer one HTTP request with the member's name."""
    with connection:
        connection.settimeout(10)
        try:
            if not connection.recv(65536):
                return
            body = f"{os.environ.get('CARTRIDGE', 'stand-in')} on {socket.gethostname()}:{port}\n".encode()
            head = (
                "HTTP/1.1 200 OK",
                "Content-Type: text/plain",
                f"Content-Length: {len(body)}",
                "Connection: close",
            )
            connection.sendall("\r\n".join((*head, "", "")).encode() + body)
        except OSError:
            return


def serve(port: int) -> None:
    """Accept connections on a port for ever."""
    with socket.create_server(("", port), backlog=256) as server:
        print(f"listening on port {port}", flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=answer, args=(connection, port), daemon=True).start()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for number in os.environ.get("PORTS", "8080").split():
        threading.Thread(target=serve, args=(int(number),), daemon=True).start()
    threading.Event().wait()
