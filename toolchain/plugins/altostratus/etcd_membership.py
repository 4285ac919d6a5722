"""Members of etcd, asked through `etcdctl` on a host."""

from collections.abc import Iterable
from dataclasses import dataclass

from toolchain.plugins.altostratus.machine import Machine
from toolchain.plugins.protocol import Failure

PKI = "/etc/etcd/pki"
ETCDCTL = (
    "/usr/local/bin/etcdctl",
    "--dial-timeout=2s",
    "--command-timeout=4s",
    f"--cacert={PKI}/ca.crt",
    f"--cert={PKI}/member.crt",
    f"--key={PKI}/member.key",
)


class NobodyThere(Failure):
    """No peer is left that could be asked."""


@dataclass(frozen=True)
class Member:
    """A line of `member list`; the name is empty until the member has started once."""

    id: str
    name: str
    peer_urls: str


def healthy(machine: Machine, address: str) -> str:
    """Empty when the member on this host answers and sees a leader; else what it says instead."""
    answer = machine.run([*ETCDCTL, f"--endpoints=https://{address}:2379", "endpoint", "health"])
    return "" if answer.code == 0 else _last_line(answer.output) or "etcdctl gave no answer"


def parse_members(listing: str) -> list[Member]:
    """The members in etcdctl's simple listing: `id, status, name, peer URLs, client URLs, learner`."""
    rows = [[part.strip() for part in line.split(",")] for line in listing.splitlines()]
    return [Member(row[0], row[2], row[3]) for row in rows if len(row) >= 5]


def remove_member(peers: Iterable[Machine], name: str, address: str) -> str:
    """Removes the member through the first peer that can; returns what was done, in words.

    Raises `NobodyThere` when no peer runs, `Failure` when those that run could not (yet).
    """
    problem = ""
    for peer in peers:
        try:
            if not peer.alive():
                continue
            listing = peer.run([*ETCDCTL, "member", "list"])
            if listing.code != 0:
                problem = _last_line(listing.output)
                continue
            found = [
                member
                for member in parse_members(listing.output)
                if member.name == name or f"//{address}:" in member.peer_urls
            ]
            for member in found:
                removed = peer.run([*ETCDCTL, "member", "remove", member.id])
                if removed.code != 0:
                    raise Failure(_last_line(removed.output))
            return f"removed from etcd's members: {name}" if found else f"{name} was no member of etcd"
        except Failure as failure:
            problem = str(failure)
    raise Failure(problem) if problem else NobodyThere("no other host runs")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
