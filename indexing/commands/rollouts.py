"""The commands about rollouts: try a recipe beside the one in service, step by step, and take it back."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from indexing.commands.decisions import (
    anyway_back_option,
    anyway_behind_option,
    change_meant,
    decision,
    override_option,
    reason_option,
    rollout_argument,
    standby_option,
    tell,
)
from indexing.commands.numbers import FINITE
from indexing.commands.terminal import as_json as json_option
from indexing.commands.terminal import opened, print_json, print_table, screen, short_time
from indexing.commands.trials import ab, canary, interleave, propose, shadow
from indexing.commands.watching import watcher_of
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.catalogue.database import Database
    from indexing.home import Home
    from indexing.releases.rollouts import Rollout
    from indexing.releases.transitions import Decision

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


for _start in (propose, shadow, canary, ab, interleave):
    rollouts.add_command(_start)


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
    from indexing.commands.verdicts import print_verdicts
    from indexing.releases.gate import list_verdicts
    from indexing.releases.observation import guards_now, preferred
    from indexing.releases.overview import is_watched, meant_rollout, percent, sentence
    from indexing.releases.rollouts import find_rollout
    from indexing.releases.transitions import in_words, list_transitions

    with opened(settings) as home:
        one = find_rollout(home.catalogue, meant_rollout(home.catalogue, rollout))
        kept = list_transitions(home.catalogue, one.id)
        verdicts = list_verdicts(home.catalogue, one.candidate, rollout=one.id)
        now = utc_now()
        found = guards_now(home.catalogue, _ledger(home), one, now)
        report = None if found is None else found.report
        stands = preferred(_ledger(home), one, now)
        watched, _ = is_watched(home.catalogue, now)
    said = sentence(one, is_watched=watched)
    if as_json:
        guards = None if report is None else {"outcome": report.outcome, **report.evidence}
        shown = {"transitions": [asdict(change) for change in kept], "verdicts": [asdict(given) for given in verdicts]}
        more = {} if stands is None else {"stands": stands}
        print_json({**asdict(one), "says": said, "guards": guards, **more, **shown})
        return
    click.echo(said)
    if one.decides:
        click.echo(f"It decides {one.decides}; it ends {_end_in_words(one)}.")
    if stands is not None:
        click.echo(f"By what users chose it is {stands['conclusion']}: {stands['reason']}.")
    if report is not None:
        for result in report.results:
            click.echo(f"  {result.outcome.replace('_', ' '):<13} {result.guard}: {result.reason}")
    rows: list[list[object]] = [
        [short_time(change.at), in_words(change.to_state), percent(change.share), change.actor, change.reason]
        for change in kept
    ]
    print_table("decisions", ["at", "state", "share", "by", "why"], rows)
    print_verdicts(verdicts)


@rollouts.command("share")
@click.argument("share", type=FINITE)
@rollout_argument
@override_option
@reason_option
@click.pass_obj
def rollouts_share(settings: Settings, share: float, rollout: int | None, override: str | None, reason: str) -> None:
    """Set the candidate's SHARE by hand, such as 0.2; its steps, if it has any, are over then.

    A share of 1 answers everyone: it needs the verdict PROMOTE of 'groundwork eval gate'.
    """
    from indexing.releases.lifecycle import set_share

    def change(catalogue: "Database", seen: "Rollout", by: "Decision") -> "Rollout":
        return set_share(catalogue, seen, by, share, override=override)

    change_meant(settings, rollout, reason, change)


@rollouts.command("pause")
@rollout_argument
@reason_option
@click.pass_obj
def rollouts_pause(settings: Settings, rollout: int | None, reason: str) -> None:
    """Give the candidate nothing until it is resumed; it stays open."""
    from indexing.releases.lifecycle import pause

    change_meant(settings, rollout, reason, pause)


@rollouts.command("resume")
@rollout_argument
@reason_option
@click.pass_obj
def rollouts_resume(settings: Settings, rollout: int | None, reason: str) -> None:
    """Go on where it was paused; what is observed counts from now on."""
    from indexing.releases.lifecycle import resume

    change_meant(settings, rollout, reason, resume)


@rollouts.command("reject")
@rollout_argument
@reason_option
@click.pass_obj
def rollouts_reject(settings: Settings, rollout: int | None, reason: str) -> None:
    """Decide against the candidate; it gets nothing from now on."""
    from indexing.releases.lifecycle import reject

    change_meant(settings, rollout, reason, reject)


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
@anyway_behind_option
@override_option
@reason_option
@click.pass_obj
def rollouts_promote(
    settings: Settings, rollout: int | None, standby: float, anyway: bool, override: str | None, reason: str
) -> None:
    """Put the candidate in service for everyone; it needs the verdict PROMOTE of 'groundwork eval gate'."""
    from indexing.commands.releases import run_promotion
    from indexing.releases.overview import meant_rollout
    from indexing.releases.rollouts import find_rollout

    with opened(settings) as home:
        seen = find_rollout(home.catalogue, meant_rollout(home.catalogue, rollout))
        run_promotion(home, seen.candidate, standby, reason, seen=seen, anyway=anyway, override=override)


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
    is gone. While none runs, a canary or an A/B test is paused.
    """
    import signal
    import threading

    from indexing.telemetry import configure_logging

    configure_logging(settings.log_level)
    with opened(settings) as home:
        watcher = watcher_of(home)
        if once:
            if not watcher.round():
                screen.print("another watcher has the lease")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        watcher.run(stop)


def _end_in_words(rollout: "Rollout") -> str:
    ends = [] if rollout.ends_at is None else [f"at {short_time(rollout.ends_at)}"]
    ends += [] if rollout.max_queries is None else [f"after {rollout.max_queries} queries"]
    return " or ".join(ends) or "when you decide"


def _ledger(home: "Home") -> Any:
    from indexing.releases.rollout_ledger import RolloutLedger

    return RolloutLedger(home.ledger)
