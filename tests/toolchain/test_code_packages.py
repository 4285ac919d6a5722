"""Packages that code lists: fetched with this machine's own pip, once for each list."""

import zipfile
from pathlib import Path

import pytest

from toolchain.code_packages import fetched
from toolchain.errors import ToolchainError


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels instead of an index, and a cache of the test's own."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "greeting-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("greeting.py", "TEXT = 'hello'\n")
        wheel.writestr(
            "greeting-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n"
        )
        wheel.writestr(
            "greeting-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("greeting-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("ALTO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return wheels


def test_what_is_listed_is_fetched_once_and_found_offline_then(tmp_path: Path, index: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "requirements.txt").write_text("greeting==1.0\n")
    found = fetched("requirements.txt", code)
    assert (found / "greeting.py").read_text() == "TEXT = 'hello'\n"
    assert not list(found.rglob("*.pyc"))
    for wheel in index.iterdir():
        wheel.unlink()
    assert fetched("requirements.txt", code) == found
    (code / "requirements.txt").write_text("greeting==1.0\nabsent==2.0\n")
    with pytest.raises(ToolchainError, match=r"requirements\.txt") as error:
        fetched("requirements.txt", code)
    assert "absent" in str(error.value) or "greeting" in str(error.value)
    assert not list(found.parent.glob(".new-*")), "nothing half-made is left"
