"""`altostratus:hosts:Ranges`: what a cloud keeps from its first host to its last."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from toolchain.plugins.altostratus.fields import missing, unknown_fields
from toolchain.plugins.protocol import UNKNOWN, CheckFailure, Properties, Request, ResourceHandler

_RANGES = ("subnet", "podCidr", "serviceCidr")
_TOLD = 3
"""So many places are named in a refusal; all of them would hide what to do."""


class RangesHandler(ResourceHandler):
    """Refuses to change a range under running hosts: certificates, routes and Services hold addresses.

    `places` (texts by name) is where machines and what they lie on are: there may be more and fewer of them,
    but none may move, as its disk and its address would stay behind.
    """

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        failures = [*missing(news, _RANGES), *unknown_fields(news, (*_RANGES, "places"))]
        failures += [
            CheckFailure(
                name,
                f"{name} is {olds[name]} for this cloud's life, and {news[name]} is asked for.\n"
                f"  Put {olds[name]} back, or make the cloud anew: destroy this stack first.",
            )
            for name in _RANGES
            if name in olds and UNKNOWN not in (olds[name], news.get(name)) and olds[name] != news.get(name)
        ]
        return news, [*failures, *_moves(olds.get("places"), news.get("places"))]

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        return "" if request.preview else uuid.uuid4().hex, dict(news)

    def update(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Properties:
        return dict(news)

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Nothing outside the state exists."""


def _moves(olds: Any, news: Any) -> Iterator[CheckFailure]:
    if not isinstance(olds, dict) or not isinstance(news, dict):
        return
    moved = [name for name in olds if name in news and olds[name] != news[name]]
    if not moved:
        return
    told = [f"{name} is {olds[name]}, and {news[name]} is asked for" for name in moved[:_TOLD]]
    further = f" (and {len(moved) - _TOLD} more)" if len(moved) > _TOLD else ""
    yield CheckFailure(
        "places",
        f"Machines and their disks stay where they are: {'; '.join(told)}{further}.\n"
        "  Put the settings back that say where (zones, region), or make the cloud anew: destroy this stack "
        "first. Another cloud can be beside it.",
    )
