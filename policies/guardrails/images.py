"""The rule about images: named by their digest, and from registries that are allowed. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from policies.guardrails.resource import Resource, containers, items, mapping, pod_specs

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
DEFAULT_REGISTRY = "docker.io"
# Docker Hub's images are known by names that leave out the rest.
_DEFAULT_FOLDER = "library"
_DEFAULT_ALIASES = ("index.docker.io", "registry-1.docker.io")


def wrong_images(resource: Resource, registries: Sequence[str] | None) -> Iterator[str]:
    """Images without a digest, or from elsewhere than `registries` (hosts, or hosts with a path).

    Without any registry known, no image is from an allowed one. None: which are, is not known yet.
    """
    for where, image in _images(resource):
        if not _DIGEST.search(image):
            yield (
                f"{where} runs {image}, which may be another image tomorrow. "
                "Name it by its digest: NAME@sha256:..."
            )
        if registries is None:
            continue
        if not registries:
            yield (
                f"{where} runs {image}, and no registry is known that it may come from: the cloud's platform "
                'has none on record here. Name them in the rule\'s configuration: {"images": {"registries": '
                '["registry.example.org"]}}'
            )
        elif not any(_from(image, each) for each in registries):
            yield f"{where} runs {image} from {registry_of(image)}; allowed are {', '.join(registries)}"


def registry_of(image: str) -> str:
    """The registry's host and port of an image's reference."""
    first, slash, _ = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first if named and first not in _DEFAULT_ALIASES else DEFAULT_REGISTRY


def logged_in(resources: Iterable[Resource]) -> tuple[str, ...]:
    """The registries that the stack's own pull secrets are for."""
    found: dict[str, None] = {}
    for resource in resources:
        if resource.kind != "Secret" or resource.inputs.get("type") != "kubernetes.io/dockerconfigjson":
            continue
        text = mapping(resource.inputs.get("stringData")).get(".dockerconfigjson")
        try:
            known = json.loads(text) if isinstance(text, str) else {}
        except ValueError:
            continue
        found |= dict.fromkeys(str(each) for each in mapping(mapping(known).get("auths")))
    return tuple(found)


def _images(resource: Resource) -> Iterator[tuple[str, str]]:
    named: list[tuple[str, Any]] = [
        (f"container {each.name}", each.spec.get("image")) for each in containers(resource)
    ]
    for spec in pod_specs(resource):
        volumes: Iterable[Mapping[str, Any]] = map(mapping, items(spec.get("volumes")))
        named += [
            (f"volume {each.get('name')}", mapping(each.get("image")).get("reference")) for each in volumes
        ]
    return ((where, image) for where, image in named if isinstance(image, str))


def _from(image: str, registry: str) -> bool:
    whole = _whole(image)
    return whole.startswith(f"{registry.rstrip('/')}/") and ".." not in whole.split("/")


def _whole(image: str) -> str:
    """The reference with all that people leave out: `php` is `docker.io/library/php`."""
    registry, rest = registry_of(image), image
    first, slash, after = image.partition("/")
    if slash and first in (registry, *_DEFAULT_ALIASES):
        rest = after
    if registry == DEFAULT_REGISTRY and "/" not in rest:
        rest = f"{_DEFAULT_FOLDER}/{rest}"
    return f"{registry}/{rest}"
