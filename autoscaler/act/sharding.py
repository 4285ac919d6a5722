"""Several autoscalers share the applications: each is somebody's, and a dead one's go to the others.

Every autoscaler holds a lease that shows it is there. Among those that renew theirs, each stack belongs to
the one with the highest hash of both names (rendezvous hashing): all come to the same answer without
talking, and when one leaves only its own stacks move. The stack's own lease decides in the end.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from autoscaler.act.kubernetes_lease import KubernetesLeases
from autoscaler.act.refusals import NotOurs
from toolchain.plugins.protocol import Failure


def owner(stack: str, members: Collection[str]) -> str | None:
    """Whose the stack is; None where there is nobody. Pure."""
    return max(members, key=lambda member: (_weight(stack, member), member), default=None)


def _weight(stack: str, member: str) -> bytes:
    return hashlib.blake2b(f"{member}\0{stack}".encode(), digest_size=8).digest()


class Sharding:
    """One autoscaler's share. `idle` tells whether nothing is under way for a stack, so that it may move."""

    def __init__(
        self, presence: KubernetesLeases, stacks: KubernetesLeases, idle: Callable[[str], bool]
    ) -> None:
        self._presence, self._stacks, self._idle = presence, stacks, idle
        self._ours: set[str] = set()

    def share(self, stacks: Iterable[str]) -> frozenset[str]:
        """The stacks to look after now; ask every two seconds or so.

        Where the API server does not answer, those whose leases last.
        """
        try:
            self._presence.hold(self._presence.identity)
            members = self._presence.holders()
            # How long another's lease has been silent is known only to who has watched it: those of stacks
            # are watched as well, or the time would begin anew when the presence has run out.
            self._stacks.holders()
        except (Failure, NotOurs):
            self._ours = {stack for stack in self._ours if self._is_held(stack)}
            return frozenset(self._ours)
        wanted = {stack for stack in stacks if owner(stack, members) == self._presence.identity}
        for stack in self._ours - wanted:
            if self._idle(stack):
                self._stacks.release(stack)
                self._ours.discard(stack)
        for stack in wanted:
            with suppress(NotOurs):
                self._stacks.hold(stack)
        self._ours = {stack for stack in self._ours | wanted if self._is_held(stack)}
        return frozenset(self._ours)

    def _is_held(self, stack: str) -> bool:
        try:
            return self._stacks.hold(stack).held()
        except NotOurs:
            return False

    def soonest(self) -> float:
        """Seconds until somebody who is silent counts as dead; infinite where nobody is."""
        return min(self._presence.soonest(), self._stacks.soonest())

    def beat(self) -> None:
        """Renew both kinds of leases."""
        self._presence.beat()
        self._stacks.beat()

    def close(self) -> None:
        """Leave: others take over at once."""
        self._stacks.close()
        self._presence.close()
