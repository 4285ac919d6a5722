"""`deploy/kubernetes/rights.yaml` on a real API server: enough for the autoscaler's work, and for no more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.act.deletion_cost import Marks
from autoscaler.act.edits import Removal, ScaleEdit
from autoscaler.act.kubernetes_lease import KubernetesLeases
from autoscaler.act.lease import FileLeases
from autoscaler.act.runner import Runner
from autoscaler.act.stack_config import read
from autoscaler.journal.journal import Journal
from autoscaler.observe.members_watch import MembersWatch
from blueprints.scale import ScaleState
from tests import light_world
from tests.light_world import SCALE, Kubelet, World
from tests.plugins import control_plane
from toolchain import paths
from toolchain.plugins.kubernetes import kubeconfig
from toolchain.plugins.kubernetes.client import ApiError, Client

pytestmark = pytest.mark.engine
LIMIT = 300.0
CORE = ("Namespace", "ServiceAccount")
WHOLE_CLOUD = "altostratus-autoscaler-copies"


class Account:
    """A world whose cloud is registered with the autoscaler's account, and its makers' own client."""

    def __init__(self, world: World, admin: Client, own: Path) -> None:
        self.world, self.admin, self.own = world, admin, own
        self.client = Client(kubeconfig.resolve(kubeconfig.parse(own.read_text())))


def path_of(document: dict[str, Any]) -> str:
    kind, space = document["kind"], document["metadata"].get("namespace")
    base = "/api/v1" if kind in CORE else "/apis/rbac.authorization.k8s.io/v1"
    return f"{base}/namespaces/{space}/{kind.lower()}s" if space else f"{base}/{kind.lower()}s"


def apply(admin: Client, application: str) -> None:
    text = (paths.root() / "deploy" / "kubernetes" / "rights.yaml").read_text()
    admin.create("/api/v1/namespaces", {"metadata": {"name": f"app-{application}"}})
    for document in yaml.safe_load_all(text.replace("app-NAME", f"app-{application}")):
        admin.create(path_of(document), document)


def registered(admin: Client, plane: Path, folder: Path) -> Path:
    """A kubeconfig with the account's token."""
    at = "/api/v1/namespaces/altostratus/serviceaccounts/autoscaler/token"
    token = admin.create(at, {"spec": {"expirationSeconds": 3600}})["status"]["token"]
    document = yaml.safe_load(plane.read_text())
    document["users"][0]["user"] = {"token": token}
    own = folder / "autoscaler.kubeconfig"
    own.touch(mode=0o600)
    own.write_text(yaml.safe_dump(document))
    return own


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    if not (control_plane.programs("etcd") and control_plane.programs("kubernetes")):
        pytest.skip("etcd and kubernetes are not installed: ./alto toolchain install")
    folder = tmp_path_factory.mktemp("plane")
    with control_plane.running(folder) as plane:
        admin = plane.client()
        apply(admin, "other")  # the one whose namespace the file's last binding names
        own = registered(admin, plane.kubeconfig, folder)
        with Kubelet(admin):
            world = light_world.make(tmp_path_factory.mktemp("world") / "project", own)
            yield Account(world, admin, own)


def test_a_copy_can_be_made_from_nothing_where_the_whole_cloud_is_bound(account: Account) -> None:
    account.world.application("shop", 2)
    assert account.world.replicas(account.admin, "shop") == {"c0": 1, "c1": 1}


def test_one_application_is_scaled_and_marked_with_what_its_own_namespace_binds(
    account: Account, tmp_path: Path
) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    for name in (WHOLE_CLOUD, "altostratus-autoscaler-burst"):
        account.admin.delete(f"{rbac}/clusterrolebindings/{name}", "Background")
    bound = account.admin.get(f"{rbac}/namespaces/app-other/rolebindings/altostratus-autoscaler")
    account.admin.create(
        f"{rbac}/namespaces/app-shop/rolebindings",
        {"metadata": {"name": "autoscaler"}, "roleRef": bound["roleRef"], "subjects": bound["subjects"]},
    )
    world = account.world
    runner = Runner(
        world.cli,
        Journal(tmp_path / "journal.db"),
        leases=FileLeases(tmp_path / "leases"),
        marker=Marks(lambda cloud: account.own),
    )
    runner.start()
    labels = {"altostratus.dev/application": "shop", "altostratus.dev/cluster": "c0"}
    try:
        for count, removals in ((3, ()), (1, (Removal("bare", "app-shop", labels, 2, {}),))):
            seen = ScaleState.parse(read(world.cli.config_path("app-shop"))[SCALE])
            edit = ScaleEdit("app-shop", seen, "as tested", clusters={"c0": count}, removals=removals)
            assert runner.submit(edit).result(LIMIT).kind == "applied"
            assert world.replicas(account.admin, "shop")["c0"] == count
    finally:
        runner.close()


def test_members_room_and_leases_are_seen_with_it(account: Account) -> None:
    watch = MembersWatch(account.own, lambda: None)
    try:
        assert watch.await_first(60.0)
        assert watch.seen(("app-shop", "1")) is not None
    finally:
        watch.close()
    assert account.client.get("/api/v1/nodes")["items"] == []
    leases = KubernetesLeases(account.client, "altostratus", "one")
    assert leases.hold("app-shop").held()
    leases.close()


def test_nothing_else_is_open_to_it(account: Account) -> None:
    for path in (
        "/api/v1/secrets",
        "/api/v1/namespaces/kube-system/secrets",
        "/api/v1/namespaces/kube-system/configmaps",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    ):
        with pytest.raises(ApiError) as refused:
            account.client.get(path)
        assert refused.value.code == 403, path
