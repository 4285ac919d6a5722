"""A guest book whose data is followed in another cloud, then moves there; its mover is killed on the way."""

import json
import shutil
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.burst.test_on_two_clouds import killed_at
from tests.cluster.applications import make, remove
from tests.cluster.guestbook import now
from tests.demo import ROOT, Demo
from tests.waiting import until

pytestmark = pytest.mark.cluster

SAMPLE = ROOT / "blueprints" / "library" / "samples" / "guestbook"
SECONDS = 30.0


def documents(name: str, clouds: tuple[str, str]) -> list[dict[str, Any]]:
    """The policy of the application, whose data is replicated."""
    head = {"apiVersion": "altostratus/v1"}
    names = [f"{name}-{each}" for each in clouds]
    partitions = [
        {**head, "kind": "NetworkPartition", "name": own, "cloud": cloud, "partitions": [{"name": "all"}]}
        for own, cloud in zip(names, clouds, strict=True)
    ]
    burst = {"data": "replicate"}
    policy = {**head, "kind": "ApplicationPolicy", "name": name, "networkPartitions": names, "burst": burst}
    return [policy, *partitions]


def entries(url: str, text: str | None = None) -> list[str]:
    """What the book at an address holds, after writing `text` into it. Raises OSError."""
    data = None if text is None else f"text={text}".encode()
    with urllib.request.urlopen(f"{url}/entries", data, timeout=SECONDS + 5) as answer:  # noqa: S310
        return [entry["text"] for entry in json.loads(answer.read())["entries"]]


@dataclass
class Writer:
    """Writes an entry twice a second; `kept` are those that the book said it has, in order."""

    url: str
    kept: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Writer":
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._thread.join(SECONDS + 10)

    def _run(self) -> None:
        while not self.ended.wait(0.5):
            text = now()
            try:
                assert text in entries(self.url, text)
            except OSError as error:
                self.failed.append(str(error))
            else:
                self.kept.append(text)


@dataclass
class Book:
    """The application, at home in `demo` at first."""

    demo: Demo
    away: Demo
    name: str

    @property
    def namespace(self) -> str:
        return f"app-{self.name}"

    def urls(self, stack: str) -> str:
        said = self.demo.run("pulumi", "stack", "output", "urls", "--json", "-s", stack).stdout
        return str(json.loads(said)[0])

    def ask(self, cloud: Demo, question: str) -> str:
        """What the database's member in a cloud says of its data."""
        command = ("kubectl", "--namespace", self.namespace, "exec", "db-0", "--")
        return cloud.run(*command, "/usr/local/lib/altostratus/data", question).stdout.strip()


@pytest.fixture(scope="module")
def book(demo: Demo, away: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    folder = tmp_path_factory.mktemp("carried")
    shutil.copytree(SAMPLE, folder, dirs_exist_ok=True)
    made = Book(demo, away, f"carried-{demo.cloud}")
    path: Path = folder / "guestbook.yaml"
    text = path.read_text().replace("name: guestbook\n", f"name: {made.name}\nplacement: {made.name}\n")
    policy = yaml.safe_dump_all(documents(made.name, (demo.cloud, away.cloud)))
    path.write_text(f"{text}---\n{policy}".replace("min: 2", "min: 1"))
    try:
        make(demo, made.name, folder, made.name)
        demo.alto("front", made.name)
        yield made
    finally:
        demo.alto("burst", made.name, "--to", away.cloud, "--end", check=False)
        demo.alto("front", made.name, "--end", check=False)
        remove(demo, made.name)
        kept = ("kubectl", "delete", "namespace", made.namespace, "--ignore-not-found", "--wait=false")
        for cloud in (demo, away):
            cloud.run(*kept)


def test_a_copy_reads_its_own_data_writes_at_home_and_leaves_nothing(book: Book) -> None:
    book.demo.alto("burst", book.name, "--to", book.away.cloud)
    home, copy = book.urls(book.namespace), book.urls(f"{book.namespace}--{book.away.cloud}")
    text = now()
    assert text in entries(copy, text)
    assert text in entries(home), "it was written at home"
    until(lambda: text in entries(copy), "what follows home to have it")
    assert book.ask(book.away, "behind") == "0"
    book.demo.alto("burst", book.name, "--to", book.away.cloud, "--end")
    spaces = [each["metadata"]["name"] for each in book.away.kubectl("get", "namespaces")["items"]]
    assert book.namespace not in spaces


def test_the_data_moves_with_its_application_and_nothing_is_lost(book: Book) -> None:
    door = json.loads(
        book.demo.run("pulumi", "stack", "output", "urls", "--json", "-s", f"front-{book.name}").stdout
    )[0]
    with Writer(door) as written:
        until(lambda: written.kept, "something to be written")
        killed_at(book.demo, "takes no writes any more", book.away, book.name)
        refused, begun = len(written.failed), time.monotonic()
        said = book.demo.alto("migrate", book.name, "--to", book.away.cloud).stdout
        took, sofar = time.monotonic() - begun, len(written.kept)
        until(lambda: len(written.kept) > sofar + 2, "it to be written to in its new place")
    assert "goes on with the migration" in said
    # The one that waited for a mover that was dead; on a busy machine, one more as often as writers give up.
    assert len(written.failed) <= refused + 1 + int(took // SECONDS), written.failed
    there = set(entries(door))
    assert [each for each in written.kept[-99:] if each not in there] == []
    assert book.ask(book.away, "behind") == "", "it follows nobody"
    pods = book.away.kubectl("--namespace", book.namespace, "get", "pods")["items"]
    restarts = {c["restartCount"] for pod in pods for c in pod["status"].get("containerStatuses", ())}
    assert restarts == {0}
    assert "unchanged" in book.demo.up(book.namespace)
