"""`alto explain --plot`: an application's members over time as a picture."""

import time
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path

from autoscaler.act.environment import pulumi
from autoscaler.act.stack_config import replace_file
from autoscaler.journal.journal import Journal
from autoscaler.serve.history import history
from autoscaler.serve.picture import draw
from blueprints.quantities import Duration
from console.applications import unknown
from console.autoscaler import folder
from console.autoscaling_story import moment
from console.errors import BadInput


def plot(application: str, target: Path, since: str, at: str | None) -> None:
    """Write the SVG. Raises BadInput for wrong times, and where nothing is known of the application."""
    now = time.time()
    end = now if at is None else moment(at, datetime.fromtimestamp(now).astimezone())
    try:
        begin = end - Duration(since).seconds
    except ValueError:
        raise BadInput(f"{since!r} is no length of time", "Write 15m, 6h, 2d.") from None
    with ExitStack() as stack:
        journals = [
            stack.enter_context(closing(Journal(path, read_only=True)))
            for path in sorted(folder().glob("journal*.sqlite"))
        ]
        found = history(journals, application, begin, end)
    if not found.clusters:
        cli = pulumi()
        if not cli.exists(f"app-{application}"):
            raise unknown(cli, application)
        raise BadInput(
            f"nothing was decided about {application} in that time",
            "Look further back with --since, or start `alto autoscale`.",
        )
    replace_file(target, draw(found), 0o644)
    print(target)
