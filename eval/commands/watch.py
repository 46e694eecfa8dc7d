"""``groundwork eval watch``: the trial, its guards, scheduled runs, alerts and what is due, as they are now."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from eval.commands.group import evaluation
from indexing.commands.job_tables import planned_as_json, run_as_json
from indexing.commands.numbers import FiniteRange
from indexing.commands.terminal import as_json as json_option
from indexing.commands.terminal import opened, print_json, short_time
from indexing.settings import Settings

if TYPE_CHECKING:
    from eval.jobs.overview import QualityNow
    from indexing.catalogue.schedule import ScheduledRun

_STYLES = {
    **dict.fromkeys(("fail", "failed", "critical"), "red"),
    **dict.fromkeys(("inconclusive", "warning", "cancelled", "stopped"), "yellow"),
    **dict.fromkeys(("pass", "done"), "green"),
}
"""Colours of what is said; words say the same."""
_WIDTH = 160
"""Characters a line in a file or a pipe, which has no width. Source: our choice."""


@evaluation.command("watch")
@click.option("--every", type=FiniteRange(0.5, 86_400), default=2.0, show_default=True, help="Seconds between looks.")
@click.option("--once", is_flag=True, help="Show it once and end.")
@json_option
@click.pass_obj
def watch(settings: Settings, every: float, once: bool, as_json: bool) -> None:
    """Show quality live until Ctrl-C: the open trial and its guards, the last runs, open alerts, what is due next."""
    import time

    from rich.live import Live

    from eval.jobs.overview import QualityNow, quality_now
    from indexing.catalogue.database import utc_now
    from indexing.schedule.jobs import scheduled_jobs

    jobs = scheduled_jobs()
    with opened(settings) as home:

        def look() -> QualityNow:
            return quality_now(home, jobs, utc_now())

        if as_json:
            print_json(_as_json(look()))
            return
        console = Console()
        if not console.is_terminal:
            console.width = _WIDTH
        if once or not console.is_terminal:
            console.print(shown(look()))
            return
        with Live(shown(look()), console=console, screen=True, auto_refresh=False) as live:
            try:
                while True:
                    time.sleep(every)
                    live.update(shown(look()), refresh=True)
            except KeyboardInterrupt:
                return


def shown(now: "QualityNow") -> RenderableType:
    """What a person sees."""
    parts: list[RenderableType] = [Text(f"{short_time(now.at)} UTC"), Text(now.trial or "no trial is open")]
    if now.guards is not None:
        rows = [[one.outcome.replace("_", " "), one.guard, one.reason] for one in now.guards.results]
        parts.append(_table("guards", ["says", "guard", "why"], rows))
    alerts = [[one.severity, str(one.id), one.source, short_time(one.last_at), one.message] for one in now.alerts]
    parts.append(_table("open alerts", ["severity", "id", "source", "last", "message"], alerts))
    parts.append(_table("last runs", ["state", "id", "job", "begun", "what"], [_run(one) for one in now.runs]))
    due = [["now" if one.is_due else short_time(one.next_at), one.job.name, one.job.about] for one in now.planned]
    parts.append(_table("next", ["due", "job", "what it does"], due))
    holder = "" if now.runner is None else now.runner.holder
    parts.append(Text(f"run by {holder}" if holder else "nothing runs it: start 'groundwork builder' or 'beat'"))
    return Group(*parts)


def _run(one: "ScheduledRun") -> list[str]:
    return [one.state, f"r{one.id}", one.job, short_time(one.begun_at), one.error or one.step or ""]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    if not rows:
        return Text(f"no {title}")
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    for first, *others in rows:
        table.add_row(Text(first, style=_STYLES.get(first, "")), *map(Text, others))
    return table


def _as_json(now: "QualityNow") -> dict[str, object]:
    guards = None if now.guards is None else {"outcome": now.guards.outcome, **now.guards.evidence}
    return {
        "at": now.at,
        "trial": now.trial,
        "guards": guards,
        "runs": [run_as_json(one) for one in now.runs],
        "alerts": [asdict(one) for one in now.alerts],
        "schedule": [planned_as_json(one) for one in now.planned],
        "runner": None if now.runner is None or not now.runner.holder else now.runner.holder,
    }
