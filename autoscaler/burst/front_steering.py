"""How front doors are told: by a file that the door reads, or by the config of their stack."""

import fcntl
import hashlib
import json
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from autoscaler.act.app_stack import copies_among
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_config import read
from autoscaler.act.update_errors import UpdateError
from autoscaler.burst import world
from autoscaler.burst.front_door import CloudShare, FrontDoorUnreachable, FrontState, Steering
from autoscaler.burst.front_shares import LAST_RESORT, Address, Told, Trust, is_ip, member_cloud, trust_of
from blueprints.balancing.front import CONTROL, SPLIT, TOKEN, TOLD

CLOUDS = "altostratus:clouds"
"""The key of a front door's stack with its clouds, where the driver follows its stack's config."""
BEFORE = "altostratus:before"
"""The key with the clouds that may still stand behind such a door: there until an update has ended well."""
ANSWER_SECONDS = 2.0
IN_FORCE_SECONDS = 5.0
_SERVING = "serving"


def of(cli: Pulumi, stack: str, outputs: Mapping[str, Any]) -> Steering:
    """The steering of a front door by its stack's outputs. Raises FrontDoorUnreachable."""
    if outputs["steering"] == "config":
        return ConfigSteering(cli, stack, float(outputs.get("settles") or 1.0))
    folder = Path(str(outputs["folder"]))
    if not folder.is_dir():
        raise FrontDoorUnreachable(
            f"{folder}, where {stack} keeps its files, is not there: the door is another machine's, or was "
            f"removed. alto up {stack} makes it"
        )
    try:
        # The door's own, so that nobody needs the passphrase to steer it.
        token = (folder / TOKEN).read_text("utf-8").strip()
    except OSError as error:
        raise FrontDoorUnreachable(f"the token of {stack} cannot be read: {error}") from error
    application = str(outputs.get("application") or stack.removeprefix("front-"))
    trusts = partial(_trusts, cli, application)
    return FileSteering(folder, str(outputs["state"]), token, str(outputs["authority"]), stack, trusts=trusts)


def _trusts(cli: Pulumi, application: str) -> dict[str, Trust]:
    """How each copy's certificate is verified, by cloud, as its stack says."""
    found = {}
    for stack in copies_among(cli.stacks(), application):
        outputs = world.outputs(cli, stack)
        if (trust := trust_of(outputs)) is not None:
            found[str(outputs["cloud"])] = trust
    return found


