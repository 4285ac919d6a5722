"""A project without clouds: the real CLI, one component for each member that the scale asks for."""

import os
import subprocess
from pathlib import Path

from autoscaler.act.pulumi_cli import Pulumi
from blueprints.scale import ScaleState
from toolchain import install, paths, plugin_install

STACK = "app-shop"
SCALE = "altostratus:scale"
FIRST = {"clusters": {"web": 2, "db": 1}, "groups": {}, "generation": 3}

PROGRAM = """\
import os, pathlib, pulumi

class Member(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("test:index:Member", name)
        self.register_outputs({})

config = pulumi.Config("altostratus")
scale = config.get_object("scale") or {}
runs = pathlib.Path(os.environ["LIGHT_PROJECT"], "runs")
with open(runs, "a") as file:
    file.write(f"{scale.get('generation')}\\n")
if config.get_bool("closed"):
    raise pulumi.RunError("the shop is closed")
gate = config.get("gate")
if gate:
    # Held open until the test has done what it came for.
    pathlib.Path(gate, "reached").touch()
    with open(pathlib.Path(gate, "pipe")) as pipe:
        pipe.read()
for cluster, members in scale.get("clusters", {}).items():
    for number in range(members):
        Member(f"{cluster}-{number}")
pulumi.export("scale", scale)
"""
CONFIG = """\
# kept by the shop team
config:
  altostratus:cloud: local   # first home
  altostratus:scale:
    clusters: {web: 2, db: 1}
    groups: {}
    generation: 3
  # below the scale
  altostratus:blueprint: "apps/shop.yaml"
# the end
"""


def make(folder: Path) -> Pulumi:
    """A project of two files with a state and a passphrase of its own, and the stack `app-shop` in it."""
    binary = install.locate("pulumi")
    assert binary is not None, "the pulumi CLI is not installed: ./alto toolchain install"
    for name in ("stacks/config", "program", "state", "bin", "home"):
        (folder / name).mkdir(parents=True)
    (folder / "program" / "__main__.py").write_text(PROGRAM)
    (folder / "Pulumi.yaml").write_text(
        "name: altostratus\nmain: program/\nstackConfigDir: stacks/config\n"
        f"runtime: {{name: python, options: {{virtualenv: {paths.root() / '.venv'}}}}}\n"
    )
    (folder / "passphrase").write_text("open sesame\n")
    (folder / "bin" / plugin_install.LANGUAGE_HOST).symlink_to(plugin_install.language_host().path)
    made = project(folder)
    made.init(STACK)
    text = made.config_path(STACK).read_text()
    made.config_path(STACK).write_text(text + CONFIG)
    return made


def project(folder: Path) -> Pulumi:
    """The project that `make` made there."""
    binary = install.locate("pulumi")
    assert binary is not None
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    environment = {
        **inherited,
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(folder / "passphrase"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "LIGHT_PROJECT": str(folder),
    }
    return Pulumi(folder, binary, folder / "state", folder / "logs", environment)


def scale(cli: Pulumi) -> ScaleState:
    """What the config asks for."""
    from autoscaler.act.stack_config import read

    return ScaleState.parse(read(cli.config_path(STACK))[SCALE])


def members(cli: Pulumi) -> dict[str, int]:
    """What the state holds: members by cluster."""
    found: dict[str, int] = {}
    for resource in cli.deployment(STACK).get("resources", []):
        if resource["type"] == "test:index:Member":
            cluster = resource["urn"].rsplit("::", 1)[1].rsplit("-", 1)[0]
            found[cluster] = found.get(cluster, 0) + 1
    return found


def runs(cli: Pulumi) -> int:
    """How often the program has run."""
    path = cli.root / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


def gate(cli: Pulumi) -> Path:
    """From now on programs wait in the middle, until `open_gate`."""
    folder = cli.root / "gate"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    cli.configure(STACK, {"altostratus:gate": str(folder)})
    return folder


def open_gate(cli: Pulumi) -> None:
    """Let the program that waits go on, and the next ones too."""
    cli.configure(STACK, {"altostratus:gate": None})
    with (cli.root / "gate" / "pipe").open("w"):
        pass


def persons_up(cli: Pulumi) -> "subprocess.Popen[str]":
    """`pulumi up` as a person runs it, in the background."""
    return subprocess.Popen(
        [str(cli.binary), "up", "--stack", STACK, "--yes", "--skip-preview", "--non-interactive"],
        cwd=cli.root,
        env=dict(cli.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
