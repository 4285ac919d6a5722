"""The vendor's plugins win over the bundled ones, and the engine finds whichever it is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain import fetch, paths, pins, plugin_install
from toolchain.errors import ToolchainError

NAME = "pulumi-resource-kubernetes"


def kubernetes(*, look_again: bool = False) -> plugin_install.Plugin:
    plugins = plugin_install.ensure(look_again=look_again)
    return next(plugin for plugin in plugins if plugin.name == "kubernetes")


def in_use() -> plugin_install.Plugin:
    return next(plugin for plugin in plugin_install.status() if plugin.name == "kubernetes")


def place() -> Path:
    return plugin_install.place("kubernetes", pins.PLUGIN_KUBERNETES)


def test_the_bundled_plugin_serves_where_the_vendors_is_not_to_be_had() -> None:
    assert in_use().source == ""
    assert kubernetes().source == "bundled"
    assert place().is_dir()
    assert not place().is_symlink()  # the engine does not look into a link
    assert (place() / NAME).resolve() == paths.root() / "toolchain/plugins/kubernetes" / NAME
    assert not place().with_name(f"{place().name}.partial").exists()
    assert in_use() == kubernetes()


def test_the_users_own_installed_plugin_wins_and_replaces_the_bundled_one_when_asked(
    program: Callable[..., Path],
) -> None:
    assert kubernetes().source == "bundled"
    users = Path.home() / ".pulumi/plugins" / place().name
    theirs = program(users / NAME, "")
    assert kubernetes().source == "bundled"
    assert kubernetes(look_again=True).source == "installed"
    assert (place() / NAME).readlink() == theirs


def test_a_users_plugin_whose_installation_did_not_finish_does_not_count(
    program: Callable[..., Path],
) -> None:
    users = Path.home() / ".pulumi/plugins" / place().name
    program(users / NAME, "")
    users.with_name(f"{users.name}.partial").touch()
    assert kubernetes().source == "bundled"


def test_a_plugin_that_the_vendors_cli_installed_in_our_home_is_left_alone(
    program: Callable[..., Path],
) -> None:
    theirs = program(place() / NAME, "")
    assert kubernetes(look_again=True).source == "installed"
    assert not (place() / NAME).is_symlink()
    assert theirs.exists()


def test_a_configured_plugin_wins_until_it_is_configured_no_more(
    tmp_path: Path, program: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = program(tmp_path / "mine" / NAME, "")
    monkeypatch.setenv("ALTO_PLUGIN_KUBERNETES", str(mine.parent))
    assert kubernetes().source == "configured"
    assert (place() / NAME).readlink() == mine
    monkeypatch.delenv("ALTO_PLUGIN_KUBERNETES")
    assert kubernetes().source == "bundled"


def test_a_configured_plugin_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALTO_PLUGIN_KUBERNETES", "/nowhere")
    with pytest.raises(
        ToolchainError, match="ALTO_PLUGIN_KUBERNETES is /nowhere, but /nowhere is not a program"
    ):
        plugin_install.ensure()


def test_a_plugin_on_path_is_what_the_engine_will_use(
    tmp_path: Path, program: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = program(tmp_path / "path" / NAME, "")
    monkeypatch.setenv("PATH", f"{theirs.parent}:/usr/bin:/bin")
    assert kubernetes() == plugin_install.Plugin("kubernetes", "", str(theirs), "PATH")
    assert not place().exists()


def test_the_vendors_download_comes_before_the_bundled_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    def deliver(_: object, programs: Path, wanted: tuple[str, ...], *__: object) -> None:
        (programs / wanted[0]).write_text("vendor")
        (programs / wanted[0]).chmod(0o755)

    monkeypatch.setattr(fetch.Vendors, "answers", lambda *_: True)
    monkeypatch.setattr(fetch, "fetch", deliver)
    assert kubernetes().source == "download"
    assert (place() / NAME).read_text() == "vendor"


def test_the_bundled_plugin_of_a_checkout_that_moved_is_linked_anew() -> None:
    kubernetes()
    link = place() / NAME
    link.unlink()
    link.symlink_to("/bin/true")
    assert in_use().source == ""
    assert kubernetes().source == "bundled"


def test_the_language_host_on_path_wins_over_the_bundled_one(
    tmp_path: Path, program: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plugin_install.language_host().source == "bundled"
    theirs = program(tmp_path / "path/pulumi-language-python", "")
    monkeypatch.setenv("PATH", f"{theirs.parent}:/usr/bin:/bin")
    assert plugin_install.language_host().source == "PATH"
    assert plugin_install.language_host().path == str(theirs)
