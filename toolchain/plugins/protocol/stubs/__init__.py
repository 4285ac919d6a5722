"""The SDK's own protocol stubs, loaded without the SDK.

`import pulumi.runtime.proto.x_pb2` runs all of `pulumi` first (a quarter of a second, most of a
plugin's start). This package points its search path at the SDK's folder of generated modules, so
that `toolchain.plugins.protocol.stubs.x_pb2` is that very file and nothing else is executed.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi.runtime.proto import engine_pb2 as engine_pb2
    from pulumi.runtime.proto import engine_pb2_grpc as engine_pb2_grpc
    from pulumi.runtime.proto import language_pb2 as language_pb2
    from pulumi.runtime.proto import language_pb2_grpc as language_pb2_grpc
    from pulumi.runtime.proto import plugin_pb2 as plugin_pb2
    from pulumi.runtime.proto import provider_pb2 as provider_pb2
    from pulumi.runtime.proto import provider_pb2_grpc as provider_pb2_grpc
    from pulumi.runtime.proto import status_pb2 as status_pb2

_sdk = find_spec("pulumi")
if _sdk is None or _sdk.origin is None:
    raise ImportError("the Pulumi SDK is not installed in this Python: pip install -r requirements.lock")
__path__ = [str(Path(_sdk.origin).parent / "runtime" / "proto")]
