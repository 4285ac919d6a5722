"""The DomainMapping document: a host name and path that lead to a cluster."""

from typing import ClassVar

from blueprints.kinds.environment import SecretReference
from blueprints.model import Document, Model
from blueprints.names import AliasPath, Hostname, PortName, ResourceName, UrlPath


class GivenCertificate(Model):
    """A certificate of your own, kept in the stack's encrypted settings."""

    certificate: SecretReference
    """The certificate chain."""
    key: SecretReference
    """Its private key."""


class DomainMapping(Document):
    """Requests for a host name, and a path, go to a cluster of an application."""

    KIND: ClassVar[str] = "DomainMapping"

    application: ResourceName
    """The Application."""
    cluster: AliasPath
    """The cluster in it."""
    domain: Hostname
    """The host name asked for."""
    path: UrlPath = "/"
    """The beginning of the path asked for, in whole segments."""
    rewrite: UrlPath | None = None
    """What the beginning of the path is replaced by."""
    port: PortName | None = None
    """The cluster's port; left out, its first http port."""
    certificate: GivenCertificate | None = None
    """A certificate of your own; left out, one is made."""
    signup: ResourceName | None = None
    """The Signup whose tenant this name belongs to."""
