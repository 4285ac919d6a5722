"""A Pulumi engine that only takes notes: which resources a program registers, with which inputs."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from google.protobuf import json_format
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import SETTINGS

from blueprints.loader import load_text
from blueprints.plan import Plan
from blueprints.scale import ScaleState
from blueprints.workspace import Workspace

# Text made of an output is always a mistake; here it is an error.
os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "true"

DIGEST = "sha256:" + "a" * 64
ANSWERS: dict[str, dict[str, Any]] = {
    "altostratus:kept:Password": {"value": "generated-word"},
    "altostratus:pki:Password": {"value": "generated-word", "bcrypt": "$2b$12$hash"},
    "altostratus:pki:Certificate": {"certificate": "CERTIFICATE", "privateKey": "KEY"},
}
NODE_PORT = 30080


@dataclass(frozen=True)
class Registered:
    """One registered resource with its inputs as they go over the wire, secrets marked."""

    type: str
    name: str
    urn: str
    parent: str
    inputs: dict[str, Any]
    dependencies: frozenset[str]
    protect: bool
    retain: bool


def is_secret(value: Any) -> bool:
    """Whether a value on the wire is marked as a secret."""
    return isinstance(value, dict) and value.get(rpc._special_sig_key) == rpc._special_secret_sig


def plain(value: Any) -> Any:
    """A value on the wire without its marks."""
    if is_secret(value):
        return plain(value["value"])
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


class _Answers(pulumi.runtime.Mocks):
    def __init__(self, stacks: dict[str, dict[str, Any]]) -> None:
        self.stacks = stacks

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        inputs = plain(dict(args.inputs))
        if args.typ == "pulumi:pulumi:StackReference":
            return args.name, {"name": args.name, "outputs": self.stacks[args.name], "secretOutputNames": []}
        state = {**args.inputs, **ANSWERS.get(args.typ, {})}
        if args.typ == "kubernetes:core/v1:Service" and inputs["spec"].get("type") == "NodePort":
            ports = [{**port, "nodePort": NODE_PORT} for port in inputs["spec"]["ports"]]
            state["spec"] = {**inputs["spec"], "ports": ports}
        if args.typ == "docker:index/image:Image":
            state["repoDigest"] = f"{inputs['imageName'].rpartition(':')[0]}@{DIGEST}"
        return f"{args.name}-id", state

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(f"nothing is looked up while a program runs, but {args.token} was called")


class _Monitor(MockMonitor):
    def __init__(self, mocks: pulumi.runtime.Mocks, notes: "Engine") -> None:
        super().__init__(mocks)
        self.notes = notes

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        if request.type != "pulumi:pulumi:Stack":
            self.notes.registered.append(
                Registered(
                    request.type,
                    request.name,
                    self.make_urn(request.parent, request.type, request.name),
                    request.parent,
                    json_format.MessageToDict(request.object),
                    frozenset(request.dependencies),
                    request.protect,
                    request.retainOnDelete,
                )
            )
        return super().RegisterResource(request)

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        self.notes.read.append(request.name)
        return super().ReadResource(request)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if "pulumi:pulumi:Stack" in request.urn.rpartition("::")[0].rpartition("$")[2]:
            self.notes.exports = json_format.MessageToDict(request.outputs)
        return super().RegisterResourceOutputs(request)


@dataclass
class Engine:
    """What a program registered and exported. `stacks` holds the outputs of the stacks it refers to."""

    registered: list[Registered] = field(default_factory=list)
    exports: dict[str, Any] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    stacks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def run(self, program: Callable[[], Any], stack: str = "app-shop") -> "Engine":
        """Run a program to its end."""
        # A program that failed leaves its unfinished business to the next.
        SETTINGS.rpc_manager.clear()
        SETTINGS.outputs.clear()
        loop = asyncio.new_event_loop()
        # Of a program that is to fail, its error is read where it is raised; the loop would print it again.
        loop.set_exception_handler(lambda _loop, _context: None)
        asyncio.set_event_loop(loop)
        mocks = _Answers(self.stacks)
        pulumi.runtime.set_mocks(
            mocks, project="altostratus", stack=stack, preview=False, monitor=_Monitor(mocks, self)
        )
        # The mocks bring a root of their own, and there may be one only.
        pulumi.runtime.settings.set_root_resource(None)

        def without_result() -> None:
            program()

        try:
            loop.run_until_complete(pulumi.runtime.run_in_stack(without_result))
        finally:
            loop.close()
            # Programs of other tests find a loop to run in, as they would in a process of their own.
            asyncio.set_event_loop(asyncio.new_event_loop())
        return self

    def of(self, type_: str) -> dict[str, dict[str, Any]]:
        """The plain inputs of every resource of a type (or of one ending so), by name."""
        return {each.name: plain(each.inputs) for each in self.registered if each.type.endswith(type_)}

    def one(self, type_: str, name: str) -> Registered:
        """One resource."""
        found = [each for each in self.registered if each.type.endswith(type_) and each.name == name]
        assert len(found) == 1, f"{len(found)} resources {type_} {name}"
        return found[0]


@pytest.fixture
def engine() -> Engine:
    return Engine()


def workspace_of(text: str) -> Workspace:
    """The documents written out in a test."""
    documents, findings = load_text(text)
    assert not findings, findings
    return Workspace(documents)


def plan_of(text: str, name: str = "shop", scale: ScaleState | None = None) -> Plan:
    """The plan of an application written out in a test."""
    return workspace_of(text).plan(name, scale)
