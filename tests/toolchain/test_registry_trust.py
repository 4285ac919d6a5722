"""The engine is made to trust a registry, and only folders of ours are ever removed."""

from pathlib import Path

import pytest

from toolchain import registry_trust
from toolchain.errors import ToolchainError


def test_trust_is_written_once_and_taken_back_with_its_cloud(tmp_path: Path) -> None:
    assert registry_trust.install("local", "10.1.1.3:5000", "PEM", tmp_path)
    assert (tmp_path / "10.1.1.3:5000/ca.crt").read_text() == "PEM"
    assert not registry_trust.install("local", "10.1.1.3:5000", "PEM", tmp_path)
    assert registry_trust.install("local", "10.1.1.3:5000", "RENEWED", tmp_path)
    registry_trust.remove("away", tmp_path)
    assert (tmp_path / "10.1.1.3:5000/ca.crt").read_text() == "RENEWED"
    registry_trust.remove("local", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_of_somebody_else_is_neither_replaced_nor_removed(tmp_path: Path) -> None:
    place = tmp_path / "10.1.1.3:5000"
    place.mkdir()
    (place / "ca.crt").write_text("THEIRS")
    with pytest.raises(ToolchainError, match="did not write it"):
        registry_trust.install("local", "10.1.1.3:5000", "PEM", tmp_path)
    registry_trust.remove("local", tmp_path)
    assert (place / "ca.crt").read_text() == "THEIRS"
