"""The bundled `docker` resource plugin: containers, networks, volumes and images.

It answers the same types, inputs, outputs and ids as the vendor's plugin, over the engine's API.
"""
