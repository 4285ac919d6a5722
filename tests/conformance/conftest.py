"""A cluster, a plugin and a project for each conformance test.

The suite asserts what the vendor's plugin does as well; point it at the vendor's with
`ALTO_PLUGIN_KUBERNETES` and at a cluster of your own with `ALTO_TEST_KUBECONFIG`.
"""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.engine import PLUGIN, VERSION, Project, bundled_plugin, kubernetes_plugin
from tests.plugins import control_plane
from tests.waiting import until
from toolchain import plugin_install
from toolchain.plugins.kubernetes import kubeconfig
from toolchain.plugins.kubernetes.client import Client


@pytest.fixture(scope="session")
def cluster_kubeconfig(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The cluster to run on: `ALTO_TEST_KUBECONFIG`; else the demo's, where tests on clusters were asked
    for; else a control plane without hosts, made here."""
    given = os.environ.get("ALTO_TEST_KUBECONFIG")
    if given:
        yield Path(given).absolute()
        return
    if any(item.get_closest_marker("cluster") for item in request.session.items):
        yield Path(request.getfixturevalue("demo").environment["KUBECONFIG"])
        return
    if not (control_plane.programs("etcd") and control_plane.programs("kubernetes")):
        pytest.skip("etcd and kubernetes are not installed: ./alto toolchain install")
    with control_plane.running(tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane.kubeconfig


@pytest.fixture(scope="session")
def cluster(cluster_kubeconfig: Path) -> Iterator[Client]:
    """The tests' own view of the cluster."""
    client = Client(kubeconfig.resolve(kubeconfig.parse(cluster_kubeconfig.read_text())))
    yield client
    client.close()


@pytest.fixture(scope="session")
def has_nodes(cluster: Client) -> bool:
    """Whether Pods can run there."""
    return any(
        condition.get("type") == "Ready" and condition.get("status") == "True"
        for node in cluster.get("/api/v1/nodes")["items"]
        for condition in node.get("status", {}).get("conditions", [])
    )


@pytest.fixture(scope="session")
def plugin_is_bundled() -> bool:
    """Whether the plugin under test is our own."""
    return kubernetes_plugin().resolve() == bundled_plugin().resolve()


@pytest.fixture(scope="session")
def engine_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment for the CLI: a state, plugins and a passphrase apart from everybody's."""
    pulumi = control_plane.programs("pulumi")
    if pulumi is None:
        pytest.skip("the pulumi CLI is not installed: ./alto toolchain install")
    base = tmp_path_factory.mktemp("pulumi")
    home = base / "home"
    place = home / "plugins" / f"resource-kubernetes-v{VERSION}"
    place.mkdir(parents=True)
    (place / PLUGIN).symlink_to(kubernetes_plugin())
    state = base / "state"
    state.mkdir()
    bin_folder = base / "bin"
    bin_folder.mkdir()
    (bin_folder / "pulumi").symlink_to(pulumi["pulumi"])
    (bin_folder / plugin_install.LANGUAGE_HOST).symlink_to(plugin_install.language_host().path)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    return {
        **inherited,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "conformance",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "KUBECONFIG": "/nonexistent",
    }


@pytest.fixture
def namespace(cluster: Client) -> Iterator[str]:
    """A namespace of the test's own, with its default service account in place."""
    name = f"conformance-{secrets.token_hex(4)}"
    cluster.create("/api/v1/namespaces", {"metadata": {"name": name}})
    path = f"/api/v1/namespaces/{name}"
    until(lambda: cluster.find(f"{path}/serviceaccounts/default"), "the default service account")
    yield name
    if cluster.find(path):
        cluster.delete(path, "Background")


@pytest.fixture
def project(
    tmp_path: Path, engine_environment: dict[str, str], cluster_kubeconfig: Path, namespace: str
) -> Iterator[Project]:
    """An empty project whose objects are removed afterwards."""
    stack = f"test-{secrets.token_hex(3)}"
    made = Project(tmp_path / "project", engine_environment, cluster_kubeconfig, namespace, stack)
    made.create()
    yield made
    made.close()
