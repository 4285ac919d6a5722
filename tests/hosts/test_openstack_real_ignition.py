"""The real Ignition on the real host image takes what a cloud hands it as user data."""

import json
import subprocess
from pathlib import Path

import pytest

from components.hosts.user_data import inline
from tests.hosts.cloud_mocks import made, real_tools
from tests.hosts.test_openstack_driver import ANSWERS, OUTPUTS, SETTINGS, unpacked

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_openstack")]

RUN = """
export IGNITION_CONFIG_FILE=/etc/altostratus/config.ign
for stage in fetch files; do
  /usr/lib/dracut/modules.d/30ignition/ignition -platform=file -stage=$stage -root=/ \
    -config-cache=/run/ignition.json -log-to-stdout >&2 || exit 1
done
for path in "$@"; do stat -c '%a %n' "$path"; done
cat /etc/kubernetes/kubelet.yaml
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


def test_compressed_user_data_provisions_a_host_as_its_config_says(tmp_path: Path) -> None:
    real_tools()
    image = host_image()
    mocks, _ = made(SETTINGS, OUTPUTS, ANSWERS)
    ignition = json.dumps(unpacked(mocks.of("compute/instance:Instance")["far-host1"]["userData"]))
    packed = inline(ignition, len(ignition) - 1)
    assert packed != ignition
    files = {each["path"]: each for each in json.loads(ignition)["storage"]["files"]}
    given = tmp_path / "config.ign"
    given.write_text(packed)
    done = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "--entrypoint", "sh",
         "--volume", f"{given}:/etc/altostratus/config.ign:ro", image, "-c", RUN, "run", *files],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    modes = dict(reversed(line.split(" ", 1)) for line in done.stdout.splitlines()[: len(files)])
    assert modes == {path: f"{each['mode']:o}" for path, each in files.items()}
    assert "address: 10.88.0.10" in done.stdout
