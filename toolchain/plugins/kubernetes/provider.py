"""The provider: its settings, and a handler for each kind."""

import os
from collections.abc import Sequence

from toolchain.plugins.kubernetes import kubeconfig
from toolchain.plugins.kubernetes.handler import ObjectHandler
from toolchain.plugins.kubernetes.kinds import KINDS, PACKAGE, VERSION
from toolchain.plugins.kubernetes.session import Session, Settings
from toolchain.plugins.protocol import UNKNOWN, CheckFailure, Diff, Failure, Properties, Provider, Request

CLUSTER_KEYS = ("kubeconfig", "context", "cluster")
IDENTIFIER = "clusterIdentifier"


class KubernetesProvider(Provider):
    """Kubernetes objects in one cluster."""

    secret_config = ("kubeconfig",)

    def __init__(self) -> None:
        self._session: Session | None = None
        super().__init__(PACKAGE, VERSION, {kind.token: ObjectHandler(kind, self.session) for kind in KINDS})

    def session(self) -> Session:
        """The configured session."""
        if self._session is None:
            self._session = Session({}, Settings.read({}, os.environ))
        return self._session

    def check_config(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        """With `strictMode`, a provider must be made by the program and name its cluster."""
        failures = []
        if str(news.get("strictMode")).lower() == "true" and request.type.startswith("pulumi:providers:"):
            if request.name.startswith("default"):
                failures.append(CheckFailure("", "strict mode does not allow the default provider"))
            failures += [
                CheckFailure(key, f"strict mode needs the provider's {key!r}")
                for key in ("kubeconfig", "context")
                if not news.get(key)
            ]
        return news, failures

    def diff_config(self, request: Request, olds: Properties, news: Properties) -> Diff:
        """Another active cluster means other objects; other settings and credentials do not."""
        diff = Diff.between(olds, news)
        if not diff.changes:
            return diff
        return Diff(True, self._replaces(olds, news), diff.changed)

    def _replaces(self, olds: Properties, news: Properties) -> tuple[str, ...]:
        before, after = olds.get(IDENTIFIER), news.get(IDENTIFIER)
        if before and after:
            return (IDENTIFIER,) if before != after else ()
        unknown = [key for key in CLUSTER_KEYS if news.get(key) is UNKNOWN]
        if unknown:
            return tuple(unknown[:1])
        old, new = _active(olds), _active(news)
        if old is None or new is None or old == new:
            return ()
        return tuple(key for key in CLUSTER_KEYS if olds.get(key) != news.get(key))

    def configure(self, request: Request, config: Properties) -> None:
        """Takes the kubeconfig and switches; the cluster is first asked when it is needed."""
        settings = Settings.read(config, os.environ)
        if self._session:
            self._session.close()
        self._session = Session(config, settings)

    def close(self) -> None:
        """Closes connections."""
        if self._session:
            self._session.close()


def _active(config: Properties) -> Properties | None:
    """The settings of the cluster a configuration points to; None where that cannot be told."""
    text = str(config.get("kubeconfig") or "")
    if not text:
        return None
    try:
        document = kubeconfig.parse(text)
    except Failure:
        return None
    return kubeconfig.active(document, str(config.get("context") or ""), str(config.get("cluster") or ""))
