"""Clouds, stacks and a front door in memory, in which every effect is a place to be killed at."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from autoscaler.act.pulumi_cli import Pulumi, UpdateResult
from autoscaler.act.stack_config import read
from autoscaler.act.update_errors import UpdateError
from autoscaler.burst.balancer_control import Served
from autoscaler.burst.moves import Moves
from autoscaler.burst.world import CommandFailed, Times, World
from tests.burst.light_door import Fate, Killed, LightDoor

__all__ = ["Killed", "Land"]

SHOP = """\
apiVersion: altostratus/v1
kind: Cartridge
name: page
image: registry.example.org/page:1
ports: [{name: http, port: 8080, protocol: http, exposure: node}]
---
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges:
  - {alias: web, cartridge: page, members: {min: 2, max: 9}}
"""
REPLICATION = """\
replication: {position: [tell], reached: [reached], readOnly: [refuse], writable: [take], promote: [promote]}
"""
STORE = (
    """\
---
apiVersion: altostratus/v1
kind: Cartridge
name: store
image: registry.example.org/store:1
ports: [{name: sql, port: 3306}]
persistence: [{name: d, path: /data, size: 1Gi}]
"""
    + REPLICATION
)
CONFIG = """\
encryptionsalt: v1:salt
# the shop team's
config:
  altostratus:cloud: local   # first home
  altostratus:blueprint: shop.yaml
  altostratus:application: shop
  altostratus:secrets:
    token: {secure: "v1:abc:def"}
  altostratus:scale:
    clusters: {web: 4}
  aws:region: eu-west-1
"""
HOSTS = "config:\n  altostratus:hosts: {driver: docker, hosts: 1}\n"


@dataclass
class Store:
    """One cluster's data in one cloud: whether it follows home's, whether it takes writes, how far it is."""

    follows: bool
    writes: bool
    position: int = 0


@dataclass
class Sky:
    """What is in the clouds: namespaces with their labels, by cloud; and which clouds are away."""

    spaces: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    copies: dict[tuple[str, str], str] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    data: set[tuple[str, str]] = field(default_factory=set)
    sick: bool = False
    stores: dict[str, Store] = field(default_factory=dict)
    leads: dict[str, str] = field(default_factory=dict)
    fate: Fate = field(default_factory=Fate)
    door: LightDoor | None = None
    balancers: bool = False
    """Whether a copy has a load balancer of its own, which counts what the front door leads to it."""
    hidden: set[str] = field(default_factory=set)
    """Clouds where a copy has no public address."""
    further: set[str] = field(default_factory=set)
    """The clouds that the home's load balancer has members of."""
    saves: int = 0
    """How often stacks' states were saved."""

    def told(self, cloud: str, namespace: str) -> Mapping[str, frozenset[str]]:
        self._check(cloud)
        return {"balancer": frozenset(self.further)} if self.further else {}

    def tell(self, cloud: str, namespace: str, balancer: str, further: Any, only: Sequence[str]) -> bool:
        self._check(cloud)
        self.further -= set(only)
        return True

    def holding(self, cloud: str, namespace: str, beyond: str) -> int | None:
        self._check(cloud)
        return 2 if beyond in self.further else None

    def served(self, cloud: str, namespace: str, balancer: str) -> Served:
        self._check(cloud)
        assert self.balancers, "there is none"
        assert (namespace, balancer) == ("app-shop", "shop-balancer")
        assert self.door is not None
        return self.door.served(cloud)

    def sweep(self, cloud: str, namespace: str, beyond: str) -> None:
        self._check(cloud)

    def answers(self, cloud: str) -> bool:
        return cloud in self.spaces and cloud not in self.away

    def ready(self, cloud: str, namespace: str, copy: str) -> Mapping[str, tuple[int, int]]:
        self._check(cloud)
        if self.copies.get((cloud, namespace)) != copy:
            return {}
        return {"web": (4, 0 if self.sick else 4)}

    def namespace(self, cloud: str, name: str) -> Mapping[str, str] | None:
        self._check(cloud)
        return self.spaces[cloud].get(name)

    def has_data(self, cloud: str, namespace: str) -> bool:
        self._check(cloud)
        return (cloud, namespace) in self.data

    def drop(self, cloud: str, namespace: str) -> None:
        self._check(cloud)
        self.spaces[cloud].pop(namespace, None)

    def run(self, cloud: str, namespace: str, member: str, command: Sequence[str]) -> str:
        self._check(cloud)
        assert member == "db-0"
        said: str = self.fate.act(f"{command[0]} in {cloud}", lambda: self._run(self.stores[cloud], command))
        assert sum(each.writes for each in self.stores.values()) <= 1, "two take writes"
        return said

    def _run(self, store: Store, command: Sequence[str]) -> str:
        match command[0]:
            case "refuse":
                store.writes = False
                # The last writes, which followers do not have yet.
                store.position += 7
            case "take":
                if store.follows:
                    raise CommandFailed("it follows another one")
                store.writes = True
            case "tell":
                assert not store.writes, "it may go on any moment"
                return f"{store.position}\n"
            case "reached":
                short = store.position < int(command[1])
                store.position = min(int(command[1]), store.position + 5)
                if short:
                    raise CommandFailed("not yet")
            case "promote":
                furthest = max(each.position for each in self.stores.values())
                assert store.position == furthest, "something is lost"
                store.follows, store.writes = False, True
        return ""

    def lead(self, cloud: str, namespace: str, service: str, selector: Mapping[str, str], port: int) -> None:
        self._check(cloud)
        assert (service, port) == ("db-sql-primary", 3306)
        self.fate.act(
            f"lead in {cloud}", lambda: self.leads.update({cloud: selector["altostratus.dev/copy"]})
        )

    def _check(self, cloud: str) -> None:
        if not self.answers(cloud):
            raise ConnectionError(f"{cloud} is away")


