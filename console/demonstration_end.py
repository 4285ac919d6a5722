"""`alto demo --down`: remove every trace, from whatever state the demo was left in."""

import os
import shutil
from collections.abc import Sequence

from autoscaler.act.app_stack import images_of
from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_config import replace_file
from autoscaler.act.update_errors import StackConflict, UpdateError, WrongPassphrase
from console import demo_repository, orphans, updates
from toolchain import engine, install, paths, registry_trust
from toolchain.progress import Progress

SECOND = "second-cloud"
"""The file in a demo's folder that names its second cloud."""

KEEP_ENGINE = "ALTO_KEEP_ENGINE" in os.environ  # set by who started the engine for more than this demo


def note_second(cloud: str, second: str) -> None:
    """Remember the demo's second cloud, so that its end knows it."""
    replace_file(demo_repository.path(cloud) / SECOND, f"{second}\n")


def second_of(cloud: str) -> str | None:
    """The second cloud of a cloud's demo, if it has one."""
    try:
        return (demo_repository.path(cloud) / SECOND).read_text().strip() or None
    except FileNotFoundError:
        return None


def stacks_of(present: Sequence[str], clouds: Sequence[str], application: str) -> list[str]:
    """The demo's stacks among those that are there, in the order in which they can go."""
    copies = [s for s in present if s.startswith(f"app-{application}--")]
    applications = [*copies, f"app-{application}"]
    images = [images_of(each) for each in applications]
    made = [f"{kind}-{cloud}" for cloud in reversed(clouds) for kind in ("platform", "hosts")]
    return [each for each in (f"front-{application}", *applications, *images, *made) if each in present]


def run(cloud: str, application: str) -> None:
    """Destroy the application with its copies, the platforms and the hosts, then whatever carries a label of
    one of the clouds."""
    if install.locate("pulumi") is None:
        print("There is no demo: its tools were never installed.")
        return
    cli = pulumi()
    present = cli.stacks()
    clouds = [each for each in (cloud, second_of(cloud)) if each is not None]
    made = stacks_of(present, clouds, application)
    running = engine.find()
    with Progress("alto demo --down") as progress:
        if made and running is None:
            with progress.step("Docker engine") as step:
                running = engine.ensure(step.note)
        for stack in made:
            progress.expect(f"remove {stack}")
        for stack in made:
            step = progress.step(f"remove {stack}")
            _remove(cli, stack, step.note)
            step.done()
        for each in clouds:
            # Without a stack of this checkout, a cloud of that name is another checkout's.
            if f"hosts-{each}" in present:
                orphans.sweep(cli, each, everything=True)
                registry_trust.remove(each)
            shutil.rmtree(demo_repository.path(each), ignore_errors=True)
            shutil.rmtree(paths.kubeconfig(each).parent, ignore_errors=True)
        if f"front-{application}" in present:
            orphans.sweep_labelled(f"altostratus.front={application}", set())
        shutil.rmtree(paths.home() / "front" / application, ignore_errors=True)
        (paths.home() / "moves" / f"{application}.json").unlink(missing_ok=True)
        # The engine is shared by all checkouts: another one's clouds may run on it.
        if (
            running is not None
            and running.started_by_us
            and not KEEP_ENGINE
            and not orphans.in_use(running.host)
        ):
            step = progress.step("stop the Docker engine")
            engine.stop()
            step.done()
    left = cli.stacks()
    if not left:
        _forget_home(cli)
    print("Nothing of the demo is left" + (f"; other stacks are: {', '.join(left)}" if left else "."))


def _forget_home(cli: Pulumi) -> None:
    """Remove what the checkout kept for its stacks; the passphrase stays while a config may need it."""
    home = paths.home()
    kept = {"passphrase"} if any(cli.config_path("any").parent.glob("Pulumi.*.yaml")) else set()
    for entry in home.iterdir():
        if entry.name not in kept:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    if not kept:
        home.rmdir()


def _remove(cli: Pulumi, stack: str, say: updates.Say) -> None:
    """Destroy in order where the cluster answers; where it does not, what it held is gone with it.

    Somebody else (an interrupted autoscaler at the end of a burst) may have removed the stack meanwhile.
    """
    if not cli.exists(stack):
        return
    updates.recovered(cli, stack)
    try:
        # No refresh: a dead cluster must not keep its own removal from going on.
        cli.destroy(stack, "--refresh=false", listen=lambda line: say(" ".join(line.split())[:70]))
    except (StackConflict, WrongPassphrase):
        raise
    except UpdateError as error:
        say(f"{stack} could not be destroyed in order; its hosts are removed as a whole")
        if not cli.exists(stack):
            return
        log = str(error).splitlines()[-1].strip()
        print(f"alto: {stack} was forgotten without an orderly end ({log})")
    cli.remove(stack, force=True)
