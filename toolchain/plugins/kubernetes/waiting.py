"""Waiting until an object is ready, or gone, by watching it and what belongs to it."""

import queue
import threading
from collections.abc import Mapping
from typing import Any

from toolchain.plugins.kubernetes import naming, pods, readiness
from toolchain.plugins.kubernetes.client import ApiError, Client, Object, Unreachable, Watch
from toolchain.plugins.kubernetes.kinds import Kind, named
from toolchain.plugins.kubernetes.readiness import Rule, Verdict, View
from toolchain.plugins.protocol import Request

TICK = 0.5  # seconds between looks at cancellation and deadline while nothing happens
EVENT_INTERVAL = 5.0  # seconds between fetches of events, while there is nothing better to tell
RETRY_PAUSE = 1.0  # seconds before a broken watch is begun anew
DELETION_PATIENCE = 600.0  # seconds
LOG_LINES = 10
MAIN = "main"


class NotReady(Exception):
    """The object exists, but waiting for it ended: too long, cancelled, or in vain."""

    def __init__(self, live: Object, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.live = live
        self.reasons = reasons


class Follower:
    """One collection, watched in a thread of its own; events go to a queue as (source, type, object)."""

    def __init__(
        self,
        client: Client,
        source: str,
        path: str,
        selectors: Mapping[str, str],
        version: str,
        sink: "queue.Queue[tuple[str, str, Any]]",
    ) -> None:
        self._client = client
        self._source = source
        self._path = path
        self._selectors = selectors
        self._version = version
        self._sink = sink
        self._stopped = threading.Event()
        self._watch: Watch | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread soon; does not wait for it."""
        self._stopped.set()
        watch = self._watch
        if watch:
            watch.end()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                if not self._version:
                    listed = self._client.get(self._path, **self._selectors)
                    self._version = listed["metadata"]["resourceVersion"]
                    self._sink.put((self._source, "LIST", listed.get("items") or []))
                self._follow()
            except ApiError:
                return  # not allowed to look: the others must do
            except Unreachable:
                self._version = ""
                self._stopped.wait(RETRY_PAUSE)

    def _follow(self) -> None:
        self._watch = self._client.watch(
            self._path, resourceVersion=self._version, allowWatchBookmarks="true", **self._selectors
        )
        if self._stopped.is_set():
            self._watch.end()
        for kind, content in self._watch:
            if kind == "ERROR":  # most often: the version is too old
                self._version = ""
                return
            self._version = content["metadata"]["resourceVersion"]
            if kind != "BOOKMARK":
                self._sink.put((self._source, kind, content))


class Wait:
    """One object being waited for."""

    def __init__(self, request: Request, client: Client, kind: Kind, live: Object) -> None:
        self._request = request
        self._client = client
        self._kind = kind
        self._live = live
        self._related: dict[str, Object] = {}
        self._events: tuple[Object, ...] = ()
        self._events_at = request.clock()
        self._sink: queue.Queue[tuple[str, str, Any]] = queue.Queue()
        self._shown = ""

    def until_ready(self, rule: Rule, timeout: float | None) -> Object:
        """The live object, once it is ready. Raises `NotReady`."""
        patience = timeout or rule.patience
        deadline = self._request.clock() + patience
        followers = self._follow(rule)
        try:
            while True:
                verdict = rule.judge(self._view(rule))
                if verdict.ready:
                    return self._live
                if verdict.hopeless:
                    raise NotReady(self._live, self._reasons(rule, ()))
                if self._request.cancelled.is_set():
                    raise NotReady(self._live, self._reasons(rule, ("the update was cancelled",)))
                if self._request.clock() >= deadline:
                    ending = (f"timed out after {patience:g} seconds: {verdict.progress}",)
                    raise NotReady(self._live, self._reasons(rule, ending))
                self._show(verdict)
                self._take()
        finally:
            for follower in followers:
                follower.stop()

    def check(self, rule: Rule) -> None:
        """Judges the object as it is now. Raises `NotReady`."""
        path = self._related_path(rule)
        if path:
            try:
                listed = self._client.get(path[0], **path[1])
                self._replace(listed.get("items") or [])
            except ApiError:
                pass  # not allowed to look: judge by the object alone
        if not rule.judge(self._view(rule)).ready:
            raise NotReady(self._live, self._reasons(rule, ()))

    def _follow(self, rule: Rule) -> list[Follower]:
        about = naming.metadata(self._live)
        chosen = {"fieldSelector": f"metadata.name={about['name']}"}
        path = self._kind.path(str(about.get("namespace") or ""))
        version = str(about["resourceVersion"])
        followers = [Follower(self._client, MAIN, path, chosen, version, self._sink)]
        if related := self._related_path(rule):
            followers.append(Follower(self._client, "related", *related, "", self._sink))
        return followers

    def _related_path(self, rule: Rule) -> tuple[str, dict[str, str]] | None:
        if rule.related is None:
            return None
        labels = readiness.selector(self._kind.name, self._live)
        if not labels:
            return None
        group = "discovery.k8s.io" if rule.related == "slices" else ""
        kind = named("EndpointSlice" if rule.related == "slices" else "Pod", group)
        return kind.path(naming.namespace_of(self._live)), {"labelSelector": labels}

    def _view(self, rule: Rule) -> View:
        related = tuple(self._related.values())
        return View(
            self._live,
            pods=related if rule.related == "pods" else (),
            slices=related if rule.related == "slices" else (),
            events=self._events,
        )

    def _take(self) -> None:
        """Takes in what happened; all of it at once, as one judgement does for many events."""
        try:
            self._apply(*self._sink.get(timeout=TICK))
            while True:
                self._apply(*self._sink.get_nowait())
        except queue.Empty:
            pass
        if self._request.clock() - self._events_at >= EVENT_INTERVAL:
            self._fetch_events()

    def _apply(self, source: str, kind: str, content: Any) -> None:
        if source == MAIN:
            if kind == "LIST" and content:
                self._live = content[0]
            elif kind == "DELETED" or (kind == "LIST" and not content):
                raise NotReady(self._live, ("it was deleted by somebody else meanwhile",))
            elif kind != "LIST":
                self._live = content
        elif kind == "LIST":
            self._replace(content)
        elif kind == "DELETED":
            self._related.pop(content["metadata"]["uid"], None)
        else:
            self._related[content["metadata"]["uid"]] = content

    def _replace(self, items: list[Object]) -> None:
        self._related = {item["metadata"]["uid"]: item for item in items}

    def _fetch_events(self) -> None:
        self._events_at = self._request.clock()
        namespace = naming.namespace_of(self._live)
        uids = {naming.metadata(self._live).get("uid"), *self._related}
        try:
            found = self._client.get(
                f"/api/v1/namespaces/{namespace}/events" if namespace else "/api/v1/events"
            )
        except (ApiError, Unreachable):
            return  # the reasons are poorer, no more
        self._events = tuple(
            event
            for event in found.get("items") or []
            if (event.get("involvedObject") or {}).get("uid") in uids
        )

    def _show(self, verdict: Verdict) -> None:
        text = "; ".join(dict.fromkeys((verdict.progress, *verdict.reasons[:1])))
        if text != self._shown:
            self._shown = text
            self._request.status(text)

    def _reasons(self, rule: Rule, ending: tuple[str, ...]) -> tuple[str, ...]:
        """The ending, then the causes as they are known now, then the last words of what crashed."""
        self._fetch_events()
        verdict = rule.judge(self._view(rule))
        subjects = [self._live] if self._kind.name == "Pod" else list(self._related.values())
        crashed = [crash for pod in subjects for crash in pods.crashes(pod)] if self._has_pods(rule) else []
        return (
            *ending,
            *verdict.reasons,
            *(text for crash in crashed[:1] for text in self._last_words(crash)),
        )

    def _has_pods(self, rule: Rule) -> bool:
        return self._kind.name == "Pod" or rule.related == "pods"

    def _last_words(self, crash: pods.Crash) -> list[str]:
        try:
            text = self._client.log(
                crash.namespace, crash.pod, crash.container, LOG_LINES, previous=crash.previous
            )
        except (ApiError, Unreachable):
            return []  # the log is gone, or its node does not answer
        lines = text.strip().splitlines()
        if not lines:
            return []
        return [f"last log lines of {crash.pod}/{crash.container}:\n  " + "\n  ".join(lines)]


def until_gone(request: Request, client: Client, kind: Kind, live: Object, timeout: float | None) -> None:
    """Returns when the object no longer exists. Raises `NotReady` when it stays."""
    about = naming.metadata(live)
    path = kind.path(str(about.get("namespace") or ""))
    sink: queue.Queue[tuple[str, str, Any]] = queue.Queue()
    patience = timeout or DELETION_PATIENCE
    deadline = request.clock() + patience
    follower = Follower(client, MAIN, path, {"fieldSelector": f"metadata.name={about['name']}"}, "", sink)
    try:
        while True:
            if request.cancelled.is_set():
                raise NotReady(live, ("the update was cancelled before the deletion was complete",))
            if request.clock() >= deadline:
                raise NotReady(live, (_why_it_stays(live, patience),))
            try:
                _, event, content = sink.get(timeout=TICK)
            except queue.Empty:
                continue
            if event == "DELETED" or (event == "LIST" and not content):
                return
            live = content[0] if event == "LIST" else content
            if naming.metadata(live).get("uid") != about.get("uid"):
                return  # another object of the same name: ours is gone
    finally:
        follower.stop()


def _why_it_stays(live: Object, patience: float) -> str:
    text = f"it still exists {patience:g} seconds after its deletion was asked for"
    finalizers = naming.metadata(live).get("finalizers")
    if finalizers:
        text += f"; these finalizers hold it: {', '.join(finalizers)}"
    unfinished = [
        str(entry.get("message"))
        for entry in (live.get("status") or {}).get("conditions") or []
        if entry.get("status") == "True" and str(entry.get("type")).startswith("Namespace")
    ]
    return "; ".join((text, *unfinished))
