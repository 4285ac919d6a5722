"""`docker:index/remoteImage:RemoteImage`: an image that is pulled, or is here already."""

from collections.abc import Sequence
from typing import Any

from toolchain.plugins.docker.image_names import registry_of, split_reference
from toolchain.plugins.docker.inputs import unsupported
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

ALLOWED = {
    "name": None,
    "keepLocally": None,
    "forceRemove": None,
    "platform": None,
    "pullTriggers": None,
    "triggers": None,
}


class RemoteImageHandler(ResourceHandler):
    """Pulls where the image is not here yet; the id is the image's id followed by its name."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        return news, unsupported(news, ALLOWED, "RemoteImage")

    def diff(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Diff:
        return Diff.between(old_inputs, news, immutable=("name", "platform", "pullTriggers", "triggers"))

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        if request.preview:
            return "", {**news, "imageId": UNKNOWN, "repoDigest": UNKNOWN}
        name = str(news["name"])
        live = self._inspect(name) or self._pull(request, name, news.get("platform"))
        return f"{live['Id']}{name}", _state(news, live)

    def read(
        self, request: Request, id: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties] | None:
        name = str(state.get("name") or inputs.get("name") or id)
        live = self._inspect(name)
        if live is None:
            return None
        inputs = inputs or {"name": name, "keepLocally": True}
        return f"{live['Id']}{name}", inputs, _state(inputs, live)

    def update(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Properties:
        return {**news, "imageId": old_state.get("imageId"), "repoDigest": old_state.get("repoDigest")}

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        from docker.errors import APIError

        if inputs.get("keepLocally"):
            return
        name = str(state.get("name", id))
        try:
            self._session.client.remove_image(name, force=bool(inputs.get("forceRemove")))
        except APIError as error:
            if not_found(error):
                return
            if conflict(error):
                raise Failure(
                    f"the image {name} is still in use ({error.explanation}); remove what uses it, or set "
                    "keepLocally to leave it"
                ) from None
            raise Failure(f"the image {name} could not be removed: {error.explanation}") from None

    def _inspect(self, name: str) -> dict[str, Any] | None:
        from docker.errors import ImageNotFound

        with explained(f"the image {name} could not be looked up"):
            try:
                live: dict[str, Any] = self._session.client.inspect_image(name)
            except ImageNotFound:
                return None
        return live

    def _pull(self, request: Request, name: str, platform: str | None) -> dict[str, Any]:
        repository, tag = split_reference(name)
        client = self._session.client
        request.status(f"pulling {name}")
        with explained(f"the image {name} could not be pulled"):
            for line in client.pull(
                repository,
                tag=tag,
                stream=True,
                decode=True,
                platform=platform,
                auth_config=self._session.registry_auth(registry_of(name)),
            ):
                request.check_cancelled()
                if line.get("error"):
                    raise Failure(f"the image {name} could not be pulled: {line['error']}")
                if line.get("id") and not line.get("progress"):
                    request.status(f"{line['id']}: {line.get('status', '')}")
            pulled: dict[str, Any] = client.inspect_image(name)
        return pulled


def _state(inputs: Properties, live: dict[str, Any]) -> Properties:
    digests = live.get("RepoDigests") or [""]
    return {**inputs, "imageId": live["Id"], "repoDigest": digests[0]}
