"""Several autoscalers over the same stacks: which of them are ours, by leases in one cloud."""

import re
import socket
import time
from collections.abc import Callable, Collection

from autoscaler.act.kubernetes_lease import KubernetesLeases
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.runner import Runner
from autoscaler.act.sharding import Sharding
from autoscaler.loop.settings import SettingsError, Sharing
from console import credentials
from toolchain.plugins.kubernetes import kubeconfig as kubeconfigs
from toolchain.plugins.kubernetes.client import Client

ANSWER_SECONDS = 3.0
SOON_SECONDS = 2.5
"""Whoever is alive renews so often that their lease has more left than this."""


class Shares:
    """Leases of stacks, and of who is there. Raises SettingsError where their cloud has no cluster."""

    def __init__(self, cli: Pulumi, settings: Sharing) -> None:
        path = credentials.refresh(cli, settings.cloud)
        if path is None:
            raise SettingsError(f"sharing: the cloud {settings.cloud} has made no cluster yet")
        self.identity = settings.identity or re.sub(r"[^a-z0-9]+", "-", socket.gethostname().lower()).strip(
            "-"
        )
        self._client = Client(kubeconfigs.resolve(kubeconfigs.parse(path.read_text("utf-8"))), ANSWER_SECONDS)
        self.stacks = KubernetesLeases(self._client, settings.namespace, self.identity)
        self._presence = KubernetesLeases(
            self._client, settings.namespace, self.identity, prefix="altostratus-autoscaler-", kind="presence"
        )

    def by(self, runner: Runner) -> Callable[[Collection[str]], Collection[str]]:
        """What tells which stacks are ours; one moves away only when the runner does nothing about it."""

        def idle(stack: str) -> bool:
            state = runner.states().get(stack)
            return state is None or state.health in {"idle", "elsewhere"}

        sharding = Sharding(self._presence, self.stacks, idle)

        def share(stacks: Collection[str]) -> Collection[str]:
            found = sharding.share(stacks)
            sharding.beat()
            # Looked at again at the moment that tells, not at the next turn: a dead one's stacks wait.
            while (silent := sharding.soonest()) < SOON_SECONDS:
                time.sleep(silent + 0.02)
                found = sharding.share(stacks)
                sharding.beat()
            return found

        return share

    def close(self) -> None:
        """Leave: others take over at once."""
        self.stacks.close()
        self._presence.close()
        self._client.close()
