"""The programs of the stacks, from their settings and the stacks they stand on to what they export."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pulumi
import pytest

from blueprints.deployed import AS_DEPLOYED
from components import cloud_service, registry_access
from components.hosts.host_image import BuildContext
from components.load_balancer import images as balancer_images
from stacks import __main__ as program
from stacks import platforms, settings
from stacks.artifact_commits import AUTOMATIC
from tests.components.conftest import DIGEST, NODE_PORT, Engine, is_secret, plain
from toolchain import base_image, paths

HOSTS: dict[str, Any] = {
    "kubeconfig": "KUBECONFIG",
    "nodes": [{"name": "host1", "address": "10.88.0.10", "roles": ["control-plane"]}],
    "network": "alto-local",
    "subnet": "10.88.0.0/24",
    "registryCa": {"certificate": "CA", "privateKey": "CA-KEY"},
}
PLATFORM: dict[str, Any] = {
    "registry": {
        "address": "10.88.0.3:5000",
        "username": "altostratus",
        "password": "pass",
        "caCertificate": "CA",
    },
    "images": {"php": f"10.88.0.3:5000/cartridges/php@{DIGEST}"},
    "artifactImage": f"10.88.0.3:5000/altostratus/artifact@{DIGEST}",
}
OWN = """
apiVersion: altostratus/v1
kind: Cartridge
name: service
code: {path: code}
---
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges:
  - {alias: back, cartridge: service}
  - {alias: front, cartridge: static, artifact: {directory: site}}
