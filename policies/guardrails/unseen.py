"""The rule about what other rules cannot see. Pure."""

from collections.abc import Iterator

from policies.guardrails.resource import Resource

_RELEASE = "kubernetes:helm.sh/v3:Release"


def unseen(resource: Resource) -> Iterator[str]:
    """Resources whose objects never pass the guard rails, as Pulumi does not make them itself."""
    if resource.type == _RELEASE:
        yield (
            f"the helm Release {resource.inputs.get('chart')} makes objects that no rule sees: use a Chart "
            "(kubernetes.helm.sh/v4), of which each object is a resource, or look at the chart yourself and "
            'say {"unseen-objects": "advisory"}'
        )
