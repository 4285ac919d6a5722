"""Real updates without hosts: the project's own program, CLI and plugin on a bare control plane.

What an application's stack reads of its cloud (kubeconfig, registry, images) comes from two stacks of
constants. Pods never run; a small kubelet says of each that it is ready.
"""

import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from autoscaler.act.pulumi_cli import PROJECT, Pulumi
from blueprints.scale import ScaleState
from tests.plugins import control_plane
from toolchain import paths, plugin_install
from toolchain.plugins.kubernetes.client import ApiError, Client, Unreachable
from toolchain.plugins.kubernetes.kinds import VERSION

CLOUD = "bare"
SCALE = "altostratus:scale"
PROGRAM = """\
import json, pathlib, sys
import pulumi
sys.path.insert(0, {checkout!r})
name = pulumi.get_stack()
if name.startswith("app-"):
    from stacks.__main__ import main
    main(name)
else:
    for key, value in json.loads(pathlib.Path({outputs!r}).read_text())[name].items():
        pulumi.export(key, pulumi.Output.secret(value) if key == "kubeconfig" else value)
"""


def application(name: str, clusters: int, *, maximum: int = 50) -> str:
    """Documents of an application with clusters `c0`, `c1`, … of one tiny cartridge."""
    documents: list[dict[str, Any]] = [
        {
            "apiVersion": "altostratus/v1",
            "kind": "Cartridge",
            "name": "tiny",
            "image": "registry.example.test/tiny@sha256:" + "0" * 64,
            "ports": [{"name": "http", "port": 8080, "protocol": "http"}],
        },
        {
            "apiVersion": "altostratus/v1",
            "kind": "Application",
            "name": name,
            "cartridges": [
                {"alias": f"c{n}", "cartridge": "tiny", "members": {"min": 0, "max": maximum}}
                for n in range(clusters)
            ],
        },
    ]
    return yaml.safe_dump_all(documents, sort_keys=False)


@dataclass
class World:
    """One project folder with its backend, beside a control plane."""

    folder: Path
    kubeconfig: Path
    cli: Pulumi

    def client(self) -> Client:
        """A client for the tests' own looks."""
        return control_plane.ControlPlane(self.folder, self.kubeconfig).client()

    def application(self, name: str, clusters: int, members: int = 1) -> str:
        """Make an application's stack with that many members each; returns the stack's name."""
        stack = f"app-{name}"
        document = self.folder / f"{name}.yaml"
        document.write_text(application(name, clusters))
        self.cli.init(stack)
        scale = ScaleState(clusters={f"c{n}": members for n in range(clusters)}, generation=1)
        values = {
            "altostratus:cloud": CLOUD,
            "altostratus:application": name,
            "altostratus:blueprint": str(document),
            SCALE: scale.to_data(),
        }
        self.cli.configure(stack, values)
        self.cli.up(stack, "--refresh=false")
        return stack

    def replicas(self, client: Client, name: str) -> dict[str, int]:
        """What the API server holds: `spec.replicas` by cluster."""
        found = client.get(f"/apis/apps/v1/namespaces/app-{name}/deployments")["items"]
        return {
            each["metadata"]["labels"]["altostratus.dev/cluster"]: each["spec"]["replicas"] for each in found
        }


def make(folder: Path, kubeconfig: Path) -> World:
    """A project in `folder` on the cluster of that kubeconfig, its cloud's constants in place."""
    programs = control_plane.programs("pulumi")
    assert programs is not None, "the pulumi CLI is not installed: ./alto toolchain install"
    for name in ("bin", "home", "state", "program", "stacks/config"):
        (folder / name).mkdir(parents=True)
    outputs = folder / "outputs.json"
    outputs.touch(mode=0o600)
    outputs.write_text(json.dumps(_constants(kubeconfig)))
    (folder / "program" / "__main__.py").write_text(
        PROGRAM.format(checkout=str(paths.root()), outputs=str(outputs))
    )
    settings = {
        "name": PROJECT,
        "runtime": {
            "name": "python",
            "options": {"toolchain": "pip", "virtualenv": str(paths.root() / ".venv")},
        },
        "main": "program/",
        "stackConfigDir": "stacks/config",
        "options": {"refresh": "always"},
    }
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(settings))
    (folder / "passphrase").touch(mode=0o600)
    (folder / "passphrase").write_text("a light world\n")
    (folder / "bin" / "pulumi").symlink_to(programs["pulumi"])
    (folder / "bin" / plugin_install.LANGUAGE_HOST).symlink_to(plugin_install.language_host().path)
    plugin = folder / "home" / "plugins" / f"resource-kubernetes-v{VERSION}"
    plugin.mkdir(parents=True)
    bundled = paths.root() / "toolchain" / "plugins" / "kubernetes" / "pulumi-resource-kubernetes"
    (plugin / bundled.name).symlink_to(bundled)
    cli = project(folder)
    world = World(folder, kubeconfig, cli)
    for stack in _constants(kubeconfig):
        cli.init(stack)
        cli.up(stack, "--refresh=false")
    return world


def project(folder: Path) -> Pulumi:
    """The CLI on a project that `make` made in `folder`."""
    programs = control_plane.programs("pulumi")
    assert programs is not None, "the pulumi CLI is not installed: ./alto toolchain install"
    return Pulumi(folder, programs["pulumi"], folder / "state", folder / "logs", _environment(folder))


def _constants(kubeconfig: Path) -> dict[str, dict[str, Any]]:
    registry = {"address": "registry.example.test", "username": "u", "password": "p", "caCertificate": "CA"}
    return {
        f"hosts-{CLOUD}": {
            "kubeconfig": kubeconfig.read_text(),
            "nodes": [{"name": "none", "address": "192.0.2.10", "roles": []}],
        },
        f"platform-{CLOUD}": {"registry": registry, "images": {}, "artifactImage": "none"},
    }


def _environment(folder: Path) -> Mapping[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    return {
        **inherited,
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(folder / "passphrase"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "KUBECONFIG": "/nonexistent",
    }


class Kubelet:
    """Says of every Pod that it is ready, as soon as it is there."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Kubelet":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._ended.wait(0.2):
            try:
                for pod in self._client.get("/api/v1/pods")["items"]:
                    about = pod["metadata"]
                    if "deletionTimestamp" in about:
                        continue
                    if not any(c["type"] == "Ready" for c in pod["status"].get("conditions", ())):
                        self._report(about["namespace"], about["name"])
            except (ApiError, Unreachable):
                continue  # between two looks it went, or the server did

    def _report(self, namespace: str, name: str) -> None:
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        status = {"/status/phase": "Running", "/status/conditions": [ready]}
        operations = [{"op": "add", "path": path, "value": value} for path, value in status.items()]
        self._client.patch(f"/api/v1/namespaces/{namespace}/pods/{name}/status", operations)


@contextmanager
def running(folder: Path) -> Iterator[World]:
    """A control plane, a kubelet's word and a project, all ended on leaving."""
    plane_folder = folder / "plane"
    plane_folder.mkdir(parents=True)
    with control_plane.running(plane_folder) as plane:
        client = plane.client()
        with Kubelet(client):
            yield make(folder / "project", plane.kubeconfig)
        client.close()
    shutil.rmtree(plane_folder / "etcd", ignore_errors=True)


def _main() -> None:
    """`python -m tests.light_world FOLDER`: keep one running until interrupted, for trying things out."""
    with running(Path(sys.argv[1])) as world:
        print(world.folder, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    _main()
