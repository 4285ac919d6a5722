"""The settings of the stacks `front-*`."""

from ipaddress import IPv4Address
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from blueprints.names import Hostname, UrlPath
from blueprints.quantities import Duration
from stacks.settings import Name, StackSettings

Port = Annotated[int, Field(ge=1024, le=65535)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Address = tuple[str, Annotated[int, Field(ge=1, le=65535)]]


class _Part(StackSettings):
    # A list of the file is a tuple here.
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True, strict=False
    )


class Given(_Part):
    """A certificate of your own: names in `altostratus:secrets`."""

    certificate: Annotated[str, Field(min_length=1)]
    key: Annotated[str, Field(min_length=1)]


class FrontCloudSettings(_Part):
    """A cloud behind the door. `place` is the steering's own."""

    weight: Count
    addresses: tuple[Address, ...]
    place: str | None = None


class FrontSettings(_Part):
    """How the front door is made.

    `listen`, `port`, `state_port`: where a door of this machine listens, and where its state is told (on
    loopback). `scheme`: what clients speak; `copies`: what it speaks to the copies. `hosts`: names for its
    certificate. `health_path`: what a copy is asked for; left out, its port is opened only. `answer_within`:
    how long a copy may be silent (`5s`) before a request that is safe to repeat goes elsewhere; left out, one
    that waits for 60 s fails. `options`: the driver's own.
    """

    driver: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=63)] = "docker"
    listen: str = "127.0.0.1"
    port: Port | None = None
    state_port: Port | None = None
    scheme: Literal["http", "https"] = "http"
    copies: Literal["http", "https"] = "http"
    hosts: tuple[Hostname, ...] = ()
    certificate: Given | None = None
    health_path: UrlPath | None = None
    answer_within: Duration | None = None
    options: dict[str, str] = Field(default_factory=dict)

    @field_validator("listen")
    @classmethod
    def _is_an_address(cls, given: str) -> str:
        try:
            return str(IPv4Address(given))
        except ValueError:
            raise ValueError(f"{given!r} is no IPv4 address, such as 127.0.0.1") from None


class FrontStack(StackSettings):
    """The settings of `front-<application>`.

    `clouds` belongs to `alto front` and the autoscaler; it is there only where the driver follows the config.
    So does `before`: the clouds that it may still have, until an update of theirs has ended well.
    """

    application: Name
    front: FrontSettings = FrontSettings()
    clouds: dict[Name, FrontCloudSettings] = Field(default_factory=dict)
    before: dict[Name, FrontCloudSettings] = Field(default_factory=dict)
