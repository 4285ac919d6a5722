"""What a copy's config says, and when traffic has to go back: pure."""

from autoscaler.act.app_stack import AUTOSCALING, CLOUD, COPY, IMAGES, SCALE
from autoscaler.burst.copy_config import copy_values, encryption, new_home, paused, secret, with_encryption
from autoscaler.burst.front_door import CloudShare, FrontState
from autoscaler.burst.shifting import Counted, between, counts, verdict

HOME = {
    CLOUD: "local",
    SCALE: {"clusters": {"web": 4}},
    IMAGES: "images-shop",
    AUTOSCALING: {"pinned": {"web": 2}},
    "altostratus:blueprint": ["shop"],
    "altostratus:secrets": {"token": {"secure": "v1:x"}},
    "aws:region": "eu-west-1",
}


def test_a_copy_gets_what_means_the_same_and_keeps_its_own() -> None:
    values = copy_values(HOME, {}, "away", None)
    assert values == {
        CLOUD: "away",
        AUTOSCALING: {"pinned": {"web": 2}},
        "altostratus:blueprint": ["shop"],
        "altostratus:secrets": {"token": {"secure": "v1:x"}},
    }
    own = {SCALE: {"clusters": {"web": 9}}, IMAGES: "images-shop--away"}
    assert copy_values(HOME, {**values, **own}, "away", {"clusters": {}}) == {}


def test_what_the_home_has_no_more_goes_from_the_copy_and_so_does_our_pause() -> None:
    copy = {**copy_values(HOME, {}, "away", None), "altostratus:old": 1, AUTOSCALING: paused({"pinned": {}})}
    home = {key: value for key, value in HOME.items() if key != AUTOSCALING}
    assert copy_values(home, copy, "away", None) == {"altostratus:old": None, AUTOSCALING: None}


def test_a_new_home_keeps_its_peoples_lines() -> None:
    text = "encryptionsalt: v1:s\n# ours\nconfig:\n  altostratus:cloud: local  # was first\n  aws:region: x\n"
    changed = new_home(text, {SCALE: {"clusters": {"web": 7}}}, "away", "away", None)
    assert "# ours\n" in changed
    assert "altostratus:cloud: away  # was first" in changed
    assert "aws:region: x" in changed
    assert f"{COPY}: away" in changed
    assert "web: 7" in changed
    assert new_home(changed, {SCALE: {"clusters": {"web": 7}}}, "away", "away", None) == changed


def test_how_secrets_are_encrypted_is_read_from_the_top_level_only() -> None:
    text = "encryptionsalt: v1:a=:v1:b==\nconfig:\n  encryptionsalt: no\n"
    assert encryption(text) == {"encryptionsalt": "v1:a=:v1:b=="}
    assert with_encryption("config: {}\n", encryption(text)) == "encryptionsalt: v1:a=:v1:b==\nconfig: {}\n"
    assert secret({"a": [{"secure": "v1:x"}]})
    assert not secret({"a": ["secure"]})


def shown(**clouds: tuple[int, int]) -> FrontState:
    return FrontState({n: CloudShare(1, 0.5, True, 0, 0, r, e) for n, (r, e) in clouds.items()})


def test_counts_between_two_looks_survive_a_restart_of_the_door() -> None:
    found = between(counts(shown(old=(100, 5), new=(10, 0))), counts(shown(old=(150, 6), new=(4, 1))))
    assert found == {"old": Counted(50, 1), "new": Counted(4, 1)}


def test_traffic_goes_back_for_errors_that_the_old_place_does_not_have() -> None:
    assert verdict({"old": Counted(900, 0), "new": Counted(100, 3)}, "old", "new")
    assert not verdict({"old": Counted(900, 27), "new": Counted(100, 3)}, "old", "new")
    assert not verdict({"old": Counted(900, 0), "new": Counted(0, 0)}, "old", "new")
    assert verdict({"old": Counted(900, 0), "new": Counted(0, 2)}, "old", "new")  # broken off, not answered
    assert not verdict({"old": Counted(0, 0), "new": Counted(1000, 1)}, "old", "new")
