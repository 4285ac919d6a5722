"""The agent, built once, with HAProxy and nginx as Debian has them."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.balancer.origins import Loop, Origin
from tests.balancer.rig import Balancer
from tests.debian_packages import need
from toolchain import install

PACKAGES = ("haproxy", "nginx", "libnginx-mod-http-lua", "libnginx-mod-stream", "lua-cjson")
LUA = Path("/usr/lib/nginx/modules/ngx_http_lua_module.so")


@pytest.fixture(scope="session")
def binary() -> Path:
    """The agent. Skips where HAProxy and nginx are not there and cannot be installed."""
    need(shutil.which("haproxy") and shutil.which("nginx") and LUA.exists(), *PACKAGES)
    if told := os.environ.get("ALTO_TOOL_BALANCER_AGENT"):
        return Path(told)
    return install.ensure(["balancer-agent"])["balancer-agent"]


@pytest.fixture
def loop() -> Iterator[Loop]:
    running = Loop()
    yield running
    running.close()


@pytest.fixture
def origin(loop: Loop) -> Iterator[Callable[..., Origin]]:
    """Makes members that listen."""
    made: list[Origin] = []

    def make(name: str, **more: Any) -> Origin:
        made.append(Origin(name, loop, **more).open())
        return made[-1]

    yield make
    for each in made:
        each.kill()


@pytest.fixture(params=["haproxy", "nginx"])
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def balancer(driver: str, binary: Path, tmp_path: Path) -> Iterator[Callable[..., Balancer]]:
    """Makes balancers of the driver that serve."""
    made: list[Balancer] = []

    def make(*backends: Mapping[str, Any], start: bool = True, **more: Any) -> Balancer:
        folder = tmp_path / f"replica-{len(made)}"
        folder.mkdir()
        made.append(Balancer(driver, binary, folder, *backends, **more))
        return made[-1].start() if start else made[-1]

    yield make
    for each in made:
        each.close()
