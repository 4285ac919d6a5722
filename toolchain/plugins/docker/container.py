"""`docker:index/container:Container`."""

import json
from collections.abc import Sequence
from typing import Any

from toolchain.plugins.docker import container_state
from toolchain.plugins.docker.container_body import create_body, limits
from toolchain.plugins.docker.container_fields import (
    ALLOWED,
    BOOKKEEPING,
    IMMUTABLE,
    LIMITS,
    SETS,
    problems,
    setting,
)
from toolchain.plugins.docker.inputs import DEFAULTS, autonamed, unsupported, with_name
from toolchain.plugins.docker.session import Session, conflict, explained, not_found, reason
from toolchain.plugins.docker.uploads import archive
from toolchain.plugins.protocol import (
    UNKNOWN,
    CheckFailure,
    Diff,
    Failure,
    Properties,
    Request,
    ResourceHandler,
)

POLL = 0.1  # seconds between looks at a container that starts
LOG_LINES = 20  # shown of a container that failed


class ContainerHandler(ResourceHandler):
    """Containers. The id is the engine's full id; nearly every change makes a new container."""

    echoes = ("envs", "uploads", "command", "labels")

    def __init__(self, session: Session) -> None:
        self._session = session

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        named, failures = with_name(request, olds, news)
        return named, [*failures, *unsupported(news, ALLOWED, "Container"), *problems(news)]

    def diff(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Diff:
        old, new = _comparable(old_inputs), _comparable(news)
        if self._same_image(old, new, old_state):
            old["image"] = new["image"]
        return Diff.between(
            old, new, immutable=tuple(IMMUTABLE), delete_before_replace=not _can_stand_beside(news)
        )

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        if request.preview:
            return "", container_state.preview_state(news)
        name = str(news["name"])
        files = archive(news["uploads"]) if news.get("uploads") else b""
        client = self._session.client
        id = self._make(name, news)
        try:
            for network in (news.get("networksAdvanced") or [])[1 if not news.get("networkMode") else 0 :]:
                with explained(
                    f"the container {name} could not be connected to the network {network['name']}"
                ):
                    client.connect_container_to_network(
                        id,
                        network["name"],
                        ipv4_address=network.get("ipv4Address"),
                        ipv6_address=network.get("ipv6Address"),
                        aliases=network.get("aliases"),
                    )
            if files:
                with explained(f"files could not be put into the container {name}"):
                    client.put_archive(id, "/", files)
            if setting(news, "start"):
                request.status("starting")
                with explained(f"the container {name} could not be started"):
                    client.start(id)
                self._await_running(request, id, news)
        except BaseException:
            self._remove(id, news, volumes=True)
            raise
        logs = self._attach(id) if setting(news, "attach") else ""
        live = self._inspect(id)
        if live is None:  # it ended and had rm set
            return id, container_state.preview_state({**news, **dict.fromkeys(container_state.COMPUTED)})
        return id, container_state.live_state(news, live, logs if setting(news, "logs") else "")

    def read(
        self, request: Request, id: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties] | None:
        live = self._inspect(id)
        if live is None:
            return None
        full_id = str(live["Id"])
        if not inputs:
            inputs = container_state.imported_inputs(live)
            return full_id, inputs, container_state.live_state(inputs, live)
        networks = (live.get("NetworkSettings") or {}).get("Networks") or {}
        present = [*networks, *(str(data.get("NetworkID")) for data in networks.values())]
        fresh = container_state.refreshed_inputs(inputs, live, present)
        outputs = container_state.live_state(fresh, live, str(state.get("containerLogs") or ""))
        if setting(inputs, "mustRun") and setting(inputs, "start") and not _runs(live):
            # The next update finds that it must run and does not, and replaces it; looking stays harmless.
            fresh["mustRun"] = outputs["mustRun"] = False
        return full_id, fresh, outputs

    def update(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Properties:
        if request.preview:
            known = {key: value for key, value in news.items() if key in ALLOWED}
            return {**old_state, **known}
        if any(old_inputs.get(key) != news.get(key) for key in LIMITS):
            with explained(f"the limits of the container {news['name']} could not be changed"):
                client = self._session.client
                # The library's own call has no argument for fractions of CPUs.
                url = client._url("/containers/{0}/update", id)
                client._raise_for_status(client._post_json(url, data=limits(news)))
        live = self._inspect(id)
        if live is None:
            raise Failure(f"the container {news['name']} is gone; run pulumi refresh, then pulumi up")
        return container_state.live_state(news, live, str(old_state.get("containerLogs") or ""))

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        from docker.errors import APIError

        grace = inputs.get("destroyGraceSeconds")
        if grace:
            request.status(f"stopping, for at most {int(grace)} s")
            try:
                self._session.client.stop(id, timeout=int(grace))
            except APIError as error:
                if not_found(error):
                    return
        self._remove(id, inputs, volumes=bool(setting(inputs, "removeVolumes")))

    # --- how ---

    def _make(self, name: str, news: Properties) -> str:
        from docker.errors import APIError

        client = self._session.client
        try:
            answer = client.create_container_from_config(create_body(news), name, news.get("platform"))
        except APIError as error:
            if conflict(error):
                raise Failure(self._name_taken(name)) from None
            if not_found(error):
                raise Failure(
                    f"the container {name} could not be created: {reason(error)}. Pull or build the image "
                    "first, with docker.RemoteImage or docker.Image"
                ) from None
            raise Failure(f"the container {name} could not be created: {reason(error)}") from None
        return str(answer["Id"])

    def _name_taken(self, name: str) -> str:
        live = self._inspect(name)
        whose = f" ({live['Id'][:12]}, {live['State']['Status']})" if live else ""
        return (
            f"a container named {name} exists already{whose} and is not part of this stack; remove it "
            f"(docker rm -f {name}) or choose another name"
        )

    def _await_running(self, request: Request, id: str, news: Properties) -> None:
        """Returns when the container runs (with `wait`: is healthy), or has ended as it may."""
        deadline = request.clock() + setting(news, "containerReadRefreshTimeoutMilliseconds") / 1000
        healthy_by = request.clock() + (setting(news, "waitTimeout") if setting(news, "wait") else 0)
        while True:
            live = self._inspect(id)
            if live is None:
                if setting(news, "mustRun") and not setting(news, "rm"):
                    raise Failure(f"the container {news['name']} was removed while it started")
                return
            state = live["State"]
            if _runs(live):
                if not setting(news, "wait"):
                    return
                health = (state.get("Health") or {}).get("Status")
                if health is None:
                    raise Failure(f"wait is set, but the container {news['name']} has no health check")
                if health == "healthy":
                    return
                request.status(f"health: {health}")
                if request.clock() > healthy_by:
                    raise Failure(f"{self._unhealthy(news, state)}{self._last_lines(id)}")
            elif state.get("Status") in ("exited", "dead"):
                if not setting(news, "mustRun"):
                    return
                raise Failure(
                    f"the container {news['name']} ended at once with exit code {state.get('ExitCode')}"
                    f"{': ' + state['Error'] if state.get('Error') else ''}{self._last_lines(id)}"
                )
            elif request.clock() > deadline:
                raise Failure(f"the container {news['name']} does not start: it is {state.get('Status')}")
            request.wait(POLL)

    def _unhealthy(self, news: Properties, state: dict[str, Any]) -> str:
        checks = (state.get("Health") or {}).get("Log") or []
        said = str(checks[-1].get("Output", "")).strip() if checks else "no check has ended yet"
        return (
            f"the container {news['name']} is not healthy after {setting(news, 'waitTimeout')} s; "
            f"the last check said: {said}"
        )

    def _last_lines(self, id: str) -> str:
        with explained("its log could not be read"):
            lines = self._session.client.logs(id, tail=LOG_LINES).decode(errors="replace").strip()
        return f"\nIts last output:\n{lines}" if lines else ""

    def _attach(self, id: str) -> str:
        client = self._session.client
        with explained("the container could not be waited for"):
            client.wait(id, timeout=None)
            return str(client.logs(id).decode(errors="replace"))

    def _remove(self, id: str, inputs: Properties, *, volumes: bool) -> None:
        from docker.errors import APIError

        try:
            self._session.client.remove_container(id, v=volumes, force=True)
        except APIError as error:
            # With `rm` the engine removes it by itself and answers "in progress" meanwhile.
            if not not_found(error) and not (conflict(error) and "progress" in reason(error)):
                raise Failure(
                    f"the container {inputs.get('name', id)} could not be removed: {reason(error)}"
                ) from None

    def _inspect(self, id: str) -> dict[str, Any] | None:
        from docker.errors import NotFound

        with explained(f"the container {id} could not be inspected"):
            try:
                live: dict[str, Any] = self._session.client.inspect_container(id)
            except NotFound:
                return None
        return live

    def _same_image(self, old: Properties, new: Properties, old_state: Properties) -> bool:
        """Whether a new name means the image that runs already, or the old id now goes by a name."""
        wanted, running = new.get("image"), old_state.get("image")
        if wanted is UNKNOWN or not isinstance(wanted, str) or wanted == old.get("image"):
            return False
        if wanted == running:
            return True
        from docker.errors import DockerException

        try:
            return bool(self._session.client.inspect_image(wanted)["Id"] == running)
        except (DockerException, Failure):
            return False  # not here yet: creating the container will say so


def _comparable(inputs: Properties) -> Properties:
    """The inputs without what does not matter: the plugin's own notes and the order of sets."""
    plain: Properties = {}
    for key, value in inputs.items():
        if key == DEFAULTS or value is None:
            continue
        if key in SETS and isinstance(value, list) and not any(item is UNKNOWN for item in value):
            value = sorted(value, key=lambda item: json.dumps(item, sort_keys=True, default=str))
        plain[key] = value
    # An input that says the default is the same as none.
    return {
        key: value
        for key, value in plain.items()
        if key in BOOKKEEPING or value is UNKNOWN or value != setting({}, key)
    }


def _can_stand_beside(news: Properties) -> bool:
    """Whether a successor can run while its predecessor does: no name, address or port in common."""
    fixed = any(
        network.get("ipv4Address") or network.get("ipv6Address")
        for network in news.get("networksAdvanced") or []
        if isinstance(network, dict)
    )
    ports = any(port.get("external") for port in news.get("ports") or [] if isinstance(port, dict))
    return autonamed(news) and not fixed and not ports


def _runs(live: dict[str, Any]) -> bool:
    state = live["State"]
    return bool(state.get("Running")) and not state.get("Dead")
