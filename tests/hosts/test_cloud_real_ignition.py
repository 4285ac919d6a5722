"""The real Ignition on the real host image takes what clouds hand it, and systemd then tells that it did."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from components.hosts.docker_driver import may_be_privileged
from components.hosts.user_data import inline
from tests.hosts import test_aws_driver as aws
from tests.hosts import test_openstack_driver as openstack
from tests.hosts.cloud_mocks import made, real_tools
from tests.waiting import until
from toolchain.plugins.altostratus.joining import PROVISIONED

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_openstack"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_aws"),
]

IGNITION = """
export IGNITION_CONFIG_FILE=/etc/altostratus/config.ign
for stage in fetch files; do
  /usr/lib/dracut/modules.d/30ignition/ignition -platform=file -stage=$stage -root=/ \
    -config-cache=/run/ignition.json -log-to-stdout >&2 || exit 1
done
"""
LOOK = """
for path in "$@"; do stat -c '%a %n' "$path"; done
cat /etc/kubernetes/kubelet.yaml
"""
BOOT = """
systemctl preset-all --preset-mode=enable-only
cd /etc/systemd/system/multi-user.target.wants
# The parts of a cluster, and kernel settings that this machine's owner has not asked for, stay out of it.
ls | grep -v altostratus | xargs rm
systemctl mask systemd-sysctl.service
exec /sbin/init
"""


def host_image() -> str:
    listing = subprocess.run(
        ["docker", "images", "altostratus/host", "--format", "{{.Repository}}:{{.Tag}}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    names = listing.stdout.split() if listing.returncode == 0 else []
    if not names:
        pytest.skip("no host image was built on this machine's engine yet: ./alto demo")
    return names[0]


@cache
def config_of(cloud: str) -> dict[str, Any]:
    """The Ignition config of the cloud's first host."""
    if cloud == "aws":
        mocks, _ = made(aws.SETTINGS, aws.OUTPUTS, {})
        stored = mocks.of("s3/bucketObjectv2:BucketObjectv2")["far-host1-ignition"]
        return dict(json.loads(stored["content"]))
    mocks, _ = made(openstack.SETTINGS, openstack.OUTPUTS, openstack.ANSWERS)
    return openstack.unpacked(mocks.of("compute/instance:Instance")["far-host1"]["userData"])


def ignition(config: dict[str, Any], folder: Path) -> Path:
    """A config as a file, compressed as user data is where it is too large."""
    text = json.dumps(config)
    packed = inline(text, len(text) - 1)
    assert packed != text
    given = folder / "config.ign"
    given.write_text(packed)
    return given


@pytest.mark.parametrize(("cloud", "address"), [("openstack", "10.88.0.10"), ("aws", "10.90.0.10")])
def test_compressed_user_data_provisions_a_host_as_its_config_says(
    cloud: str, address: str, tmp_path: Path
) -> None:
    real_tools()
    image = host_image()
    config = config_of(cloud)
    files = {each["path"]: each for each in config["storage"]["files"]}
    done = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "--entrypoint", "sh",
         "--volume", f"{ignition(config, tmp_path)}:/etc/altostratus/config.ign:ro",
         image, "-c", IGNITION + LOOK, "run", *files],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    modes = dict(reversed(line.split(" ", 1)) for line in done.stdout.splitlines()[: len(files)])
    assert modes == {path: f"{each['mode']:o}" for path, each in files.items()}
    assert f"address: {address}" in done.stdout


@pytest.fixture
def name() -> Iterator[str]:
    name = f"alto-test-ignition-{uuid.uuid4().hex[:8]}"
    yield name
    subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, check=False)


@pytest.mark.parametrize("cloud", ["openstack", "aws"])
def test_a_machine_that_boots_what_ignition_wrote_counts_as_provisioned(
    cloud: str, name: str, tmp_path: Path
) -> None:
    real_tools()
    image = host_image()
    config = config_of(cloud)
    # A container has no disk of its own, and its root is there already.
    units = [unit for unit in config["systemd"]["units"] if unit["name"] != "var.mount"]
    storage = {key: value for key, value in config["storage"].items() if key != "filesystems"}
    diskless = {**config, "storage": storage, "systemd": {"units": units}}
    rights = (
        ["--privileged"]
        if may_be_privileged()
        else ["--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--security-opt=seccomp=unconfined"]
    )
    started = subprocess.run(
        ["docker", "run", "--detach", "--name", name, "--network", "none", *rights, "--cgroupns=private",
         "--tmpfs", "/run:exec,mode=755", "--tmpfs", "/tmp:exec", "--entrypoint", "sh",  # noqa: S108
         "--volume", f"{ignition(diskless, tmp_path)}:/etc/altostratus/config.ign:ro",
         image, "-c", f"set -e\n{IGNITION}{BOOT}"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert started.returncode == 0, started.stderr

    def provisioned() -> bool:
        look = ["docker", "exec", name, "test", "-e", PROVISIONED]
        return subprocess.run(look, capture_output=True, check=False).returncode == 0

    until(provisioned, "the machine says that it is provisioned")
