"""Policy packs that every update has to pass, whoever asks for it."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from autoscaler.act.update_errors import UpdateError

PACKS = "ALTO_POLICY_PACKS"
CONFIGS = "ALTO_POLICY_PACK_CONFIGS"
"""Environment variables: paths, separated as in PATH. They go for people, CI and the autoscaler alike."""

# The CLI wants a configuration for each pack or for none; one that is empty says nothing.
_NOTHING = Path(os.devnull)


class NoPolicyPack(UpdateError):
    """A path that is to be a policy pack, or its configuration, is none."""

    exit_code = 2


def arguments(packs: Iterable[Path], configs: Iterable[Path] = ()) -> list[str]:
    """What the Pulumi CLI is told of policy packs. The first configuration is of the first pack, and so on.

    Raises NoPolicyPack naming every path that is none.
    """
    return _words(_pairs(packs, configs))


def everywhere(
    packs: Iterable[Path] = (), configs: Iterable[Path] = (), environment: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """The arguments for the packs that the environment names, and for more.

    One that both name is asked once, by its configuration from here if there is one. Raises NoPolicyPack.
    """
    named = [[Path(p) for p in environment.get(key, "").split(os.pathsep) if p] for key in (PACKS, CONFIGS)]
    found = _pairs(*named)
    for pack, config in _pairs(packs, configs).items():
        found[pack] = config if config != _NOTHING else found.get(pack, config)
    return tuple(_words(found))


def _pairs(packs: Iterable[Path], configs: Iterable[Path]) -> dict[Path, Path]:
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
    return {pack: configs[n] if n < len(configs) else _NOTHING for n, pack in enumerate(packs)}


def _words(pairs: Mapping[Path, Path]) -> list[str]:
    return [
        word
        for pack, config in pairs.items()
        for word in (f"--policy-pack={pack}", f"--policy-pack-config={config}")
    ]
