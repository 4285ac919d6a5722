"""What the images of a platform and of an application are called, by whoever builds and whoever runs them."""


def image_key(cartridge: str, container: str | None = None) -> str:
    """`php` for a cartridge's main container, `php/exporter` for one beside it."""
    return cartridge if container is None else f"{cartridge}/{container}"


def artifact_key(cluster: str) -> str:
    """`artifact:search/front` for the folder of content that goes into the cluster of that path."""
    return f"artifact:{cluster}"
