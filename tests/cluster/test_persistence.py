"""Data on a real storage class: it outlives members, scaling, and the application itself."""

from typing import Any

import pytest

from tests.cluster.guestbook import NAME, GuestBook, now
from tests.demo import Demo
from tests.waiting import until

pytestmark = pytest.mark.cluster

FOLDER = "/var/lib/altostratus/volumes"


def volumes(book: GuestBook) -> dict[str, str]:
    """The volume of every claim by the claim's name."""
    return {c["metadata"]["name"]: c["spec"].get("volumeName", "") for c in book.get("pvc")["items"]}


def folders(demo: Demo) -> set[str]:
    """The volumes that are on any host's disk."""
    return {
        name
        for host in demo.kubectl("get", "nodes")["items"]
        for name in demo.run(
            "docker", "exec", f"alto-{demo.cloud}-{host['metadata']['name']}", "ls", FOLDER
        ).stdout.split()
    }


def keep(book: GuestBook, **settings: bool) -> None:
    """Update with these settings of all data."""

    def change(documents: dict[str, Any]) -> None:
        for cluster in documents[NAME]["cartridges"]:
            if cluster["alias"] != "web":
                cluster["persistence"] = {"data": settings}

    book.edit(change)


def test_the_hosts_disks_are_the_default_class_and_are_made_late(demo: Demo) -> None:
    classes = {each["metadata"]["name"]: each for each in demo.kubectl("get", "storageclass")["items"]}
    made = classes["altostratus-local"]
    assert made["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    assert made["volumeBindingMode"] == "WaitForFirstConsumer"


def test_data_outlives_its_members(book: GuestBook) -> None:
    text = now()
    visits = book.entries(text)["visits"]
    before = book.members("db") | book.members("counter")
    book.demo.run("kubectl", "--namespace", book.namespace, "delete", "pod", *before)
    found = book.await_entry(text)
    after = book.members("db") | book.members("counter")
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())
    assert found["visits"] > visits


def test_a_member_that_returns_finds_its_own_data(book: GuestBook) -> None:
    book.scale("counter=2")
    made = volumes(book)["data-counter-1"]
    book.scale("counter=1")
    assert list(book.members("counter")) == ["counter-0"]
    book.scale("counter=2")
    assert volumes(book)["data-counter-1"] == made
    assert made in folders(book.demo)
    book.scale("counter=1")


def test_an_application_made_again_finds_its_data_and_can_open_it(book: GuestBook) -> None:
    text = now()
    book.entries(text)
    said = book.demo.alto("destroy", book.stack, "--yes").stdout
    assert f"kubectl delete namespace {book.namespace}" in said
    assert not book.members()
    kept = volumes(book)
    assert {"data-db-0", "data-counter-0"} <= set(kept)
    book.up()
    assert volumes(book) == kept
    book.await_entry(text)


def test_protected_data_is_refused_before_anything_is_touched(book: GuestBook) -> None:
    keep(book, protect=True)
    before = book.members()
    refused = book.demo.alto("destroy", book.stack, "--yes", check=False)
    assert refused.returncode == 2
    assert "StatefulSet db" in refused.stderr
    by_hand = book.demo.run("pulumi", "destroy", "--stack", book.stack, "--yes", check=False)
    assert by_hand.returncode != 0
    assert book.members() == before


def test_data_that_is_not_kept_goes_with_the_application(book: GuestBook) -> None:
    keep(book, retain=False)
    made = set(volumes(book).values())
    assert made <= folders(book.demo)
    book.demo.alto("destroy", book.stack, "--yes")
    known = [space["metadata"]["name"] for space in book.demo.kubectl("get", "namespaces")["items"]]
    assert book.namespace not in known
    until(lambda: not made & folders(book.demo), "the folders of the volumes to go")
    keep(book)
