"""Starts the docker plugin: `python -m toolchain.plugins.docker ENGINE_ADDRESS`."""

from toolchain.plugins.docker.provider import DockerProvider
from toolchain.plugins.protocol import serve

serve(DockerProvider())
