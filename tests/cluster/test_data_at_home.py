"""A guest book in two clouds whose entries stay in one: a copy reaches them through its link, and only it."""

import base64
import json
import os
import shutil
import socket
import ssl
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.applications import make, remove
from tests.cluster.guestbook import now
from tests.demo import ROOT, Demo
from tests.steady_load import SteadyLoad
from tests.waiting import until

pytestmark = pytest.mark.cluster

SAMPLE = ROOT / "blueprints" / "library" / "samples" / "guestbook"
RATE = 20.0


@dataclass
class Book:
    """The application at home, and its copy. `name` is that of the application and of its stack."""

    demo: Demo
    away: Demo
    name: str

    @property
    def namespace(self) -> str:
        return f"app-{self.name}"

    def url(self, stack: str) -> str:
        urls = json.loads(self.demo.run("pulumi", "stack", "output", "urls", "--json", "-s", stack).stdout)
        return str(urls[0])

    @property
    def home(self) -> str:
        return self.url(self.namespace)

    @property
    def copy(self) -> str:
        return self.url(f"{self.namespace}--{self.away.cloud}")

    def secret(self, cloud: Demo, name: str, key: str) -> str:
        found = cloud.kubectl("--namespace", self.namespace, "get", "secret", name)
        return base64.b64decode(found["data"][key]).decode()

    def burst(self, *more: str) -> str:
        return self.demo.alto("burst", self.name, "--to", self.away.cloud, *more).stdout


def entries(url: str, text: str | None = None) -> list[str]:
    """What the book at an address holds, after writing `text` into it. Raises OSError."""
    data = None if text is None else f"text={text}".encode()
    with urllib.request.urlopen(f"{url}/entries", data, timeout=60) as answer:  # noqa: S310
        return [entry["text"] for entry in json.loads(answer.read())["entries"]]


@pytest.fixture(scope="module")
def book(demo: Demo, away: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """A copy is made while requests go to the home, and all of them are answered."""
    folder = tmp_path_factory.mktemp("book")
    shutil.copytree(SAMPLE, folder, dirs_exist_ok=True)
    made = Book(demo, away, f"book-{demo.cloud}-{os.getpid()}")
    path = folder / "guestbook.yaml"
    path.write_text(path.read_text().replace("name: guestbook\n", f"name: {made.name}\n"))
    try:
        make(demo, made.name, folder, made.name)
        with SteadyLoad([f"{made.home}/entries"], RATE) as load:
            made.burst()
        assert load.seen.failed == []
        yield made
    finally:
        demo.alto("burst", made.name, "--to", away.cloud, "--end", check=False)
        remove(demo, made.name)
        kept = ("kubectl", "delete", "namespace", made.namespace, "--ignore-not-found", "--wait=false")
        demo.run(*kept)


def test_the_copy_has_no_data_of_its_own(book: Book) -> None:
    pods = book.away.kubectl("--namespace", book.namespace, "get", "pods")["items"]
    clusters = {pod["metadata"]["labels"].get("altostratus.dev/cluster") for pod in pods}
    assert clusters == {"web", None}, "members, and both ends' Pods belong to no cluster"
    assert not book.away.kubectl("--namespace", book.namespace, "get", "pvc")["items"]


def test_what_is_written_in_one_cloud_is_read_in_the_other(book: Book) -> None:
    home, copy, texts = book.home, book.copy, (now(), now())
    with SteadyLoad([f"{home}/entries", f"{copy}/entries"], RATE) as load:
        entries(copy, texts[0])
        assert texts[0] in entries(home)
        entries(home, texts[1])
        assert texts[1] in entries(copy)
        until(lambda: load.seen.sent >= 5 * RATE, "requests went to both", 60)
    assert load.seen.failed == []


def test_passwords_are_the_homes_and_in_nobodys_plain_sight(book: Book, alto_home: Path) -> None:
    password = book.secret(book.demo, "altostratus-kept", "db-password")
    given = book.secret(book.away, "web-secrets", "link.DB_PASSWORD")
    assert given == password
    told = [path for path in alto_home.rglob("*") if path.is_file() and password.encode() in read(path)]
    assert told == []


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_nobody_without_the_applications_certificate_reaches_the_data(book: Book, tmp_path: Path) -> None:
    outputs = ("pulumi", "stack", "output", "gateway", "--json", "-s", book.namespace)
    gateway: dict[str, Any] = json.loads(book.demo.run(*outputs).stdout)
    where = (gateway["addresses"][0], int(gateway["ports"]["db:mysql"]))
    trusted = ssl.create_default_context(cadata=book.secret(book.away, "altostratus-link", "authority.pem"))

    def greeting(cloud: Demo, secret: str) -> bytes:
        if secret:
            pem = tmp_path / secret
            pem.touch(0o600)
            pem.write_text(book.secret(cloud, secret, "tls.pem"))
            trusted.load_cert_chain(pem)
        name = f"gateway.{book.name}.altostratus.internal"
        with (
            socket.create_connection(where, timeout=60) as plain,
            trusted.wrap_socket(plain, server_hostname=name) as one,
        ):
            return one.recv(64)

    with pytest.raises(ssl.SSLError, match="certificate required"):
        greeting(book.away, "")
    with pytest.raises(ssl.SSLError, match="unsupported certificate"):
        greeting(book.demo, "altostratus-gateway")
    assert b"MariaDB" in greeting(book.away, "altostratus-link")


def test_a_database_that_is_killed_is_back_in_both_clouds(book: Book) -> None:
    text = now()
    entries(book.home, text)
    pod = book.demo.kubectl("--namespace", book.namespace, "get", "pod", "db-0")["metadata"]["uid"]
    book.demo.run(
        "kubectl", "--namespace", book.namespace, "delete", "pod", "db-0", "--grace-period=0", "--force"
    )

    def back(url: str) -> bool:
        try:
            return text in entries(url)
        except OSError:
            return False

    for url in (book.home, book.copy):
        until(lambda url=url: back(url), f"{url} is back", 180)  # type: ignore[misc]
    after = book.demo.kubectl("--namespace", book.namespace, "get", "pod", "db-0")["metadata"]["uid"]
    assert after != pod


def test_its_end_leaves_the_data_and_nothing_else(book: Book) -> None:
    text, home = now(), book.home
    entries(book.copy, text)
    with SteadyLoad([f"{home}/entries"], RATE) as load:
        book.burst("--end")
    assert load.seen.failed == []
    assert text in entries(home)
    found = book.away.kubectl("get", "namespaces", "--field-selector", f"metadata.name={book.namespace}")
    assert found["items"] == []
    stacks = book.demo.run("pulumi", "stack", "ls", "--json").stdout
    assert f"{book.namespace}--{book.away.cloud}" not in stacks
