"""`docker:index/volume:Volume`."""

from collections.abc import Sequence
from typing import Any

from toolchain.plugins.docker.inputs import (
    DEFAULTS,
    autonamed,
    label_list,
    labels,
    text_map,
    unsupported,
    with_name,
)
from toolchain.plugins.docker.session import Session, conflict, explained, not_found
from toolchain.plugins.protocol import (
    UNKNOWN,
    CheckFailure,
    Diff,
    Failure,
    Properties,
    Request,
    ResourceHandler,
)

ALLOWED = {"name": None, "driver": None, "driverOpts": None, "labels": ("label", "value")}


class VolumeHandler(ResourceHandler):
    """Named volumes; the id is the name."""

    echoes = ("driverOpts",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        named, failures = with_name(request, olds, news)
        return named, [*failures, *unsupported(news, ALLOWED, "Volume")]

    def diff(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Diff:
        return Diff.between(
            old_inputs,
            news,
            immutable=tuple(ALLOWED),
            ignored=(DEFAULTS,),
            delete_before_replace=not autonamed(news),
        )

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        if request.preview:
            live = {key: value for key, value in news.items() if not key.startswith("__")}
            return "", {"driver": UNKNOWN, **live, "mountpoint": UNKNOWN}
        name = str(news["name"])
        client = self._session.client
        with explained(f"the volume {name} could not be created"):
            self._refuse_foreign(name, labels(news.get("labels")))
            client.create_volume(
                name, news.get("driver"), text_map(news.get("driverOpts")) or None, labels(news.get("labels"))
            )
            return name, _state(client.inspect_volume(name))

    def read(
        self, request: Request, id: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties] | None:
        from docker.errors import NotFound

        client = self._session.client
        try:
            live = _state(client.inspect_volume(id))
        except NotFound:
            return None
        return id, inputs or {"name": id}, live

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        from docker.errors import APIError

        try:
            self._session.client.remove_volume(id)
        except APIError as error:
            if not_found(error):
                return
            if conflict(error):
                raise Failure(
                    f"the volume {id} is still used by a container ({error.explanation}); "
                    "remove that container first"
                ) from None
            raise Failure(f"the volume {id} could not be removed: {error.explanation}") from None

    def _refuse_foreign(self, name: str, wanted: dict[str, str]) -> None:
        """The engine takes creating a volume that exists as done, whoever made it; destroying this stack
        would then destroy somebody's data. One with the same labels is ours, of an interrupted update."""
        from docker.errors import NotFound

        try:
            live = self._session.client.inspect_volume(name)
        except NotFound:
            return
        if (live.get("Labels") or {}) != wanted:
            raise Failure(
                f"a volume named {name} exists already and is not part of this stack; choose another name, "
                f"or take it over with: pulumi import docker:index/volume:Volume NAME {name}"
            )


def _state(live: dict[str, Any]) -> Properties:
    return {
        "name": live["Name"],
        "driver": live["Driver"],
        "driverOpts": live.get("Options") or {},
        "labels": label_list(live.get("Labels")),
        "mountpoint": live.get("Mountpoint", ""),
    }
