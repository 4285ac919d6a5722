"""`alto explain`: why an application has the members that it has, for people and for programs."""

import json
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autoscaler.act.environment import pulumi
from autoscaler.journal.journal import Journal
from autoscaler.serve.explain import Explanation, Story, tell
from blueprints.quantities import Duration
from console.applications import unknown
from console.autoscaler import folder
from console.errors import BadInput


def explain(application: str, at: str | None, *, as_json: bool, limit: int) -> None:
    """Print it. Raises BadInput for an unknown application, a time that is none, or an empty journal."""
    cli = pulumi()
    stack = f"app-{application}"
    paths = sorted(folder().glob("journal*.sqlite"))
    if not paths:
        raise BadInput("no autoscaler has decided anything here yet", "`alto autoscale` starts one.")
    until = None if at is None else moment(at, datetime.now().astimezone())
    # Autoscalers that share have a journal each: who decided last knows best.
    story = max((_read(path, stack, until, limit) for path in paths), key=_latest)
    if not story.explanations and not story.history:
        if not cli.exists(stack):
            raise unknown(cli, application)
        when = f" before {_clock(until)}" if until is not None else ""
        raise BadInput(
            f"nothing was decided about {application}{when}",
            "It needs an autoscaling policy, and `alto autoscale` running.",
        )
    if as_json:
        print(json.dumps(story.as_json(), indent=2))
    else:
        _print(story)


def _read(path: Path, stack: str, until: float | None, limit: int) -> Story:
    journal = Journal(path, read_only=True)
    try:
        return tell(journal, stack, until, limit)
    finally:
        journal.close()


def _latest(story: Story) -> float:
    times = [each.at for each in story.explanations] + [row.at for row in story.history]
    return max(times, default=0.0)


def moment(text: str, now: datetime) -> float:
    """A time as people write it (`14:05`, `14:05:30`, `10m` ago, ISO 8601) in seconds since the epoch.

    A time of day is the last one that was. Raises BadInput.
    """
    try:
        # A date without a zone is in the machine's zone, with the summer time of that date.
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError:
        with suppress(ValueError):
            return now.timestamp() - Duration(text).seconds
        try:
            day = datetime.strptime(text, "%H:%M:%S" if text.count(":") == 2 else "%H:%M")
        except ValueError:
            raise BadInput(
                f"{text!r} is no time",
                "Write 14:05, 14:05:30, 10m (ago; s, m, h or d), or 2026-05-31T14:05:30 (with +02:00 or Z).",
            ) from None
        found = now.replace(hour=day.hour, minute=day.minute, second=day.second, microsecond=999_999)
        if found > now:
            found -= timedelta(days=1)
    return found.timestamp()


def _print(story: Story) -> None:
    console = Console(width=None if sys.stdout.isatty() else 160)
    for found in story.explanations:
        _print_cluster(console, found)
    history = Table("time", "cluster", "", "members", "factor", "why", title="History", title_justify="left")
    for row in story.history:
        colour = {"up": "green", "down": "cyan"}.get(row.action, "yellow")
        history.add_row(
            _clock(row.at),
            row.cluster,
            f"[{colour}]{row.action}",
            str(row.members) if row.members or row.action in {"up", "down", "hold"} else "",
            row.factor or "",
            escape(row.reason),
        )
    console.print(history)
    updates = Table("started", "took", "result", "scale", "note", title="Updates", title_justify="left")
    for update in story.updates[:10]:
        took = f"{update.seconds:.1f} s" if update.seconds is not None else ""
        counts = {**update.scale.get("clusters", {}), **update.scale.get("groups", {})}
        updates.add_row(
            _clock(update.started),
            took,
            update.result,
            ", ".join(f"{name}={count}" for name, count in counts.items()),
            escape((update.note or "")[:80]),
        )
    if story.updates:
        console.print(updates)


def _print_cluster(console: Console, found: Explanation) -> None:
    console.print(f"[bold]{found.cluster}[/bold]: {found.members} members, decided {_clock(found.at)}")
    console.print(f"  {escape(found.reason)}", soft_wrap=True, highlight=False)
    table = Table("factor", "value", "age", f"in {found.lead:.0f} s", "asks for", "")
    for line in found.factors:
        expected = ""
        if line.expected is not None:
            expected = f"{line.expected:.4g} ± {line.sigma or 0.0:.2g}"
        want = f"{line.want[1]} ({line.want[0]} to {line.want[2]})" if line.want is not None else ""
        table.add_row(
            line.factor,
            "missing" if line.value is None and line.age is None else _number(line.value),
            f"{line.age:.0f} s" if line.age is not None else "",
            expected,
            want,
            "wins" if line.wins else "",
        )
    console.print(table)
    if found.start_seconds is not None:
        updating = f", updates {found.actuation_seconds:.1f} s" if found.actuation_seconds is not None else ""
        console.print(f"  measured: members start within {found.start_seconds:.0f} s{updating}")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _clock(at: float) -> str:
    moment = datetime.fromtimestamp(at).astimezone()
    today = datetime.now().astimezone().date() == moment.date()
    return moment.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")
