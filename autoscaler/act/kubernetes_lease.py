"""Leases of several machines: `coordination.k8s.io/v1` Leases, as leader election uses them.

A holder renews; whoever watches takes over when a lease has not changed for its duration, measured by
the watcher's own monotonic clock, so that no two clocks are ever compared. A holder that could not
renew for `renew_within`, which is shorter, acts no more: it stops before another may begin.
"""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from autoscaler.act.refusals import NotOurs
from toolchain.plugins.kubernetes.client import ApiError, Client
from toolchain.plugins.protocol import Failure

# What the account needs for this, for a Role in the leases' namespace.
RULES = (
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["get", "list", "create", "update", "delete"],
    },
)
LABEL = "altostratus.dev/lease"
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. A successor begins at most `duration` and one of its own looks after the last renewal."""

    duration: float = 8.0
    renew_within: float = 6.0


class KubernetesLease:
    """A lease of ours; `content` is the object as the server last had it."""

    descriptors: tuple[int, ...] = ()

    def __init__(self, content: dict[str, Any], times: Times, monotonic: Callable[[], float]) -> None:
        self.content = content
        self._times, self._monotonic = times, monotonic
        self.renewed = monotonic()

    def held(self) -> bool:
        """Whether it was renewed lately enough that nobody else can have taken it."""
        return self._monotonic() - self.renewed < self._times.renew_within


@dataclass(slots=True)
class _Sight:
    """A lease of somebody else's: what it said, and since when it has said so."""

    said: tuple[str, str]
    since: float


class KubernetesLeases:
    """Leases named `<prefix><stack>` in one namespace. Thread-safe."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        identity: str,
        *,
        prefix: str = "altostratus-",
        kind: str = "stack",
        times: Times | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.identity = identity
        self._client = client
        self._namespace = namespace
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._prefix, self._kind = prefix, kind
        self._times, self._monotonic = times or Times(), monotonic
        self._lock = threading.Lock()
        self._beating = threading.Lock()
        self._held: dict[str, KubernetesLease] = {}
        self._seen: dict[str, _Sight] = {}

    def hold(self, stack: str) -> KubernetesLease:
        """The lease, held or taken. Raises NotOurs, also where the API server does not answer."""
        with self._lock:
            held = self._held.get(stack)
            if held is not None and held.held():
                return held
            self._held.pop(stack, None)
            try:
                content = self._take(stack)
            except Failure as error:
                raise NotOurs(f"{stack}: its lease cannot be taken: {error}") from error
            lease = KubernetesLease(content, self._times, self._monotonic)
            self._held[stack] = lease
            return lease

    def holders(self) -> set[str]:
        """Who holds leases of this kind and renews them, ourselves included. Raises Failure."""
        found = self._client.get(self._path, labelSelector=f"{LABEL}={self._kind}")["items"]
        with self._lock:
            return {
                holder
                for content in found
                if (holder := content["spec"].get("holderIdentity"))
                and (holder == self.identity or not self._expired(content["metadata"]["name"], content))
            }

    def soonest(self) -> float:
        """Seconds until a lease that was seen runs out unless its holder renews it; infinite for none."""
        with self._lock:
            now = self._monotonic()
            left = [self._times.duration - (now - seen.since) for seen in self._seen.values()]
        return min((each for each in left if each > 0), default=math.inf)

    def beat(self) -> None:
        """Renew what is due. One that was not renewed for too long counts as lost by itself.

        Whoever calls while another thread is at it returns at once: two writers of a lease refuse each other.
        """
        if not self._beating.acquire(blocking=False):
            return
        try:
            recent = self._monotonic() - self._times.duration / 8
            due = [(stack, lease) for stack, lease in list(self._held.items()) if lease.renewed <= recent]
            # A thousand leases one after the other would take longer than they last.
            with ThreadPoolExecutor(min(len(due), AT_ONCE) or 1) as threads:
                list(threads.map(lambda each: self._keep(*each), due))
        finally:
            self._beating.release()

    def _keep(self, stack: str, lease: KubernetesLease) -> None:
        try:
            self._renew(stack, lease)
        except ApiError as error:
            if error.code in {404, 409}:
                with self._lock:
                    if self._held.get(stack) is lease:
                        del self._held[stack]  # another has it, or it was removed
                lease.renewed = float("-inf")
        except Failure:
            return  # the server is away; `held` tells when it was so for too long

    def release(self, stack: str) -> None:
        """Give it up for whoever comes; a lease that cannot be given up runs out by itself."""
        with self._lock:
            lease = self._held.pop(stack, None)
        if lease is None:
            return
        lease.renewed = float("-inf")
        try:
            self._client.replace(self._of(stack), self._content(stack, lease.content, holder=""))
        except Failure:
            return

    def close(self) -> None:
        """Give all of them up."""
        for stack in list(self._held):
            self.release(stack)

    def _of(self, stack: str) -> str:
        return f"{self._path}/{self._prefix}{stack}"

    def _take(self, stack: str) -> dict[str, Any]:
        found = self._client.find(self._of(stack))
        if found is None:
            return self._client.create(self._path, self._content(stack, None, self.identity))
        holder = found["spec"].get("holderIdentity") or ""
        if holder not in {"", self.identity} and not self._expired(found["metadata"]["name"], found):
            raise NotOurs(f"{stack}: the autoscaler {holder} has its lease")
        # The server refuses this where anybody was faster: the content names the version that was seen.
        return self._client.replace(self._of(stack), self._content(stack, found, self.identity))

    def _expired(self, name: str, content: dict[str, Any]) -> bool:
        """Whether the lease has said the same for longer than it lasts."""
        said = (content["spec"].get("holderIdentity") or "", content["metadata"]["resourceVersion"])
        seen = self._seen.get(name)
        if seen is None or seen.said != said:
            self._seen[name] = _Sight(said, self._monotonic())
            return False
        return self._monotonic() - seen.since > self._times.duration

    def _renew(self, stack: str, lease: KubernetesLease) -> None:
        begun = self._monotonic()
        try:
            lease.content = self._client.replace(
                self._of(stack), self._content(stack, lease.content, self.identity)
            )
        except ApiError as error:
            if error.code != 409:
                raise
            # Somebody wrote: that may have been our own write whose answer was lost, or a person's label.
            found = self._client.get(self._of(stack))
            if found["spec"].get("holderIdentity") != self.identity:
                raise
            lease.content = self._client.replace(self._of(stack), self._content(stack, found, self.identity))
        lease.renewed = begun

    def _content(self, stack: str, old: dict[str, Any] | None, holder: str) -> dict[str, Any]:
        about: dict[str, Any] = {
            "name": f"{self._prefix}{stack}",
            "namespace": self._namespace,
            "labels": {LABEL: self._kind},
        }
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec = dict(old["spec"]) if old is not None else {"leaseTransitions": 0}
        if old is not None:
            about["resourceVersion"] = old["metadata"]["resourceVersion"]
        if spec.get("holderIdentity") != holder:
            spec |= {
                "acquireTime": now,
                "leaseTransitions": spec.get("leaseTransitions", 0) + (old is not None),
            }
        spec |= {
            "holderIdentity": holder,
            "renewTime": now,
            "leaseDurationSeconds": max(1, round(self._times.duration)),
        }
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": about, "spec": spec}