"""
SHOP = """
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges:
  - alias: web
    cartridge: php
    members: {min: 2, max: 4}
    artifact: {git: https://git.example.org/shop.git}
"""


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engine:
    monkeypatch.setattr(settings, "config_path", lambda stack: tmp_path / f"Pulumi.{stack}.yaml")
    monkeypatch.setattr(base_image, "ensure_base", lambda: base_image.BaseImage("base:1", "present"))
    for user in (cloud_service, platforms, balancer_images):
        monkeypatch.setattr(
            user,
            "build_context",
            lambda image, tools: BuildContext(
                f"altostratus/{image}:0", paths.root() / "toolchain" / "images" / image, "base:1"
            ),
        )
    monkeypatch.setattr(registry_access.registry_trust, "install", lambda *_: True)
    monkeypatch.setattr(registry_access, "await_registry", lambda *_: None)
    names = {"hosts-local": HOSTS, "platform-local": PLATFORM}
    return Engine(stacks={f"organization/altostratus/{name}": outputs for name, outputs in names.items()})


@contextmanager
def configured(values: dict[str, Any]) -> Iterator[None]:
    config = {
        f"altostratus:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
    }
    pulumi.runtime.set_all_config(config)
    yield
    pulumi.runtime.set_all_config({})


def run(engine: Engine, stack: str, values: dict[str, Any]) -> Engine:
    with configured(values):
        return engine.run(lambda: program.main(stack), stack)


@pytest.fixture
def blueprint(tmp_path: Path) -> str:
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP)
    return str(path)


def test_an_application_is_made_from_its_settings(engine: Engine, blueprint: str) -> None:
    values = {"cloud": "local", "blueprint": blueprint, "scale": {"clusters": {"web": 3}}}
    run(engine, "app-shop", values)
    assert engine.exports["urls"] == [f"http://10.88.0.10:{NODE_PORT}"]
    assert engine.exports["members"] == {"web": 3}
    assert engine.exports["namespace"] == "app-shop"
    web = engine.of("apps/v1:Deployment")["web"]["spec"]
    assert web["template"]["spec"]["containers"][0]["image"] == PLATFORM["images"]["php"]
    provider = engine.of("pulumi:providers:kubernetes")["local"]
    assert provider["kubeconfig"] == "KUBECONFIG"


def test_urls_are_public_where_hosts_have_public_addresses(engine: Engine, blueprint: str) -> None:
    node = {"name": "host1", "address": "10.90.0.10", "publicAddress": "203.0.113.1"}
    engine.stacks["organization/altostratus/hosts-local"] = {**HOSTS, "nodes": [node]}
    run(engine, "app-shop", {"cloud": "local", "blueprint": blueprint})
    assert engine.exports["urls"] == [f"http://203.0.113.1:{NODE_PORT}"]


def test_a_copy_takes_its_cloud_from_the_stacks_name(engine: Engine, blueprint: str) -> None:
    engine.stacks = {name.replace("local", "away"): outputs for name, outputs in engine.stacks.items()}
    run(engine, "app-shop--away", {"blueprint": blueprint})
    assert engine.exports["cloud"] == "away"
    labels = engine.of("apps/v1:Deployment")["web"]["spec"]["selector"]["matchLabels"]
    assert labels["altostratus.dev/copy"] == "away", "two copies in one cluster would share members"


PLACES = """---
apiVersion: altostratus/v1
kind: NetworkPartition
name: home
cloud: local
partitions: [{name: all}]
environment: {TIME_ZONE: Europe/Zurich, LEVEL: home, HOST: {member: host}}
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: rented
cloud: away
partitions: [{name: all}]
environment: {TIME_ZONE: Asia/Tokyo}
"""


def test_members_have_the_variables_of_the_cloud_they_are_in(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(f"{SHOP}    environment: {{LEVEL: web}}\n{PLACES}")
    away = {name.replace("local", "away"): outputs for name, outputs in engine.stacks.items()}
    found = []
    for stack, values in (("app-shop", {"cloud": "local"}), ("app-shop--away", {})):
        made = run(Engine(stacks={**engine.stacks, **away}), stack, {**values, "blueprint": str(path)})
        (member,) = made.of("apps/v1:Deployment")["web"]["spec"]["template"]["spec"]["containers"]
        variables = {each["name"]: each.get("value", each.get("valueFrom")) for each in member["env"]}
        found.append([variables.get(name) for name in ("TIME_ZONE", "LEVEL", "HOST")])
    host = {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}
    assert found == [["Europe/Zurich", "web", host], ["Asia/Tokyo", "web", None]]


@pytest.mark.parametrize("told", ["", AUTOMATIC, AS_DEPLOYED])
def test_a_person_begins_nothing_in_a_cloud_that_the_tenant_may_not_use(
    engine: Engine, tmp_path: Path, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shop.yaml"
    tenant = "---\napiVersion: altostratus/v1\nkind: Tenant\nname: acme\nclouds: [rented]\n"
    path.write_text(SHOP.replace("name: shop\n", "name: shop\ntenant: acme\n") + PLACES + tenant)
    values = {"cloud": "local", "blueprint": str(path)}
    if told:
        monkeypatch.setenv(told, "app-shop")
        assert run(engine, "app-shop", values).exports["cloud"] == "local", "what runs there goes on"
        return
    with pytest.raises(pulumi.RunError, match="altostratus:cloud: shop may not run in the cloud local"):
        run(engine, "app-shop", values)
    assert not engine.registered


def test_every_stack_is_read_once(engine: Engine, blueprint: str) -> None:
    run(engine, "app-shop", {"cloud": "local", "blueprint": blueprint})
    assert sorted(engine.read) == sorted(engine.stacks)


def test_an_image_that_the_platform_lacks_stops_the_update_in_words(engine: Engine, blueprint: str) -> None:
    engine.stacks["organization/altostratus/platform-local"] = {**PLATFORM, "images": {}}
    with pytest.raises(pulumi.RunError, match=r"image php is not built \(there are none\)"):
        run(engine, "app-shop", {"cloud": "local", "blueprint": blueprint})


def test_an_applications_own_images_come_before_the_platforms(engine: Engine, blueprint: str) -> None:
    own = f"10.88.0.3:5000/applications/shop/php@{DIGEST}"
    engine.stacks["organization/altostratus/images-shop"] = {"images": {"php": own}}
    run(engine, "app-shop", {"cloud": "local", "blueprint": blueprint, "images": "images-shop"})
    web = engine.of("apps/v1:Deployment")["web"]["spec"]
    assert web["template"]["spec"]["containers"][0]["image"] == own


def test_what_an_application_brings_itself_is_built_in_a_stack_of_its_own(
    engine: Engine, tmp_path: Path
) -> None:
    for folder, file in (("code", "app.py"), ("site", "index.html")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_text("")
    (tmp_path / "shop.yaml").write_text(OWN)
    del engine.stacks["organization/altostratus/hosts-local"]
    run(engine, "images-shop", {"cloud": "local", "blueprint": str(tmp_path / "shop.yaml")})
    assert set(plain(engine.exports["images"])) == {"service", "artifact:front"}
    assert set(plain(engine.exports["sources"])) == {"service", "artifact:front"}
    assert not is_secret(engine.exports["images"])


def test_a_cloud_whose_hosts_were_never_made_is_named_with_what_to_do(engine: Engine, blueprint: str) -> None:
    engine.stacks["organization/altostratus/hosts-local"] = {}
    with pytest.raises(pulumi.RunError, match=r"stack hosts-local has no output.*\n.*pulumi up --stack"):
        run(engine, "app-shop", {"cloud": "local", "blueprint": blueprint})


def test_wrong_settings_end_in_one_message_without_a_traceback(engine: Engine) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        run(engine, "app-shop", {"cloud": "Local!"})
    assert "the settings of stack app-shop are not right" in str(refused.value)
    assert "altostratus:blueprint is missing" in str(refused.value)


def test_wrong_documents_end_in_one_message_with_their_place(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(SHOP.replace("min: 2", "min: 9"))
    with pytest.raises(pulumi.RunError, match=r"shop\.yaml:8:"):
        run(engine, "app-shop", {"cloud": "local", "blueprint": str(tmp_path / "shop.yaml")})


def test_a_stack_of_no_known_kind_is_refused(engine: Engine) -> None:
    with pytest.raises(pulumi.RunError, match="does not say what it makes"):
        run(engine, "dev", {})


def test_a_platform_builds_what_it_is_told_and_exports_it_by_digest(engine: Engine) -> None:
    run(engine, "platform-local", {"platform": {"cartridges": ["php"]}})
    assert engine.exports["images"] == {"php": f"10.88.0.3:5000/cartridges/php@{DIGEST}"}
    assert engine.exports["artifactImage"] == f"10.88.0.3:5000/altostratus/artifact@{DIGEST}"
    assert engine.exports["registry"]["address"] == "10.88.0.3:5000"
    assert is_secret(engine.exports["registry"]["password"])
    assert engine.exports["gitRepositories"] == {}


def test_a_platform_shows_the_repositories_it_is_given(engine: Engine, tmp_path: Path) -> None:
    bare = tmp_path / "shop.git"
    (bare / "objects").mkdir(parents=True)
    (bare / "HEAD").write_text("ref: refs/heads/main\n")
    run(engine, "platform-local", {"platform": {"gitRepositories": {"shop": str(bare)}}})
    assert plain(engine.exports["gitRepositories"]) == {"shop": "https://10.88.0.4:8443/shop.git"}


def test_a_mirror_stands_for_the_address_in_the_documents(
    engine: Engine, tmp_path: Path, blueprint: str
) -> None:
    bare = tmp_path / "shop.git"
    (bare / "objects").mkdir(parents=True)
    (bare / "HEAD").write_text("ref: refs/heads/main\n")
    original, here = "https://git.example.org/shop.git", "https://10.88.0.4:8443/shop.git"
    platform = {"gitRepositories": {"shop": str(bare)}, "gitMirrors": {"shop": original}}
    run(engine, "platform-local", {"platform": platform})
    mirrors = plain(engine.exports["gitMirrors"])
    assert mirrors == {original: here}
    engine.stacks["organization/altostratus/platform-local"] = {**PLATFORM, "gitMirrors": mirrors}
    run(engine, "app-shop", {"cloud": "local", "blueprint": blueprint})
    template = engine.of("apps/v1:Deployment")["web"]["spec"]["template"]["spec"]
    told = {each["name"]: each["value"] for each in template["initContainers"][0]["env"]}
    assert told["ARTIFACT_URL"] == here


def test_a_mirror_of_a_repository_that_is_not_shown_is_refused(engine: Engine) -> None:
    with pytest.raises(pulumi.RunError, match="gitMirrors names shop, but gitRepositories has none"):
        run(engine, "platform-local", {"platform": {"gitMirrors": {"shop": "https://git.example.org/x.git"}}})


def test_a_cartridge_of_ones_own_is_named_by_its_path(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "cartridge.yaml").write_text(
        "apiVersion: altostratus/v1\nkind: Cartridge\nname: mine\nbuild: {}\nports: [{name: http, port: 1}]\n"
    )
    run(engine, "platform-local", {"platform": {"cartridges": ["php", str(folder)]}})
    assert set(plain(engine.exports["images"])) == {"php", "mine"}


def test_a_cartridge_that_there_is_not_is_named_with_the_nearest(engine: Engine) -> None:
    with pytest.raises(pulumi.RunError, match="phq"):
        run(engine, "platform-local", {"platform": {"cartridges": ["phq"]}})


def test_a_cloud_can_use_a_registry_that_is_there_already(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    registry = {
        "address": "registry.example.org",
        "username": "me",
        "caCertificate": str(tmp_path / "ca.crt"),
    }
    values = {"platform": {"registry": registry, "cartridges": ["php"]}, "registryPassword": "pass"}
    run(engine, "platform-local", values)
    assert engine.exports["images"] == {"php": f"registry.example.org/cartridges/php@{DIGEST}"}
    assert is_secret(engine.exports["registry"]["password"])
    assert not engine.of("docker:index/container:Container"), "it must not get a second registry"
    assert not engine.read, "a cloud of somebody else's machines exports no network"


@pytest.mark.parametrize("driver", ["aws", "openstack", "existing"])
def test_a_cloud_of_machines_gets_no_registry_of_its_own_and_is_told_what_to_do(
    engine: Engine, driver: str
) -> None:
    machines = {"driver": driver, "kubeconfig": "KUBECONFIG", "nodes": []}
    engine.stacks["organization/altostratus/hosts-local"] = machines
    with pytest.raises(
        pulumi.RunError,
        match=rf"(?s)Pulumi.platform-local.yaml: altostratus:platform.registry is missing.*{driver}.*"
        r"registry: \{address, username, caCertificate\}.*registryPassword",
    ):
        run(engine, "platform-local", {"platform": {}})
    assert not engine.of("docker:index/container:Container")


def test_a_cloud_of_machines_shows_no_repositories_of_this_machine(engine: Engine, tmp_path: Path) -> None:
    engine.stacks["organization/altostratus/hosts-local"] = {**HOSTS, "driver": "aws"}
    (tmp_path / "shop.git" / "objects").mkdir(parents=True)
    (tmp_path / "shop.git" / "HEAD").write_text("ref: refs/heads/main")
    platform = {
        "registry": {"address": "registry.example.org", "username": "me"},
        "gitRepositories": {"shop": str(tmp_path / "shop.git")},
    }
    with pytest.raises(pulumi.RunError, match=r"platform.gitRepositories names shop\."):
        run(engine, "platform-local", {"platform": platform, "registryPassword": "pass"})


def test_hosts_of_ours_get_a_default_storage_class_and_others_keep_theirs(engine: Engine) -> None:
    run(engine, "platform-local", {"platform": {}})
    made = engine.of("storage.k8s.io/v1:StorageClass")["local-storage-class"]
    assert made["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    assert engine.exports["storageClass"] == "altostratus-local"
    assert engine.read.count("organization/altostratus/hosts-local") == 1


def test_a_cluster_that_has_storage_can_keep_to_it(engine: Engine) -> None:
    run(engine, "platform-local", {"platform": {"storage": "cloud"}})
    assert not engine.of("storage.k8s.io/v1:StorageClass")
    assert engine.exports["storageClass"] == ""


def test_a_registry_without_its_password_is_refused_with_how_to_set_it(engine: Engine) -> None:
    values = {"platform": {"registry": {"address": "registry.example.org", "username": "me"}}}
    with pytest.raises(pulumi.RunError, match="pulumi config set --secret altostratus:registryPassword"):
        run(engine, "platform-local", values)
