"""`altostratus:kept:Password`: a password that comes back with the data it belongs to."""

import base64
import ssl
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import yaml
from httpx2 import HTTPError, Timeout
from lightkube import ApiError, Client, KubeConfig
from lightkube.core.exceptions import ConfigError
from lightkube.resources.core_v1 import Secret

from toolchain.plugins.altostratus.api_types import make_ready
from toolchain.plugins.altostratus.fields import unknown_fields
from toolchain.plugins.altostratus.password import DEFAULT_LENGTH, new_password, wrong_length
from toolchain.plugins.protocol import (
    UNKNOWN,
    CheckFailure,
    Diff,
    Failure,
    Properties,
    Request,
    ResourceHandler,
)

ANSWER_TIMEOUT = 10.0  # seconds
_PLACE = ("kubeconfig", "namespace", "secret", "key")

Look = Callable[[str, str, str, str], str | None]
"""The value of a Secret's key by kubeconfig, namespace, name and key; None where it is not there."""


class KeptPasswordHandler(ResourceHandler):
    """Letters and digits. Made anew it is the one that the Secret at `namespace`, `secret`, `key` holds,
    if that has the length asked for: what an earlier life of the application left beside its data.
    """

    secret_outputs = ("value", "kubeconfig")
    immutable = ("length",)

    def __init__(self, look: "Look | None" = None) -> None:
        self._look = look or value_in_cluster

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        length = news.get("length")
        length = DEFAULT_LENGTH if length is None else length
        failures = [*unknown_fields(news, ("length", *_PLACE)), *wrong_length(length)]
        failures += [CheckFailure(name, f"{name} is missing") for name in _PLACE if not news.get(name)]
        return {**news, "length": length}, failures

    def diff(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Diff:
        # The place matters at the beginning only; a renewed kubeconfig is no other place.
        return Diff.between(old_inputs, news, immutable=self.immutable, ignored=_PLACE)

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        if request.preview:
            return "", {**news, "value": UNKNOWN}
        kept = self._look(*(news[name] for name in _PLACE))
        value = kept if kept is not None and len(kept) == news["length"] else new_password(news["length"])
        return uuid.uuid4().hex, {**news, "value": value}

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Nothing outside the state is its own."""


def value_in_cluster(kubeconfig: str, namespace: str, secret: str, key: str) -> str | None:
    """One value of a Secret. Raises Failure where the cluster cannot be asked."""
    make_ready(Secret)
    try:
        config = KubeConfig.from_dict(yaml.safe_load(kubeconfig)).get()
        client: Any = Client(config=config, timeout=Timeout(ANSWER_TIMEOUT), trust_env=False)
        found = client.get(Secret, secret, namespace=namespace)
    except ApiError as error:
        if error.status.code == 404:
            return None
        raise Failure(
            f"whether {namespace}/{secret} keeps a password cannot be told: {error.status.message}"
        ) from None
    except (ConfigError, yaml.YAMLError, AttributeError, TypeError, KeyError, ValueError) as error:
        raise Failure(f"the kubeconfig cannot be used: {error}") from None
    except (HTTPError, ssl.SSLError, OSError) as error:
        raise Failure(f"the API server does not answer: {error or type(error).__name__}") from None
    value = (found.data or {}).get(key)
    return base64.b64decode(value).decode() if value is not None else None
