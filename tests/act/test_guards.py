"""Policy packs that every update passes: where they come from, and what a refusal says."""

from pathlib import Path

import pytest

from autoscaler.act.guards import NoPolicyPack, arguments, everywhere
from autoscaler.act.pulumi_cli import _reason
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
    assert everywhere({"ALTO_POLICY_PACKS": str(PACK)}) == (f"--policy-pack={PACK}",)
    assert everywhere({}) == ()


def test_a_refusal_says_what_the_policies_refuse() -> None:
    assert "an hour of this stack would cost 1.2, over its ceiling of 1" in _reason(REFUSED)
    passed = REFUSED.replace("[mandatory]", "[advisory]").replace("preview failed", "the program broke")
    assert "the program broke" in _reason(passed)
    assert "ceiling" not in _reason(passed)
