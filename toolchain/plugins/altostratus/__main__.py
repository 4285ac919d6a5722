"""Starts the plugin: `python -m toolchain.plugins.altostratus ENGINE_ADDRESS`."""

from toolchain.plugins.altostratus.provider import AltostratusProvider
from toolchain.plugins.protocol import serve

serve(AltostratusProvider())
