"""Waiting until a machine has joined, and saying why it does not."""

from collections.abc import Callable, Iterable

from toolchain.plugins.altostratus import etcd_membership
from toolchain.plugins.altostratus.machine import REMOTE, Machine, Result, Unreachable
from toolchain.plugins.protocol import Failure, Properties, Request

POLL = 0.5  # seconds
PROVISIONED = "/run/altostratus/provisioned"
"""Made at each boot: by a container's entry point, on a machine by a unit that Ignition brought."""
FAILED = "/run/altostratus/failed"
JOURNAL_LINES = 8
BROKEN_FOR = 15.0  # seconds a needed unit may stay failed before waiting any longer is pointless


class Joining:
    """The steps of one machine: runs, provisioned, member of etcd, Ready in Kubernetes."""

    def __init__(self, request: Request, machine: Machine, inputs: Properties) -> None:
        self._request = request
        self._machine = machine
        self._inputs = inputs
        self._deadline = request.deadline(float(inputs["readyTimeoutSeconds"]))
        self._needed_units = frozenset(inputs["units"].values()) | {"containerd.service", "kubelet.service"}
        self._remote = inputs["driver"] in REMOTE
        self._broken_since: float | None = None

    def wait(self) -> None:
        """Returns when the machine has joined. Raises `Failure` with the reason when it does not."""
        self._await("waiting for the machine", self._not_running)
        self._await("waiting for the provisioning", self._not_provisioned)
        if "etcd" in self._inputs["roles"]:
            self._await("waiting for etcd", self._etcd_problem)
        from toolchain.plugins.altostratus.kubernetes_node import KubernetesNode

        node = KubernetesNode(str(self._inputs["kubeconfig"]), self._inputs["name"])
        self._await("waiting for Kubernetes", node.problem)

    def wait_for_systemd(self) -> None:
        """Returns when units can be restarted: a machine made anew may only be starting. Raises `Failure`."""
        self._await("waiting for the machine", self._not_running)
        self._await("waiting for the provisioning", self._not_provisioned)
        self._await("waiting for systemd", self._systemd_problem)

    def wait_for_units(self, units: Iterable[str]) -> None:
        """Returns when none of the units is failed or on its way any more. Raises `Failure`."""

        def problem() -> str:
            waiting = (self._failed_units() | self._restarting_units()) & set(units)
            return f"{', '.join(sorted(waiting))} could not start yet" if waiting else ""

        self._await("waiting for services", problem)

    def _await(self, step: str, problem_of: Callable[[], str]) -> None:
        shown = ""
        while problem := _seen(problem_of):
            message = f"{step}: {problem}"
            if message != shown:
                self._request.status(message)
                shown = message
            self._give_up_if_hopeless(problem)
            self._request.wait(POLL)

    def _give_up_if_hopeless(self, problem: str) -> None:
        clock = self._request.clock()
        name = self._inputs["name"]
        if not self._machine.alive():
            if clock > self._deadline:
                raise Failure(self._never_seen(problem))
            return
        broken = self._failed_units() & self._needed_units
        self._broken_since = (self._broken_since or clock) if broken else None
        if broken and clock - (self._broken_since or clock) > BROKEN_FOR:
            raise Failure(f"{name} has not joined: {problem}{self._journals(sorted(broken))}")
        if clock > self._deadline:
            seconds = float(self._inputs["readyTimeoutSeconds"])
            raise Failure(
                f"{name} has not joined within {seconds:g} s: {problem}"
                f"{self._journals(sorted(self._failed_units() | self._restarting_units()))}"
            )

    def _never_seen(self, problem: str) -> str:
        name = self._inputs["name"]
        if not self._remote:
            return f"{name} does not run: {problem}"
        return (
            f"{name} is not to be reached: {problem}\n"
            "  Is the address that this update comes from in adminCidrs? Did Ignition get through? "
            "The machine's console tells."
        )

    def _not_running(self) -> str:
        if self._remote:
            # The reason why it is not reached is worth more than that it is not.
            self._machine.run(["true"])
            return ""
        return "" if self._machine.alive() else "it does not run"

    def _not_provisioned(self) -> str:
        # A connection that is lost says nothing about a machine of a cloud.
        if not self._remote and not self._machine.alive():
            raise Failure(f"{self._inputs['name']} stopped while it was provisioned")
        if self._machine.run(["test", "-e", PROVISIONED]).code == 0:
            return ""
        failed = self._machine.run(["cat", FAILED])
        if failed.code == 0:
            raise Failure(f"{self._inputs['name']} could not be provisioned: {failed.output}")
        return "it goes on"

    def _systemd_problem(self) -> str:
        answer = self._machine.run(["systemctl", "show", "--property=Version"])
        return "" if answer.code == 0 else answer.output or "it does not answer"

    def _etcd_problem(self) -> str:
        return etcd_membership.healthy(self._machine, str(self._inputs["address"]))

    def _failed_units(self) -> set[str]:
        return self._units("failed")

    def _restarting_units(self) -> set[str]:
        return self._units("activating")

    def _units(self, state: str) -> set[str]:
        listing = self._told(
            [
                "systemctl",
                "list-units",
                "--type=service",
                f"--state={state}",
                "--plain",
                "--no-legend",
                "--no-pager",
            ]
        )
        if listing.code != 0:
            return set()
        return {line.split()[0] for line in listing.output.splitlines() if line.strip()}

    def _journals(self, units: list[str]) -> str:
        """What the units said last."""
        texts = []
        for unit in units:
            said = self._told(
                ["journalctl", "--unit", unit, "--lines", str(JOURNAL_LINES), "--output=cat", "--no-pager"]
            )
            if said.output.strip():
                texts.append(f"\n{unit} said last:\n{said.output}")
        return "".join(texts)

    def _told(self, argv: list[str]) -> Result:
        try:
            return self._machine.run(argv)
        except Unreachable as error:
            return Result(-1, str(error))


def _seen(problem_of: Callable[[], str]) -> str:
    """What keeps a machine from a step; a connection that does not come about keeps it from any."""
    try:
        return problem_of()
    except Unreachable as error:
        return str(error)