@dataclass(frozen=True)
class LightPulumi(Pulumi):
    """Stacks as files, as the backend has them; updates make namespaces in the sky."""

    sky: Sky = field(default_factory=Sky)
    fate: Fate = field(default_factory=Fate)

    def init(self, stack: str) -> None:
        if not self.exists(stack):
            self.fate.act(f"init {stack}", lambda: self._save(stack, []))

    def configure(self, stack: str, values: Mapping[str, Any]) -> bool:
        changed: bool = self.fate.act(f"configure {stack}", lambda: Pulumi.configure(self, stack, values))
        return changed

    def up(self, stack: str, *arguments: str, **_: Any) -> UpdateResult:
        return self._result(self.fate.act(f"up {stack}", lambda: self._up(stack)))

    def destroy(self, stack: str, *arguments: str, **_: Any) -> UpdateResult:
        return self._result(self.fate.act(f"destroy {stack}", lambda: self._destroy(stack)))

    def remove(self, stack: str, *, force: bool = False) -> None:
        if self.deployment(stack).get("resources") and not force:
            raise UpdateError(f"{stack} still has resources")
        self.fate.act(f"remove {stack}", lambda: self.state_path(stack).unlink())
        self.fate.act(f"config of {stack}", lambda: self.config_path(stack).unlink(missing_ok=True))

    def rename(self, stack: str, name: str) -> None:
        """As the CLI does it: the new state, the old one's end, then the config file."""
        old, new = self.state_path(stack), self.state_path(name)
        self.fate.act("new name", lambda: new.write_bytes(old.read_bytes()))
        self.fate.act("old name", old.unlink)
        if self.config_path(stack).exists():
            self.fate.act("named config", lambda: self.config_path(stack).replace(self.config_path(name)))

    def recover(self, stack: str) -> list[str]:
        return []

    def _up(self, stack: str) -> int:
        kind, _, name = stack.partition("-")
        config = read(self.config_path(stack))
        outputs: dict[str, Any] = {"kubeconfig": "secret", "registry": {}}
        if kind == "hosts":
            self.sky.spaces.setdefault(name, {})
        if kind == "app":
            cloud, space = str(config["altostratus:cloud"]), f"app-{config['altostratus:application']}"
            if not self.sky.answers(cloud):
                raise UpdateError(f"{cloud} does not answer")
            copy = str(config.get("altostratus:copy") or stack.partition("--")[2] or "home")
            assert self.sky.copies.get((cloud, space), copy) == copy, "two copies in one place"
            self.sky.spaces[cloud][space] = {"altostratus.dev/application": space.removeprefix("app-")}
            self.sky.copies[cloud, space] = copy
            follows = config.get("altostratus:data") == "follows"
            if self.sky.stores and cloud not in self.sky.stores:
                self.sky.stores[cloud] = Store(follows, not follows)
            urls = [] if cloud in self.sky.hidden else [f"http://10.0.{len(cloud)}.1:31000"]
            outputs = {"cloud": cloud, "namespace": space, "urls": urls, "members": {"web": 4}}
            if self.sky.balancers:
                own = {"name": "shop-balancer", "namespace": space, "urls": urls, "tokenSecret": "token"}
                outputs["balancers"] = {"lb--application": own}
        made = {"type": "kubernetes:core/v1:Namespace", "urn": f"urn:x::{name}"}
        self._save(stack, [{"type": "pulumi:pulumi:Stack", "urn": "urn:x::s", "outputs": outputs}, made])
        return 1

    def _destroy(self, stack: str) -> int:
        kind, _, name = stack.partition("-")
        known = self.deployment(stack)["resources"][0].get("outputs") or {}
        if kind == "app":
            if not self.sky.answers(known["cloud"]):
                raise UpdateError(f"{known['cloud']} does not answer")
            self.sky.spaces[known["cloud"]].pop(known["namespace"], None)
            self.sky.copies.pop((known["cloud"], known["namespace"]), None)
            if known["cloud"] in self.sky.stores and self.sky.stores[known["cloud"]].follows:
                del self.sky.stores[known["cloud"]]
        if kind == "hosts":
            self.sky.spaces.pop(name, None)
        self._save(stack, [])
        return 1

    def _save(self, stack: str, resources: Sequence[Mapping[str, Any]]) -> None:
        path = self.state_path(stack)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.sky.saves += 1
        latest = {"manifest": {"time": f"save {self.sky.saves}"}, "resources": resources}
        path.write_text(json.dumps({"checkpoint": {"latest": latest}}))

    def _result(self, count: int) -> UpdateResult:
        return UpdateResult({"create": count}, self.logs)


