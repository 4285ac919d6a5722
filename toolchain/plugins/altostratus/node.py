"""`altostratus:hosts:Node`: a machine is provisioned and has joined the cluster."""

import re
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from toolchain.plugins.altostratus import etcd_membership
from toolchain.plugins.altostratus.fields import missing, unknown_fields
from toolchain.plugins.altostratus.joining import POLL, Joining
from toolchain.plugins.altostratus.machine import REMOTE, Machine, machine_for
from toolchain.plugins.altostratus.node_files import changed_files
from toolchain.plugins.docker.session import Session
from toolchain.plugins.protocol import (
    UNKNOWN,
    Cancelled,
    CheckFailure,
    Failure,
    PartialFailure,
    Properties,
    Request,
    ResourceHandler,
    Severity,
)

FIELDS = (
    "driver",
    "name",
    "machineId",
    "address",
    "roles",
    "kubeconfig",
    "files",
    "access",
    "units",
    "peers",
    "readyTimeoutSeconds",
    "drainTimeoutSeconds",
)
DEFAULTS: Properties = {
    "driver": "docker",
    "roles": [],
    "files": {},
    "units": {},
    "peers": [],
    "readyTimeoutSeconds": 180,
    "drainTimeoutSeconds": 60,
}
DRIVERS = ("docker", *REMOTE)
ROLES = ("control-plane", "etcd", "worker")
ETCD = "etcd"
LEAVE_ETCD_SECONDS = 45.0
OCTAL = re.compile(r"0?[0-7]{3,4}")


