"""`alto autoscaler-image`: the autoscaler of this checkout as an image in a cloud's registry."""

from autoscaler.act.environment import pulumi
from console.errors import BadInput, ConsoleError
from toolchain import autoscaler_image, registry_trust


class PushFailed(ConsoleError):
    """The registry did not take the image."""


def publish(cloud: str) -> str:
    """Build and push; the reference by digest. Raises BadInput, PushFailed, ToolchainError."""
    cli = pulumi()
    stack = f"platform-{cloud}"
    if not cli.exists(stack):
        raise BadInput(f"the cloud {cloud} has no platform", f"`alto up {stack}` makes it.")
    registry = cli.outputs(stack)["registry"]
    address, login = registry["address"], {k: registry[k] for k in ("username", "password")}
    if registry.get("caCertificate"):
        registry_trust.install(cloud, address, registry["caCertificate"])
    tag = autoscaler_image.build()
    name, _, version = tag.partition(":")
    client = autoscaler_image.docker_client()
    client.images.get(tag).tag(f"{address}/{name}", version)
    for line in client.images.push(f"{address}/{name}", version, auth_config=login, stream=True, decode=True):
        if "error" in line:
            raise PushFailed(f"{address} does not take {name}:{version}: {line['error']}")
        if "aux" in line and "Digest" in line["aux"]:
            return f"{address}/{name}@{line['aux']['Digest']}"
    raise PushFailed(f"{address} took {name}:{version}, but told no digest")
