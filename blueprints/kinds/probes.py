"""Probes: how Kubernetes finds out whether a container has started, serves and lives."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from blueprints.model import Items, Model
from blueprints.names import PortName
from blueprints.quantities import Duration
from blueprints.rules import exactly_one


class HttpCheck(Model):
    """Passes when the path answers with a status from 200 to 399."""

    path: Annotated[str, Field(pattern=r"^/")] = "/"
    """The path to ask for."""

    port: PortName | None = None
    """The name of a port; left out, the cartridge's first."""

    headers: dict[str, str] = Field(default_factory=dict)
    """Headers to send."""


class TcpCheck(Model):
    """Passes when the port accepts a connection."""

    port: PortName | None = None
    """The name of a port; left out, the cartridge's first."""


class GrpcCheck(Model):
    """Passes when the gRPC health service says that it serves."""

    port: PortName | None = None
    """The name of a port; left out, the cartridge's first."""

    service: str | None = None
    """The service to ask about; left out, the server as a whole."""


class Probe(Model):
    """One probe: what to check (exactly one of http, tcp, grpc, command) and how often."""

    http: HttpCheck | None = None
    """Ask for a path."""
    tcp: TcpCheck | None = None
    """Open a connection."""
    grpc: GrpcCheck | None = None
    """Ask the gRPC health service."""
    command: Items[str] | None = Field(default=None, min_length=1)
    """Run a program in the container; exit code 0 passes."""

    delay: Duration = Duration("0s")
    """How long to wait before the first check."""
    period: Duration = Duration("5s")
    """How long to wait between checks."""
    timeout: Duration = Duration("2s")
    """How long a check may take."""
    failures: int = Field(default=3, ge=1, le=1000)
    """How many checks in a row must fail."""
    successes: int = Field(default=1, ge=1, le=1000)
    """How many checks in a row must pass."""

    @model_validator(mode="after")
    def _one_check(self) -> Self:
        exactly_one(self, "http", "tcp", "grpc", "command")
        return self


class Probes(Model):
    """The probes of a container."""

    startup: Probe | None = None
    """Holds back the other two until it has passed once; for slow starters."""
    readiness: Probe | None = None
    """Members get requests only while it passes, and startup order waits for it."""
    liveness: Probe | None = None
    """The container is started again when it fails."""
