"""Policy packs that every update passes: where they come from, and what a refusal says."""

from pathlib import Path

import pytest

from autoscaler.act import environment
from autoscaler.act.guards import NoPolicyPack, arguments, everywhere
from autoscaler.act.pulumi_cli import Pulumi, _reason
from autoscaler.loop.settings import Settings
from console import autoscaler
from toolchain import paths

PACK = paths.root() / "policies" / "guardrails"

REFUSED = """    pulumi:pulumi:Stack altostratus-app-hello  1 error; 2 warnings
Policies:
    ❌ altostratus-guardrails@v1.0.0 (local: /checkout/policies/guardrails)
        - [mandatory]  cost  (kubernetes:apps/v1:Deployment: web)
          an hour of this stack would cost 1.2, over its ceiling of 1

Diagnostics:
  pulumi:pulumi:Stack (altostratus-app-hello):
    error: preview failed
"""


def test_packs_are_named_by_their_whole_path_with_their_configurations(tmp_path: Path) -> None:
    config = tmp_path / "guardrails.json"
    config.write_text("{}")
    assert arguments([PACK], [config]) == [f"--policy-pack={PACK}", f"--policy-pack-config={config}"]
    assert arguments([]) == []
    # The CLI wants as many configurations as packs.
    assert arguments([PACK]) == [f"--policy-pack={PACK}", "--policy-pack-config=/dev/null"]


def test_what_is_no_pack_is_told_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(NoPolicyPack) as caught:
        arguments([PACK, tmp_path], [tmp_path / "none.json"])
    assert f"{tmp_path}, {tmp_path}/none.json" in str(caught.value)
    assert caught.value.exit_code == 2
    config = tmp_path / "some.json"
    config.write_text("{}")
    with pytest.raises(NoPolicyPack, match="2 configurations for 1"):
        arguments([PACK], [config, config])


def test_the_environment_sets_packs_for_every_update() -> None:
    found = everywhere(environment={"ALTO_POLICY_PACKS": str(PACK)})
    assert found == (f"--policy-pack={PACK}", "--policy-pack-config=/dev/null")
    assert everywhere(environment={}) == ()


def test_packs_of_the_environment_and_of_settings_keep_their_own_configurations(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.json", tmp_path / "theirs.json"
    more = tmp_path / "more"
    more.mkdir()
    for path in (ours, theirs, more / "PulumiPolicy.yaml"):
        path.write_text("{}")

    def said(*found: tuple[Path, str]) -> tuple[str, ...]:
        return tuple(
            word
            for pack, config in found
            for word in (f"--policy-pack={pack}", f"--policy-pack-config={config}")
        )

    named = {"ALTO_POLICY_PACKS": str(PACK)}
    assert everywhere([more], [ours], named) == said((PACK, "/dev/null"), (more, str(ours)))
    # A pack that both name is asked once.
    assert everywhere([PACK], [ours], named) == said((PACK, str(ours)))
    named["ALTO_POLICY_PACK_CONFIGS"] = str(theirs)
    assert everywhere([PACK], [], named) == said((PACK, str(theirs)))
    assert everywhere([PACK], [ours], named) == said((PACK, str(ours)))


def test_the_autoscalers_settings_are_those_of_all_its_updates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runner, moves, front doors and supervisor have their CLI from one place."""
    config, settings = tmp_path / "guardrails.json", tmp_path / "settings.yaml"
    config.write_text("{}")
    settings.write_text(f"policyPacks: [{PACK}]\npolicyPackConfigs: [{config}]\n")
    monkeypatch.setenv("ALTO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ALTO_POLICY_PACKS", raising=False)
    monkeypatch.setattr(environment.install, "locate", lambda _: Path("/bin/false"))
    made: list[Pulumi] = []

    def acting(cli: Pulumi, _: Settings) -> None:
        made.append(cli)
        raise KeyboardInterrupt

    monkeypatch.setattr(autoscaler, "_acting", acting)
    with pytest.raises(KeyboardInterrupt):
        autoscaler.autoscale([], settings, dry_run=False, once=True)
    assert made[0].guards == (f"--policy-pack={PACK}", f"--policy-pack-config={config}")
    assert environment.automatic(made[0]).guards == made[0].guards
    settings.write_text(f"policyPackConfigs: [{config}]\n")
    with pytest.raises(NoPolicyPack, match="1 configurations for 0"):
        autoscaler.autoscale([], settings, dry_run=False, once=True)


def test_a_refusal_says_what_the_policies_refuse() -> None:
    assert "an hour of this stack would cost 1.2, over its ceiling of 1" in _reason(REFUSED)
    passed = REFUSED.replace("[mandatory]", "[advisory]").replace("preview failed", "the program broke")
    assert "the program broke" in _reason(passed)
    assert "ceiling" not in _reason(passed)
