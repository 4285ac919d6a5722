"""Certificates of a balancer's https listeners and of its state endpoint: made by an authority, or given."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from blueprints.balancing.model import Balancer, GivenFor, PlannedListener
from blueprints.names import shorten
from components import kubernetes as k8s
from components.hosts.certificates import AUTHORITY_HOURS, CERTIFICATE_HOURS, RENEW_BEFORE_HOURS
from components.hosts.pki import Certificate, CertificateAuthority
from components.load_balancer.drivers.driver import Site
from components.load_balancer.workload import Names

MADE = "made"
"""The folder of the certificate that is made."""

_LONGEST_FOLDER = 48
_LONGEST_COMMON_NAME = 64


def folders(balancer: Balancer) -> Mapping[str, Sequence[str]]:
    """By https listener: the folders of its certificates, the one for all other names first. Pure."""
    return {
        listener.name: _folders(listener) for listener in balancer.listeners if listener.protocol == "https"
    }


def _folders(listener: PlannedListener) -> list[str]:
    given = [_folder(listener, each) for each in listener.certificates]
    own = any(each.host is None for each in listener.certificates)
    return given if own else [MADE, *given]


def _folder(listener: PlannedListener, given: GivenFor) -> str:
    if given.host is None:
        return f"listener-{listener.name}"
    return host_folder(given.host)


def host_folder(host: str) -> str:
    """The folder of a certificate that was given for one host name."""
    return shorten("host-" + host.replace("*", "any").replace(".", "-"), _LONGEST_FOLDER)


class Certificates:
    """Makes the Secrets; `authority` is the certificate (PEM) that clients check the made ones with."""

    def __init__(
        self, balancer: Balancer, site: Site, names: Names, metadata: Any, parent: pulumi.Resource
    ) -> None:
        self._balancer, self._site, self._names = balancer, site, names
        self._metadata = metadata
        self._children = pulumi.ResourceOptions(parent=parent)
        self._authority = CertificateAuthority(
            f"{balancer.name}-ca",
            common_name=f"load balancers of {balancer.application}",
            validity_hours=AUTHORITY_HOURS,
            opts=self._children,
        )
        self.authority = self._authority.certificate
        self.secrets: list[pulumi.Resource] = [self._made(names.state, "state", [])]
        known = dict.fromkeys(each for found in folders(balancer).values() for each in found)
        for listener in balancer.listeners:
            for given in listener.certificates:
                folder = _folder(listener, given)
                if known.pop(folder, 0) is None:
                    self.secrets.append(self._given(names.certificate(folder), given))
        if MADE in known:
            self.secrets.append(self._made(names.certificate(MADE), MADE, balancer.hosts))

    def _made(self, secret: str, role: str, hosts: Sequence[str]) -> pulumi.Resource:
        name, namespace = self._balancer.name, self._balancer.namespace
        service = [f"{name}.{namespace}.svc.cluster.local", f"{name}.{namespace}.svc", f"{name}.{namespace}"]
        made = Certificate(
            f"{name}-cert-{role}",
            ca_certificate=self._authority.certificate,
            ca_private_key=self._authority.private_key,
            common_name=(hosts[0] if hosts and len(hosts[0]) <= _LONGEST_COMMON_NAME else name),
            dns_names=[*hosts, *service],
            ip_addresses=pulumi.Output.from_input(self._site.node_addresses).apply(list),
            usages=["server"],
            validity_hours=CERTIFICATE_HOURS,
            renew_before_hours=RENEW_BEFORE_HOURS,
            opts=self._children,
        )
        return self._secret(secret, made.certificate, made.private_key)

    def _given(self, secret: str, given: GivenFor) -> pulumi.Resource:
        wanted_by = f"load balancer {self._balancer.document.name}"
        return self._secret(
            secret,
            self._site.secret(given.given.certificate.secret, wanted_by),
            self._site.secret(given.given.key.secret, wanted_by),
        )

    def _secret(self, name: str, certificate: pulumi.Output[str], key: pulumi.Output[str]) -> pulumi.Resource:
        private: pulumi.Output[str] = pulumi.Output.secret(key)
        made: pulumi.Resource = k8s.core.v1.Secret(
            name,
            metadata=self._metadata(name),
            type="kubernetes.io/tls",
            string_data={"tls.crt": certificate, "tls.key": private},
            opts=self._children,
        )
        return made
