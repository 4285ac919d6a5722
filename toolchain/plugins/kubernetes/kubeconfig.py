"""Reading a kubeconfig: which server, and how to prove who we are."""

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolchain.plugins.protocol import Failure

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EXEC_PATIENCE = 60.0  # seconds for a credential helper


@dataclass(frozen=True)
class Cluster:
    """One API server and one identity at it; PEM texts, not paths."""

    server: str
    namespace: str = "default"
    certificate_authority: str = ""
    client_certificate: str = ""
    client_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    insecure: bool = False
    server_name: str = ""


def parse(text: str) -> dict[str, Any]:
    """The document in a kubeconfig's content, or in the file of that path. Raises `Failure`."""
    if "\n" not in text and not text.lstrip().startswith("{"):
        path = Path(text).expanduser()
        try:
            text = path.read_text()
        except OSError as error:
            raise Failure(f"cannot read the kubeconfig file {path}: {error.strerror}") from error
    try:
        document = json.loads(text)
    except ValueError:
        document = _parse_yaml(text)
    if not isinstance(document, dict) or not isinstance(document.get("clusters"), list):
        raise Failure(
            "the kubeconfig has no 'clusters' list: give the content of a kubeconfig file or its path"
        )
    return document


def _parse_yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe loaders
    except yaml.YAMLError as error:
        raise Failure(f"the kubeconfig is neither YAML nor JSON: {error}") from error


def active(document: Mapping[str, Any], context: str = "", cluster: str = "") -> dict[str, Any] | None:
    """The settings of the cluster that the document (with overrides) points to; None if there is none."""
    chosen = _entry(document, "contexts", "context", context or document.get("current-context") or "")
    name = cluster or (chosen or {}).get("cluster") or ""
    return _entry(document, "clusters", "cluster", name)


def resolve(
    document: Mapping[str, Any], *, context: str = "", cluster: str = "", namespace: str = ""
) -> Cluster:
    """The server and identity to use. Raises `Failure` naming what is missing."""
    wanted = context or str(document.get("current-context") or "")
    chosen = _entry(document, "contexts", "context", wanted)
    if chosen is None:
        known = ", ".join(str(entry.get("name")) for entry in document.get("contexts") or []) or "none"
        raise Failure(f"the kubeconfig has no context {wanted!r}; it has: {known}")
    server = active(document, context, cluster)
    if server is None or not server.get("server"):
        raise Failure(f"the kubeconfig has no cluster {cluster or chosen.get('cluster')!r} with a 'server'")
    if server.get("proxy-url"):
        raise Failure("the bundled kubernetes plugin does not support 'proxy-url' in a kubeconfig")
    user = _entry(document, "users", "user", chosen.get("user") or "") or {}
    user = {**user, **_run_helper(user["exec"])} if user.get("exec") else user
    return Cluster(
        server=str(server["server"]).rstrip("/"),
        namespace=namespace or chosen.get("namespace") or "default",
        certificate_authority=_pem(server, "certificate-authority"),
        client_certificate=_pem(user, "client-certificate"),
        client_key=_pem(user, "client-key"),
        token=user.get("token") or _token_file(user.get("tokenFile")),
        username=user.get("username") or "",
        password=user.get("password") or "",
        insecure=bool(server.get("insecure-skip-tls-verify")),
        server_name=server.get("tls-server-name") or "",
    )


def ambient() -> str:
    """What to use where the program gives no kubeconfig: $KUBECONFIG, or the user's own file.

    Raises `Failure` where there is neither, nor a service account.
    """
    for name in os.environ.get("KUBECONFIG", "").split(os.pathsep):
        if name and Path(name).is_file():
            return Path(name).read_text()
    own = Path.home() / ".kube" / "config"
    if own.is_file():
        return own.read_text()
    if (SERVICE_ACCOUNT / "token").is_file():
        return json.dumps(_in_cluster())
    raise Failure(
        "no kubeconfig: give the provider's 'kubeconfig', set kubernetes:kubeconfig or KUBECONFIG, "
        "or create ~/.kube/config"
    )


def _in_cluster() -> dict[str, Any]:
    host, port = (
        os.environ.get("KUBERNETES_SERVICE_HOST", ""),
        os.environ.get("KUBERNETES_SERVICE_PORT", "443"),
    )
    host = f"[{host}]" if ":" in host else host
    namespace = SERVICE_ACCOUNT / "namespace"
    return {
        "current-context": "in-cluster",
        "contexts": [
            {
                "name": "in-cluster",
                "context": {
                    "cluster": "in-cluster",
                    "user": "in-cluster",
                    "namespace": namespace.read_text().strip() if namespace.is_file() else "default",
                },
            }
        ],
        "clusters": [
            {
                "name": "in-cluster",
                "cluster": {
                    "server": f"https://{host}:{port}",
                    "certificate-authority": str(SERVICE_ACCOUNT / "ca.crt"),
                },
            }
        ],
        "users": [{"name": "in-cluster", "user": {"tokenFile": str(SERVICE_ACCOUNT / "token")}}],
    }


def _entry(document: Mapping[str, Any], section: str, key: str, name: str) -> dict[str, Any] | None:
    for entry in document.get(section) or []:
        if isinstance(entry, dict) and entry.get("name") == name:
            found = entry.get(key)
            return found if isinstance(found, dict) else {}
    return None


def _pem(section: Mapping[str, Any], key: str) -> str:
    """A PEM text from `KEY-data` (base64) or from the file named by `KEY`."""
    if data := section.get(f"{key}-data"):
        try:
            return base64.b64decode(data).decode()
        except ValueError as error:
            raise Failure(f"the kubeconfig's {key}-data is not base64 of a PEM text") from error
    if name := section.get(key):
        try:
            return Path(name).expanduser().read_text()
        except OSError as error:
            raise Failure(f"cannot read the kubeconfig's {key} {name}: {error.strerror}") from error
    return ""


def _token_file(name: str | None) -> str:
    if not name:
        return ""
    try:
        return Path(name).expanduser().read_text().strip()
    except OSError as error:
        raise Failure(f"cannot read the kubeconfig's tokenFile {name}: {error.strerror}") from error


def _run_helper(helper: Mapping[str, Any]) -> dict[str, Any]:
    """The credentials that a kubeconfig's `exec` section prints."""
    command = [str(helper.get("command") or ""), *(str(word) for word in helper.get("args") or [])]
    info = {"kind": "ExecCredential", "apiVersion": helper.get("apiVersion"), "spec": {"interactive": False}}
    variables = {str(item.get("name")): str(item.get("value")) for item in helper.get("env") or []}
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **variables, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=EXEC_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f"the kubeconfig's credential helper {command[0]!r} did not run: {error}") from error
    if done.returncode:
        raise Failure(f"the kubeconfig's credential helper {command[0]!r} failed: {done.stderr.strip()}")
    try:
        status = json.loads(done.stdout)["status"]
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(
            f"the kubeconfig's credential helper {command[0]!r} printed no ExecCredential"
        ) from error

    def encode(text: str | None) -> str:
        return base64.b64encode(text.encode()).decode() if text else ""

    return {
        "token": status.get("token"),
        "client-certificate-data": encode(status.get("clientCertificateData")),
        "client-key-data": encode(status.get("clientKeyData")),
    }