class NodeHandler(ResourceHandler):
    """The id is the machine's name and the beginning of its id."""

    secret_outputs = ("kubeconfig", "files", "access")
    immutable = ("driver", "name", "machineId", "address")
    delete_before_replace = True

    def __init__(self, session: Session) -> None:
        self._session = session
        # Members of etcd and control planes must not restart side by side, or the quorum is lost.
        self._one_update = threading.Lock()

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        inputs = {**DEFAULTS, **{key: value for key, value in news.items() if value is not None}}
        failures = [
            *missing(inputs, ("name", "machineId", "address", "kubeconfig")),
            *unknown_fields(news, FIELDS),
            *_problems(inputs),
        ]
        return inputs, failures

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        if request.preview:
            return "", news
        id = f"{news['name']}-{str(news['machineId'])[:12]}"
        self._await_joined(request, id, news)
        return id, news

    def read(
        self, request: Request, id: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties] | None:
        # A machine that stopped is its own resource's to report: replacing it replaces this.
        return id, inputs, state

    def update(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Properties:
        if request.preview:
            return news
        changes = changed_files(old_inputs.get("files"), news.get("files"), news.get("units"))
        machine = self._machine(news)
        with self._one_update:
            request.check_cancelled()
            if changes.units:
                joining = Joining(request, machine, news)
                joining.wait_for_systemd()
            if changes.written:
                request.status(f"writing {len(changes.written)} files")
                machine.put(changes.written)
            if changes.removed:
                _must(machine, ["rm", "-f", *changes.removed])
            if changes.units:
                request.log(f"restarting {', '.join(changes.units)}")
                _must(machine, ["systemctl", "daemon-reload"])
                if machine.run(["systemctl", "restart", *changes.units]).code != 0:
                    # A first start may fail for a good reason (etcd takes one new member at a time).
                    joining.wait_for_units(changes.units)
            self._await_joined(request, id, news)
        return news

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        inputs = {**DEFAULTS, **(inputs or state)}
        alive = self._alive(inputs)
        self._leave_kubernetes(request, inputs, alive)
        if ETCD in inputs["roles"]:
            self._leave_etcd(request, inputs)

    # --- how ---

    def _machine(self, inputs: Properties) -> Machine:
        return machine_for(inputs["driver"], self._session, str(inputs["machineId"]), inputs.get("access"))

    def _alive(self, inputs: Properties) -> bool:
        try:
            return self._machine(inputs).alive()
        except Failure:
            return False

    def _await_joined(self, request: Request, id: str, news: Properties) -> None:
        """Raises `PartialFailure`, as from here on the cluster may know the machine."""
        try:
            Joining(request, self._machine(news), news).wait()
        except Cancelled:
            raise
        except Failure as failure:
            raise PartialFailure(id, news, [str(failure)]) from None

    def _leave_etcd(self, request: Request, inputs: Properties) -> None:
        peers = [
            machine_for(inputs["driver"], self._session, str(peer["machineId"]), inputs.get("access"))
            for peer in inputs["peers"]
            if peer["name"] != inputs["name"]
        ]
        # Members that have just restarted or elected a leader refuse for some seconds (etcd's strict
        # check of reconfigurations); a host that goes while it is still counted can end the quorum.
        deadline = request.deadline(LEAVE_ETCD_SECONDS)
        while True:
            try:
                request.log(etcd_membership.remove_member(peers, inputs["name"], inputs["address"]))
                return
            except Cancelled:
                raise
            except Failure as failure:
                over = request.clock() > deadline or isinstance(failure, etcd_membership.NobodyThere)
                if over:
                    request.log(
                        f"{inputs['name']} stays among etcd's members, as it could not be removed: {failure}",
                        Severity.WARNING,
                    )
                    return
                request.status(f"waiting to leave etcd: {failure}")
                request.wait(POLL)

    def _leave_kubernetes(self, request: Request, inputs: Properties, alive: bool) -> None:
        from lightkube import ApiError

        from toolchain.plugins.altostratus.kubernetes_node import UNREACHABLE, KubernetesNode

        name = inputs["name"]
        try:
            node = KubernetesNode(str(inputs["kubeconfig"]), name)
            if not node.answers():
                request.log(f"the API server does not answer: {name} is not drained", Severity.WARNING)
                return
            if not node.cordon():
                return
            if alive:
                request.status("draining")
                stayed = node.drain(request, float(inputs["drainTimeoutSeconds"]))
                if stayed:
                    request.log(f"{name} goes with Pods on it: {'; '.join(stayed)}", Severity.WARNING)
            else:
                request.log(f"{name} is dead: {node.abandon_pods()} Pods start again elsewhere")
            node.forget()
        except Cancelled:
            raise
        except (ApiError, Failure, *UNREACHABLE) as error:
            request.log(f"{name} could not leave Kubernetes in order: {error}", Severity.WARNING)


def _must(machine: Machine, argv: Sequence[str]) -> None:
    result = machine.run(argv)
    if result.code != 0:
        raise Failure(f"{' '.join(argv[:2])} failed on the host: {result.output}")


def _problems(inputs: Properties) -> Iterator[CheckFailure]:
    if inputs["driver"] is not UNKNOWN and inputs["driver"] not in DRIVERS:
        yield CheckFailure("driver", f"{inputs['driver']!r} is not one of: {', '.join(DRIVERS)}")
    for index, role in enumerate(_items(inputs["roles"])):
        if role is not UNKNOWN and role not in ROLES:
            yield CheckFailure(f"roles[{index}]", f"{role!r} is not one of: {', '.join(ROLES)}")
    for key in ("readyTimeoutSeconds", "drainTimeoutSeconds"):
        value = inputs[key]
        if value is not UNKNOWN and (
            isinstance(value, bool) or not isinstance(value, int | float) or value < 0
        ):
            yield CheckFailure(key, f"{key} must be a number of seconds, not {value!r}")
    files = inputs["files"]
    for path, entry in files.items() if isinstance(files, dict) else ():
        yield from _file_problems(path, entry)
    for index, peer in enumerate(_items(inputs["peers"])):
        if isinstance(peer, dict) and not {"name", "machineId"} <= set(peer):
            yield CheckFailure(f"peers[{index}]", "a peer has a name and a machineId")


def _file_problems(path: str, entry: Any) -> Iterator[CheckFailure]:
    place = f'files["{path}"]'
    if not path.startswith("/"):
        yield CheckFailure(place, f"{path!r} must be an absolute path on the host")
    if not isinstance(entry, dict):
        return
    if entry.get("content") is None:
        yield CheckFailure(f"{place}.content", f"{path} has no content")
    mode = entry.get("mode")
    if isinstance(mode, int | float) or (isinstance(mode, str) and not OCTAL.fullmatch(mode)):
        yield CheckFailure(f"{place}.mode", f'{mode!r} must be octal digits as text, such as "0600"')


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
