"""The applications that are compared: alike but for their names, each behind its own load balancer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from console.status_report import stack_outputs

CLOUD = "local"
OURS = "bench-ours"
NEEDED = 3
WORK = 50  # milliseconds of a processor's work for each request
REQUEST_RATE = 3.0  # requests a second of one member, for ours and for KEDA
LOAD = 70.0  # percent of the processor time that a member asks for, for ours and for the HPA


def write(folder: Path, name: str, thresholds: Mapping[str, float]) -> Path:
    """The application's documents; a change of the policy is taken up while the autoscaler runs."""
    platform = stack_outputs(pulumi(), f"platform-{CLOUD}")
    web: dict[str, Any] = {"alias": "web", "cartridge": "php", "members": {"min": 1, "max": NEEDED}}
    web["artifact"] = {"git": platform["gitRepositories"]["hello"], "branch": "main"}
    if name == OURS:
        web["autoscaling"] = "busy"
    kind = {"apiVersion": "altostratus/v1"}
    front = {**kind, "kind": "LoadBalancer", "name": "front", "scope": "application", "driver": "haproxy"}
    front["replicas"] = {"min": 1, "max": 1}
    policy = {**kind, "kind": "AutoscalingPolicy", "name": "busy", "thresholds": dict(thresholds)}
    policy["damping"] = {"settle": "20s"}
    application = {**kind, "kind": "Application", "name": name, "loadBalancer": "front", "cartridges": [web]}
    file = folder / f"{name}.yaml"
    beside = folder / f".{name}.yaml"
    beside.write_text(yaml.safe_dump_all([application, front, policy]))
    beside.replace(file)
    return file


@contextmanager
def deployed(cli: Pulumi, name: str, folder: Path) -> Iterator[str]:
    """The URL of the application's work while it is there; what a killed bench left of it is taken over."""
    stack = f"app-{name}"
    file = write(folder, name, {"loadAverage": LOAD, "requestRate": REQUEST_RATE})
    cli.init(stack)
    cli.configure(
        stack,
        {"altostratus:cloud": CLOUD, "altostratus:blueprint": str(file), "altostratus:application": name},
    )
    try:
        cli.recover(stack)
        cli.up(stack, "--refresh=false")
        yield f"{stack_outputs(cli, stack)['urls'][0]}/work?ms={WORK}"
    finally:
        cli.recover(stack)
        cli.destroy(stack, "--refresh=false")
        cli.remove(stack)
