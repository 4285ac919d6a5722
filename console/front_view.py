"""What `alto lb` shows of an application's front door."""

from dataclasses import asdict
from typing import Any

from autoscaler.act.environment import pulumi
from autoscaler.burst.front_door import FrontDoor, FrontDoorUnreachable, FrontState


class FrontReader:
    """Reads the front door of one application, where it has one."""

    def __init__(self, application: str) -> None:
        self.problem = ""
        self._door: FrontDoor | None = None
        try:
            self._door = FrontDoor.of(pulumi(), application)
        except FrontDoorUnreachable as error:
            self.problem = str(error)

    def __bool__(self) -> bool:
        return self._door is not None or bool(self.problem)

    def read(self) -> FrontState | str:
        """Its state, or why there is none."""
        if self._door is None:
            return self.problem
        try:
            return self._door.state()
        except FrontDoorUnreachable as error:
            return str(error)

    def parts(self) -> list[Any]:
        """The state for people."""
        from rich.table import Table

        if not self:
            return []
        state = self.read()
        urls = self._door.urls if self._door else ()
        head = ["[bold]front door[/]", *(f"  {url}" for url in urls)]
        if isinstance(state, str):
            return [*head, f"  [red]{state}[/]"]
        problem = [f"  [red]{state.problem}[/]"] if state.problem else []
        table = Table(
            "cloud", "state", "weight", "share", "in flight", "waiting", "requests", "errors",
            title="Clouds", title_justify="left",
        )  # fmt: skip
        for cloud, each in state.clouds.items():
            serving = "[green]serving" if each.serving else "[red]down"
            known = [str(n) if state.counted else "" for n in _counts(each)]
            table.add_row(cloud, serving, str(each.weight), f"{each.share:.0%}", *known)
        return [*head, *problem, table]

    def as_json(self) -> dict[str, Any] | None:
        """The state for programs; None without a front door."""
        if not self:
            return None
        state = self.read()
        urls = list(self._door.urls) if self._door else []
        return {"urls": urls, **({"problem": state} if isinstance(state, str) else asdict(state))}


def _counts(each: Any) -> tuple[int, int, int, int]:
    return each.in_flight, each.queued, each.requests, each.errors
