"""`alto maintenance`: public web ports answer with a page, and nothing heals or scales the application."""

from pathlib import Path
from typing import Any

from autoscaler.act.app_stack import MAINTENANCE, rests
from autoscaler.act.stack_config import read
from blueprints.quantities import Duration
from console.applications import known
from console.errors import BadInput
from console.updates import change
from toolchain import paths


def switch(application: str, *, on: bool, page: Path | None, retry_after: str | None, preview: bool) -> None:
    """Write the setting and update. Raises BadInput for a page or time that cannot be used."""
    cli, stack = known(application)
    value = _setting(page, retry_after) if on else None
    before = read(cli.config_path(stack)).get(MAINTENANCE)
    if preview:
        print(f"{stack}: {MAINTENANCE}: {_told(before)} -> {_told(value)}")
        return
    # What people stopped by hand meanwhile must be seen, and be back, before the page goes.
    change(cli, stack, {MAINTENANCE: value}, *(("--refresh=false",) if on else ()))
    print(_said(application, on))


def _setting(page: Path | None, retry_after: str | None) -> Any:
    found: dict[str, str] = {}
    if page is not None:
        found["page"] = _page(page)
    if retry_after is not None:
        try:
            found["retryAfter"] = str(Duration(retry_after))
        except ValueError as error:
            raise BadInput(
                f"--retry-after: {error}", "Write a time with its unit, such as 90s or 5m."
            ) from error
    return found or True


def _page(page: Path) -> str:
    try:
        page.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"--page {page} cannot be read: {error}", "Name a file with HTML in UTF-8.") from error
    whole = page.resolve()
    return str(whole.relative_to(paths.root())) if whole.is_relative_to(paths.root()) else str(whole)


def _told(value: Any) -> str:
    return "off" if not rests(value) else "on" if value is True else f"on, {value}"


def _said(application: str, on: bool) -> str:
    if not on:
        return f"{application} serves again"
    return (
        f"{application} is in maintenance: its public web ports answer 503 with a page; members may be "
        f"scaled or stopped.\n  `alto maintenance {application} off` ends it."
    )
