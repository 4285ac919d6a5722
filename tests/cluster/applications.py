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
    try:
        make(demo, name, blueprint, application)
        yield demo.run("pulumi", "stack", "output", "namespace", "--stack", f"app-{name}").stdout.strip()
    finally:
        remove(demo, name)
        # Data outlives its application, and a test's must not outlive the test.
        kept = ("kubectl", "delete", "namespace", f"app-{application}", "--ignore-not-found", "--wait=false")
        demo.run(*kept)


def make(demo: Demo, name: str, blueprint: Path, application: str) -> None:
    """The stack `app-<name>` with an application of the documents, at the demo's cloud."""
    demo.run("pulumi", "stack", "init", f"app-{name}", "--no-select")
    config = _config(name)
    settings = yaml.safe_load(config.read_text()) or {}
    settings["config"] = {
        "altostratus:cloud": demo.cloud,
        "altostratus:blueprint": str(blueprint),
        "altostratus:application": application,
    }
    config.write_text(yaml.safe_dump(settings))
    demo.alto("up", f"app-{name}")


def remove(demo: Demo, name: str) -> None:
    """What the stack made, the stack, and its config."""
    demo.alto("destroy", f"app-{name}", "--yes")
    demo.run("pulumi", "stack", "rm", f"app-{name}", "--yes", "--remove-backups")
    config = _config(name)
    for path in (config, *config.parent.glob(f".{config.name}.*")):
        path.unlink(missing_ok=True)


def _config(name: str) -> Path:
    return ROOT / "stacks" / "config" / f"Pulumi.app-{name}.yaml"


def ask(demo: Demo, namespace: str, service: str, path: str = "") -> str:
    """What a Service answers, asked through the API server."""
    return demo.run(
        "kubectl", "get", "--raw", f"/api/v1/namespaces/{namespace}/services/{service}:80/proxy/{path}"
    ).stdout
