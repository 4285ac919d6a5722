"""Revisions: what they hold, when a pinned one stands in, and when it gives way."""

from pathlib import Path

import pytest

from blueprints.findings import DocumentError
from blueprints.revision import (
    Pin,
    Revision,
    digest,
    documents_of,
    in_force,
    pin_folder,
    write_pin,
)
from blueprints.workspace import Workspace

STACK = "app-shop"
DOCUMENT = """
apiVersion: altostratus/v1
kind: Cartridge
name: site
image: registry.example.org/site:1
ports: [{name: http, port: 80}]
files: [{path: /etc/site.conf, source: conf/site.conf}]
---
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges: [{alias: web, cartridge: site, members: {min: 1, max: 4}}]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "shop" / "conf").mkdir(parents=True)
    (tmp_path / "shop" / "shop.yaml").write_text(DOCUMENT)
    (tmp_path / "shop" / "conf" / "site.conf").write_text("a = 1\n")
    return tmp_path


def recorded(root: Path) -> Revision:
    return Revision("shop", documents_of(Workspace.load([root / "shop"])), {"php": "php@1"})


def edit(root: Path, old: str, new: str) -> None:
    path = root / "shop" / "shop.yaml"
    path.write_text(path.read_text().replace(old, new))


def pinned(root: Path, revision: Revision) -> None:
    """As `alto rollback` does, with the documents as they are now."""
    now, _, _ = Workspace.read([root / "shop"])
    pin = Pin(revision.id, digest(documents_of(now)), revision.images, {"php": "php@2"})
    write_pin(pin_folder(root, STACK, revision.id), revision, pin)


def test_a_revision_holds_the_documents_and_the_files_they_place(root: Path) -> None:
    revision = recorded(root)
    assert set(revision.documents) == {"shop.yaml", "conf/site.conf"}
    assert Revision.from_output(revision.to_output()) == revision


def test_the_same_documents_have_the_same_id_wherever_they_lie(root: Path) -> None:
    first = recorded(root)
    (root / "shop").rename(root / "elsewhere")
    (root / "elsewhere").rename(root / "shop")
    assert recorded(root).id == first.id
    (root / "shop" / "conf" / "site.conf").write_text("a = 2\n")
    assert recorded(root).id != first.id


def test_images_that_one_did_not_use_make_no_other_revision(root: Path) -> None:
    documents = recorded(root).documents
    small, large = (
        Revision("shop", documents, {"php": "1"}),
        Revision("shop", documents, {"php": "1", "x": "1"}),
    )
    assert small.is_like(large)
    assert not small.is_like(Revision("shop", documents, {"php": "2"}))


@pytest.mark.parametrize(
    "broken",
    [None, 3, {}, {"id": "a", "application": "b", "images": {}, "documents": "no base64!"},
     {"application": "b", "images": {}, "documents": "AAAA"}, {"application": "b", "documents": ""}],
)  # fmt: skip
def test_an_output_that_holds_no_revision_is_none(broken: object) -> None:
    assert Revision.from_output(broken) is None


def test_a_pinned_revision_stands_in_until_a_document_changes(root: Path) -> None:
    good = recorded(root)
    edit(root, "max: 4", "max: 9")
    pinned(root, good)
    found = in_force(root, STACK, ["shop"], good.id)
    assert found.pin is not None
    assert found.workspace.plan("shop").clusters["web"].bounds.max == 4
    cartridge = found.workspace.plan("shop").clusters["web"]
    assert (cartridge.cartridge_folder / "conf/site.conf").read_text() == "a = 1\n"
    edit(root, "max: 9", "max: 7")
    found = in_force(root, STACK, ["shop"], good.id)
    assert (found.pin, found.released) == (None, good.id)
    assert found.workspace.plan("shop").clusters["web"].bounds.max == 7


def test_going_back_helps_also_while_the_documents_cannot_be_used(root: Path) -> None:
    good = recorded(root)
    edit(root, "min: 1", "min: 8")
    pinned(root, good)
    assert in_force(root, STACK, ["shop"], good.id).workspace.plan("shop").clusters["web"].bounds.min == 1


def test_each_image_goes_forward_when_it_is_built_anew() -> None:
    pin = Pin("r", "d", {"php": "php@1", "gone": "gone@1"}, {"php": "php@2"})
    assert pin.image("php", "php@2") == "php@1", "still the one that was gone back from"
    assert pin.image("php", "php@3") == "php@3", "a newer build"
    assert pin.image("gone", None) == "gone@1"
    assert pin.image("other", "other@1") == "other@1"


def test_a_revision_that_is_not_kept_is_named_with_what_to_do(root: Path) -> None:
    with pytest.raises(DocumentError) as refused:
        in_force(root, STACK, ["shop"], "0123456789ab")
    assert "alto rollback" in (refused.value.findings[0].hint or "")


def test_a_record_cannot_write_outside_its_folder(root: Path) -> None:
    with pytest.raises(ValueError, match="outside"):
        write_pin(root / "pin", Revision("shop", {"../../evil": "x"}), Pin("r", "d", {}, {}))
