"""What every command shares with the person at the terminal: the home, progress, tables and JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from indexing.catalogue.erasures import unfinished_erasures
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.home import Home, open_home
from indexing.settings import Settings

screen = Console(stderr=True)
"""Where people read progress; standard output is for results."""
_FILE_COLUMNS = 10_000
"""Characters a line of a table that goes to a file or a pipe: more than any table here has. Our choice."""


@contextmanager
def opened(settings: Settings, *, create: bool = False) -> Iterator[Home]:
    """The home of the settings, closed afterwards. An unfinished erasure is never passed over in silence.

    Raises:
        NotFound: there is no home; only what fills a new one may ``create`` it.
    """
    home = open_home(settings, create=create)
    try:
        remind_of_erasures(home)
        yield home
    finally:
        home.close()


def remind_of_erasures(home: Home) -> None:
    """Say on standard error which erasures are not finished, and what to do."""
    for erasure in unfinished_erasures(home.catalogue):
        left = "the catalogue's free pages and log" if erasure.state == "compacting" else "files of this home"
        screen.print(
            f"Erasure {erasure.id} of {erasure.documents} documents of {erasure.partition} is not finished:"
            f" {left} may still hold their text. Finish it with 'groundwork erase --resume --yes'.",
            style="red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


@contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[Any]:
    """A ``(stage, done, total)`` callback that draws one bar a stage on standard error."""
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, disable=quiet) as progress:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield report


def print_json(value: object) -> None:
    """A result for a program, on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(title: str, columns: list[str], rows: list[list[object]]) -> None:
    """A result for a person, on standard output; programs read ``--json``.

    What is too wide for the terminal is folded, never cut; in a file or a pipe, which has no width, nothing is folded.
    """
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console = Console()
    if not console.is_terminal:
        console.width = _FILE_COLUMNS
    console.print(table)


def short_time(moment: str | None) -> str:
    """A moment to the minute, for a table; in UTC, as everywhere."""
    return (moment or "")[:16].replace("T", " ")


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
tenant_option = click.option(
    "--tenant", default=DEFAULT_TENANT, show_default=True, help="The tenant that owns the collection."
)
collection_option = click.option("--collection", default="default", show_default=True, help="The set of documents.")
