"""A cloud's kubeconfig and etcd client certificate, written 0600 from its stack's outputs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_config import replace_file
from toolchain import paths


def refresh(cli: Pulumi, cloud: str) -> Path | None:
    """Write the files anew when the stack's state is newer; the kubeconfig, or None if there is none.

    A `pulumi up` by hand makes new credentials without us, so age decides, not who ran it.
    """
    kubeconfig = paths.kubeconfig(cloud)
    state = cli.state_path(f"hosts-{cloud}")
    if not state.exists():
        return None
    if kubeconfig.exists() and kubeconfig.stat().st_mtime >= state.stat().st_mtime:
        return kubeconfig
    outputs = cli.outputs(f"hosts-{cloud}")
    return write(cloud, outputs) if outputs.get("kubeconfig") else None


def write(cloud: str, outputs: Mapping[str, Any]) -> Path:
    """Write what `hosts-<cloud>` exports; returns the kubeconfig's path."""
    kubeconfig = paths.kubeconfig(cloud)
    etcd: Mapping[str, Any] = outputs.get("etcd") or {}
    for name, key in (
        ("ca.crt", "caCertificate"),
        ("client.crt", "certificate"),
        ("client.key", "privateKey"),
    ):
        if key in etcd:
            replace_file(kubeconfig.parent / "etcd" / name, etcd[key])
    if "endpoints" in etcd:
        replace_file(kubeconfig.parent / "etcd" / "endpoints", ",".join(etcd["endpoints"]) + "\n")
    replace_file(kubeconfig, outputs["kubeconfig"])
    return kubeconfig
