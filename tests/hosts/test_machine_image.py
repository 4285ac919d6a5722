"""The image of a cloud's machines: made of the host's, with what that one masks because it is a container."""

import re
import subprocess
from pathlib import Path

from toolchain import paths

IMAGES = paths.root() / "toolchain" / "images"


def words_after(command: str, recipe: Path) -> set[str]:
    """The arguments of a command that stands in a Dockerfile, over its continued lines."""
    found = re.search(rf"{command}((?:\s|\\|[\w.@-])+)", recipe.read_text())
    assert found is not None
    return {word for word in found[1].split() if word != "\\"}


def test_a_machine_has_the_devices_modules_and_network_that_a_container_must_not_touch() -> None:
    masked = words_after("systemctl mask", IMAGES / "host" / "Dockerfile")
    unmasked = words_after("systemctl unmask", IMAGES / "machine" / "Dockerfile")
    assert unmasked <= masked
    # The rest would do something by itself on a machine, which is made anew rather than kept up.
    assert masked - unmasked == {
        "systemd-firstboot.service",
        "systemd-logind.service",
        "console-getty.service",
        "apt-daily.timer",
        "apt-daily-upgrade.timer",
        "dpkg-db-backup.timer",
        "e2scrub_all.timer",
        "fstrim.timer",
    }


def test_a_platform_that_no_driver_has_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    program = IMAGES / "machine" / "build"
    done = subprocess.run(
        [str(program), "azure", str(tmp_path / "disk")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "build: write aws or openstack, not 'azure'\n")
    assert not list(tmp_path.iterdir())


def test_the_boot_loader_says_which_cloud_it_is_and_when_ignition_runs() -> None:
    given = (IMAGES / "machine" / "grub.cfg").read_text()
    assert "ignition.platform.id=PLATFORM" in given
    assert "s/PLATFORM/$platform/" in (IMAGES / "machine" / "make-disk").read_text()
    done = (IMAGES / "machine" / "first-boot-done.service").read_text()
    [flag] = re.findall(r"-f (\S+) \]", given)
    assert f"ExecStart=/bin/rm {flag}\n" in done
