"""Policy packs that every update has to pass, whoever asks for it."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from autoscaler.act.update_errors import UpdateError

PACKS = "ALTO_POLICY_PACKS"
CONFIGS = "ALTO_POLICY_PACK_CONFIGS"
"""Environment variables: paths, separated as in PATH. They go for people, CI and the autoscaler alike."""


class NoPolicyPack(UpdateError):
    """A path that is to be a policy pack, or its configuration, is none."""

    exit_code = 2


def arguments(packs: Iterable[Path], configs: Iterable[Path] = ()) -> list[str]:
    """What the Pulumi CLI is told of policy packs. Raises NoPolicyPack naming every path that is none."""
    packs, configs = [each.resolve() for each in packs], [each.resolve() for each in configs]
    wrong = [str(each) for each in packs if not (each / "PulumiPolicy.yaml").is_file()]
    wrong += [str(each) for each in configs if not each.is_file()]
    if wrong:
        raise NoPolicyPack(
            f"no policy pack, or no configuration of one: {', '.join(wrong)}\n"
            "  A pack is a folder with a PulumiPolicy.yaml, such as policies/guardrails; its configuration "
            "is a JSON file."
        )
    if len(configs) > len(packs):
        raise NoPolicyPack(f"there are {len(configs)} configurations for {len(packs)} policy packs")
    return [
        *(f"--policy-pack={each}" for each in packs),
        *(f"--policy-pack-config={each}" for each in configs),
    ]


def everywhere(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The arguments for the packs that the environment names. Raises NoPolicyPack."""
    found = [[Path(p) for p in environment.get(key, "").split(os.pathsep) if p] for key in (PACKS, CONFIGS)]
    return tuple(arguments(*found))
