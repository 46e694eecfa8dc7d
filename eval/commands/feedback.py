"""The commands about feedback: its rates, position bias, and what it proposes for judging."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from eval.commands.group import evaluation
from eval.commands.set_candidates import candidates
from indexing.commands.ledger_tables import period_text, tell_unread
from indexing.commands.moments import since_option, until_option
from indexing.commands.numbers import POSITIVE
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
@click.option("--rollout", type=POSITIVE, help="Of one rollout alone, by its number.")
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


@evaluation.command("position-bias")
@since_option
@until_option
@tenant_option
@collection_option
@click.option("--depth", default=10, show_default=True, type=click.IntRange(1, 1000), help="Ranks that were shown.")
@click.option(
    "--documents", default=20, show_default=True, type=click.IntRange(0, 100_000), help="How many documents to list."
)
@as_json
@click.pass_obj
def position_bias(
    settings: Settings,
    /,
    since: datetime | None,
    until: datetime | None,
    tenant: str | None,
    collection: str | None,
    depth: int,
    documents: int,
    as_json: bool,
) -> None:
    """How much less often lower ranks are looked at, and what clicks say of documents once that is accounted for.

    Told from documents that one query showed at several ranks, as releases, canaries and interleaving do.
    """
    from eval.feedback.harvest import harvest
    from eval.feedback.position_bias import corrected_relevance, estimate_position_bias
    from indexing.ledger.feedback_readers import Asked

    faults: list[DayFault] = []
    with opened(settings) as home:
        asked = Asked(tenant, collection)
        found = harvest(home, since, until, asked=asked, depth=depth, on_fault=faults.append)
    bias = estimate_position_bias(found.shown)
    rows: list[dict[str, object]] = []
    for one in corrected_relevance(found.shown, bias)[:documents]:
        key = found.keys[one.pair]
        text = found.texts.get((key.partition, key.query_hash))
        figures = {name: value for name, value in asdict(one).items() if name != "pair"}
        rows.append(
            {
                **asdict(key.partition),
                "query": None if text is None else text.text,
                "query_hash": key.query_hash,
                "document": key.document_id,
                **figures,
            }
        )
    if as_json:
        summary = {"from": since, "to": until, "answers": found.answers, "moved_clicks": found.moved}
        summary |= {"halvings": found.halvings, **asdict(bias)}
        print_json({**summary, "documents": rows, "unread": [asdict(fault) for fault in faults]})
        return
    tell_unread(faults)
    value, interval = _cells(bias.eta)
    told = f"eta {value} ({interval})" if value else interval
    click.echo(
        f"{period_text(since, until)}: {told}; {bias.pairs:,} pairs at two ranks or more, of {found.answers:,} answers"
    )
    if found.moved:
        click.echo(f"{found.moved:,} clicks came from another rank than the answer had: eta is off", err=True)
    if rows:
        columns = ["collection", "query", "document", "shown", "clicked", "relevance", "95 % interval"]
        print_table("relevance, corrected for position", columns, [_relevance_cells(row) for row in rows])


def _relevance_cells(row: dict[str, Any]) -> list[object]:
    return [
        *(f"{row['tenant']}/{row['collection']}", row["query"] or row["query_hash"], row["document"]),
        *(f"{row['shown']:,}", f"{row['clicked']:,}", f"{row['value']:.4f}", f"{row['low']:.4f} to {row['high']:.4f}"),
    ]


@candidates.command("propose")
@since_option
@until_option
@tenant_option
@collection_option
@as_json
@click.pass_obj
def candidates_propose(
    settings: Settings,
    /,
    since: datetime | None,
    until: datetime | None,
    tenant: str | None,
    collection: str | None,
    as_json: bool,
) -> None:
    """Propose queries and documents for judging from feedback: clicks corrected for position, and users' words."""
    from eval.feedback.candidates import propose_from_feedback
    from indexing.ledger.feedback_readers import Asked

    faults: list[DayFault] = []
    with opened(settings) as home:
        found = propose_from_feedback(home, since, until, asked=Asked(tenant, collection), on_fault=faults.append)
    if as_json:
        print_json({**asdict(found), "unread": [asdict(fault) for fault in faults]})
        return
    tell_unread(faults)
    if found.bias.eta.value is None:
        click.echo(f"clicks propose nothing: {found.bias.eta.reason}")
    click.echo(f"{found.from_clicks:,} proposed by clicks, {found.from_words:,} by words; {found.new:,} are new")
