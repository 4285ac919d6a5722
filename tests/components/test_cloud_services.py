"""The registry and the git server of a cloud, and the images pushed to the registry."""

import os
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from blueprints.kinds.cartridge import Cartridge
from components import cloud_service
from components.cartridge_image import (
    CartridgeImage,
    ImageSource,
    RegistryAccess,
    build_images,
    image_sources,
)
from components.cloud_service import CloudSite
from components.git_server import GitServer, reader
from components.hosts.host_image import BuildContext
from components.registry import Registry, password_file, registry_config
from tests.components.conftest import DIGEST, Engine, is_secret

CONTAINER = "docker:index/container:Container"
IMAGE = "docker:index/image:Image"


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Build contexts without tools, base image or Docker."""
    monkeypatch.setattr(
        cloud_service,
        "build_context",
        lambda image, tools: BuildContext(f"altostratus/{image}:0123", Path("/contexts") / image, "base:1"),
    )


def site() -> CloudSite:
    return CloudSite(
        "east",
        pulumi.Output.from_input("alto-east"),
        pulumi.Output.from_input("10.88.0.0/24"),
        pulumi.Output.from_input("CA"),
        pulumi.Output.secret("CA-KEY"),
    )


def made_registry(engine: Engine) -> Engine:
    def program() -> None:
        registry = Registry("east-registry", site())
        pulumi.export("address", registry.address)
        pulumi.export("password", registry.password)

    return engine.run(program, "platform-east")


def uploads(container: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {upload["file"]: upload for upload in container["uploads"]}


def test_the_registry_stands_at_the_third_address_of_its_cloud(engine: Engine) -> None:
    made_registry(engine)
    container = engine.of(CONTAINER)["east-registry"]
    assert container["name"] == "alto-east-registry"
    assert container["networksAdvanced"] == [{"name": "alto-east", "ipv4Address": "10.88.0.3"}]
    assert engine.of("altostratus:pki:Certificate")["east-cert-registry"]["ipAddresses"] == ["10.88.0.3"]
    assert engine.exports["address"] == "10.88.0.3:5000"


def test_everything_of_a_cloud_carries_its_label(engine: Engine) -> None:
    made_registry(engine)
    for kind in (CONTAINER, "docker:index/volume:Volume"):
        for name, inputs in engine.of(kind).items():
            labels = {each["label"]: each["value"] for each in inputs["labels"]}
            assert labels["altostratus.cloud"] == "east", name


def test_the_registry_keeps_its_storage_when_its_container_is_replaced(engine: Engine) -> None:
    made_registry(engine)
    volumes = engine.of(CONTAINER)["east-registry"]["volumes"]
    assert volumes == [{"containerPath": "/var/lib/registry", "volumeName": "alto-east-registry"}]
    assert engine.of(CONTAINER)["east-registry"]["restart"] == "unless-stopped"


def test_the_registrys_keys_are_for_its_own_user_only_and_secret_in_the_state(engine: Engine) -> None:
    made_registry(engine)
    files = uploads(engine.of(CONTAINER)["east-registry"])
    for path in ("/etc/altostratus/registry.key", "/etc/altostratus/htpasswd"):
        assert files[path]["permissions"] == "0400", path
        assert files[path]["owner"] == "10001", path
    assert files["/etc/altostratus/htpasswd"]["content"] == "altostratus:$2b$12$hash\n"
    assert is_secret(engine.exports["password"])


def test_the_registry_speaks_tls_asks_for_a_password_and_can_delete() -> None:
    config = yaml.safe_load(registry_config("10.88.0.3"))
    assert config["http"]["tls"]["minimumtls"] == "tls1.2"
    assert config["auth"]["htpasswd"]["path"] == "/etc/altostratus/htpasswd"
    assert config["storage"]["delete"] == {"enabled": True}
    assert config["http"]["host"] == "https://10.88.0.3:5000"


def test_the_password_file_is_one_line_of_name_and_hash() -> None:
    assert password_file("$2b$x") == "altostratus:$2b$x\n"


def test_services_hold_no_capabilities(engine: Engine) -> None:
    made_registry(engine)
    container = engine.of(CONTAINER)["east-registry"]
    assert container["capabilities"] == {"drops": ["ALL"]}
    assert container["securityOpts"] == ["no-new-privileges"]


def test_repositories_are_mounted_read_only_and_named_by_address(engine: Engine, tmp_path: Path) -> None:
    def program() -> None:
        pulumi.export("urls", GitServer("east-git", site(), {"shop": tmp_path}).urls)

    engine.run(program, "platform-east")
    container = engine.of(CONTAINER)["east-git"]
    assert container["volumes"] == [
        {"hostPath": str(tmp_path), "containerPath": "/srv/git/shop.git", "readOnly": True}
    ]
    assert engine.exports["urls"] == {"shop": "https://10.88.0.4:8443/shop.git"}


def test_the_git_server_reads_as_the_repositories_owner_but_never_as_root(tmp_path: Path) -> None:
    owner = tmp_path.stat().st_uid
    assert reader({"shop": tmp_path}) == (owner or 33)
    if os.geteuid() == 0:
        os.chown(tmp_path, 1234, 1234)
        assert reader({"shop": tmp_path}) == 1234


def context(folder: Path, text: str = "FROM scratch\n") -> ImageSource:
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(text)
    return ImageSource("cartridges/php", folder, folder / "Dockerfile")


def test_an_image_is_pushed_under_its_content_and_run_by_its_digest(engine: Engine, tmp_path: Path) -> None:
    source = context(tmp_path)

    def program() -> None:
        access = RegistryAccess(
            pulumi.Output.from_input("10.88.0.3:5000"), "altostratus", pulumi.Output.secret("pass")
        )
        pulumi.export("image", CartridgeImage("php", source, access, "base:1").reference)

    engine.run(program, "platform-east")
    (image,) = engine.of(IMAGE).values()
    repository, _, tag = image["imageName"].rpartition(":")
    assert repository == "10.88.0.3:5000/cartridges/php"
    assert len(tag) == 16
    assert image["build"]["args"]["BASE"] == "base:1"
    assert image["registry"]["username"] == "altostratus"
    assert engine.exports["image"] == f"10.88.0.3:5000/cartridges/php@{DIGEST}"
    raw = next(each for each in engine.registered if each.type == IMAGE)
    assert is_secret(raw.inputs["registry"]["password"])


def test_the_tag_changes_with_files_modes_and_arguments_and_with_nothing_else(tmp_path: Path) -> None:
    source = context(tmp_path)
    tag = source.tag()
    assert context(tmp_path).tag() == tag
    os.utime(tmp_path / "Dockerfile", (0, 0))
    assert source.tag() == tag, "a checkout of the same files must not be another image"
    (tmp_path / "serve").write_text("x")
    with_file = source.tag()
    (tmp_path / "serve").chmod(0o755)
    with_mode = source.tag()
    with_argument = ImageSource("r", tmp_path, tmp_path / "Dockerfile", {"A": "1"}).tag()
    assert len({tag, with_file, with_mode, with_argument}) == 4


def cartridge(text: str) -> Cartridge:
    return Cartridge.model_validate({"name": "site", **yaml.safe_load(text)})


def test_every_container_with_a_dockerfile_is_an_image_of_its_own(tmp_path: Path) -> None:
    made = cartridge(
        "build: {}\n"
        "sidecars: [{name: exporter, build: {context: exporter}}, {name: proxy, image: example.org/proxy:1}]"
    )
    sources = dict(image_sources(made, tmp_path, tmp_path / "builds"))
    assert set(sources) == {"site", "site/exporter"}
    assert sources["site/exporter"].dockerfile == tmp_path / "exporter" / "Dockerfile"
    assert sources["site/exporter"].repository == "cartridges/site/exporter"


def test_code_becomes_a_context_whose_place_follows_from_its_content(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("app = None\n")
    (tmp_path / "src" / "outside").symlink_to("/etc/hostname")

    def made() -> ImageSource:
        return dict(image_sources(cartridge("code: {path: src}"), tmp_path, tmp_path / "builds"))["site"]

    first = made()
    assert made() == first, "the same code must be the same image"
    assert (first.context / "application" / "outside").is_symlink(), "no file of this machine gets in"
    (tmp_path / "src" / "app.py").write_text("app = 1\n")
    assert made().tag() != first.tag()
    assert not list((tmp_path / "builds").glob(".new-*"))


def test_what_is_made_alike_is_built_once(tmp_path: Path, engine: Engine) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "Dockerfile").write_text("FROM scratch\nUSER 1\n")
    text = "build: {}\ninit: [{name: first, build: {}}]\nsidecars: [{name: beside, build: {context: other}}]"

    def program() -> None:
        access = RegistryAccess(pulumi.Output.from_input("r:5000"), "me", pulumi.Output.from_input("x"))
        sources = dict(image_sources(cartridge(text), tmp_path, tmp_path / "builds"))
        assert set(build_images(sources, access, "base")) == {"site", "site/first", "site/beside"}

    engine.run(program)
    assert set(engine.of("docker:index/image:Image")) == {"site-image", "site-beside-image"}
