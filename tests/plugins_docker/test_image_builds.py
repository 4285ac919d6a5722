"""Build contexts, their digests, and the engine's build stream. No engine needed."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from toolchain.plugins.docker.build import follow_build, follow_push
from toolchain.plugins.docker.build_context import OUTSIDE_NAME, BuildContext
from toolchain.plugins.docker.ignore import IgnoreRules
from toolchain.plugins.docker.image import ImageHandler
from toolchain.plugins.docker.image_names import is_qualified, registry_of, split_reference
from toolchain.plugins.docker.session import Session
from toolchain.plugins.protocol import UNKNOWN, Failure, Request


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "src").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (folder / "src" / "index.php").write_text("<?php")
    (folder / "debug.log").write_text("noise")
    return folder


def digest(folder: Path) -> str:
    return BuildContext.of(str(folder), None).digest()


def sent(folder: Path, dockerfile: Path | None = None) -> tuple[list[str], str]:
    buffer = io.BytesIO()
    name = BuildContext.of(str(folder), str(dockerfile) if dockerfile else None).write_archive(buffer)
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as tar:
        assert {member.uid for member in tar.getmembers()} == {0}
        return tar.getnames(), name


def test_the_digest_follows_content_mode_and_names(context: Path) -> None:
    first = digest(context)
    assert digest(context) == first
    page = context / "src" / "index.php"
    page.chmod(0o755)
    executable = digest(context)
    page.write_text("<?php // new")
    changed = digest(context)
    page.rename(context / "src" / "other.php")
    assert len({first, executable, changed, digest(context)}) == 4


def test_the_digest_does_not_follow_times(context: Path) -> None:
    before = digest(context)
    content = (context / "Dockerfile").read_text()
    (context / "Dockerfile").unlink()
    (context / "Dockerfile").write_text(content)
    assert digest(context) == before


def test_ignored_files_neither_count_nor_are_sent(context: Path) -> None:
    (context / ".dockerignore").write_text("*.log\n")
    before = digest(context)
    (context / "debug.log").write_text("more noise")
    assert digest(context) == before
    names, dockerfile = sent(context)
    assert "debug.log" not in names
    assert "src/index.php" in names
    assert dockerfile == "Dockerfile"


def test_an_ignored_dockerfile_is_sent_all_the_same(context: Path) -> None:
    (context / ".dockerignore").write_text("*\n!src\n")
    names, _ = sent(context)
    assert sorted(names) == [".dockerignore", "Dockerfile", "src", "src/index.php"]


def test_a_dockerfile_outside_the_context_is_sent_along_and_counts(context: Path, tmp_path: Path) -> None:
    outside = tmp_path / "Dockerfile.app"
    outside.write_text("FROM scratch")
    names, name = sent(context, outside)
    assert name == OUTSIDE_NAME
    assert OUTSIDE_NAME in names
    first = BuildContext.of(str(context), str(outside)).digest()
    outside.write_text("FROM busybox")
    assert BuildContext.of(str(context), str(outside)).digest() != first


def test_links_are_sent_as_links(context: Path) -> None:
    (context / "link").symlink_to("src")
    names, _ = sent(context)
    assert "link" in names
    assert not any(name.startswith("link/") for name in names)


@pytest.mark.parametrize(
    ("rules", "path", "left_out"),
    [
        (["*.md"], "README.md", True),
        (["*.md"], "docs/README.md", False),
        (["**/*.md"], "docs/a/README.md", True),
        (["*.md", "!README.md"], "README.md", False),
        (["node_modules"], "node_modules/x/y.js", True),
        (["/build"], "build", True),
        (["build/"], "build/out", True),
        (["a?c"], "abc", True),
        (["a?c"], "a/c", False),
        (["[a-c]x"], "bx", True),
        (["# comment", ""], "# comment", False),
        (["**"], "any/thing", True),
        (["docs", "!docs/keep.txt"], "docs/keep.txt", False),
        (["docs/**"], "docs", False),
    ],
)
def test_ignore_rules_follow_the_builders(rules: list[str], path: str, left_out: bool) -> None:
    assert IgnoreRules(rules).excludes(path) is left_out


def check(inputs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    news, failures = ImageHandler(Session()).check(Request(), {}, inputs)
    return news, {failure.property: failure.reason for failure in failures}


def test_checking_puts_the_contexts_digest_among_the_inputs(context: Path) -> None:
    inputs = {"imageName": "app:1", "skipPush": True, "build": {"context": str(context)}}
    before, failures = check(inputs)
    assert not failures
    (context / "src" / "index.php").write_text("<?php // changed")
    after, _ = check(inputs)
    found = ImageHandler(Session()).diff(Request(), "app:1", before, {}, after)
    assert list(found.changed) == ["build.contextDigest"]
    assert not found.replaces


def test_new_credentials_build_nothing(context: Path) -> None:
    def inputs(password: str) -> dict[str, Any]:
        registry = {"server": "r:5000", "username": "u", "password": password}
        return check({"imageName": "r:5000/a:1", "build": {"context": str(context)}, "registry": registry})[0]

    assert not ImageHandler(Session()).diff(Request(), "i", inputs("one"), {}, inputs("two")).changes


def test_a_preview_builds_nothing_and_knows_the_name(context: Path) -> None:
    inputs, _ = check({"imageName": "r:5000/a:1", "build": {"context": str(context)}})
    _, state = ImageHandler(Session()).create(Request(preview=True), inputs)
    assert state["imageName"] == "r:5000/a:1"
    assert state["repoDigest"] is UNKNOWN


def test_mistakes_in_paths_come_with_a_hint(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(context.parent)
    _, missing = check({"imageName": "a", "skipPush": True, "build": {"context": "nowhere"}})
    assert "nowhere is not a folder" in missing["build"]
    _, misplaced = check(
        {"imageName": "a", "skipPush": True, "build": {"context": "app", "dockerfile": "Dockerfile"}}
    )
    assert "did you mean app/Dockerfile?" in misplaced["build"]


def test_pushing_needs_to_know_where_to(context: Path) -> None:
    _, failures = check({"imageName": "app:1", "build": {"context": str(context)}})
    assert "docker.io/app:1" in failures["imageName"]


def test_a_build_that_fails_names_the_step_and_its_last_lines() -> None:
    lines = [
        {"stream": "Step 1/2 : FROM base\n"},
        {"stream": " ---> 123\n"},
        {"stream": "Step 2/2 : RUN make\n"},
        {"stream": "gcc: no such file\n"},
        {"error": "The command '/bin/sh -c make' returned a non-zero code: 2"},
    ]
    with pytest.raises(Failure) as failure:
        follow_build(Request(), lines, "app:1")
    text = str(failure.value)
    assert "Step 2/2 : RUN make" in text
    assert "gcc: no such file" in text
    assert "non-zero code: 2" in text
    assert "123" not in text


def test_a_push_tells_the_digest_or_why_not() -> None:
    pushed = [{"status": "Pushed", "id": "a"}, {"aux": {"Tag": "1", "Digest": "sha256:abc", "Size": 5}}]
    assert follow_push(Request(), pushed, "r/a:1") == "sha256:abc"
    with pytest.raises(Failure, match="no basic auth"):
        follow_push(Request(), [{"error": "no basic auth credentials"}], "r/a:1")


@pytest.mark.parametrize(
    ("name", "repository", "tag", "registry"),
    [
        ("nginx", "nginx", "latest", "docker.io"),
        ("library/nginx:1", "library/nginx", "1", "docker.io"),
        ("10.88.0.3:5000/a/b:2", "10.88.0.3:5000/a/b", "2", "10.88.0.3:5000"),
        ("localhost/a", "localhost/a", "latest", "localhost"),
        ("r.example/a@sha256:ab", "r.example/a", "sha256:ab", "r.example"),
    ],
)
def test_image_names_are_taken_apart(name: str, repository: str, tag: str, registry: str) -> None:
    assert split_reference(name) == (repository, tag)
    assert registry_of(name) == registry
    assert is_qualified(name) == (registry != "docker.io")
