"""The real Docker engine and the real base image."""

import docker
import pytest

from toolchain import base_image, engine

pytestmark = pytest.mark.cluster


def test_the_engine_runs_the_base_image_and_its_packages_can_be_installed_from() -> None:
    found = engine.ensure()
    image = base_image.ensure_base()
    client = docker.DockerClient(base_url=found.host, timeout=600)
    try:
        command = [
            "sh",
            "-c",
            "cat /etc/os-release && test -s /etc/ssl/certs/ca-certificates.crt && apt-get check",
        ]
        said = client.containers.run(image.reference, command, remove=True, network_mode="none")
        label = client.images.get(image.reference).labels.get(base_image.LABEL)
    finally:
        client.close()
    assert b"bookworm" in said
    assert label == "base" or image.source == "configured"


def test_the_base_image_is_made_once() -> None:
    base_image.ensure_base()
    assert base_image.ensure_base().source in ("present", "configured")
