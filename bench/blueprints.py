"""Measures validation of 1,000 documents and expansion of an application of 500 clusters.

Run as `python -m bench.blueprints`; prints one JSON object with the processor seconds of the median run.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from blueprints.loader import load_text
from blueprints.validate import validate
from blueprints.workspace import Workspace, library

RUNS = 5
HEADER = "apiVersion: altostratus/v1\n"


def cartridge(number: int) -> str:
    """A cartridge with what most have."""
    return f"""{HEADER}kind: Cartridge
name: c{number}
image: example/c{number}:1
ports: [{{name: http, port: 8080, protocol: http, proxyPort: 80}}, {{name: admin, port: 9000}}]
probes: {{readiness: {{http: {{path: /health}}, period: 2s}}, liveness: {{tcp: {{}}}}}}
environment: {{A: "1", B: {{export: password}}, C: {{member: name}}}}
resources: {{requests: {{cpu: 100m, memory: 64Mi}}, limits: {{memory: 256Mi}}}}
exports: {{host: {{value: "${{host}}"}}, password: {{generate: {{}}}}, url: {{value: "http://${{host}}:${{port}}"}}}}
"""


def application(number: int, clusters: int, kinds: int) -> str:
    """An application in levels of ten clusters, each level waiting for one of the level before."""
    uses = "\n".join(
        f"  - {{alias: x{i}, cartridge: c{i % kinds}, members: {{min: 1, max: 9}}}}" for i in range(clusters)
    )
    order = ", ".join(f"[x{i - 10}, x{i}]" for i in range(10, clusters))
    return f"{HEADER}kind: Application\nname: a{number}\ncartridges:\n{uses}\nstartup: [{order}]\n"


def median(work: Callable[[], object]) -> float:
    """Processor seconds of the median run; unlike wall time, they do not grow on a busy machine."""
    times = []
    for _ in range(RUNS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    library()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(500):
            (Path(folder) / f"c{number}.yaml").write_text(cartridge(number))
            (Path(folder) / f"a{number}.yaml").write_text(application(number, 20, 500))
        report = validate([folder])
        if not report.ok or report.documents != 1000:
            raise SystemExit(f"expected 1,000 valid documents, found {report.documents}: {report.errors[:3]}")
        validation = median(lambda: validate([folder]))
    texts = "---\n".join([*(cartridge(n) for n in range(50)), application(0, 500, 50)])
    workspace = Workspace(load_text(texts)[0])
    plan = workspace.plan("a0")
    if len(plan.clusters) != 500:
        raise SystemExit(f"expected 500 clusters, found {len(plan.clusters)}")
    expansion = median(lambda: workspace.plan("a0"))
    print(
        json.dumps(
            {
                "validate_1000_documents_seconds": round(validation, 3),
                "expand_500_clusters_seconds": round(expansion, 4),
            }
        )
    )


if __name__ == "__main__":
    main()
