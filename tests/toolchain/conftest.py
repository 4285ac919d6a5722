"""A cache and a home of their own for each test, and programs that only pretend."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

FAKE_GO = """#!/bin/sh
case "$1" in
version) echo "go version ${FAKE_GO_VERSION:-go1.26.8} linux/amd64" ;;
list) printf 'one\\ntwo\\n' ;;
build)
    echo "$$" >> "$FAKE_GO_LOG"
    [ -z "${FAKE_GO_GATE:-}" ] || read -r _ < "$FAKE_GO_GATE"
    [ -z "${FAKE_GO_ERROR:-}" ] || { echo "$FAKE_GO_ERROR" >&2; exit 1; }
    echo one >&2
    while [ $# -gt 1 ]; do [ "$1" = -o ] && target=$2; shift; done
    printf '#!/bin/sh\\necho %s\\n' "${FAKE_GO_MAKES:-Butane 0.25.1}" > "$target"
    chmod +x "$target" ;;
esac
"""


@pytest.fixture(autouse=True)
def own_places(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("cluster"):
        return  # the real engine, with the real cache
    monkeypatch.setenv("ALTO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ALTO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("ALTO_VENDOR_DOWNLOADS", "off")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for name in list(os.environ):
        if name.startswith(("ALTO_TOOL_", "ALTO_PLUGIN_", "DOCKER_")) or name == "ALTO_BASE_IMAGE":
            monkeypatch.delenv(name)


@pytest.fixture
def program() -> Callable[..., Path]:
    """Makes a program that prints `says`; each start adds a line to the file `<program>.starts`."""

    def make(path: Path, says: str, code: int = 0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho x >> '{path}.starts'\necho '{says}'\nexit {code}\n")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def fake_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `go` first on PATH that makes scripts instead of programs; the file that logs its builds."""
    place = tmp_path / "go"
    place.mkdir()
    (place / "go").write_text(FAKE_GO)
    (place / "go").chmod(0o755)
    log = tmp_path / "builds.log"
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")
    monkeypatch.setenv("FAKE_GO_LOG", str(log))
    return log
