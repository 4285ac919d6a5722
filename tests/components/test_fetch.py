"""The program that fetches a member's artifact, run as the artifact image runs it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain import paths

FETCH = paths.root() / "toolchain" / "images" / "artifact" / "fetch"
IDENTITY = {
    "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org",
    "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
}  # fmt: skip

Fetch = Callable[..., subprocess.CompletedProcess[str]]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **IDENTITY},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "public").mkdir(parents=True)
    (folder / "public" / "index.php").write_text("one")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "one")
    return folder


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    folder.mkdir()
    return folder


@pytest.fixture
def fetch(repository: Path, volume: Path, tmp_path: Path) -> Fetch:
    def run(**settings: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "ARTIFACT_URL": f"file://{repository}",
            "ARTIFACT_VOLUME": str(volume),
            "ARTIFACT_SETTINGS": str(tmp_path / "settings"),
            "ARTIFACT_REASON": str(tmp_path / "reason"),
            "ARTIFACT_ATTEMPTS": "1",
            **settings,
        }
        return subprocess.run(
            ["sh", str(FETCH)], env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    return run


def test_a_branch_is_fetched_with_the_commit_it_is_at(repository: Path, volume: Path, fetch: Fetch) -> None:
    done = fetch(ARTIFACT_BRANCH="main")
    assert done.returncode == 0, done.stderr
    assert (volume / "content/public/index.php").read_text() == "one"
    assert (volume / "state/commit").read_text().strip() == git(repository, "rev-parse", "main")
    assert (volume / "state/branch").read_text().strip() == "main"


def test_without_a_branch_the_repositorys_own_is_taken(volume: Path, fetch: Fetch) -> None:
    assert fetch().returncode == 0
    assert (volume / "content/public/index.php").exists()


def test_gits_data_stays_out_of_what_is_served(volume: Path, fetch: Fetch) -> None:
    fetch()
    assert not (volume / "content/.git").is_dir()


def test_a_commit_is_taken_even_when_the_branch_has_moved_on(
    repository: Path, volume: Path, fetch: Fetch
) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "public" / "index.php").write_text("two")
    git(repository, "commit", "--quiet", "--all", "--message", "two")
    assert fetch(ARTIFACT_COMMIT=first[:10]).returncode == 0
    assert (volume / "content/public/index.php").read_text() == "one"


def test_fetching_again_brings_what_changed_and_takes_what_is_gone(
    repository: Path, volume: Path, fetch: Fetch
) -> None:
    fetch()
    served = (volume / "content").stat().st_ino
    git(repository, "mv", "public/index.php", "public/other.php")
    git(repository, "commit", "--quiet", "--message", "two")
    assert fetch().returncode == 0
    assert [each.name for each in (volume / "content/public").iterdir()] == ["other.php"]
    assert (volume / "content").stat().st_ino == served, "members would go on seeing the old folder"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ARTIFACT_BRANCH": "nope"}, "there is no branch nope in file://"),
        ({"ARTIFACT_COMMIT": "deadbeef" * 5}, f"there is no commit {'deadbeef' * 5} in"),
        ({"ARTIFACT_URL": "file:///nowhere/x.git"}, "there is no git repository at file:///nowhere/x.git"),
        ({"ARTIFACT_PATH": "missing"}, "there is no folder missing in"),
        ({"ARTIFACT_URL": "http://127.0.0.1:1/x.git"}, "http://127.0.0.1:1/x.git does not answer"),
    ],
)
def test_each_failure_is_one_sentence_in_the_log_and_in_the_pods_state(
    fetch: Fetch, tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    done = fetch(**settings)
    assert done.returncode == 1
    assert said in done.stderr
    assert said in (tmp_path / "reason").read_text()


def test_a_failure_leaves_what_was_fetched_before(volume: Path, fetch: Fetch) -> None:
    fetch()
    assert fetch(ARTIFACT_BRANCH="nope").returncode == 1
    assert (volume / "content/public/index.php").read_text() == "one"


def test_an_address_is_required(fetch: Fetch) -> None:
    done = fetch(ARTIFACT_URL="")
    assert done.returncode != 0
    assert "the address of the repository is not set" in done.stderr
