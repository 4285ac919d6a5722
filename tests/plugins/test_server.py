"""The resource provider service: what handlers get, and what the engine gets back."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2

from toolchain.plugins.protocol import (
    CheckFailure,
    Diff,
    Failure,
    PartialFailure,
    Properties,
    Provider,
    Request,
    ResourceHandler,
    Secret,
)
from toolchain.plugins.protocol.engine import EngineLog
from toolchain.plugins.protocol.server import ProviderServer
from toolchain.plugins.protocol.stubs import provider_pb2, provider_pb2_grpc, status_pb2
from toolchain.plugins.protocol.values import marshal, unmarshal

URN = "urn:pulumi:dev::project::parent:mod:Type$demo:index:Thing::thing"


class Thing(ResourceHandler):
    secret_outputs = ("token",)
    echoes = ("__inputs",)
    immutable = ("name",)
    delete_before_replace = True

    def __init__(self) -> None:
        self.seen: list[tuple[Request, Any]] = []

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        if news.get("size", 0) < 0:
            return news, [CheckFailure("size", "must not be negative")]
        return {"size": 1, **news}, ()

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        self.seen.append((request, news))
        state = {**news, "token": "t", "__inputs": news}
        match news.get("mode"):
            case "refused":
                raise Failure("the thing shop is closed")
            case "bug":
                raise KeyError("shelf")
            case "half":
                raise PartialFailure("id-1", state, ["it does not turn", "no oil"])
            case "wait":
                request.wait(30)
        return "id-1", state

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        self.seen.append((request, inputs))


@pytest.fixture
def thing() -> Thing:
    return Thing()


@pytest.fixture
def stub(thing: Thing) -> Iterator[Any]:
    server = grpc.server(ThreadPoolExecutor(4))
    provider = Provider("demo", "1.2.3", {"demo:index:Thing": thing})
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(ProviderServer(provider, EngineLog()), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        made = provider_pb2_grpc.ResourceProviderStub(channel)
        made.Configure(provider_pb2.ConfigureRequest(acceptSecrets=True))
        yield made
    server.stop(None)


def create(stub: Any, **properties: Any) -> Any:
    return stub.Create(provider_pb2.CreateRequest(urn=URN, properties=marshal(properties)))


def test_handlers_see_plain_values_and_the_engine_gets_its_secrets_back(stub: Any, thing: Thing) -> None:
    answer = create(stub, word=Secret("x"), size=2)
    assert thing.seen[0][1] == {"word": "x", "size": 2}
    assert thing.seen[0][0].name == "thing"
    assert thing.seen[0][0].type == "demo:index:Thing"
    assert answer.id == "id-1"
    assert unmarshal(answer.properties) == {
        "word": Secret("x"),
        "size": 2,
        "token": Secret("t"),
        "__inputs": {"word": Secret("x"), "size": 2},
    }


def test_an_engine_that_takes_no_secrets_gets_plain_values(stub: Any) -> None:
    stub.Configure(provider_pb2.ConfigureRequest(acceptSecrets=False))
    assert unmarshal(create(stub, word=Secret("x")).properties)["word"] == "x"


def test_checked_inputs_keep_their_secrets_and_failures_name_the_property(stub: Any) -> None:
    request = provider_pb2.CheckRequest(urn=URN, news=marshal({"word": Secret("x")}))
    assert unmarshal(stub.Check(request).inputs) == {"word": Secret("x"), "size": 1}
    refused = stub.Check(provider_pb2.CheckRequest(urn=URN, news=marshal({"size": -1})))
    assert [(each.property, each.reason) for each in refused.failures] == [("size", "must not be negative")]


def test_a_difference_says_what_changes_and_what_needs_a_new_object(stub: Any) -> None:
    answer = stub.Diff(
        provider_pb2.DiffRequest(
            urn=URN,
            id="id-1",
            old_inputs=marshal({"name": "a", "labels": {"x.y": "1"}, "gone": 1}),
            news=marshal({"name": "b", "labels": {"x.y": "2"}, "fresh": [1]}),
        )
    )
    kinds = {
        path: provider_pb2.PropertyDiff.Kind.Name(diff.kind) for path, diff in answer.detailedDiff.items()
    }
    assert kinds == {
        "name": "UPDATE_REPLACE",
        'labels["x.y"]': "UPDATE",
        "gone": "DELETE",
        "fresh": "ADD",
    }
    assert list(answer.replaces) == ["name"]
    assert sorted(answer.diffs) == ["fresh", "gone", "labels", "name"]
    assert answer.deleteBeforeReplace
    same = stub.Diff(provider_pb2.DiffRequest(urn=URN, old_inputs=marshal({"a": 1}), news=marshal({"a": 1})))
    assert same.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_refusal_is_one_sentence_with_a_known_outcome(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        create(stub, mode="refused")
    assert caught.value.details() == "the thing shop is closed"
    # The engine keeps a pending operation for codes it takes for an unknown outcome.
    assert caught.value.code() not in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL)


def test_a_fault_of_ours_is_one_line_without_a_traceback(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        create(stub, mode="bug")
    details = caught.value.details()
    assert "KeyError" in details
    assert URN in details
    assert "\n" not in details


def test_a_half_made_object_reaches_the_engine_with_its_state_and_reasons(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        create(stub, mode="half", word=Secret("x"))
    packed = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(packed).details[0].Unpack(detail)
    assert detail.id == "id-1"
    assert list(detail.reasons) == ["it does not turn", "no oil"]
    state = unmarshal(detail.properties)
    assert state["word"] == Secret("x")
    assert state["token"] == Secret("t")
    assert state["__inputs"]["word"] == Secret("x")


def test_an_unsupported_type_is_named_with_those_that_are_supported(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Create(provider_pb2.CreateRequest(urn=URN.replace("Thing", "Other")))
    assert "demo:index:Other" in caught.value.details()
    assert "index:Thing" in caught.value.details()
    assert "pulumi plugin install resource demo 1.2.3" in caught.value.details()


def test_an_unsupported_function_is_named(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Invoke(provider_pb2.InvokeRequest(tok="demo:index:find"))
    assert "demo:index:find" in caught.value.details()


def test_cancelling_ends_what_waits(stub: Any, thing: Thing) -> None:
    call = stub.Create.future(provider_pb2.CreateRequest(urn=URN, properties=marshal({"mode": "wait"})))
    ended = threading.Event()
    call.add_done_callback(lambda _: ended.set())
    while not thing.seen:
        assert not ended.wait(0.01), "the call ended before it began to wait"
    stub.Cancel(empty_pb2.Empty())
    assert ended.wait(120)
    assert call.code() == grpc.StatusCode.CANCELLED


def test_preview_timeout_and_old_inputs_reach_the_handler(stub: Any, thing: Thing) -> None:
    answer = stub.Create(provider_pb2.CreateRequest(urn=URN, preview=True, timeout=7.5))
    assert thing.seen[0][0].preview
    assert thing.seen[0][0].timeout == 7.5
    assert answer.id == "", "a preview makes no id"
    stub.Delete(provider_pb2.DeleteRequest(urn=URN, id="id-1", old_inputs=marshal({"size": 3})))
    assert thing.seen[1][1] == {"size": 3}


def test_a_diff_without_changes_needs_no_gap() -> None:
    assert not Diff.between({"a": 1}, {"a": 1}, delete_before_replace=True).delete_before_replace
    assert Diff.between({"a": 1}, {"a": True}).changes, "true is not 1"
