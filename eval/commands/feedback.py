"""``groundwork eval feedback`` and ``groundwork eval position-bias``: what users say and do about answers."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from eval.commands.group import evaluation
from indexing.commands.ledger_tables import period_text, tell_unread
from indexing.commands.moments import since_option, until_option
from indexing.commands.terminal import as_json, opened, print_json, print_table
from indexing.settings import Settings

if TYPE_CHECKING:
    from eval.feedback.estimates import Estimate
    from indexing.ledger.day_sources import DayFault

GROUPS = ("release", "recipe", "arm", "rollout", "tenant", "collection", "mode", "kind", "language", "day")
"""``eval.feedback.rates.GROUPS``, which would load scipy; a test holds them equal."""
tenant_option = click.option("--tenant", help="Of one tenant alone; by default of all.")
collection_option = click.option("--collection", help="Of one collection alone, of that name.")


@evaluation.command("feedback")
@since_option
@until_option
@click.option(
    "--by",
    type=click.Choice(GROUPS),
    multiple=True,
    default=("release",),
    show_default=True,
    help="What groups are told by (may be repeated).",
)
@tenant_option
@collection_option
@click.option("--rollout", type=int, help="Of one rollout alone, by its number.")
@as_json
@click.pass_obj
def feedback(
    settings: Settings,
    /,
    since: datetime | None,
    until: datetime | None,
    by: tuple[str, ...],
    tenant: str | None,
    collection: str | None,
    rollout: int | None,
    as_json: bool,
) -> None:
    """Rates of feedback with 95 % intervals, by release, arm or slice, robust to users that answer often."""
    from eval.feedback.rates import feedback_rates
    from indexing.ledger.feedback_readers import Asked

    faults: list[DayFault] = []
    with opened(settings) as home:
        asked = Asked(tenant, collection, rollout)
        found = feedback_rates(home, since, until, by=by, asked=asked, on_fault=faults.append)
    if as_json:
        print_json({"from": since, "to": until, **asdict(found), "unread": [asdict(fault) for fault in faults]})
        return
    tell_unread(faults)
    table: list[list[object]] = [
        [*rate.group.values(), rate.measure, f"{rate.answers:,}", f"{rate.users:,}", *_cells(rate.estimate)]
        for rate in found.rates
    ]
    print_table("feedback", [*by, "measure", "answers", "users", "rate", "95 % interval"], table)
    click.echo(
        f"{period_text(since, until)}: {found.answers:,} answers, {found.with_feedback:,} with feedback,"
        f" {found.without_user:,} without a user; {found.unjoined:,} times feedback without its answer"
    )


def _cells(estimate: "Estimate") -> list[str]:
    value = "" if estimate.value is None else f"{estimate.value:.4f}"
    if estimate.low is None or estimate.high is None:
        return [value, estimate.reason]
    return [value, f"{estimate.low:.4f} to {estimate.high:.4f}"]