class FileSteering:
    """A door whose balancer reads its control data from a file of this machine."""

    def __init__(
        self,
        folder: Path,
        url: str,
        token: str,
        authority: str,
        name: str = "the front door",
        wait: Callable[[float], None] = time.sleep,
        trusts: Callable[[], Mapping[str, Trust]] = dict,
    ) -> None:
        self._control, self._told = folder / CONTROL, folder / TOLD
        self._name, self._url, self._wait, self._trusts = name, url, wait, trusts
        self._client = httpx2.Client(
            verify=ssl.create_default_context(cadata=authority),
            headers={"X-Altostratus-Token": token},
            timeout=ANSWER_SECONDS,
            trust_env=False,
        )

    def state(self) -> FrontState:
        return summed(self._read(), self._ask())

    def put(self, clouds: Mapping[str, Sequence[Address]]) -> None:
        names = [host for each in clouds.values() for host, _ in each if not is_ip(host)]
        if names:
            raise FrontDoorUnreachable(
                f"{self._name} reaches copies by IP address only, not by {', '.join(names)}; copies behind a "
                "cloud's own load balancer need a front door that is DNS (driver aws)"
            )
        with self._alone():
            told = self._read().with_addresses(clouds, self._trusts())
            self._write(told)
            kept = told.without_others(clouds)
            if kept != told:
                # Nobody may choose a cloud that is just going: its weight is gone first.
                self._await(told)
                self._write(kept)
            self._await(kept)

    def share(self, weights: Mapping[str, int]) -> None:
        with self._alone():
            told = self._read().with_weights(weights)
            self._write(told)
            self._await(told)

    def hold(self, clouds: Sequence[str]) -> bool:
        with self._alone():
            told = self._read().with_held(clouds)
            self._write(told)
            self._await(told)
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer at a time."""
        self._folder()
        with (self._control.parent / ".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _folder(self) -> None:
        folder = self._control.parent
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            _give(folder, folder.parent)
        except OSError as error:
            raise FrontDoorUnreachable(f"{self._name} cannot be told: {error}") from error

    def _read(self) -> Told:
        try:
            return Told.read(self._told.read_text("utf-8"))
        except FileNotFoundError:
            return Told()
        except (OSError, ValueError) as error:
            raise FrontDoorUnreachable(
                f"{self._told}, which says what {self._name} was told, cannot be read: {error}.\n"
                f"  Remove it, then: alto front {self._name.removeprefix('front-')}"
            ) from error

    def _write(self, told: Told) -> None:
        try:
            # The truth first: killed in between, whoever tells the door next puts the other right.
            _place(self._told, told.text())
            _place(self._control, _control_text(told))
        except OSError as error:
            raise FrontDoorUnreachable(f"{self._name} cannot be told: {error}") from error

    def _await(self, told: Told) -> None:
        """Return when the balancer says that it has taken this."""
        wanted = control_hash(_control_text(told))
        deadline = time.monotonic() + IN_FORCE_SECONDS
        said = "it does not take what it is told"
        while time.monotonic() < deadline:
            try:
                state = self._ask()
            except FrontDoorUnreachable as error:
                said = str(error)
            else:
                if state["control"]["hash"] == wanted:
                    if state["control"]["problem"]:
                        raise FrontDoorUnreachable(f"{self._name}: {state['control']['problem']}")
                    return
            self._wait(0.05)
        raise FrontDoorUnreachable(f"{said}.\n  What it was to be told is kept for its next start.")

    def _ask(self) -> dict[str, Any]:
        try:
            answer = self._client.get(f"{self._url}/v1/state")
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
        except (httpx2.HTTPError, OSError, ValueError) as error:
            raise FrontDoorUnreachable(
                f"{self._name} does not answer at {self._url}: {error or type(error).__name__}"
            ) from error
        return found


class ConfigSteering:
    """A door that follows its stack: what it is told is config, and takes an update."""

    def __init__(self, cli: Pulumi, stack: str, settles: float) -> None:
        self._cli, self._stack, self._settles = cli, stack, settles

    def state(self) -> FrontState:
        told = self._read()
        total = sum(each.weight for each in told.clouds.values())
        shares = {
            name: CloudShare(each.weight, each.weight / total if total else 0.0, True, 0, 0, 0, 0)
            for name, each in told.clouds.items()
        }
        return FrontState(shares, counted=False, settles=self._settles)

    def put(self, clouds: Mapping[str, Sequence[Address]]) -> None:
        self._write(self._read().with_addresses(clouds).without_others(clouds))

    def share(self, weights: Mapping[str, int]) -> None:
        self._write(self._read().with_weights(weights))

    def hold(self, clouds: Sequence[str]) -> bool:
        return False

    def _read(self) -> Told:
        config = read(self._cli.config_path(self._stack))
        given = dict(config.get(CLOUDS) or {})
        for name, each in (config.get(BEFORE) or {}).items():
            # It was to go, and may get requests still.
            given.setdefault(name, {**each, "weight": 0})
        try:
            return Told.read(json.dumps({"clouds": given, "left": []}))
        except ValueError as error:
            raise FrontDoorUnreachable(
                f"{CLOUDS} of {self._cli.config_path(self._stack)} cannot be read: {error}"
            ) from error

    def _write(self, told: Told) -> None:
        config, clouds = read(self._cli.config_path(self._stack)), json.loads(told.text())["clouds"]
        if BEFORE not in config and config.get(CLOUDS) == clouds:
            return
        # The config alone does not say what is in force: an update may fail, or be killed.
        before = {**(config.get(CLOUDS) or {}), **(config.get(BEFORE) or {})}
        try:
            self._cli.recover(self._stack)
            self._cli.configure(self._stack, {CLOUDS: clouds, BEFORE: before})
            self._cli.up(self._stack, "--refresh=false")
        except UpdateError as error:
            raise FrontDoorUnreachable(f"{self._stack} was not updated: {error}") from error
        self._cli.configure(self._stack, {BEFORE: None})


def summed(told: Told, state: Mapping[str, Any]) -> FrontState:
    """What a balancer's state (`docs/balancer-protocol.md`) says of each cloud that it was told. Pure."""
    backends, shares = state["backends"], state["splits"].get(SPLIT, {})
    # An address may serve in another cloud's name: what it does counts for the cloud it is in.
    in_flight: dict[str, int] = {}
    for backend in backends.values():
        for name, member in backend["members"].items():
            cloud = member_cloud(name)
            in_flight[cloud] = in_flight.get(cloud, 0) + int(member["inFlight"]["serving"])
    found = {}
    for name, each in told.clouds.items():
        backend, share = backends.get(each.place, {}), shares.get(each.place, {})
        own = {m: f for m, f in backend.get("members", {}).items() if _counts(m, name)}
        errors = backend.get("errors") or {}
        found[name] = CloudShare(
            weight=int(share.get("weight", each.weight)),
            share=float(share.get("share", 0.0)),
            serving=any(member["state"] == _SERVING for member in own.values()),
            in_flight=in_flight.get(name, 0),
            queued=int((backend.get("inFlight") or {}).get("queued", 0)),
            requests=int(backend.get("requests", 0)),
            errors=int(errors.get("balancer", 0)) + int(errors.get("member", 0)),
            unanswered=int(errors.get("unanswered", 0)),
        )
    return FrontState(found, ready=bool(state["ready"]), problem=str(state.get("problem") or ""))


def _counts(member: str, cloud: str) -> bool:
    """Whether a member tells how its cloud is: one that is not checked does not."""
    return member_cloud(member) == cloud and not member.partition(":")[0].endswith(LAST_RESORT)


def control_hash(text: str) -> str:
    """What the balancer calls this control file: the first digits of a digest over it, and over no other."""
    # As the agent does, over each part with its length; a door has no control data from a cluster.
    return hashlib.sha256(b"0\n" + f"{len(text.encode())}\n{text}".encode()).hexdigest()[:12]


def _control_text(told: Told) -> str:
    return json.dumps(told.control(), indent=1, sort_keys=True) + "\n"


def _place(path: Path, text: str) -> None:
    """Write beside, then rename; the owner is that of the folder, who runs the door."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        _give(Path(beside), path.parent)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _give(path: Path, like: Path) -> None:
    owner = like.stat()
    if (owner.st_uid, owner.st_gid) != (path.stat().st_uid, path.stat().st_gid):
        os.chown(path, owner.st_uid, owner.st_gid)
