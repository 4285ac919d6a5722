"""The rule about images: named by their digest, and from registries that are allowed. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from policies.guardrails.resource import Resource, containers, mapping

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
DEFAULT_REGISTRY = "docker.io"


def wrong_images(resource: Resource, registries: Sequence[str]) -> Iterator[str]:
    """Images without a digest, or from elsewhere than `registries` (hosts, or hosts with a path).

    Without any registry known, all are allowed.
    """
    for container in containers(resource):
        image = container.spec.get("image")
        if not isinstance(image, str):
            continue
        if not _DIGEST.search(image):
            yield (
                f"container {container.name} runs {image}, which may be another image tomorrow. "
                "Name it by its digest: NAME@sha256:..."
            )
        if registries and not any(_from(image, each) for each in registries):
            yield (
                f"container {container.name} runs {image} from {registry_of(image)}; "
                f"allowed are {', '.join(registries)}"
            )


def registry_of(image: str) -> str:
    """The registry's host and port of an image's reference."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else DEFAULT_REGISTRY


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


def _from(image: str, registry: str) -> bool:
    whole = (
        image
        if registry_of(image) != DEFAULT_REGISTRY or image.startswith(DEFAULT_REGISTRY)
        else (f"{DEFAULT_REGISTRY}/{image}")
    )
    return whole.startswith(f"{registry.rstrip('/')}/")
