"""The life of one Kubernetes object, for every kind alike."""

import secrets
from collections.abc import Callable, Sequence
from copy import deepcopy

from toolchain.plugins.kubernetes import naming, objects, ownership, waiting
from toolchain.plugins.kubernetes.client import ApiError, Client, Object
from toolchain.plugins.kubernetes.difference import compare
from toolchain.plugins.kubernetes.kinds import Kind
from toolchain.plugins.kubernetes.readiness import RULES, Rule
from toolchain.plugins.kubernetes.scaling import keeps_serving
from toolchain.plugins.kubernetes.session import Session
from toolchain.plugins.protocol import (
    UNKNOWN,
    CheckFailure,
    Diff,
    Failure,
    PartialFailure,
    Properties,
    Request,
    ResourceHandler,
    Severity,
    has_unknowns,
)

ATTEMPTS = 6  # a namespace may be made by another part of the program at the same time
FIRST_PAUSE = 1.0  # seconds, doubled after each attempt
# Kinds whose deletion is not waited for where skipAwait is set; the vendor's list.
SKIP_DELETION = frozenset({"Namespace", "Pod", "DaemonSet", "Deployment", "StatefulSet", "Job"})
GONE = (
    "If the cluster is gone for good, run again with PULUMI_K8S_DELETE_UNREACHABLE=true "
    "to drop its objects from the state"
)
POLICIES = {"orphan": "Orphan", "background": "Background"}


