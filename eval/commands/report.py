"""``groundwork eval report``: everything that is known of quality, as one file."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from eval.commands.group import evaluation
from indexing.commands.moments import since_option, until_option
from indexing.commands.terminal import opened, screen
from indexing.settings import Settings

_STANDARD_OUTPUT = Path("-")


@evaluation.command("report")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Write this file, - for standard output; else the report is kept in HOME/reports in all formats.",
)
@click.option("--set", "sets", multiple=True, metavar="NAME", help="Tell of this query set only (may be repeated).")
@click.option("--compare", nargs=2, metavar="A B", help="Two releases, such as 12.3 13.1, to compare.")
@since_option
@until_option
@click.option("--format", "format_", type=click.Choice(["html", "md", "json"]), help="Else by the name of --out.")
@click.pass_obj
def report(
    settings: Settings,
    /,
    out: Path | None,
    sets: tuple[str, ...],
    compare: tuple[str, str] | None,
    since: datetime | None,
    until: datetime | None,
    format_: str | None,
) -> None:
    """Tell what is live, how good it is, what changed, and what was decided, of the last 30 days.

    One HTML file without scripts that needs nothing beside it; also Markdown and JSON. It loads no model: it tells
    what 'eval gate', 'eval compare', 'eval judge' and the schedule kept, and asks the ledger for drift and feedback.
    """
    from eval.reports.files import format_of, keep_report, render, write_report
    from eval.reports.options import ReportOptions, known_format
    from eval.reports.report import build_report
    from indexing.retention.stored_reports import REPORT_LOCK

    now = datetime.now(UTC)
    wanted = None if format_ is None else known_format(format_)
    if wanted is None and out is not None and out != _STANDARD_OUTPUT:
        wanted = format_of(out)
    options = ReportOptions.last_days(until or now, since=since, sets=sets, compared=compare)
    with opened(settings) as home, home.storage.lock(REPORT_LOCK, "report or erasure"):
        found = build_report(home, options, made_at=now)
        kept = keep_report(home, found) if out is None else {}
    for section in found.present:
        for headline in section.headlines:
            screen.print(f"{section.title}: {headline.text}", markup=False, highlight=False, soft_wrap=True)
    if out is None:
        click.echo(kept[wanted or "html"])
        return
    screen.print("an erasure does not reach what is written outside of the home")
    if out == _STANDARD_OUTPUT:
        sys.stdout.write(render(found, wanted or "html"))
    else:
        write_report(found, out, wanted or "html")
        click.echo(out)
