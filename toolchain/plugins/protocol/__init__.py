"""What every bundled resource plugin shares: values, handlers, the gRPC server.

A plugin builds a `Provider` out of one `ResourceHandler` for each type and hands it to `serve`.
"""

from toolchain.plugins.protocol.handlers import (
    Autonaming,
    Cancelled,
    CheckFailure,
    Diff,
    DiffKind,
    Failure,
    PartialFailure,
    Provider,
    ResourceHandler,
)
from toolchain.plugins.protocol.request import Request, Severity
from toolchain.plugins.protocol.serving import serve
from toolchain.plugins.protocol.values import (
    UNKNOWN,
    Archive,
    Asset,
    Properties,
    ResourceReference,
    Secret,
    has_unknowns,
    reveal,
)

__all__ = [
    "UNKNOWN",
    "Archive",
    "Asset",
    "Autonaming",
    "Cancelled",
    "CheckFailure",
    "Diff",
    "DiffKind",
    "Failure",
    "PartialFailure",
    "Properties",
    "Provider",
    "Request",
    "ResourceHandler",
    "ResourceReference",
    "Secret",
    "Severity",
    "has_unknowns",
    "reveal",
    "serve",
]
