"""The commands about rollouts: try a recipe beside the one in service, step by step, and take it back."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexing.commands.decisions import anyway_back_option, as_seconds, decision, reason_option, standby_option, tell
from indexing.commands.terminal import as_json as json_option
from indexing.commands.terminal import opened, print_json, print_table, screen, short_time
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.catalogue.database import Database
    from indexing.home import Home
    from indexing.releases.lifecycle import End
    from indexing.releases.rollouts import Rollout
    from indexing.releases.transitions import Decision

rollout_argument = click.argument("rollout", type=int, required=False)
unit_option = click.option(
    "--unit",
    type=click.Choice(["tenant", "user", "request"]),
    default="tenant",
    show_default=True,
    help="What gets the candidate as one; a request without a user counts for its tenant.",
)
for_option = click.option(
    "--for", "lasts", metavar="TIME", callback=as_seconds, help="End after this time, such as 2h."
)
queries_option = click.option("--queries", type=click.IntRange(1), help="End after so many queries.")


_HELP = """Try a recipe beside the one in service.

\b
In trouble:  groundwork releases rollback     takes back what was done last, at once
Look:        groundwork rollouts list         what is open, and in which state
As a rule:   propose, shadow, canary, promote

Where ROLLOUT is left out, the open one is meant, else the only one that is proposed.
"""


@click.group(help=_HELP)
def rollouts() -> None:
    """Try a recipe beside the one in service."""


@rollouts.command("list")
@json_option
@click.pass_obj
def rollouts_list(settings: Settings, as_json: bool) -> None:
    """All rollouts, the newest first."""
    from indexing.catalogue.database import utc_now
    from indexing.releases.overview import is_watched, percent, reads
    from indexing.releases.rollouts import list_rollouts
    from indexing.releases.transitions import list_transitions

    with opened(settings) as home:
        watched, _ = is_watched(home.catalogue, utc_now())
        found = list_rollouts(home.catalogue)
        last = {one.id: list_transitions(home.catalogue, one.id)[-1] for one in found}
    if as_json:
        print_json([{**asdict(one), "reads": reads(one, is_watched=watched)} for one in found])
        return
    rows: list[list[object]] = [
        [
            one.id,
            f"{one.candidate} against {one.baseline}",
            one.mode,
            reads(one, is_watched=watched),
            f"{percent(one.share)} of {one.unit}s",
            f"{min(one.step + 1, len(one.steps))} of {len(one.steps)}" if one.steps else "",
            short_time(one.since_at),
            f"{last[one.id].actor}: {last[one.id].reason}",
        ]
        for one in found
    ]
    print_table("rollouts", ["id", "recipe", "mode", "state", "share", "step", "since", "by"], rows)


@rollouts.command("show")
@rollout_argument
@json_option
@click.pass_obj
def rollouts_show(settings: Settings, rollout: int | None, as_json: bool) -> None:
    """What ROLLOUT does, what its guards say now, and every decision about it."""
    from indexing.catalogue.database import utc_now
    from indexing.releases.observation import guards_now
    from indexing.releases.overview import is_watched, meant_rollout, percent, sentence
    from indexing.releases.rollouts import find_rollout
    from indexing.releases.transitions import in_words, list_transitions

    with opened(settings) as home:
        one = find_rollout(home.catalogue, meant_rollout(home.catalogue, rollout))
        kept = list_transitions(home.catalogue, one.id)
        now = utc_now()
        report = guards_now(home.catalogue, _ledger(home), one, now)
        watched, _ = is_watched(home.catalogue, now)
    said = sentence(one, is_watched=watched)
    if as_json:
        guards = None if report is None else {"outcome": report.outcome, **report.evidence}
        print_json({**asdict(one), "says": said, "guards": guards, "transitions": [asdict(change) for change in kept]})
        return
    click.echo(said)
    if one.decides:
        click.echo(f"It decides {one.decides}; it ends {_end_in_words(one)}.")
    if report is not None:
        for result in report.results:
            click.echo(f"  {result.outcome.replace('_', ' '):<13} {result.guard}: {result.reason}")
    rows: list[list[object]] = [
        [short_time(change.at), in_words(change.to_state), percent(change.share), change.actor, change.reason]
        for change in kept
    ]
    print_table("decisions", ["at", "state", "share", "by", "why"], rows)


@rollouts.command("propose")
@click.argument("release")
@click.option("--tenant", "tenants", multiple=True, help="Only this tenant's requests; may be given again.")
@click.option("--first", multiple=True, help="This tenant gets the candidate whatever the share; may be given again.")
@reason_option
@click.pass_obj
def rollouts_propose(
    settings: Settings, release: str, tenants: tuple[str, ...], first: tuple[str, ...], reason: str
) -> None:
    """Propose the recipe of RELEASE (13 or 13.2) against the one in service; it gets no traffic yet."""
    from indexing.releases.lifecycle import propose
    from indexing.releases.release import find_release

    with opened(settings) as home:
        recipe = find_release(home.catalogue, release).recipe
        by = decision(reason)
        tell(home.catalogue, propose(home.catalogue, recipe, by, tenants=tenants or None, first=first))


@rollouts.command("shadow")
@rollout_argument
@click.option("--share", default=1.0, show_default=True, help="The part of the queries that is copied, up to 1.")
@for_option
@queries_option
@click.option("--decides", required=True, help="What it is to decide, in words.")
@reason_option
@click.pass_obj
def rollouts_shadow(
    settings: Settings,
    rollout: int | None,
    share: float,
    lasts: float | None,
    queries: int | None,
    decides: str,
    reason: str,
) -> None:
    """Let the candidate answer copies of queries, after the users were answered. Needs --for or --queries."""
    from indexing.releases.lifecycle import start_shadow

    def start(catalogue: "Database", seen: "Rollout", by: "Decision") -> "Rollout":
        options = {"share": share, "decides": decides, "max_recipes": settings.max_recipes}
        return start_shadow(catalogue, seen, by, end=_end(by, lasts, queries), **options)  # type: ignore[arg-type]

    _change(settings, rollout, reason, start)


@rollouts.command("canary")
@rollout_argument
@click.option("--share", type=float, help="The candidate's share, such as 0.05; stays until you change it.")
@click.option(
    "--steps",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML file of steps, which a watcher goes through; see docs/operations.md.",
)
@unit_option
@reason_option
@click.pass_obj
def rollouts_canary(
    settings: Settings, rollout: int | None, share: float | None, steps: Path | None, unit: Any, reason: str
) -> None:
    """Give the candidate a share of tenants, users or requests: each keeps what it got. Needs --share or --steps."""
    from indexing.errors import InvalidInput
    from indexing.releases.lifecycle import start_canary
    from indexing.releases.steps import read_steps

    if (share is None) == (steps is None):
        raise InvalidInput("Give either --share, such as 0.05, or --steps FILE.")
    plan = () if steps is None else read_steps(steps.read_text(encoding="utf-8"), str(steps))

    def start(catalogue: "Database", seen: "Rollout", by: "Decision") -> "Rollout":
        return start_canary(
            catalogue, seen, by, share=share or 1.0, steps=plan, unit=unit, max_recipes=settings.max_recipes
        )

    _change(settings, rollout, reason, start)


@rollouts.command("ab")
@rollout_argument
@click.option("--share", default=0.5, show_default=True, help="The candidate's share, below 1.")
@click.option("--measure", required=True, help="latency_ms, error_rate, empty_rate or warning_rate.")
@click.option("--margin", required=True, type=float, help="The difference that does not matter, in the measure's unit.")
@click.option("--level", default=0.05, show_default=True, help="The chance of finding a difference that is none.")
@for_option
@queries_option
@unit_option
@reason_option
@click.pass_obj
def rollouts_ab(
    settings: Settings,
    rollout: int | None,
    share: float,
    measure: str,
    margin: float,
    level: float,
    lasts: float | None,
    queries: int | None,
    unit: Any,
    reason: str,
) -> None:
    """Compare both recipes by a measure, stated beforehand: better, worse, equivalent or inconclusive.

    A watcher ends it after --for or --queries. The candidate gets nothing from then on; promote it if it is better.
    """
    from indexing.releases.lifecycle import start_ab
    from indexing.releases.rollouts import AbTest

    def start(catalogue: "Database", seen: "Rollout", by: "Decision") -> "Rollout":
        test, end, most = AbTest(measure, margin, level), _end(by, lasts, queries), settings.max_recipes
        return start_ab(catalogue, seen, by, share=share, unit=unit, test=test, end=end, max_recipes=most)

    _change(settings, rollout, reason, start)


@rollouts.command("share")
@click.argument("share", type=float)
@rollout_argument
@reason_option
@click.pass_obj
def rollouts_share(settings: Settings, share: float, rollout: int | None, reason: str) -> None:
    """Set the candidate's SHARE by hand, such as 0.2; its steps, if it has any, are over then."""
    from indexing.releases.lifecycle import set_share

    _change(settings, rollout, reason, lambda catalogue, seen, by: set_share(catalogue, seen, by, share))


