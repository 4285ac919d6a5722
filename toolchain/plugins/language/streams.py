"""The two outputs of a process as one stream of chunks."""

import queue
import subprocess
import threading
from collections.abc import Iterator
from typing import IO, Literal

Channel = Literal["stdout", "stderr"]
CHUNK = 64 * 1024


def stream(process: "subprocess.Popen[bytes]") -> Iterator[tuple[Channel, bytes]]:
    """Yields what the process prints, as it comes, until both outputs are closed."""
    chunks: queue.Queue[tuple[Channel, bytes]] = queue.Queue()

    def pump(channel: Channel, source: IO[bytes]) -> None:
        while chunk := source.read1(CHUNK):  # type: ignore[attr-defined]
            chunks.put((channel, chunk))
        chunks.put((channel, b""))

    assert process.stdout is not None
    assert process.stderr is not None
    for channel, source in (("stdout", process.stdout), ("stderr", process.stderr)):
        threading.Thread(target=pump, args=(channel, source), daemon=True).start()
    still_open = 2
    while still_open:
        channel, chunk = chunks.get()
        if chunk:
            yield channel, chunk
        else:
            still_open -= 1
