"""The resource classes and the plugin together, run by the real Pulumi engine."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.plugins_docker.project import Project
from tests.waiting import until
from toolchain import find, pins
from toolchain.plugins.altostratus import pki

pytestmark = pytest.mark.engine

PROGRAM = """
    import pulumi
    from components.hosts.pki import Certificate, CertificateAuthority, KeyPair, Password

    authority = CertificateAuthority("ca", common_name="test",
        validity_hours=100_000, renew_before_hours={window})
    server = Certificate("server", ca_certificate=authority.certificate, ca_private_key=authority.private_key,
        common_name="api", dns_names=["api.example"], ip_addresses=["10.0.0.1"], usages=["server", "client"])
    password = Password("password", length=20)
    pulumi.export("ca", authority.certificate)
    pulumi.export("server", server.certificate)
    pulumi.export("key", server.private_key)
    pulumi.export("end", authority.not_after)
    pulumi.export("public", KeyPair("accounts").public_key)
    pulumi.export("password", password.value)
    pulumi.export("bcrypt", password.bcrypt)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    found = find.locate(pins.tools()["pulumi"])
    if found is None:
        pytest.skip("the pulumi CLI is not installed: ./alto toolchain install")
    made = Project(tmp_path / "project", found.programs["pulumi"])
    made.create()
    yield made
    made.destroy()


def test_key_material_is_made_once_kept_secret_and_renewed_in_time(project: Project) -> None:
    project.program(PROGRAM.format(window=10))
    assert "5 created" in project.up()
    first = project.outputs()
    assert pki.signed_by(first["server"], first["ca"])
    assert len(first["password"]) == 20
    state = project.state()
    assert "PRIVATE KEY" not in state
    assert first["password"] not in state
    assert first["bcrypt"] not in state
    assert "PRIVATE KEY" not in project.run("stack", "output"), "an output of a key is hidden by itself"

    assert "unchanged" in project.up()
    assert project.outputs() == first

    # A window that has begun: the authority is issued again, what it signed is not.
    window = 99_999.999  # hours: it begins some seconds after the certificate was issued
    begins = pki.from_rfc3339(first["end"]) - timedelta(hours=window)
    until(lambda: datetime.now(UTC) > begins, "the renewal window has begun")
    project.program(PROGRAM.format(window=window))
    renewed = project.up()
    assert "1 updated" in renewed, renewed
    second = project.outputs()
    assert second["ca"] != first["ca"]
    assert {**second, "ca": "", "end": ""} == {**first, "ca": "", "end": ""}
    assert pki.signed_by(second["server"], second["ca"])
