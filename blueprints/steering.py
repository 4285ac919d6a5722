"""What a person tells the autoscaler about one application: the value of `altostratus:autoscaling`.

`{paused: true}` leaves all counts as they are; `{pinned: {web: 5, search/engine: 2}}` keeps clusters at a
count. A key is an alias where only one cluster has it, or a path of aliases. The autoscaler never writes it.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from blueprints.config_values import config_value
from blueprints.kinds.cartridge_use import UNBOUNDED


class Steering(BaseModel):
    """Left out, the autoscaler does what the policies say."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    paused: bool = False
    """Whether the autoscaler changes nothing; it goes on observing, and says what it would do."""
    pinned: dict[str, Annotated[int, Field(ge=0, le=UNBOUNDED)]] = Field(default_factory=dict)
    """Members of each copy of a cluster, whatever its policy says."""

    @classmethod
    def parse(cls, data: Any) -> "Steering":
        """Read plain data. Raises DocumentError with every reason."""
        hint = "Write {paused: true} or {pinned: {ALIAS: MEMBERS}}."
        return config_value(cls, data, "altostratus:autoscaling", hint)