class Land:
    """A checkout with the clouds local and away, and the application `shop` at home in local."""

    def __init__(
        self,
        folder: Path,
        *,
        door: bool = True,
        cold: bool = False,
        data: bool = False,
        counted: bool = True,
        balancers: bool = False,
    ) -> None:
        self.folder, self.fate = folder, Fate()
        self.door = LightDoor(self.fate, counted=counted) if door else None
        self.sky = Sky(fate=self.fate, door=self.door, balancers=balancers)
        documents = f"{SHOP}  - {{alias: db, cartridge: store}}\n{STORE}" if data else SHOP
        (folder / "shop.yaml").write_text(documents)
        if data:
            self.sky.stores["local"] = Store(follows=False, writes=True)
        self.cli = LightPulumi(
            folder, folder, folder / "state", folder / "logs", {}, sky=self.sky, fate=self.fate
        )
        self.said: list[str] = []
        self.time = 1000.0
        self.prepared: list[str] = []
        self._write("app-shop", CONFIG)
        for cloud in ("local", "away"):
            self._write(f"hosts-{cloud}", HOSTS)
            self._write(f"platform-{cloud}", "config: {}\n")
            if cloud == "local" or not cold:
                self.up(f"hosts-{cloud}", f"platform-{cloud}")
        self.up("app-shop")
        if self.door is not None:
            self.door.put({"local": [("10.0.5.1", 31000)]})
        self.fate.effects.clear()

    def _write(self, stack: str, text: str) -> None:
        path = self.cli.config_path(stack)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def up(self, *stacks: str) -> None:
        for stack in stacks:
            self.cli.init(stack)
            self.cli.up(stack)

    def moves(self, *, by_itself: bool = False) -> Moves:
        """As a new process has them."""
        world = World(
            cli=self.cli,
            clouds=self.sky,
            front=lambda _: self.door,
            serves=lambda known: self.sky.answers(known["cloud"]),
            prepare=lambda _, stack: self.fate.act(f"images of {stack}", lambda: self.prepared.append(stack)),
            recovered=lambda cli, stack: cli.recover(stack),
            dropped=lambda _: None,
            times=Times(silent=2, drain=5, serve=5, watch=3, look=1, locked=5, namespace=5),
            now=lambda: self.time,
            wait=self._wait,
        )
        return Moves(world, self.folder / "moves", say=self.said.append, by_itself=by_itself)

    def _wait(self, seconds: float) -> None:
        self.time += seconds

    def kill_at(self, effect: int, *, after: bool) -> None:
        self.fate.at, self.fate.after, self.fate.effects[:] = effect, after, []

    def let_live(self) -> None:
        self.fate.at = 0

    def look(self) -> dict[str, Any]:
        """Everything that a person could find."""
        config = self.folder / "stacks" / "config"
        return {
            "stacks": self.cli.stacks(),
            "config": {each.name: yaml.safe_load(each.read_text()) for each in sorted(config.glob("*.yaml"))},
            "moves": sorted(each.name for each in (self.folder / "moves").glob("*")),
            "spaces": {cloud: dict(spaces) for cloud, spaces in self.sky.spaces.items()},
            "copies": dict(self.sky.copies),
            "further": sorted(self.sky.further),
            "stores": {name: (s.follows, s.writes) for name, s in self.sky.stores.items()},
            "held": [] if self.door is None else list(self.door.held),
            "weights": {n: e.weight for n, e in self.door.clouds.items()} if self.door is not None else {},
        }
