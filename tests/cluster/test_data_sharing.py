"""Exported values on a real cluster: how they arrive, whom a change replaces, and where secrets do not go."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.guestbook import GuestBook
from tests.cluster.test_data_at_home import read
from tests.demo import Demo
from tests.waiting import until

pytestmark = pytest.mark.cluster


def passwords(book: GuestBook) -> dict[str, str]:
    kept = book.get("secret", "altostratus-kept")["data"]
    return {key: base64.b64decode(value).decode() for key, value in kept.items()}


def processes(demo: Demo) -> str:
    """The command lines of all processes of all hosts, their members' among them."""
    script = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"
    return "\n".join(
        subprocess.run(
            ["docker", "exec", f"alto-{demo.cloud}-{host['metadata']['name']}", "sh", "-c", script],
            env=demo.environment,
            capture_output=True,
            timeout=300,
            check=True,
        ).stdout.decode(errors="replace")
        for host in demo.kubectl("get", "nodes")["items"]
    )


def in_member(book: GuestBook, *command: str) -> str:
    return book.demo.run(
        "kubectl", "--namespace", book.namespace, "exec", "deploy/web", "--container=web", "--", *command
    ).stdout


def test_values_arrive_as_variables_files_and_references_to_secrets(book: GuestBook) -> None:
    (container,) = book.get("deployment", "web")["spec"]["template"]["spec"]["containers"]
    given = {each["name"]: each for each in container["env"]}
    assert given["DB_HOST"]["value"] == f"db-mysql.{book.namespace}.svc.cluster.local"
    assert given["DB_PASSWORD"]["valueFrom"]["secretKeyRef"]["name"] == "web-secrets"
    assert "value" not in given["DB_PASSWORD"]
    assert given["EXTRAS_PAGES_MOTTO"]["value"] == "one"
    assert in_member(book, "cat", "/etc/altostratus/links/extras/pages/style") == "motto=one\n"
    assert in_member(book, "printenv", "DB_PASSWORD").strip() == passwords(book)["db-password"]


def test_generated_passwords_are_nowhere_in_plain_text(book: GuestBook, alto_home: Path) -> None:
    found = passwords(book)
    assert set(found) == {"db-password", "db-replication-password", "counter-password"}
    book.up()
    assert passwords(book) == found
    running = processes(book.demo)
    assert "mariadbd" in running
    assert "redis-server" in running
    written = [path for path in alto_home.rglob("*") if path.is_file() and not path.is_symlink()]
    assert any(path.suffix == ".json" and book.stack in path.name for path in written)
    for value in found.values():
        assert value not in running
        leaks = [path for path in written if value.encode() in read(path)]
        assert not leaks
        described = json.dumps([book.get("deployments,statefulsets,configmaps,pods,events"), value])
        assert described.count(value) == 1  # the one that was put there for comparison


def test_a_changed_value_replaces_only_who_uses_it(book: GuestBook) -> None:
    before = book.members()

    def change(documents: dict[str, Any]) -> None:
        documents["pages"]["exports"]["motto"]["value"] = "two"

    book.edit(change)
    after = book.members()
    assert in_member(book, "printenv", "EXTRAS_PAGES_MOTTO") == "two\n"
    replaced = {name for name, uid in before.items() if after.get(name) != uid}
    assert replaced
    assert all(name.startswith("web-") for name in replaced)


def test_more_instances_of_a_group_replace_nobody_and_share_one_address(book: GuestBook) -> None:
    before = book.members()
    host = in_member(book, "printenv", "EXTRAS_PAGES_HOST").strip()
    assert host == f"extras-all--pages-http.{book.namespace}.svc.cluster.local"
    book.scale("extras=2")
    after = book.members()
    assert before.items() <= after.items()
    assert {name.rpartition("--")[0] for name in after.keys() - before.keys()} == {"extras-2"}

    def answering() -> set[str]:
        label = "--selector=kubernetes.io/service-name=extras-all--pages-http"
        slices = book.get("endpointslices", label)["items"]
        return {
            end["targetRef"]["name"].split("--")[0]
            for each in slices
            for end in each.get("endpoints") or []
            if end["conditions"].get("ready")
        }

    until(lambda: answering() == {"extras-1", "extras-2"}, "both copies to answer at the one address")
    book.scale("extras=1")
    assert book.members() == before
