"""The plugin asks of several resources at once from its first request on."""

import subprocess
import sys

# Without `make_ready` this ends with a segmentation fault.
PROGRAM = """
import sys, threading
from lightkube.core import decoders
from lightkube.resources.core_v1 import Node, Pod
from toolchain.plugins.altostratus.api_types import make_ready

sys.setswitchinterval(1e-6)
begin = threading.Barrier(6)

def decode():
    begin.wait()
    make_ready(Node, Pod)
    decoders.decode_list(b'{"items": [{"metadata": {"name": "a"}}]}', Pod)
    decoders.decode_object(b'{"metadata": {"name": "a"}}', Node)

threads = [threading.Thread(target=decode) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done")
"""


def test_types_are_made_ready_before_threads_use_them() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
