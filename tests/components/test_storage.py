"""Storage on the hosts' own disks: what it may do, and who may have it."""

import pulumi
import pytest

from components.registry_login import RegistryLogin
from components.storage import FOLDER, RULES, LocalStorage
from tests.components.conftest import Engine, is_secret


@pytest.fixture(scope="module")
def storage() -> Engine:
    def program() -> None:
        login = RegistryLogin("10.88.0.3:5000", "altostratus", pulumi.Output.secret("pass"), "PEM")
        LocalStorage("local-storage", "10.88.0.3:5000/altostratus/local-storage@sha256:0", login)

    return Engine().run(program, "platform-local")


def test_its_rights_reach_no_pods_and_no_secrets() -> None:
    allowed = {(resource, verb) for rule in RULES for resource in rule["resources"] for verb in rule["verbs"]}
    assert ("pods", "create") not in allowed
    assert not {resource for resource, _ in allowed} & {
        "secrets",
        "configmaps",
        "serviceaccounts",
        "pods/exec",
    }
    assert not {verb for _, verb in allowed} & {"*", "escalate", "bind", "impersonate"}


def test_it_sees_one_folder_of_the_host_and_has_two_capabilities(storage: Engine) -> None:
    pod = storage.of("apps/v1:DaemonSet")["local-storage-hosts"]["spec"]["template"]["spec"]
    assert [volume["hostPath"]["path"] for volume in pod["volumes"]] == [FOLDER]
    (container,) = pod["containers"]
    context = container["securityContext"]
    assert "privileged" not in context
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["DAC_OVERRIDE", "FOWNER"]}
    assert context["readOnlyRootFilesystem"]


def test_the_class_is_made_when_every_host_can_make_volumes(storage: Engine) -> None:
    made = storage.one("storage.k8s.io/v1:StorageClass", "local-storage-class")
    assert storage.one("apps/v1:DaemonSet", "local-storage-hosts").urn in made.dependencies
    assert made.inputs["volumeBindingMode"] == "WaitForFirstConsumer"
    assert is_secret(storage.one("core/v1:Secret", "local-storage-pull-secret").inputs["stringData"])
