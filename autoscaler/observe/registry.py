"""Finding a source by its name: ours, or a third party's by entry point."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points

from autoscaler.observe.source import Cloud, Source, SourceError

GROUP = "altostratus.sources"
OURS = {
    "balancer": "autoscaler.observe.balancer:BalancerSource",
    "kubelet": "autoscaler.observe.kubelet:KubeletSource",
    "prometheus": "autoscaler.observe.prometheus:PrometheusSource",
}


def names() -> tuple[str, ...]:
    """All sources there are."""
    return tuple(sorted({*OURS, *(point.name for point in entry_points(group=GROUP))}))


def make(name: str, cloud: Cloud) -> Source:
    """A source for a cloud. Raises `SourceError` with the names there are, or with what its maker says."""
    if name in OURS:
        module, _, factory = OURS[name].partition(":")
        made: Source = getattr(import_module(module), factory)(cloud)
        return made
    for point in entry_points(group=GROUP, name=name):
        try:
            found: Source = point.load()(cloud)
        except SourceError:
            raise
        except Exception as error:  # third-party code
            raise SourceError(f"source {name} cannot be made: {type(error).__name__}: {error}") from error
        return found
    raise SourceError(f"there is no source {name!r}; known are {', '.join(names())}")