@rollouts.command("pause")
@rollout_argument
@reason_option
@click.pass_obj
def rollouts_pause(settings: Settings, rollout: int | None, reason: str) -> None:
    """Give the candidate nothing until it is resumed; it stays open."""
    from indexing.releases.lifecycle import pause

    _change(settings, rollout, reason, pause)


@rollouts.command("resume")
@rollout_argument
@reason_option
@click.pass_obj
def rollouts_resume(settings: Settings, rollout: int | None, reason: str) -> None:
    """Go on where it was paused; what is observed counts from now on."""
    from indexing.releases.lifecycle import resume

    _change(settings, rollout, reason, resume)


@rollouts.command("reject")
@rollout_argument
@reason_option
@click.pass_obj
def rollouts_reject(settings: Settings, rollout: int | None, reason: str) -> None:
    """Decide against the candidate; it gets nothing from now on."""
    from indexing.releases.lifecycle import reject

    _change(settings, rollout, reason, reject)


@rollouts.command("end")
@rollout_argument
@reason_option
@click.pass_obj
def rollouts_end(settings: Settings, rollout: int | None, reason: str) -> None:
    """End the trial without a decision; the candidate gets nothing from now on. An A/B test is inconclusive then."""
    from indexing.releases.observation import end_trial
    from indexing.releases.overview import meant_rollout
    from indexing.releases.rollouts import find_rollout

    with opened(settings) as home:
        seen = find_rollout(home.catalogue, meant_rollout(home.catalogue, rollout))
        by = decision(reason)
        tell(home.catalogue, home.reserve.run(lambda: end_trial(home.catalogue, _ledger(home), seen, by)))


