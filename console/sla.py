"""`alto sla`: how an application keeps the service levels that it promises, from the journal."""

import json
import sys
import time
from datetime import datetime

from rich.console import Console
from rich.table import Table

from autoscaler.act.app_stack import AppStack
from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.journal.journal import Journal
from autoscaler.journal.records import ServiceRow
from autoscaler.serve.levels import LENIENT, MINUTE, Gap, Kept, Levels, report
from blueprints.kinds.application import Application
from blueprints.kinds.objectives import Objectives
from console.applications import unknown
from console.autoscaler import folder
from console.autoscaling_story import moment
from console.errors import BadInput

EXAMPLE = "objectives: {availability: 99.9%, latency: [{within: 300ms, share: 99%}], window: 30d}"


def sla(application: str, since: str | None, *, as_json: bool) -> None:
    """Print it. Raises BadInput for an unknown application, one that promises nothing, or no time."""
    cli = pulumi()
    objectives = _objectives(cli, application)
    now = time.time()
    begin = now - objectives.window.seconds if since is None else _since(since, now)
    found = report(application, _rows(application, begin), objectives, begin, now)
    if as_json:
        print(json.dumps(found.as_json(), indent=2))
    else:
        _print(found, objectives)


def _objectives(cli: Pulumi, application: str) -> Objectives:
    """As its documents say now. Raises BadInput."""
    names = cli.stacks()
    stacks = [
        f"app-{application}",
        *sorted(name for name in names if name.startswith(f"app-{application}--")),
    ]
    stack = next((name for name in stacks if name in names), None)
    if stack is None:
        raise unknown(cli, application)
    found = AppStack.read(cli, stack)
    document = found.documents().get(Application, found.application)
    if document is None or document.objectives is None:
        raise BadInput(f"{application} promises nothing", f"Add to its document: {EXAMPLE}")
    return document.objectives


def _since(text: str, now: float) -> float:
    """A length of time back from now, or a moment. Raises BadInput."""
    begin = moment(text, datetime.fromtimestamp(now).astimezone())
    if begin >= now:
        raise BadInput(f"--since {text} is not in the past", "Write a time that has been, or 7d, 12h, 90m.")
    return begin


def _rows(application: str, since: float) -> list[ServiceRow]:
    """From every journal: autoscalers that share have one each."""
    found: list[ServiceRow] = []
    for path in sorted(folder().glob("journal*.sqlite")):
        journal = Journal(path, read_only=True)
        try:
            found += journal.service(application, since)
        finally:
            journal.close()
    return found


def _print(found: Levels, objectives: Objectives) -> None:
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(f"[bold]{found.application}[/bold] from {_day(found.begin)} to {_day(found.end)}")
    if found.measured is None:
        console.print("Nothing was measured in this time: `alto autoscale` was not running.")
        return
    if found.measured > found.begin + LENIENT[MINUTE]:
        console.print(f"Measured since {_day(found.measured)}; nothing is known of the time before.")
    table = Table(
        "objective", "achieved", "kept", "bad", "requests", "budget", "left", "burn 1 h", "burn 6 h"
    )
    for kept in found.promises:
        table.add_row(*_line(kept))
    console.print(table)
    if not found.counted:
        console.print("No request was counted: a load balancer of the application's own does that.")
    console.print(
        f"Nobody served for {_length(found.down)} of the {_length(found.watched)} in which members were "
        "watched."
    )
    for kept in found.promises:
        if kept.kept is not True and kept.achieved is not None and kept.bad <= kept.budget:
            why = "nobody served" if kept.kept is False else "nobody counted, or served,"
            console.print(f"{kept.promise.text}: {why} for longer than this share of the time allows.")
        if kept.worst:
            console.print(_worst(kept))
    _print_gaps(console, found.gaps)


def _line(kept: Kept) -> tuple[str, ...]:
    unknown = "no data" if kept.achieved is None else "unknown"
    verdict = {None: f"[yellow]{unknown}", True: "[green]yes", False: "[red]no"}[kept.kept]
    return (
        kept.promise.text,
        "" if kept.achieved is None else f"{_floor(kept.achieved)} %",
        verdict,
        f"{kept.bad:,.0f}",
        f"{kept.requests:,.0f}",
        f"{kept.budget:,.1f}",
        "" if kept.left is None else f"{kept.left:.0%}",
        *("" if rate is None else f"{rate:.2f}" for rate in kept.burn.values()),
    )


def _floor(share: float) -> str:
    """Percent with three digits, rounded down: what is not all is never shown as 100."""
    return f"{int(share * 100_000 + 1e-6) / 1000:.3f}"


def _worst(kept: Kept) -> Table:
    title = f"Worst hours for {kept.promise.text}"
    table = Table("hour", "achieved", "bad", "requests", "of the budget", title=title, title_justify="left")
    for hour in kept.worst[:5]:
        table.add_row(
            _day(hour.at),
            f"{_floor(hour.achieved)} %",
            f"{hour.bad:,.0f}",
            f"{hour.requests:,.0f}",
            f"{hour.spent:.0%}",
        )
    return table


def _print_gaps(console: Console, gaps: tuple[Gap, ...]) -> None:
    for what in ("requests", "members"):
        those = [gap for gap in gaps if gap.what == what]
        if not those:
            continue
        total = sum(gap.seconds for gap in those)
        console.print(f"Unknown, and counted as neither good nor bad: {what} of {_length(total)} in all")
        for gap in sorted(those, key=lambda gap: -gap.seconds)[:5]:
            console.print(f"  {_length(gap.seconds)} between {_day(gap.begin)} and {_day(gap.end)}")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _length(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
