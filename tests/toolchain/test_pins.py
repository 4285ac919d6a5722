"""The pins hold together: versions, modules and where downloads come from."""

import platform
import re

import pytest

from toolchain import pins
from toolchain.errors import ToolchainError

EVERYTHING = [*pins.tools().values(), *pins.plugins().values()]
OURS = ("local-storage", "balancer-agent")  # written here: nobody else publishes it
PUBLISHED = [pin for pin in EVERYTHING if pin.name not in OURS]


@pytest.mark.parametrize("pin", PUBLISHED, ids=lambda pin: pin.name)
def test_every_download_is_over_tls_and_has_a_published_checksum(pin: pins.Pin) -> None:
    assert pin.downloads
    for download in pin.downloads:
        assert download.url.startswith("https://")
        assert download.checksum.startswith("https://")
        assert download.checksum != download.url


@pytest.mark.parametrize("pin", PUBLISHED, ids=lambda pin: pin.name)
def test_the_go_module_of_a_tool_pins_the_version_that_the_pin_names(pin: pins.Pin) -> None:
    for build in pin.builds:
        required = re.findall(
            r"^(?:require )?\t?(\S+) v(\S+)$", (build.directory / "go.mod").read_text(), re.M
        )
        versions = [version for module, version in required if version == pin.version]
        assert versions, f"{build.folder}/go.mod requires nothing at {pin.version}"
        assert (build.directory / "go.sum").exists()


@pytest.mark.parametrize(
    ("version", "accepted"),
    [
        ("1.36.3", True),
        ("1.36.9", True),
        ("1.36.2", False),
        ("1.37.0", False),
        ("2.36.3", False),
        ("x", False),
    ],
)
def test_kubernetes_may_be_a_later_patch_of_the_same_minor_release_only(version: str, accepted: bool) -> None:
    assert pins.tools()["kubernetes"].accepts(version) is accepted


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("v3.259.0", "3.259.0"),
        ("Kubernetes v1.36.3", "1.36.3"),
        ("etcd Version: 3.5.35\nGit SHA: 0", "3.5.35"),
        ("Client Version: v1.36.3\nKustomize Version: v5.8.1", "1.36.3"),
        ("CoreDNS-1.14.2\nlinux/amd64, go1.26.8,", "1.14.2"),
        ("v3.260.0-alpha.4", None),
        ("Butane was not built properly", None),
    ],
)
def test_versions_are_read_from_what_the_programs_print(said: str, version: str | None) -> None:
    assert pins.read_version(said) == version


def test_a_machine_without_pinned_tools_is_told_which_ones_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(ToolchainError, match=r"this is Darwin on .*\n  Run Altostratus on"):
        pins.tools()
