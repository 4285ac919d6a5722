"""The steps that make a copy the application's home. There is no way back from here, only on.

The copy's stack gets the name of the home's, so that every command and the journal go on under the same
name; its members keep what they are called, so that none is restarted. The old home's config file becomes
the new home's with its people's lines as they were; until then it is kept beside the move's record.
"""

from collections.abc import Mapping
from typing import Any

from autoscaler.act import stack_config
from autoscaler.act.app_stack import CLOUD, COPY, IMAGES, AppStack, images_of
from autoscaler.burst import leaving
from autoscaler.burst import world as worlds
from autoscaler.burst.copy_config import new_home
from autoscaler.burst.records import Move
from autoscaler.burst.refusals import CloudAway
from autoscaler.burst.work import Work

_REFERENCE = "pulumi:pulumi:StackReference"


def keep(work: Work) -> None:
    """The home's config file is kept, and from now on the move only goes on."""
    kept = work.records.kept_config(work.move.application)
    if not work.move.passed:
        stack_config.replace_file(kept, work.cli.config_path(work.home_stack).read_text("utf-8"))
        work.record(passed=True)


def leave_home(work: Work) -> None:
    """The old home is out of the front door, and its stacks are gone.

    Where its cloud does not answer they are set aside, as those of a copy whose end is owed: the application
    is whole without them. Raises CloudAway where its new place does not answer, as home may yet be needed.
    """
    if work.cli.exists(work.stack):
        work.must_answer(work.move.cloud)
        leaving.rest(work)  # the autoscaler's updates would meet the stack's new name
        leaving.drop(work, work.move.home)
    aside = _aside(work)
    names = {work.home_stack: aside.stack, _home_images(work): images_of(aside.stack)}
    old = [stack for stack in names if _is_old(work, stack)]
    try:
        for stack in old:
            if stack == work.home_stack:
                leaving.pause(work, stack)
            leaving.remove(work, stack, work.move.home)
    except CloudAway as away:
        leaving.owe(work, aside, away)
        for stack in old:
            _set_aside(work, stack, names[stack])
    for stack, name in names.items():
        _follow(work, stack, name)


def _aside(work: Work) -> Move:
    """The end of what the old home leaves: from now on a copy of an application that lives elsewhere."""
    move = work.move
    return Move(move.application, "end", move.home, move.cloud, move.begun)


def _set_aside(work: Work, stack: str, name: str) -> None:
    """A stack of the old home's has the name that a copy's in its cloud would have, and its members go by the
    name that they were born with."""
    if work.cli.exists(stack):
        if stack == work.home_stack:
            old = AppStack.read(work.cli, stack)
            images = images_of(name) if IMAGES in old.config else None
            work.cli.configure(stack, {COPY: old.copy, IMAGES: images})
        _rename(work, stack, name)


def _follow(work: Work, old: str, new: str) -> None:
    """A config file has its stack's new name, also where a kill came between the two."""
    cli = work.cli
    if cli.exists(old) or not cli.exists(new) or cli.config_path(new).exists():
        return
    if cli.config_path(old).exists():
        cli.config_path(old).replace(cli.config_path(new))


def take_name(work: Work) -> None:
    """The copy's stacks have the names of the home's."""
    cli = work.cli
    if cli.exists(work.stack):
        kept = work.records.kept_config(work.move.application).read_text("utf-8")
        copy = AppStack.read(cli, work.stack)
        images = _home_images(work) if cli.exists(work.images) or cli.exists(_home_images(work)) else None
        text = new_home(kept, copy.config, work.move.cloud, copy.copy, images)
        # The CLI moves the config file with the stack, so it is right before it has its name.
        stack_config.rewrite(cli.config_path(work.stack), lambda _: text)
        stack_config.replace_file(work.records.kept_config(work.move.application), text)
    for old, new in ((work.images, _home_images(work)), (work.stack, work.home_stack)):
        _rename(work, old, new)


def settle(work: Work) -> None:
    """The new home's config is in its place, and nothing is kept beside."""
    kept, path = work.records.kept_config(work.move.application), work.cli.config_path(work.home_stack)
    if kept.exists():
        text = kept.read_text("utf-8")
        stack_config.rewrite(path, lambda there: text if there is None else None)
    kept.unlink(missing_ok=True)
    for stack in (work.stack, work.images):
        leaving.forget_files(work, stack)


def refer(work: Work) -> None:
    """The new home knows its images' stack by the name that it has now; a refresh would look for the old."""
    known = work.cli.deployment(work.home_stack).get("resources", [])
    old = [each for each in known if each["type"] == _REFERENCE and _names(each, work.images)]
    if old:
        work.up(work.home_stack, work.move.cloud, "--refresh=false")


def _names(reference: Mapping[str, Any], stack: str) -> bool:
    return str((reference.get("inputs") or {}).get("name", "")).endswith(f"/{stack}")


def _rename(work: Work, old: str, new: str) -> None:
    """Also where a kill came between the two files of a rename: then both names are there, and alike."""
    cli = work.cli
    if not cli.exists(old):
        return
    for each in work.world.recovered(cli, old):
        work.say(f"{old}: {each}")
    if cli.exists(new):
        config = cli.config_path(old)
        text = config.read_text("utf-8") if config.exists() else None
        cli.remove(new, force=True)
        if text is not None:
            stack_config.rewrite(config, lambda _: text)
    cli.rename(old, new)


def _home_images(work: Work) -> str:
    return images_of(work.home_stack)


def _is_old(work: Work, stack: str) -> bool:
    """Whether a stack of the home's name is still the old home's."""
    if not work.cli.exists(stack):
        return False
    said = worlds.outputs(work.cli, stack).get("cloud")
    said = said or stack_config.read(work.cli.config_path(stack)).get(CLOUD)
    return str(said or work.move.home) != work.move.cloud
