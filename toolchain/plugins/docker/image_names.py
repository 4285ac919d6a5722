"""Image references: `registry/repository:tag@digest`."""

HUB = "docker.io"


def split_reference(name: str) -> tuple[str, str]:
    """The repository and its tag (or digest); the tag is `latest` where none is given."""
    if "@" in name:
        repository, _, digest = name.partition("@")
        return repository, digest
    head, colon, tag = name.rpartition(":")
    if colon and "/" not in tag:
        return head, tag
    return name, "latest"


def registry_of(name: str) -> str:
    """The registry's address; Docker Hub's where the name has none."""
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first
    return HUB


def is_qualified(name: str) -> bool:
    """Whether the name says which registry it belongs to, as pushing needs."""
    return registry_of(name) != HUB or name.startswith(f"{HUB}/")
