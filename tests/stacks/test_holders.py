"""Two stacks of one application in one cloud."""

import json
from pathlib import Path

import pytest

from stacks.holders import ApplicationTaken, refuse_second
from stacks.names import parse


def stack(folder: Path, name: str, *, application: str, cloud: str, made: bool = True) -> None:
    config = folder / "config"
    config.mkdir(exist_ok=True)
    (config / f"Pulumi.{name}.yaml").write_text(
        f"config:\n  altostratus:application: {application}\n  altostratus:cloud: {cloud}\n"
    )
    resources = [{"type": "kubernetes:core/v1:Namespace"}] if made else []
    state = folder / "state" / ".pulumi" / "stacks" / "altostratus" / f"{name}.json"
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))


def check(folder: Path, name: str, application: str, cloud: str) -> None:
    refuse_second(parse(name), application, cloud, folder / "config", folder / "state")


def test_the_second_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    stack(tmp_path, "app-shop", application="shop", cloud="local")
    stack(tmp_path, "app-other", application="shop", cloud="local", made=False)
    with pytest.raises(ApplicationTaken) as refused:
        check(tmp_path, "app-other", "shop", "local")
    for part in ("app-other: the application 'shop'", "cloud local", "app-shop has it"):
        assert part in str(refused.value)


def test_the_first_and_copies_elsewhere_and_stacks_that_made_nothing_are_no_matter(tmp_path: Path) -> None:
    stack(tmp_path, "app-shop", application="shop", cloud="local")
    stack(tmp_path, "app-shop--away", application="shop", cloud="away", made=False)
    stack(tmp_path, "app-planned", application="new", cloud="local", made=False)
    stack(tmp_path, "app-new", application="new", cloud="local", made=False)
    check(tmp_path, "app-shop", "shop", "local")
    check(tmp_path, "app-shop--away", "shop", "away")
    check(tmp_path, "app-new", "new", "local")


def test_two_that_are_there_already_can_both_still_be_updated(tmp_path: Path) -> None:
    stack(tmp_path, "app-shop", application="shop", cloud="local")
    stack(tmp_path, "app-other", application="shop", cloud="local")
    check(tmp_path, "app-other", "shop", "local")
