"""How hosts get at images: a registry's address, its user, and who vouches for its servers."""

import base64
import json
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class RegistryLogin:
    """What hosts need to pull images, and the authority (PEM) the registry's servers are signed by."""

    address: pulumi.Input[str]
    username: pulumi.Input[str]
    password: pulumi.Input[str]
    ca_certificate: pulumi.Input[str]


def docker_config(address: str, username: str, password: str) -> str:
    """The JSON of a `kubernetes.io/dockerconfigjson` Secret."""
    login = base64.b64encode(f"{username}:{password}".encode()).decode()
    entry = {"username": username, "password": password, "auth": login}
    return json.dumps({"auths": {address: entry}})
