"""A vendor's file is installed only when it is the one that the vendor published."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import httpx
import pytest

from toolchain import fetch
from toolchain.errors import ToolchainError
from toolchain.pins import Download

CONTENT = b"#!/bin/sh\necho hello\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PLAIN = Download("https://vendor.test/v1/tool-amd64", "https://vendor.test/v1/SUMS", saved_as="tool")


def vendor(files: dict[str, bytes]) -> httpx.Client:
    def answer(request: httpx.Request) -> httpx.Response:
        content = files.get(request.url.path)
        return httpx.Response(404) if content is None else httpx.Response(200, content=content)

    return httpx.Client(transport=httpx.MockTransport(answer))


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    place = tmp_path / "staging/bin"
    place.mkdir(parents=True)
    return place


def test_a_file_with_the_published_digest_is_installed_and_can_be_run(programs: Path) -> None:
    seen: list[float] = []
    files = {"/v1/tool-amd64": CONTENT, "/v1/SUMS": f"{DIGEST}  tool-amd64\n".encode()}
    fetch.fetch(PLAIN, programs, ["tool"], seen.append, vendor(files))
    assert (programs / "tool").read_bytes() == CONTENT
    assert (programs / "tool").stat().st_mode & 0o111
    assert seen[-1] == 1.0
    assert [file.name for file in programs.parent.iterdir()] == ["bin"]


def test_a_file_with_another_digest_is_refused_and_nothing_is_left(programs: Path) -> None:
    files = {"/v1/tool-amd64": CONTENT + b"rm -rf /\n", "/v1/SUMS": f"{DIGEST}  tool-amd64\n".encode()}
    with pytest.raises(ToolchainError, match=rf"is not the file that its vendor published.*{DIGEST}"):
        fetch.fetch(PLAIN, programs, ["tool"], client=vendor(files))
    assert list(programs.iterdir()) == []
    assert [file.name for file in programs.parent.iterdir()] == ["bin"]


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"/v1/tool-amd64": CONTENT},
        {"/v1/tool-amd64": CONTENT, "/v1/SUMS": f"{DIGEST}  another-file\n".encode()},
        {"/v1/tool-amd64": CONTENT, "/v1/SUMS": b"<html>Please log in to this network</html>"},
        {"/v1/SUMS": f"{DIGEST}  tool-amd64\n".encode()},
    ],
    ids=["nothing", "no checksums", "not in the list", "a captive portal", "no file"],
)
def test_without_a_file_and_its_digest_another_source_must_serve(
    programs: Path, files: dict[str, bytes]
) -> None:
    with pytest.raises(fetch.Unavailable):
        fetch.fetch(PLAIN, programs, ["tool"], client=vendor(files))
    assert list(programs.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        f"{DIGEST}\n",
        f"{DIGEST.upper()}  tool\n",
        f"{'0' * 64}  other\n{DIGEST} *release/tool\n",
        json.dumps({"assets": [{"name": "other"}, {"name": "tool", "digest": f"sha256:{DIGEST}"}]}),
    ],
    ids=["bare", "upper case", "list with a folder", "release description"],
)
def test_digests_are_read_from_every_form_that_vendors_publish(text: str) -> None:
    assert fetch.parse_digest(text, "tool") == DIGEST


@pytest.mark.parametrize(
    "text",
    [
        "",
        DIGEST[:-1],
        f"{'z' * 64}  tool",
        f"{DIGEST}  tool.sig",
        json.dumps({"assets": [{"name": "tool", "digest": None}]}),
        json.dumps({"message": "API rate limit exceeded"}),
    ],
)
def test_what_is_no_digest_of_the_file_is_not_taken_for_one(text: str) -> None:
    assert fetch.parse_digest(text, "tool") is None


def test_an_sha512_list_serves_as_well(programs: Path) -> None:
    digest = hashlib.sha512(CONTENT).hexdigest()
    files = {"/v1/tool-amd64": CONTENT, "/v1/SUMS": f"{digest}  tool-amd64\n".encode()}
    fetch.fetch(PLAIN, programs, ["tool"], client=vendor(files))
    assert (programs / "tool").exists()


def archive(members: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("tools/etcdctl")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return memory.getvalue()


def test_only_wanted_files_of_the_right_folder_leave_an_archive(programs: Path) -> None:
    packed = archive(
        {
            "tools/etcd": CONTENT,
            "tools/README.md": b"read me",
            "other/etcd": b"not this one",
            "../../etcd": b"nor this one",
            "tools/../../../etcd": b"certainly not",
        }
    )
    name = "/v1/etcd.tar.gz"
    files = {name: packed, "/v1/SUMS": f"{hashlib.sha256(packed).hexdigest()}  etcd.tar.gz".encode()}
    download = Download(f"https://vendor.test{name}", "https://vendor.test/v1/SUMS", member="tools")
    fetch.fetch(download, programs, ["etcd", "etcdctl"], client=vendor(files))
    assert [file.name for file in programs.iterdir()] == ["etcd"]
    assert (programs / "etcd").read_bytes() == CONTENT


def test_vendor_downloads_can_be_switched_off() -> None:
    assert not fetch.Vendors().answers("https://vendor.test/x")


def test_hosts_are_asked_once_and_a_silent_one_costs_one_wait_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    class Silent(fetch.Vendors):
        def _ask(self, host: str, client: httpx.Client) -> None:
            asked.append(host)
            if host == "good.test":
                self._answers[host] = True

    monkeypatch.delenv("ALTO_VENDOR_DOWNLOADS")
    vendors = Silent()
    vendors.probe(["https://good.test/a", "https://good.test/b", "https://silent.test/c"])
    assert vendors.answers("https://good.test/d")
    assert not vendors.answers("https://silent.test/e")
    assert sorted(asked) == ["good.test", "silent.test"]
