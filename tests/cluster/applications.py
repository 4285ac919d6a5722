"""Applications of a test's own on the demo's cloud, made and removed as a user would."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.demo import ROOT, Demo


@contextmanager
def deployed(demo: Demo, application: str, blueprint: Path) -> Iterator[str]:
    """The application of that name in the documents, by `alto up`; yields its namespace."""
    name = f"{application[:24]}-{os.getpid()}"
    stack, config = f"app-{name}", ROOT / "stacks" / "config" / f"Pulumi.app-{name}.yaml"
    demo.run("pulumi", "stack", "init", stack, "--no-select")
    try:
        settings = yaml.safe_load(config.read_text()) or {}
        settings["config"] = {
            "altostratus:cloud": demo.cloud,
            "altostratus:blueprint": str(blueprint),
            "altostratus:application": application,
        }
        config.write_text(yaml.safe_dump(settings))
        demo.alto("up", stack)
        yield demo.run("pulumi", "stack", "output", "namespace", "--stack", stack).stdout.strip()
    finally:
        demo.alto("destroy", stack, "--yes")
        demo.run("pulumi", "stack", "rm", stack, "--yes")
        # Data outlives its application, and a test's must not outlive the test.
        kept = ("kubectl", "delete", "namespace", f"app-{application}", "--ignore-not-found", "--wait=false")
        demo.run(*kept)
        config.unlink(missing_ok=True)


def ask(demo: Demo, namespace: str, service: str, path: str = "") -> str:
    """What a Service answers, asked through the API server."""
    return demo.run(
        "kubectl", "get", "--raw", f"/api/v1/namespaces/{namespace}/services/{service}:80/proxy/{path}"
    ).stdout
