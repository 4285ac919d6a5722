"""One name for the base image, wherever it came from."""

import pytest

from toolchain import base_image, debian, engine
from toolchain.errors import ToolchainError
from toolchain.progress import Progress


def test_the_reference_follows_what_is_in_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    first = base_image.base_reference()
    assert first == base_image.base_reference()
    assert first.startswith("altostratus/base:")
    monkeypatch.setattr(base_image, "PACKAGES", ("ca-certificates", "curl"))
    assert base_image.base_reference() != first


def test_a_configured_image_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALTO_BASE_IMAGE", "registry.test/debian:bookworm")
    monkeypatch.setattr(engine, "find", lambda: engine.Engine("unix:///x", False, "28"))
    assert (
        base_image.ensure_base().reference == base_image.base_reference() == "registry.test/debian:bookworm"
    )


def test_without_mmdebstrap_and_a_registry_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(debian, "can_install", lambda: False)
    with pytest.raises(
        ToolchainError, match="mmdebstrap is not installed\n  Install mmdebstrap, or set ALTO_BASE"
    ):
        base_image.bootstrap(Progress("", quiet=True).step("base"))


@pytest.mark.parametrize(
    ("complaint", "reason"), [("E: Failed to fetch", "Failed to fetch"), ("", "it gave no reason")]
)
def test_a_bootstrap_that_fails_gives_its_reason_and_leaves_no_image(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, complaint: str, reason: str
) -> None:
    tools = tmp_path_factory.mktemp("tools")
    (tools / "mmdebstrap").write_text(
        '#!/bin/sh\nfor last do case $last in *.new) echo half > "$last" ;; esac; done\n'
        f"echo 'I: downloading packages' >&2\necho '{complaint}' >&2\nexit 25\n"
    )
    (tools / "mmdebstrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    with pytest.raises(ToolchainError, match=rf"could not make a Debian bookworm: {reason}\n  Its log is"):
        base_image.bootstrap(Progress("", quiet=True).step("base"))
    assert list(base_image.archives().iterdir()) == []
