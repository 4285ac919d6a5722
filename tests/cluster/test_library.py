"""Every cartridge of the library, and every way to make one, in applications that answer requests."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueprints.workspace import library
from tests.cluster.applications import ask, deployed
from tests.demo import ROOT, Demo
from tests.waiting import until

pytestmark = pytest.mark.cluster

SAMPLES = ROOT / "blueprints/library/samples"
ANSWERS = {
    "php": ("page-http", '"member":"page-'),
    "python": ("wsgi-http", "Python on wsgi-"),
    "tomcat": ("java-http", "Member java-"),
    "node": ("script-http", "Node.js on script-"),
    "static": ("site-http", "A page of the static site."),
    "haproxy": ("balancer-http", "Python on wsgi-"),
    "nginx": ("proxy-http", "Member java-"),
}
ASKED_BY_PAGE = {"mysql": ("database", "visit "), "redis": ("store", "+OK"), "memcached": ("cache", "hello")}


@pytest.fixture(scope="module")
def everything(demo: Demo) -> Iterator[str]:
    with deployed(demo, "everything", SAMPLES / "everything") as namespace:
        yield namespace


@pytest.mark.parametrize("cartridge", sorted(name for _, name in library()))
def test_every_cartridge_of_the_library_answers(demo: Demo, everything: str, cartridge: str) -> None:
    if cartridge in ANSWERS:
        service, words = ANSWERS[cartridge]
        assert words in until(lambda: ask(demo, everything, service), f"{service} answers")
    else:
        alias, words = ASKED_BY_PAGE[cartridge]
        assert words in json.loads(ask(demo, everything, "page-http", "ask.php"))[alias]


def test_code_a_script_and_a_folder_become_members_and_only_what_changed_is_replaced(
    demo: Demo, tmp_path: Path
) -> None:
    for path in (SAMPLES / "code").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            copy = tmp_path / path.relative_to(SAMPLES / "code")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    with deployed(demo, "code", tmp_path) as namespace:
        assert '"member": "service-' in ask(demo, namespace, "service-http")
        assert "The time" in ask(demo, namespace, "clock-http")
        before = _pods(demo, namespace)
        page = tmp_path / "pages" / "index.html"
        page.write_text(page.read_text().replace("A folder", "Another folder"))
        demo.alto("up", next(iter(_stacks(demo, str(tmp_path)))))
        assert "Another folder" in ask(demo, namespace, "pages-http")
        until(lambda: len(_pods(demo, namespace)) == len(before), "the replaced member is gone")
        gone = before - _pods(demo, namespace)
        assert {name.split("-")[0] for name in gone} == {"pages"}


def _pods(demo: Demo, namespace: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in demo.kubectl("-n", namespace, "get", "pods")["items"]}


def _stacks(demo: Demo, blueprint: str) -> Iterator[str]:
    for path in (ROOT / "stacks" / "config").glob("Pulumi.app-*.yaml"):
        if blueprint in path.read_text():
            yield path.name.removeprefix("Pulumi.").removesuffix(".yaml")