@rollouts.command("promote")
@rollout_argument
@standby_option
@reason_option
@click.pass_obj
def rollouts_promote(settings: Settings, rollout: int | None, standby: float, reason: str) -> None:
    """Put the candidate in service for everyone."""
    from indexing.releases.overview import meant_rollout
    from indexing.releases.promotion import promote
    from indexing.releases.rollouts import find_rollout

    with opened(settings) as home:
        seen, most = find_rollout(home.catalogue, meant_rollout(home.catalogue, rollout)), settings.max_recipes
        options = {"max_recipes": most, "standby_seconds": standby, "seen": seen}
        release = home.reserve.run(
            lambda: promote(home.catalogue, seen.candidate, decision(reason), **options)  # type: ignore[arg-type]
        )
    click.echo(f"release {release.number} is in service")


@rollouts.command("rollback")
@rollout_argument
@anyway_back_option
@reason_option
@click.pass_obj
def rollouts_rollback(settings: Settings, rollout: int | None, anyway: bool, reason: str) -> None:
    """Take ROLLOUT back, open or promoted; left out, it is 'groundwork releases rollback'."""
    from indexing.commands.releases import run_rollback

    run_rollback(settings, reason, rollout=rollout, anyway=anyway)


@rollouts.command("watch")
@click.option("--once", is_flag=True, help="Look once and end.")
@click.pass_obj
def rollouts_watch(settings: Settings, once: bool) -> None:
    """Watch the open rollout until told to stop: check its guards, advance its steps, take it back when one fails.

    'groundwork builder' does this as well. Several may run: the one with the lease decides, another takes over when it
    is gone. While none runs, a rollout with steps is paused.
    """
    import signal
    import threading

    from indexing.releases.watcher import Watcher
    from indexing.telemetry import configure_logging

    configure_logging(settings.log_level)
    with opened(settings) as home:
        watcher = Watcher(home.catalogue, _ledger(home), with_room=home.reserve.run)
        if once:
            if not watcher.round():
                screen.print("another watcher has the lease")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        watcher.run(stop)


def _change(
    settings: Settings,
    number: int | None,
    reason: str,
    change: "Callable[[Database, Rollout, Decision], Rollout]",
) -> None:
    """Change the rollout that is meant, as it is now, and say what it does from then on."""
    from indexing.releases.overview import meant_rollout
    from indexing.releases.rollouts import find_rollout

    with opened(settings) as home:
        seen = find_rollout(home.catalogue, meant_rollout(home.catalogue, number))
        # Taking traffic from a candidate must not wait for room on the disk.
        tell(home.catalogue, home.reserve.run(lambda: change(home.catalogue, seen, decision(reason))))


def _end(by: "Decision", seconds: float | None, queries: int | None) -> "End":
    from datetime import datetime

    from indexing.releases.lifecycle import End

    if seconds is None:
        return End(None, queries)
    at = datetime.fromisoformat(by.at) + timedelta(seconds=seconds)
    return End(at.isoformat(timespec="milliseconds"), queries)


def _end_in_words(rollout: "Rollout") -> str:
    ends = [] if rollout.ends_at is None else [f"at {short_time(rollout.ends_at)}"]
    ends += [] if rollout.max_queries is None else [f"after {rollout.max_queries} queries"]
    return " or ".join(ends) or "when you decide"


def _ledger(home: "Home") -> Any:
    from indexing.releases.rollout_ledger import RolloutLedger

    return RolloutLedger(home.ledger)
