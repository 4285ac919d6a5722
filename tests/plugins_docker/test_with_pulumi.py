"""A program with the vendor's docker SDK, run by the real Pulumi engine on the bundled plugin."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.plugins_docker.conftest import LABEL
from tests.plugins_docker.project import Project

pytestmark = pytest.mark.cluster

PROGRAM = """
    import pulumi
    import pulumi_docker as docker

    MARK, BASE, CONTEXT, WORD = {mark!r}, {base!r}, {context!r}, {word!r}

    network = docker.Network("net", name=f"{{MARK}}-stacknet", driver="bridge",
        ipam_configs=[docker.NetworkIpamConfigArgs(subnet="10.251.78.0/24")],
        labels=[docker.NetworkLabelArgs(label={label!r}, value=MARK)])
    volume = docker.Volume("data", labels=[docker.VolumeLabelArgs(label={label!r}, value=MARK)])
    image = docker.Image("app", image_name=f"{{MARK}}-stack:1", skip_push=True,
        build=docker.DockerBuildArgs(context=CONTEXT, args={{"BASE": BASE}},
            builder_version=docker.BuilderVersion.BUILDER_V1))
    box = docker.Container("box", name=f"{{MARK}}-stackbox", image=image.repo_digest, memory={memory},
        command=["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"],
        networks_advanced=[
            docker.ContainerNetworksAdvancedArgs(name=network.name, ipv4_address="10.251.78.7")],
        volumes=[docker.ContainerVolumeArgs(volume_name=volume.name, container_path="/data")],
        uploads=[docker.ContainerUploadArgs(file="/etc/word", content=pulumi.Output.secret(WORD))],
        labels=[docker.ContainerLabelArgs(label={label!r}, value=MARK)])
    pulumi.export("id", box.id)
    pulumi.export("address", box.network_datas[0].ip_address)
    pulumi.export("volume", volume.name)
"""


@pytest.fixture
def context(tmp_path: Path, mark: str) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"ARG BASE\nFROM $BASE\nCOPY page /page\nLABEL {LABEL}={mark}\n")
    (folder / "page").write_text("one")
    return folder


def test_a_stack_of_docker_resources_is_made_kept_changed_healed_and_removed(
    project: Project, engine: Any, image: str, mark: str, context: Path
) -> None:
    def program(**changes: Any) -> None:
        values = {"mark": mark, "base": image, "context": str(context), "word": "hush-hush", "memory": 32}
        project.program(PROGRAM.format(label=LABEL, **(values | changes)))

    program()
    preview = project.run("preview", "--stack", "test")
    assert re.search(r"\+ 5 to create", preview), preview
    assert not engine.networks(filters={"label": f"{LABEL}={mark}"}), "a preview makes nothing"

    shown = project.up()
    assert "Step 3/4 : COPY page /page" in shown
    first = project.outputs()
    assert first["address"] == "10.251.78.7"
    assert re.fullmatch(r"data-[0-9a-f]{7}", first["volume"])
    assert "hush-hush" not in project.state(), "a secret upload is encrypted in the state"
    assert "5 unchanged" in project.up("--refresh")

    program(memory=48)
    assert "1 updated" in project.up()
    assert engine.inspect_container(first["id"])["HostConfig"]["Memory"] == 48 * 1024 * 1024

    (context / "page").write_text("two")
    changed = project.up()
    assert re.search(r"\+-1 replaced|1 replaced", changed), changed
    second = project.outputs()
    assert second["id"] != first["id"]

    engine.kill(second["id"])
    assert "1 replaced" in project.up("--refresh")
    engine.remove_container(project.outputs()["id"], force=True)
    healed = project.up("--refresh")
    assert "1 created" in healed, healed

    project.destroy()
    marked = {"label": f"{LABEL}={mark}"}
    assert not engine.containers(all=True, filters=marked)
    assert not engine.networks(filters=marked)
    assert not engine.volumes(filters=marked)["Volumes"]
    engine.remove_image(f"{mark}-stack:1", force=True)


def test_a_mistake_is_told_under_its_resource(project: Project, image: str, mark: str) -> None:
    project.program(
        f"""
        import pulumi_docker as docker
        docker.Container("bad", image={image!r}, gpus="all", restart="sometimes")
        """
    )
    shown = project.run("preview", "--stack", "test", fails=True)
    assert "does not support 'gpus'" in shown
    assert "unless-stopped" in shown
    assert "Traceback" not in shown


def test_an_existing_network_is_taken_over(project: Project, engine: Any, mark: str) -> None:
    id = engine.create_network(f"{mark}-given", labels={LABEL: mark})["Id"]
    project.program("")
    project.run(
        "import",
        "docker:index/network:Network",
        "given",
        id,
        "--yes",
        "--protect=false",
        "--generate-code=false",
        "--stack",
        "test",
    )
    resources = json.loads(project.state())["deployment"]["resources"]
    [given] = [resource for resource in resources if resource["type"] == "docker:index/network:Network"]
    assert (given["id"], given["outputs"]["name"]) == (id, f"{mark}-given")
    project.destroy()
    assert not engine.networks(ids=[id])
