"""`docker:index/image:Image`: an image built from a Dockerfile, and pushed."""

import platform
from collections.abc import Sequence
from typing import Any

from toolchain.plugins.docker.build import Recipe, build, push
from toolchain.plugins.docker.build_context import BuildContext
from toolchain.plugins.docker.image_names import HUB, is_qualified, registry_of
from toolchain.plugins.docker.inputs import unsupported
from toolchain.plugins.docker.session import Session
from toolchain.plugins.protocol import (
    UNKNOWN,
    CheckFailure,
    Diff,
    Failure,
    Properties,
    Request,
    ResourceHandler,
    has_unknowns,
)

ALLOWED = {
    "imageName": None,
    "skipPush": None,
    "buildOnPreview": None,
    "build": (
        "context",
        "dockerfile",
        "args",
        "target",
        "platform",
        "builderVersion",
        "cacheFrom",
        "contextDigest",
    ),
    "registry": ("server", "username", "password"),
}
BUILDERS = ("BuilderV1", "BuilderBuildKit")
HUB_INDEX = "https://index.docker.io/v1/"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class ImageHandler(ResourceHandler):
    """The id is the image's name. The context's digest, among the inputs, decides what is rebuilt.

    Builds run on the engine's classic builder, whichever `builderVersion` is asked for; deleting
    leaves the image where it is, as the vendor's plugin does.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        failures = [*unsupported(news, ALLOWED, "Image")]
        settings = news.get("build")
        settings = {} if settings in (None, UNKNOWN) else settings
        if settings.get("builderVersion") not in (None, UNKNOWN, *BUILDERS):
            failures.append(
                CheckFailure(
                    "build.builderVersion",
                    f"{settings['builderVersion']!r} is not a builder; allowed: {', '.join(BUILDERS)}",
                )
            )
        name = news.get("imageName")
        if isinstance(name, str) and not news.get("skipPush") and not is_qualified(name):
            failures.append(
                CheckFailure(
                    "imageName",
                    f"{name!r} does not say which registry it is pushed to: write registry/repository:tag "
                    f"(for Docker Hub {HUB}/{name}), or set skipPush",
                )
            )
        if failures or has_unknowns([settings.get("context"), settings.get("dockerfile")]):
            return news, failures
        try:
            digest = BuildContext.of(settings.get("context"), settings.get("dockerfile")).digest()
        except Failure as failure:
            return news, [CheckFailure("build", str(failure))]
        except OSError as error:
            return news, [CheckFailure("build.context", f"{error.filename} cannot be read: {error.strerror}")]
        defaults = {"platform": settings.get("platform") or own_platform(), "contextDigest": digest}
        return {**news, "build": {**settings, **defaults}}, []

    def diff(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Diff:
        # Credentials come and go without making another image.
        return Diff.between(
            _without_credentials(old_inputs), _without_credentials(news), ignored=("buildOnPreview",)
        )

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        if request.preview and (not news.get("buildOnPreview") or has_unknowns(news)):
            return "", _preview(news)
        return str(news["imageName"]), self._build(request, news)

    def update(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Properties:
        if request.preview and (not news.get("buildOnPreview") or has_unknowns(news)):
            return _preview(news)
        return self._build(request, news)

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Leaves the image: its layers are the cache of the next build, and others may run it."""

    def _build(self, request: Request, news: Properties) -> Properties:
        settings = news.get("build") or {}
        name = str(news["imageName"])
        context = BuildContext.of(settings.get("context"), settings.get("dockerfile"))
        recipe = Recipe(
            name,
            {str(key): str(value) for key, value in (settings.get("args") or {}).items()},
            settings.get("target"),
            settings.get("platform"),
            tuple((settings.get("cacheFrom") or {}).get("images") or ()),
        )
        image_id = build(request, self._session, context, recipe)
        state = _outputs(news, context)
        if not news.get("skipPush") and not request.preview:
            return {**state, "repoDigest": push(request, self._session, name, self._auth(news))}
        return {**state, "repoDigest": image_id}

    def _auth(self, news: Properties) -> dict[str, str] | None:
        """The program's credentials, else the provider's; None leaves it to the user's own docker config."""
        registry = news.get("registry") or {}
        server = registry.get("server") or registry_of(str(news["imageName"]))
        if registry.get("username") and registry.get("password"):
            address = HUB_INDEX if registry_of(f"{server}/x") == HUB else server
            return {
                "username": str(registry["username"]),
                "password": str(registry["password"]),
                "serveraddress": str(address),
            }
        return self._session.registry_auth(str(server))


def own_platform() -> str:
    """The platform that this machine builds for: `linux/amd64`."""
    machine = platform.machine()
    return f"linux/{_ARCHITECTURES.get(machine, machine)}"


def _outputs(news: Properties, context: BuildContext) -> Properties:
    settings = news.get("build") or {}
    return {
        "baseImageName": news["imageName"],
        "imageName": news["imageName"],
        "registryServer": (news.get("registry") or {}).get("server") or "",
        "context": settings.get("context") or ".",
        "dockerfile": context.inside_name or str(context.dockerfile),
        "platform": settings.get("platform") or own_platform(),
    }


def _preview(news: Properties) -> Properties:
    settings: Any = news.get("build")
    settings = {} if settings in (None, UNKNOWN) else settings
    return {
        "baseImageName": news.get("imageName", UNKNOWN),
        "imageName": news.get("imageName", UNKNOWN),
        "registryServer": UNKNOWN,
        "context": settings.get("context") or ".",
        "dockerfile": UNKNOWN,
        "platform": settings.get("platform", UNKNOWN),
        "repoDigest": UNKNOWN,
    }


def _without_credentials(inputs: Properties) -> Properties:
    registry = inputs.get("registry")
    if not isinstance(registry, dict):
        return inputs
    return {**inputs, "registry": {"server": registry.get("server")}}