class ObjectHandler(ResourceHandler):
    """One kind of object in the session's cluster."""

    echoes = (objects.INPUTS,)

    def __init__(self, kind: Kind, session: Callable[[], Session]) -> None:
        self._kind = kind
        self._session = session

    @property
    def _client(self) -> Client:
        return self._session().client

    # --- before anything is made ---

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        """Gives it a name and a namespace where the program gave none."""
        about = news.get("metadata")
        if about is not None and about is not UNKNOWN and not isinstance(about, dict):
            return news, [CheckFailure("metadata", f"must be an object, not {about!r}")]
        session = self._session()
        if olds and session.settings.skip_update_unreachable and session.unreachable():
            request.log(f"{self._kind.name} is left alone: the cluster is unreachable", Severity.WARNING)
            return olds, ()
        inputs = objects.from_properties(deepcopy(news), self._kind)
        if naming.metadata(inputs).get("generateName"):
            reason = "is not supported with server-side apply; leave out the name for an automatic one"
            return news, [CheckFailure("metadata.generateName", reason)]
        if naming.annotation(inputs, naming.WAIT_FOR):
            request.log(
                f"the bundled kubernetes plugin ignores the annotation {naming.WAIT_FOR}", Severity.WARNING
            )
        if not naming.is_named(inputs):
            if olds:
                naming.adopt_name(inputs, objects.from_properties(olds, self._kind))
            if not naming.is_named(inputs):
                try:
                    naming.assign_name(inputs, request.name, request.seed, request.autonaming)
                except Failure as failure:
                    return news, [CheckFailure("metadata.name", str(failure))]
        self._place(inputs, session.namespace)
        return objects.conceal(inputs, self._is_secret), ()

    def _place(self, inputs: Properties, namespace: str) -> None:
        if inputs.get("metadata") is UNKNOWN:
            return
        about = inputs.setdefault("metadata", {})
        if not self._kind.namespaced:
            about.pop("namespace", None)
        elif not about.get("namespace"):
            about["namespace"] = namespace

    @property
    def _is_secret(self) -> bool:
        return self._kind.name == "Secret"

    def diff(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Diff:
        """Live fields, as last recorded, against the new inputs."""
        recorded, live = objects.from_state(old_state)
        new = objects.from_properties(news, self._kind)
        return compare(self._kind, recorded, live, new, self._session().settings.mutable)

    # --- making and changing ---

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        """Creates it and waits until it is ready. An object of that name must not exist."""
        content = objects.from_properties(news, self._kind)
        if request.preview and (has_unknowns(content) or self._session().unreachable()):
            return "", news
        manager = naming.annotation(content, naming.FIELD_MANAGER) or (
            naming.MANAGER_PREFIX + secrets.token_hex(naming.SUFFIX_LENGTH // 2)
        )
        try:
            live = self._retrying(request, lambda: self._make(request, content, manager))
        except ApiError as error:
            if request.preview and (
                error.code == 403 or error.namespace_missing or error.reason == "AlreadyExists"
            ):
                return "", news  # cannot be tried out yet, or is about to take an old object's place
            raise Failure(f"{self._subject(content)} was not created: {error}") from error
        if request.preview:
            live.pop("status", None)
        else:
            live = self._settle(request, content, live, content["apiVersion"], manager)
        return naming.identifier(live), objects.to_state(content, live, content["apiVersion"], manager)

    def _make(self, request: Request, content: Properties, manager: str) -> Object:
        settings = self._session().settings
        parameters = {"fieldManager": manager, "dryRun": "All" if request.preview else None}
        if settings.upsert:
            path = self._kind.path(naming.namespace_of(content), naming.name_of(content))
            forced = ownership.force(content, None, manager, always=settings.patch_force, preview=False)
            return self._client.apply(path, content, force=forced, warn=self._warner(request), **parameters)
        path = self._kind.path(naming.namespace_of(content))
        return self._client.create(path, content, warn=self._warner(request), **parameters)

    def update(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Properties:
        """Applies the inputs (server-side apply) and waits until it is ready."""
        content = objects.from_properties(news, self._kind)
        if request.preview and (has_unknowns(content) or self._session().unreachable()):
            return news
        namespace, name = naming.split_identifier(id)
        path = self._kind.path(namespace, name)
        version = old_state.get(objects.INITIAL_VERSION) or content["apiVersion"]
        old_manager = str(old_state.get(objects.MANAGER) or "")
        manager = naming.annotation(content, naming.FIELD_MANAGER) or old_manager
        manager = manager or naming.MANAGER_PREFIX + secrets.token_hex(naming.SUFFIX_LENGTH // 2)
        try:
            live = self._retrying(request, lambda: self._change(request, path, content, manager))
        except ApiError as error:
            if request.preview and error.code == 403:
                return news
            raise Failure(self._refusal(content, error)) from error
        if request.preview:
            return objects.to_state(content, live, version, manager)
        before = objects.from_properties(old_inputs, self._kind)
        if not (self._session().settings.scale_at_once and keeps_serving(self._kind, before, content)):
            live = self._settle(request, content, live, version, manager)
        if old_manager and old_manager != manager:
            self._release(path, live, old_manager)
        return objects.to_state(content, live, version, manager)

    def _change(self, request: Request, path: str, content: Properties, manager: str) -> Object:
        live = self._client.find(path)
        if live is None:
            raise Failure(
                f"{self._subject(content)} no longer exists in the cluster; "
                "run 'pulumi refresh' so that it is created again"
            )
        parameters = {"fieldManager": manager, "dryRun": "All" if request.preview else None}
        if self._kind.name == "CustomResourceDefinition":
            about = {**content["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
            return self._client.replace(path, {**content, "metadata": about}, **parameters)
        if not request.preview and (operations := ownership.takeover(live, manager)):
            live = self._client.patch(path, operations)
        always = self._session().settings.patch_force
        forced = ownership.force(content, live, manager, always=always, preview=request.preview)
        wanted = ownership.keep_ignored(content, live, manager, request.ignored)
        return self._client.apply(path, wanted, force=forced, warn=self._warner(request), **parameters)

    def _release(self, path: str, live: Object, manager: str) -> None:
        """Gives up the fields that an earlier field manager of ours holds."""
        bare = {
            "apiVersion": live["apiVersion"],
            "kind": live["kind"],
            "metadata": {"name": naming.name_of(live)},
        }
        self._client.apply(path, bare, fieldManager=manager)

    def _refusal(self, content: Properties, error: ApiError) -> str:
        text = f"{self._subject(content)} was not changed: {error}"
        if error.code == 409 and "conflict" in str(error):
            text += (
                f". Other tools own these fields: leave them out (or use ignore_changes), or take them over "
                f"with the annotation {naming.PATCH_FORCE}: 'true'"
            )
        return text

    # --- looking and removing ---

    def read(
        self, request: Request, id: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties] | None:
        """The live object; its inputs are the live values of the fields that were inputs before."""
        if problem := self._session().unreachable():
            return self._read_unreachable(request, id, inputs, state, problem)
        namespace, name = naming.split_identifier(id)
        if self._kind.namespaced and not namespace:
            namespace = "default"
        live = self._client.find(self._kind.path(namespace, name))
        if live is None:
            return None
        known = objects.from_properties(inputs, self._kind) if inputs else None
        if known is None and state:
            known = objects.from_state(state)[0] or None
        found = objects.refreshed_inputs(live, known) if known else objects.imported_inputs(live)
        version = str(state.get(objects.INITIAL_VERSION) or self._kind.api_version)
        manager = str(state.get(objects.MANAGER) or "") or (
            naming.MANAGER_PREFIX + secrets.token_hex(naming.SUFFIX_LENGTH // 2)
        )
        if known:
            self._report_unready(request, id, found, live, version, manager)
        shown = objects.conceal(found, self._is_secret)
        return id, shown, objects.to_state(found, live, version, manager)

    def _report_unready(
        self, request: Request, id: str, inputs: Properties, live: Object, version: str, manager: str
    ) -> None:
        rule = RULES.get(self._kind.name)
        if rule is None or not rule.on_read or naming.flag(inputs, naming.SKIP_AWAIT):
            return
        try:
            waiting.Wait(request, self._client, self._kind, live).check(rule)
        except waiting.NotReady as problem:
            raise PartialFailure(
                id,
                objects.to_state(inputs, live, version, manager),
                [f"{self._subject(live)} is not ready: {problem}"],
                objects.conceal(inputs, self._is_secret),
            ) from problem

    def _read_unreachable(
        self, request: Request, id: str, inputs: Properties, state: Properties, problem: Failure
    ) -> tuple[str, Properties, Properties] | None:
        settings = self._session().settings
        request.log(f"the Kubernetes cluster is unreachable: {problem}", Severity.WARNING)
        if settings.delete_unreachable:
            request.log("deleteUnreachable is set: the object is dropped from Pulumi's state")
            return None
        if settings.skip_update_unreachable:
            request.log("skipUpdateUnreachable is set: the object is shown as last recorded")
            return id, inputs, state
        raise Failure(
            f"{self._kind.name} {id} cannot be read: the cluster is unreachable ({problem}). {GONE}"
        )

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Removes it, dependents first, and waits until it is gone."""
        problem = self._session().unreachable()
        if problem and self._session().settings.delete_unreachable:
            request.log(
                f"dropped from Pulumi's state, the cluster is unreachable: {problem}", Severity.WARNING
            )
            return
        if problem:
            raise Failure(
                f"{self._kind.name} {id} cannot be deleted: the cluster is unreachable ({problem}). {GONE}"
            )
        namespace, name = naming.split_identifier(id)
        path = self._kind.path(namespace or ("default" if self._kind.namespaced else ""), name)
        recorded, _ = objects.from_state(state)
        policy = POLICIES.get(naming.annotation(recorded, naming.PROPAGATION).lower(), "Foreground")
        live = self._client.find(path)
        if live is None:
            return
        try:
            self._client.delete(path, policy)
        except ApiError as error:
            if error.code == 404:
                return
            if error.code != 409:  # 409: a deletion (of its namespace) is under way already
                raise Failure(f"{self._subject(live)} was not deleted: {error}") from error
        if naming.flag(recorded, naming.SKIP_AWAIT) and self._kind.name in SKIP_DELETION:
            return
        try:
            waiting.until_gone(request, self._client, self._kind, live, self._timeout(request, recorded))
        except waiting.NotReady as stays:
            raise Failure(f"{self._subject(live)} was not deleted: {stays}") from stays

    # --- how ---

    def _settle(
        self, request: Request, content: Properties, live: Object, version: str, manager: str
    ) -> Object:
        """The live object once it is ready; a `PartialFailure` with the reasons otherwise."""
        rule: Rule | None = RULES.get(self._kind.name)
        if rule is None or naming.flag(content, naming.SKIP_AWAIT):
            return live
        timeout = self._timeout(request, content)
        try:
            return waiting.Wait(request, self._client, self._kind, live).until_ready(rule, timeout)
        except waiting.NotReady as problem:
            heading = f"{self._subject(live)} exists, but is not ready: {problem.reasons[0]}"
            state = objects.to_state(content, problem.live, version, manager)
            reasons = (heading, *problem.reasons[1:])
            raise PartialFailure(naming.identifier(live), state, reasons) from problem

    def _timeout(self, request: Request, content: Properties) -> float | None:
        """Seconds to wait, by the resource's own options or its annotation; None for the default."""
        if request.timeout:
            return request.timeout
        text = naming.annotation(content, naming.TIMEOUT_SECONDS)
        return float(text) if text.isdecimal() and int(text) else None

    def _retrying(self, request: Request, action: Callable[[], Object]) -> Object:
        """Does it again where the cause may pass: a namespace on its way, a server too busy, a race."""
        pause = FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return action()
            except ApiError as error:
                passing = error.code in (429, 503) or (error.code == 404 and not request.preview)
                passing = passing or (error.reason == "Conflict" and "object has been modified" in str(error))
                if not passing or attempt == ATTEMPTS:
                    raise
                request.status(f"attempt {attempt} failed: {error}")
            request.wait(pause)
            pause *= 2
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _warner(self, request: Request) -> Callable[[str], None]:
        quiet = self._session().settings.suppress_deprecations

        def warn(text: str) -> None:
            if not (quiet and "deprecated" in text):
                request.log(text, Severity.WARNING)

        return warn

    def _subject(self, content: Properties) -> str:
        return f"{self._kind.name} {naming.identifier(content)}"
