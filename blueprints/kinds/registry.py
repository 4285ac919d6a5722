"""The table of document kinds."""

from collections.abc import Mapping

from blueprints.kinds.application import Application
from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.cartridge_group import CartridgeGroup
from blueprints.model import Document

KINDS: Mapping[str, type[Document]] = {kind.KIND: kind for kind in (Cartridge, CartridgeGroup, Application)}
"""Document models by the word that stands after `kind:`."""
