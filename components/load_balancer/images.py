"""The images that balancers with Pods of their own run: each program with the agent beside it."""

from components.cartridge_image import ImageSource
from components.hosts.host_image import build_context
from toolchain import paths

PROGRAMS = ("haproxy", "nginx")
AGENT = "balancer-agent"


def balancer_sources() -> dict[str, ImageSource]:
    """What the images are made from, by program. Raises ToolchainError without an agent."""
    images = paths.root() / "toolchain" / "images"
    return {each: _source(each) for each in PROGRAMS if (images / f"balancer-{each}").is_dir()}


def _source(program: str) -> ImageSource:
    context = build_context(f"balancer-{program}", (AGENT,))
    return ImageSource(f"altostratus/balancer-{program}", context.folder, context.folder / "Dockerfile")
