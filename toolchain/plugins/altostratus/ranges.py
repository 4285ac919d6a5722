"""`altostratus:hosts:Ranges`: what a cloud keeps from its first host to its last."""

import uuid
from collections.abc import Sequence

from toolchain.plugins.altostratus.fields import missing, unknown_fields
from toolchain.plugins.protocol import UNKNOWN, CheckFailure, Properties, Request, ResourceHandler

_RANGES = ("subnet", "podCidr", "serviceCidr")


class RangesHandler(ResourceHandler):
    """Refuses to change a range under running hosts: certificates, routes and Services hold addresses."""

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        failures = [*missing(news, _RANGES), *unknown_fields(news, _RANGES)]
        failures += [
            CheckFailure(
                name,
                f"{name} is {olds[name]} for this cloud's life, and {news[name]} is asked for.\n"
                f"  Put {olds[name]} back, or make the cloud anew: destroy this stack first.",
            )
            for name in _RANGES
            if name in olds and UNKNOWN not in (olds[name], news.get(name)) and olds[name] != news.get(name)
        ]
        return news, failures

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        return "" if request.preview else uuid.uuid4().hex, dict(news)

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Nothing outside the state exists."""
