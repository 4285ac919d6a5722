"""A copy that has some clusters only: the autoscaler decides about those, and about nothing else."""

from pathlib import Path

from autoscaler.loop.watched import Watched
from tests.autoscaler.shop import STACK, Shop

PART = ["web", "search"]


def test_what_stays_at_home_is_nobodys_business_here(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.configure({}, clusters=PART)
    view = Watched(shop.cli, STACK).read()
    assert set(view.clusters) == {"web", "search/engine"}
    assert set(view.bounds.clusters) == {"web", "search/engine"}
    assert set(view.shape.clusters) == {"web", "search/engine"}
    assert set(view.bounds.groups) == {"search"}
    assert not view.shape.proportions, "the other half of the ratio is at home"


def test_pins_of_what_stays_at_home_are_no_mistake(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.configure({}, clusters=PART, autoscaling={"pinned": {"db": 1, "wbe": 2}})
    (note,) = Watched(shop.cli, STACK).read().notes
    assert "wbe" in note


def test_one_period_goes_by_without_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.configure({}, clusters=PART)
    shop.run({"web": 400.0, "search.1/engine": 30.0}, 12)
    assert shop.office.edits
    assert set(shop.office.edits[-1].clusters) == {"web"}
