"""Which revision `alto rollback` goes back to, from histories as Pulumi's file backend keeps them."""

import json
from pathlib import Path
from typing import Any

import pytest

from autoscaler.act.pulumi_cli import PROJECT, Pulumi
from blueprints.revision import Revision
from console import rollback
from console.errors import BadInput

STACK = "app-shop"


@pytest.fixture
def cli(tmp_path: Path) -> Pulumi:
    return Pulumi(tmp_path, Path("/bin/false"), tmp_path / "state", tmp_path / "logs", {})


def revision(text: str) -> Revision:
    return Revision("shop", {"shop.yaml": text}, {"php": "php@1"})


def updates(cli: Pulumi, *entries: tuple[str, str] | tuple[str, str, bool]) -> None:
    """Past updates, oldest first: what the stack was made of afterwards, the result, whether pinned."""
    folder = cli.state / ".pulumi" / "history" / PROJECT / STACK
    folder.mkdir(parents=True)
    for number, (text, result, *pinned) in enumerate(entries):
        base = f"{STACK}-{number:019}"
        info = {"kind": "update", "startTime": 1000 + number, "result": result, "message": ""}
        (folder / f"{base}.history.json").write_text(json.dumps(info))
        made: dict[str, Any] = {**revision(text).to_output(), "pinned": bool(pinned)} if text else {}
        stack = {"type": "pulumi:pulumi:Stack", "outputs": {"revision": made} if made else {}}
        checkpoint = {"checkpoint": {"latest": {"resources": [stack]}}}
        (folder / f"{base}.checkpoint.json").write_text(json.dumps(checkpoint))


def last_working(cli: Pulumi) -> str:
    return rollback._last_working(cli, STACK).documents["shop.yaml"]


def test_after_a_failed_update_what_was_there_before_it(cli: Pulumi) -> None:
    updates(cli, ("a", "succeeded"), ("b", "succeeded"), ("b", "failed"))
    assert last_working(cli) == "b"


def test_after_an_update_that_ended_well_the_revision_before(cli: Pulumi) -> None:
    updates(cli, ("a", "succeeded"), ("b", "succeeded"), ("b", "succeeded"))
    assert last_working(cli) == "a"


def test_going_back_twice_goes_further_back_and_not_forth_again(cli: Pulumi) -> None:
    updates(cli, ("a", "succeeded"), ("b", "succeeded"), ("c", "succeeded"), ("b", "succeeded", True))
    assert last_working(cli) == "a"


@pytest.mark.parametrize("entries", [(), (("a", "succeeded"),), (("", "succeeded"), ("", "failed"))])
def test_where_there_is_nothing_to_go_back_to_it_says_so(cli: Pulumi, entries: tuple[Any, ...]) -> None:
    updates(cli, *entries)
    with pytest.raises(rollback.NothingToGoBackTo):
        rollback._last_working(cli, STACK)


def test_a_revision_is_named_by_its_first_digits(cli: Pulumi) -> None:
    updates(cli, ("a", "succeeded"), ("b", "succeeded"))
    assert rollback._named(cli, STACK, revision("a").id[:6]) == revision("a")
    with pytest.raises(BadInput, match="no revision ffffff"):
        rollback._named(cli, STACK, "ffffff")


def test_a_history_that_is_half_written_is_passed_over(cli: Pulumi) -> None:
    updates(cli, ("a", "succeeded"), ("b", "succeeded"))
    folder = cli.state / ".pulumi" / "history" / PROJECT / STACK
    newest = sorted(folder.glob("*.checkpoint.json"))[-1]
    newest.write_text(newest.read_text()[:40])
    assert [entry.worked for entry in rollback.history(cli, STACK)] == [False, True]
