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
        until(lambda: words in said(demo, everything, service), f"{service} says {words}")
    else:
        alias, words = ASKED_BY_PAGE[cartridge]
        until(lambda: words in _asked(demo, everything).get(alias, ""), f"{alias} says {words}")


def said(demo: Demo, namespace: str, service: str, path: str = "") -> str:
    """What a Service answers; nothing while it does not."""
    try:
        return ask(demo, namespace, service, path)
    except AssertionError:
        return ""


def _asked(demo: Demo, namespace: str) -> dict[str, str]:
    """What the page was told by those that it asks; nothing while it does not answer."""
    try:
        found: dict[str, str] = json.loads(said(demo, namespace, "page-http", "ask.php"))
    except json.JSONDecodeError:
        return {}
    return found


def test_code_a_script_and_a_folder_become_members_and_only_what_changed_is_replaced(
    demo: Demo, tmp_path: Path
) -> None:
    for path in (SAMPLES / "code").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            copy = tmp_path / path.relative_to(SAMPLES / "code")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    with deployed(demo, "code", tmp_path) as namespace:
        until(lambda: '"member": "service-' in said(demo, namespace, "service-http"), "the code answers")
        until(lambda: "The time" in said(demo, namespace, "clock-http"), "the script answers")
        before = _pods(demo, namespace)
        page = tmp_path / "pages" / "index.html"
        page.write_text(page.read_text().replace("A folder", "Another folder"))
        demo.alto("up", next(iter(_stacks(demo, str(tmp_path)))))
        until(lambda: "Another folder" in said(demo, namespace, "pages-http"), "the new folder is there")
        until(lambda: len(_pods(demo, namespace)) == len(before), "the replaced member is gone")
        gone = before - _pods(demo, namespace)
        assert {name.split("-")[0] for name in gone} == {"pages"}


def _pods(demo: Demo, namespace: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in demo.kubectl("-n", namespace, "get", "pods")["items"]}


def _stacks(demo: Demo, blueprint: str) -> Iterator[str]:
    for path in (ROOT / "stacks" / "config").glob("Pulumi.app-*.yaml"):
        try:
            text = path.read_text()
        except FileNotFoundError:  # another test's, just removed
            continue
        if blueprint in text:
            yield path.name.removeprefix("Pulumi.").removesuffix(".yaml")
