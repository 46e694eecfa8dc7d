"""What the commands about releases and rollouts share: who decides and why, durations, tenants, and what is said."""

from collections.abc import Callable

import click

from indexing.catalogue.database import Database, utc_now
from indexing.commands.numbers import POSITIVE
from indexing.commands.terminal import opened
from indexing.errors import InvalidInput
from indexing.releases.behind import documents_lost
from indexing.releases.overview import is_watched, meant_rollout, sentence
from indexing.releases.rollouts import Rollout, find_rollout
from indexing.releases.steps import parse_duration
from indexing.releases.transitions import Decision
from indexing.settings import Settings, current_user


def as_seconds(context: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """An option's duration, written as ``90s``, ``30m``, ``24h`` or ``7d``, in seconds."""
    try:
        return None if value is None else parse_duration(value)
    except InvalidInput as error:
        raise click.BadParameter(str(error), context, param) from error


rollout_argument = click.argument("rollout", type=POSITIVE, required=False)
reason_option = click.option("--reason", default="by hand", show_default=True, help="Why; kept for ever.")
standby_option = click.option(
    "--standby",
    default="24h",
    show_default=True,
    metavar="TIME",
    callback=as_seconds,
    help="How long the recipe before stays open, so that a roll-back takes a second; 0 for not at all.",
)
override_option = click.option(
    "--override", metavar="REASON", help="Why it answers without the verdict that is needed; kept for ever."
)
anyway_back_option = click.option("--anyway", is_flag=True, help="Also to a recipe that lacks documents.")
anyway_behind_option = click.option(
    "--anyway", is_flag=True, help="Also a recipe that lacks documents which the one in service answers with."
)


def decision(reason: str) -> Decision:
    """A decision of the person at the terminal, now."""
    return Decision(current_user(), reason, utc_now())


def tell(catalogue: Database, rollout: Rollout) -> None:
    """Say what a rollout does now, and what is missing for it."""
    watched, seen = is_watched(catalogue, utc_now())
    click.echo(sentence(rollout, is_watched=watched))
    if rollout.state in ("shadow", "canary") and not watched:
        last = "was ever seen" if seen is None else f"was seen since {seen.renewed_at[:16].replace('T', ' ')}"
        click.echo(f"No watcher {last}: run 'groundwork builder' or 'groundwork rollouts watch'.", err=True)
    lost = documents_lost(catalogue, rollout.candidate) if rollout.is_open or rollout.state == "proposed" else 0
    if lost:
        click.echo(
            f"Recipe {rollout.candidate} lacks {lost} documents that are searchable now: 'groundwork build' and the"
            " builder bring them.",
            err=True,
        )


def change_meant(
    settings: Settings,
    number: int | None,
    reason: str,
    change: Callable[[Database, Rollout, Decision], Rollout],
) -> None:
    """Change the rollout that is meant, as it is now, and say what it does from then on."""
    with opened(settings) as home:
        seen = find_rollout(home.catalogue, meant_rollout(home.catalogue, number))
        # Taking traffic from a candidate must not wait for room on the disk.
        tell(home.catalogue, home.reserve.run(lambda: change(home.catalogue, seen, decision(reason))))
