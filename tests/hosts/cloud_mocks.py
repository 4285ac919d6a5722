"""Mocks that answer as clouds would, and remember what was asked of them."""

import asyncio
import gzip
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pulumi
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from components.hosts.config import MadeHosts, load_hosts_config
from components.hosts.host_cluster import HostCluster
from tests.hosts.clusters import pair
from toolchain import install
from toolchain.plugins.altostratus.joining import PROVISIONED

ENGINE_MARK = "4dabf18193072939515e22adb298388d"  # how the engine marks a secret on the wire
VOLUME = "0d8fc4a1-7a4f-4f3b-9f9f-2f7a35f2f8c1"

_key = ec.generate_private_key(ec.SECP256R1())
PRIVATE_KEY = _key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC_KEY = _key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def plain(value: Any) -> Any:
    """Inputs as a plugin sees them, without the marks of secrets."""
    if isinstance(value, dict):
        if ENGINE_MARK in value:
            return plain(value["value"])
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


class CloudMocks(pulumi.runtime.Mocks):
    """Every resource gets an id; what clouds compute is in `outputs`, by type (`{}`: a machine's number)."""

    def __init__(self, outputs: dict[str, dict[str, Any]], answers: dict[str, dict[str, Any]]) -> None:
        self.registered: dict[tuple[str, str], dict[str, Any]] = {}
        self._raw: dict[tuple[str, str], dict[str, Any]] = {}
        self._outputs = outputs
        self._answers = answers

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        self.registered[args.typ, args.name] = plain(args.inputs)
        self._raw[args.typ, args.name] = dict(args.inputs)
        made = pair(args.name)
        issued = {"certificate": made.certificate, "privateKey": made.private_key}
        own = {
            "altostratus:pki:CertificateAuthority": issued,
            "altostratus:pki:Certificate": issued,
            "altostratus:pki:KeyPair": {"publicKey": PUBLIC_KEY, "privateKey": PRIVATE_KEY},
            "altostratus:pki:Password": {"value": "a generated password", "bcrypt": "x"},
            "altostratus:etcd:DiscoveryToken": {"url": "https://10.88.0.2:8087/token"},
        }
        computed = {
            key: value.format(number_of(args.name)) for key, value in self._outputs.get(args.typ, {}).items()
        }
        found = {**own.get(args.typ, {}), **computed}
        id = VOLUME if "olume:Volume" in args.typ else f"{args.name}-id"
        return id, {**args.inputs, **found}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[Any, Any]:
        return self._answers[args.token]

    def of(self, type_: str) -> dict[str, dict[str, Any]]:
        """The inputs of every resource whose type ends so, by name."""
        return {name: inputs for (typ, name), inputs in self.registered.items() if typ.endswith(type_)}

    def raw(self, type_: str, name: str) -> dict[str, Any]:
        """The inputs of a resource with the marks of secrets."""
        return next(found for (typ, n), found in self._raw.items() if typ.endswith(type_) and n == name)


def real_tools() -> dict[str, Path]:
    """butane and ignition-validate; skips the test where they are not installed."""
    found = {name: install.locate(name) for name in ("butane", "ignition-validate")}
    if None in found.values():
        pytest.skip("butane and ignition-validate are not installed: ./alto toolchain install")
    return {name: path for name, path in found.items() if path is not None}


def accepted(ignition: str) -> None:
    """Fail with the tool's words where the real ignition-validate refuses a config."""
    words = [str(real_tools()["ignition-validate"]), "-"]
    judged = subprocess.run(words, input=ignition, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stderr


def number_of(name: str) -> str:
    """The number of the host in a resource's name; 100 where it is another machine's, or nobody's."""
    found = re.search(r"host([0-9]+)", name)
    return found[1] if found else "100"


def text_of(entry: dict[str, Any]) -> str:
    """What a file in an Ignition config holds."""
    contents = entry["contents"]
    with urlopen(contents["source"]) as stream:  # noqa: S310
        data: bytes = stream.read()
    return (gzip.decompress(data) if contents.get("compression") == "gzip" else data).decode()


def fit_for_joining(config: dict[str, Any]) -> None:
    """Fail where a machine with this config never counts as provisioned, or its kernel is not set up."""
    units = {unit["name"]: unit for unit in config["systemd"]["units"]}
    unit = units["altostratus-provisioned.service"]
    assert unit["enabled"]
    [start] = re.findall(r"^ExecStart=(.*)$", unit["contents"], re.MULTILINE)
    assert start.rstrip('"').endswith(f"touch {PROVISIONED}")
    assert "WantedBy=multi-user.target" in unit["contents"], "at each boot"
    files = {each["path"]: each for each in config["storage"]["files"]}
    modules = text_of(files["/etc/modules-load.d/80-altostratus.conf"]).split("\n")
    assert {"br_netfilter", "overlay"} <= set(modules)
    assert "net.ipv4.ip_forward = 1" in text_of(files["/etc/sysctl.d/80-altostratus.conf"])
    assert "vm.overcommit_memory = 1" in text_of(files["/etc/sysctl.d/81-altostratus-machine.conf"])


def made(
    values: dict[str, Any], outputs: dict[str, dict[str, Any]], answers: dict[str, dict[str, Any]]
) -> tuple[CloudMocks, dict[str, Any]]:
    """What a host cluster with these settings registers, and its outputs."""
    config = load_hosts_config(values)
    assert isinstance(config, MadeHosts)
    mocks = CloudMocks(outputs, answers)
    # A test before this one may have run a loop of its own, and left none.
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(mocks, "altostratus", "hosts-far")
    found: dict[str, Any] = {}

    def program() -> pulumi.Output[None]:
        cluster = HostCluster("far", config)

        def keep(known: list[Any]) -> None:
            found["kubeconfig"], found["nodes"], found["network"], found["reach"] = known

        wanted = (cluster.kubeconfig, cluster.nodes, cluster.network, cluster.reach)
        return pulumi.Output.all(*wanted).apply(keep)

    run: Callable[[], Any] = pulumi.runtime.test(program)
    run()
    return mocks, found
