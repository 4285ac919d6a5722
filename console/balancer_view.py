"""What `alto lb` shows of load balancers."""

import json
import time
from dataclasses import asdict
from typing import Any

from console.balancer_state import BackendFigures, BalancerFigures, BalancerReader
from console.errors import BadInput
from console.front_view import FrontReader

_PERIOD_SECONDS = 1.0
_COLOURS = {"serving": "green", "starting": "yellow", "draining": "cyan", "leaving": "cyan", "down": "red"}


def show(application: str, *, watch: bool, as_json: bool) -> None:
    """Print the front door and the balancers of an application, once or until interrupted."""
    door = FrontReader(application)
    reader = _reader(application, door)
    if as_json:
        while True:
            told = door.as_json()
            found = [asdict(each) for each in reader.read()] if reader else []
            ahead = [{"name": f"front-{application}", "frontDoor": told}] if told else []
            print(json.dumps([*ahead, *found]), flush=True)
            if not watch:
                return
            time.sleep(_PERIOD_SECONDS)
    from rich.console import Console, Group
    from rich.live import Live

    def now() -> Group:
        return Group(*door.parts(), *_parts(reader.read() if reader else []))

    console = Console()
    if not watch:
        console.print(now())
        return
    if not console.is_terminal:
        while True:  # one reading after the other
            console.print(now())
            console.file.flush()
            time.sleep(_PERIOD_SECONDS)
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        while True:
            try:
                live.update(now(), refresh=True)
            except ConnectionError as error:  # for a moment, as people look on
                live.update(f"[red]{error}", refresh=True)
            time.sleep(_PERIOD_SECONDS)


def show_authority(application: str) -> None:
    """Print who signed the certificates made for its https listeners. Raises BadInput without any."""
    described = BalancerReader(application).described.values()
    found = dict.fromkeys(str(each["authority"]) for each in described if each.get("authority"))
    if not found:
        raise BadInput(
            f"no load balancer of {application} has a certificate that was made for it",
            "Those that were given are checked with their own authority.",
        )
    print("".join(found), end="")


def _reader(application: str, door: FrontReader) -> BalancerReader | None:
    """The balancers of its first copy; None where there are none, but a front door."""
    try:
        return BalancerReader(application)
    except BadInput:
        if not door:
            raise
        return None


def _parts(balancers: list[BalancerFigures]) -> list[Any]:
    parts: list[Any] = []
    for balancer in balancers:
        hosts = f"  {', '.join(balancer.hosts)}" if balancer.hosts else ""
        parts.append(
            f"[bold]{balancer.name}[/] ({balancer.driver}, {balancer.ready} of {balancer.replicas} replicas "
            f"ready){hosts}"
        )
        parts += [f"  {url}" for url in balancer.urls]
        parts += [f"  [red]{problem}[/]" for problem in balancer.problems]
        parts += [_routes(balancer), _members(balancer)]
    return parts


def _routes(balancer: BalancerFigures) -> Any:
    from rich.table import Table

    table = Table("host", "path", "goes to", "weight", "share", title="Routes", title_justify="left")
    for route in balancer.routes:
        path = route["path"] + (f" as {route['rewrite']}" if route["rewrite"] else "")
        shares = balancer.splits.get(route["split"], {})
        head = [str(route["host"]), path]
        for backend, share in shares.items() or {route["split"]: {}}.items():
            weight, part = share.get("weight"), share.get("share")
            table.add_row(
                *head,
                backend,
                "" if weight is None else f"{weight:g}",
                "" if part is None else f"{part:.0%}",
            )
            head = ["", ""]
    return table


def _longest(balancer: BalancerFigures) -> int:
    names = [f"  {name}" for figures in balancer.backends.values() for name in figures.members]
    return max(map(len, [*names, *balancer.backends]), default=0)


def _members(balancer: BalancerFigures) -> Any:
    from rich.table import Column, Table

    # Names are what people look for: they stay whole, and what is beside them takes two lines where it must.
    names = Column("member", no_wrap=True, min_width=_longest(balancer))
    table = Table(names, title="Members", title_justify="left", padding=(0, 0))
    for head in ("state", "in flight", "waiting", "requests", "errors", "rate", "p50", "p99"):
        table.add_column(head, overflow="fold")
    for key, figures in balancer.backends.items():
        table.add_row(f"[bold]{key}", *_total(figures))
        for name, member in sorted(figures.members.items()):
            colour = _COLOURS.get(member.state, "red")
            table.add_row(
                f"  {name}", f"[{colour}]{member.state}", str(member.serving), str(member.queued),
                str(member.requests), str(member.errors),
            )  # fmt: skip
    return table


def _total(figures: BackendFigures) -> list[str]:
    serving = sum(member.state == "serving" for member in figures.members.values())
    state = figures.maintenance or f"{serving} serving"
    return [
        state, str(figures.serving), str(figures.queued), str(figures.requests), str(figures.errors),
        f"{figures.rate:.1f}/s", _seconds(figures.p50), _seconds(figures.p99),
    ]  # fmt: skip


def _seconds(value: float | None) -> str:
    return "" if not value else f"{value * 1000:.0f} ms"
