"""The CartridgeGroup document: a level that applications and other groups use by name."""

from typing import ClassVar

from blueprints.kinds.level import Level
from blueprints.model import Document


class CartridgeGroup(Level, Document):
    """Cartridges and groups that start, scale and end together, for use in many places."""

    KIND: ClassVar[str] = "CartridgeGroup"
