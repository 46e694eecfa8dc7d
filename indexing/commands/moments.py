"""The options of commands that ask the ledger: from when, until when, and how many rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click

_DAY_LENGTH = len("2026-11-24")


class _Moment(click.ParamType):  # type: ignore[type-arg] # only newer versions of click know a type here
    """A day or a moment; UTC unless it says otherwise. As an end, a day counts up to its midnight."""

    name = "DAY|MOMENT"

    def __init__(self, *, ends: bool = False) -> None:
        self._ends = ends

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The moment, in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a moment: expected 2026-11-24 or 2026-11-24T14:30, in UTC.", param, ctx)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        return found + timedelta(days=1) if self._ends and len(value) == _DAY_LENGTH else found


since_option = click.option(
    *("--from", "--since", "since"), type=_Moment(), help="From this day or moment on, UTC; else from the first."
)
until_option = click.option(
    *("--to", "--until", "until"), type=_Moment(ends=True), help="Up to this moment, or to the end of this day."
)
limit_option = click.option(
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(0, 100_000),
    help="How many rows to list, newest first.",
)
