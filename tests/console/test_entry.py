"""Every end of `alto` is one message and the exit code of its kind."""

import errno
import subprocess
import sys
from pathlib import Path

import click
import pytest
import typer

from autoscaler.act.update_errors import StackConflict, UpdateError, WrongPassphrase
from console import entry
from console.errors import BadInput, ConsoleError
from toolchain import paths
from toolchain.errors import ToolchainError


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (BadInput("no such application", "There is hello."), 2, "There is hello."),
        (ConsoleError("it failed"), 1, "it failed"),
        (ToolchainError("no Docker engine answers", "Start Docker."), 1, "Start Docker."),
        (UpdateError("pulumi up failed"), 1, "pulumi up failed"),
        (WrongPassphrase("the passphrase does not fit"), 2, "does not fit"),
        (StackConflict("another update is under way"), 3, "under way"),
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), 1, "The disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "/etc/x"), 1, "/etc/x"),
        (RuntimeError("a fault of ours"), 1, "ALTO_DEBUG=1"),
        (click.exceptions.Abort(), 130, "interrupted"),
        (typer.Abort(), 130, "--yes does not ask"),
    ],
)
def test_each_kind_of_failure_has_its_code_and_words(
    error: Exception, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert entry._explain(error) == code
    shown = capsys.readouterr().err
    assert says in shown
    assert "Traceback" not in shown


def alto(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "console", *arguments]
    return subprocess.run(command, cwd=paths.root(), capture_output=True, text=True, check=False)


def test_a_wrong_document_ends_with_its_place_and_code_2(tmp_path: Path) -> None:
    document = tmp_path / "shop.yaml"
    document.write_text("apiVersion: altostratus/v1\nkind: Application\nname: shop\ncartriges: []\n")
    done = alto("validate", str(document))
    assert done.returncode == 2
    assert f"{document}:4:1" in done.stdout
    assert "cartridges" in done.stdout, "the nearest key is named"


def test_an_unknown_option_is_bad_input() -> None:
    assert alto("demo", "--upside-down").returncode == 2
