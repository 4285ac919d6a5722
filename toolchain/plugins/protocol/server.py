"""The `ResourceProvider` service over a `Provider`."""

import functools
import json
import re
import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2

from toolchain.plugins.protocol import handlers
from toolchain.plugins.protocol.engine import EngineLog
from toolchain.plugins.protocol.handlers import Autonaming, CheckFailure, PartialFailure, Provider
from toolchain.plugins.protocol.request import Cancelled, Failure, Request, Severity
from toolchain.plugins.protocol.stubs import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2
from toolchain.plugins.protocol.values import (
    Properties,
    mark_keys,
    mark_like,
    marshal,
    reveal,
    unmarshal,
)

Method = TypeVar("Method", bound=Callable[..., Any])
MODES = {0: "propose", 1: "enforce", 2: "disable"}
KINDS = {kind: kind.upper().replace("-", "_") for kind in ("add", "update", "delete")} | {
    f"{kind}-replace": f"{kind.upper()}_REPLACE" for kind in ("add", "update", "delete")
}


def _answers(method: Method) -> Method:
    """Turns what a handler raises into a status for the engine: a sentence, never a traceback."""

    @functools.wraps(method)
    def guarded(self: "ProviderServer", request: Any, context: grpc.ServicerContext) -> Any:
        urn = getattr(request, "urn", "")
        try:
            return method(self, request, context)
        except PartialFailure as failure:
            self.abort_partially(context, failure)
        except Cancelled as failure:
            context.abort(grpc.StatusCode.CANCELLED, str(failure))
        except Failure as failure:
            # A known outcome: nothing is left half-done, so the engine need not keep a pending operation.
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(failure))
        except Exception as error:
            self.log(Severity.DEBUG, traceback.format_exc(), urn)
            place = f" for {urn}" if urn else ""
            context.abort(
                grpc.StatusCode.UNKNOWN,
                f"the bundled {self.provider.name} plugin failed in {method.__name__}{place}: "
                f"{type(error).__name__}: {error} (run again with --debug to see where)",
            )

    return guarded  # type: ignore[return-value]


