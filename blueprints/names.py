"""Names: what documents and aliases may be called, and the Kubernetes names made from them.

Kubernetes names are pure functions of a cluster's place in its application, so that an
update never renames anything. Segments are joined by two hyphens, which no alias can hold,
so that two places never share a name; a name over its limit is cut and given a hash of the
whole.
"""

import hashlib
from typing import Annotated

from pydantic import Field

LABEL_LIMIT = 63
"""The longest DNS label, and the longest value of a Kubernetes label."""

CLUSTER_NAME_LIMIT = 40
"""Leaves room for `-<port name>` of a Service and the revision hashes Kubernetes appends."""

APPLICATION_NAME_LIMIT = 59
"""Leaves room for the `app-` of the namespace."""

PRIMARY_SUFFIX = "-primary"

_HASH_LENGTH = 8

NAME_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
ALIAS_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
PATH_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*(/[a-z][a-z0-9]*(-[a-z0-9]+)*)*$"
ENVIRONMENT_PATTERN = r"^[A-Za-z_][A-Za-z0-9_.-]*$"
EXPORT_PATTERN = r"^[a-z][a-zA-Z0-9]*(-[a-zA-Z0-9]+)*$"
HOSTNAME_PATTERN = r"^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"

URL_PATH_PATTERN = r"^/[A-Za-z0-9._~@:+=,/-]*$"

PATTERN_MEANINGS = {
    NAME_PATTERN: "lower case letters, digits and single hyphens, such as web-traffic",
    ALIAS_PATTERN: "lower case letters, digits and single hyphens, beginning with a letter, such as web-1",
    PATH_PATTERN: "an alias, or the aliases of its groups and its own joined by /, such as search/engine",
    ENVIRONMENT_PATTERN: "letters, digits, _ . and -, not beginning with a digit, such as LOG_LEVEL",
    EXPORT_PATTERN: "letters, digits and hyphens, beginning with a lower case letter, such as password",
    URL_PATH_PATTERN: "a path of letters, digits and . _ ~ @ : + = , / -, such as /search",
    HOSTNAME_PATTERN: "a host name in lower case, such as shop.example.org or *.example.org",
}
"""What each pattern allows, in words for error messages."""

ResourceName = Annotated[str, Field(pattern=NAME_PATTERN, min_length=1, max_length=LABEL_LIMIT)]
"""The name of a document: a DNS label."""

Alias = Annotated[str, Field(pattern=ALIAS_PATTERN, min_length=1, max_length=LABEL_LIMIT)]
"""The name of a cluster or group inside its level of an application."""

AliasPath = Annotated[str, Field(pattern=PATH_PATTERN, min_length=1, max_length=1024)]
"""An alias, with the aliases of the groups around it where needed: `search/engine`."""

PortName = Annotated[str, Field(pattern=ALIAS_PATTERN, min_length=1, max_length=15)]
"""The name of a port: Kubernetes allows 15 characters."""

ContainerName = Annotated[str, Field(pattern=ALIAS_PATTERN, min_length=1, max_length=LABEL_LIMIT)]
EnvironmentName = Annotated[str, Field(pattern=ENVIRONMENT_PATTERN, max_length=253)]
ExportName = Annotated[str, Field(pattern=EXPORT_PATTERN, max_length=LABEL_LIMIT)]
Hostname = Annotated[str, Field(pattern=HOSTNAME_PATTERN, max_length=253)]
UrlPath = Annotated[str, Field(pattern=URL_PATH_PATTERN, max_length=1024)]
AbsolutePath = Annotated[str, Field(pattern=r"^/[^\x00]*$", max_length=4096)]

PATTERN_MEANINGS[r"^/[^\x00]*$"] = "an absolute path, such as /var/lib/data"
VALUE_MEANINGS = {
    r"^/": "a path that begins with /, such as /health",
    r"^[^/\x00][^\x00]*$": "a path that starts at this document's folder, such as src/site",
}
"""The same for patterns of what is no name."""


def shorten(text: str, limit: int) -> str:
    """`text` where it fits, else its beginning and a hash of the whole, `limit` characters long."""
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{text[: limit - _HASH_LENGTH - 1].rstrip('-')}-{digest}"


def cluster_name(groups: tuple[tuple[str, int], ...], alias: str) -> str:
    """The Kubernetes name of a cluster from its enclosing (group alias, instance) pairs."""
    segments = [f"{group}-{instance}" for group, instance in groups]
    return shorten("--".join([*segments, alias]), CLUSTER_NAME_LIMIT)


def service_name(cluster: str, port: str) -> str:
    """The Service of one port mapping of a cluster."""
    return f"{cluster}-{port}"


def primary_name(service: str) -> str:
    """The Service that leads to whoever takes writes, beside that of a port that followers use."""
    return shorten(f"{service}{PRIMARY_SUFFIX}", LABEL_LIMIT)


def namespace(application: str) -> str:
    """The Kubernetes namespace of an application."""
    return shorten(f"app-{application}", LABEL_LIMIT)


def environment_prefix(alias: str) -> str:
    """`my-db` becomes `MY_DB`."""
    return alias.upper().replace("-", "_").replace("/", "_").replace(".", "_")


def environment_name(prefix: str, export: str) -> str:
    """The variable in which an export arrives: `db` and `adminPassword` give `DB_ADMIN_PASSWORD`."""
    words = "".join(
        f"_{c}" if c.isupper() and i and not export[i - 1].isupper() else c for i, c in enumerate(export)
    )
    return f"{environment_prefix(prefix)}_{environment_prefix(words)}"