class ProviderServer(provider_pb2_grpc.ResourceProviderServicer):
    """Decodes requests, calls handlers, encodes answers, keeps secrets secret.

    Methods are named by the protocol. Everything that was secret in the inputs is secret in what
    the engine gets back, so a handler cannot leak it by forgetting.
    """

    def __init__(self, provider: Provider, log: EngineLog) -> None:
        self.provider = provider
        self.log = log
        self._secrets = True
        self._cancelled = threading.Event()

    # --- the plugin itself ---

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        if request.engine_address:
            self.log.connect(request.engine_address)
        self._cancelled = threading.Event()
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True,
            accept_resources=False,
            accept_outputs=False,
            supports_autonaming_configuration=True,
        )

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self.log.connect(request.address)
        self._cancelled = threading.Event()
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=self.provider.version)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        resources: dict[str, Any] = {token: {} for token in sorted(self.provider.handlers)}
        schema = {"name": self.provider.name, "version": self.provider.version, "resources": resources}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def GetMapping(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return provider_pb2.GetMappingResponse()

    def GetMappings(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return provider_pb2.GetMappingsResponse()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self._cancelled.set()
        return empty_pb2.Empty()

    # --- the provider's own settings ---

    @_answers
    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        olds, news = unmarshal(request.olds), unmarshal(request.news)
        # Default providers keep JSON text for non-string settings; the engine expects it back as it was.
        inputs, failures = self.provider.check_config(self._request(request), reveal(olds), reveal(news))
        inputs = mark_keys(mark_like(inputs, news), self.provider.secret_config)
        return self._checked(inputs, failures)

    @_answers
    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        old = request.old_inputs if request.HasField("old_inputs") else request.olds
        olds, news = reveal(unmarshal(old)), reveal(unmarshal(request.news))
        return self._differs(self.provider.diff_config(self._request(request), olds, news))

    @_answers
    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self._secrets = request.acceptSecrets
        self._cancelled = threading.Event()
        self.provider.configure(self._request(request), reveal(unmarshal(request.args)))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True,
            supportsPreview=True,
            acceptResources=False,
            acceptOutputs=False,
            supports_autonaming_configuration=True,
        )

    @_answers
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        function = self.provider.function(request.tok)
        result = function(self._request(request), reveal(unmarshal(request.args)))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(self._marshal(result))
        return response

    # --- resources ---

    @_answers
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        handler = self.provider.handler(_type(request))
        olds, news = unmarshal(request.olds), unmarshal(request.news)
        inputs, failures = handler.check(self._request(request), reveal(olds), reveal(news))
        return self._checked(mark_like(inputs, news), failures)

    @_answers
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        handler = self.provider.handler(_type(request))
        state, news = reveal(unmarshal(request.olds)), reveal(unmarshal(request.news))
        inputs = reveal(unmarshal(request.old_inputs))
        return self._differs(handler.diff(self._request(request), request.id, inputs, state, news))

    @_answers
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        token = _type(request)
        news = unmarshal(request.properties)
        with self._secret_failures(token, news):
            id, state = self.provider.handler(token).create(self._request(request), reveal(news))
        return provider_pb2.CreateResponse(
            id="" if request.preview else id, properties=self._state(token, state, news)
        )

    @_answers
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        token = _type(request)
        inputs, state = unmarshal(request.inputs), unmarshal(request.properties)
        with self._secret_failures(token, inputs):
            found = self.provider.handler(token).read(
                self._request(request), request.id, reveal(inputs), reveal(state)
            )
        if found is None:
            return provider_pb2.ReadResponse()
        id, live_inputs, live_state = found
        return provider_pb2.ReadResponse(
            id=id,
            inputs=self._marshal(mark_like(live_inputs, inputs)),
            properties=self._state(token, mark_like(live_state, state), inputs),
        )

    @_answers
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        token = _type(request)
        news = unmarshal(request.news)
        inputs, state = reveal(unmarshal(request.old_inputs)), reveal(unmarshal(request.olds))
        with self._secret_failures(token, news):
            state = self.provider.handler(token).update(
                self._request(request), request.id, inputs, state, reveal(news)
            )
        return provider_pb2.UpdateResponse(properties=self._state(token, state, news))

    @_answers
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        token = _type(request)
        inputs, state = reveal(unmarshal(request.old_inputs)), reveal(unmarshal(request.properties))
        with self._secret_failures(token, {}):
            self.provider.handler(token).delete(self._request(request), request.id, inputs, state)
        return empty_pb2.Empty()

    # --- how ---

    def _request(self, request: Any) -> Request:
        autonaming = getattr(request, "autonaming", None)
        wish = None
        if autonaming is not None and request.HasField("autonaming"):
            wish = Autonaming(autonaming.proposed_name, MODES[autonaming.mode])  # type: ignore[arg-type]
        urn = getattr(request, "urn", "")
        return Request(
            urn=urn,
            type=_type(request),
            name=getattr(request, "name", "") or urn.rpartition("::")[2],
            preview=bool(getattr(request, "preview", False)),
            timeout=getattr(request, "timeout", 0.0) or None,
            seed=bytes(getattr(request, "randomSeed", b"")),
            autonaming=wish,
            ignored=tuple(getattr(request, "ignoreChanges", ())),
            cancelled=self._cancelled,
            journal=self.log,
        )

    def _marshal(self, properties: Properties) -> Any:
        return marshal(properties, secrets=self._secrets)

    def _state(self, token: str, state: Properties, inputs: Properties) -> Any:
        return self._marshal(_mark_state(self.provider.handler(token), state, inputs))

    def _checked(self, inputs: Properties, failures: Any) -> Any:
        return provider_pb2.CheckResponse(
            inputs=None if failures else marshal(inputs, secrets=True),
            failures=[_check_failure(failure) for failure in failures],
        )

    def _differs(self, diff: handlers.Diff) -> Any:
        response = provider_pb2.DiffResponse
        detailed = {
            path: provider_pb2.PropertyDiff(
                kind=provider_pb2.PropertyDiff.Kind.Value(KINDS[kind]), inputDiff=True
            )
            for path, kind in diff.changed.items()
        }
        return response(
            changes=response.DIFF_SOME if diff.changes else response.DIFF_NONE,
            replaces=diff.replaces,
            diffs=sorted({re.split(r"[.\[]", path, maxsplit=1)[0] for path in diff.changed}),
            deleteBeforeReplace=diff.delete_before_replace,
            detailedDiff=detailed,
            hasDetailedDiff=bool(detailed),
        )

    def _secret_failures(self, token: str, inputs: Properties) -> "_SecretFailures":
        return _SecretFailures(self.provider.handler(token), inputs)

    def abort_partially(self, context: grpc.ServicerContext, failure: PartialFailure) -> NoReturn:
        """Ends the call with the live state of an object that did not become what it should."""
        detail = provider_pb2.ErrorResourceInitFailed(
            id=failure.id,
            properties=self._marshal(failure.state),
            reasons=failure.reasons,
            inputs=None if failure.inputs is None else self._marshal(failure.inputs),
        )
        packed = any_pb2.Any()
        packed.Pack(detail)
        code = grpc.StatusCode.UNKNOWN
        status = status_pb2.Status(code=code.value[0], message=str(failure), details=[packed])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(code, str(failure))
        raise AssertionError("unreachable: abort raises")


class _SecretFailures:
    """Marks the secrets in the state that a `PartialFailure` carries, like in a normal answer."""

    def __init__(self, handler: handlers.ResourceHandler, inputs: Properties) -> None:
        self._handler = handler
        self._inputs = inputs

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PartialFailure):
            error.state = _mark_state(self._handler, error.state, self._inputs)
            if error.inputs is not None:
                error.inputs = mark_like(error.inputs, self._inputs)


def _mark_state(handler: handlers.ResourceHandler, state: Properties, inputs: Properties) -> Properties:
    """The state with everything secret that the inputs or the handler say is secret."""
    marked = mark_keys(mark_like(state, inputs), handler.secret_outputs)
    for key in handler.echoes:
        if key in marked:
            marked[key] = mark_like(marked[key], inputs)
    return marked


def _type(request: Any) -> str:
    """The type token: the request's own field, else the last part of the URN's type chain."""
    token: str = getattr(request, "type", "")
    if token:
        return token
    parts = getattr(request, "urn", "").split("::")
    return parts[2].rpartition("$")[2] if len(parts) > 2 else ""


def _check_failure(failure: CheckFailure) -> Any:
    return provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)
