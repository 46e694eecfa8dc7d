"""``groundwork eval sets candidates``: what feedback, drift and comparisons propose to judge."""

from dataclasses import asdict
from typing import Any

import click

from eval.commands.sets import by_option, print_change, reason_option, sets
from indexing.commands.numbers import GRADE, POSITIVE
from indexing.commands.terminal import as_json, opened, print_json, print_table, short_time, tenant_option
from indexing.records import Partition
from indexing.settings import Settings

_STATES = ("open", "accepted", "rejected")


@sets.group("candidates")
def candidates() -> None:
    """Queries that should be judged; each answers nothing before a person accepts it."""


@candidates.command("list")
@click.option("--state", type=click.Choice(_STATES), default="open", show_default=True)
@click.option("--collection", help="Of this collection of --tenant only.")
@tenant_option
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000))
@as_json
@click.pass_obj
def candidates_list(settings: Settings, /, as_json: bool, collection: str | None, tenant: str, **options: Any) -> None:
    """List candidates, those that were proposed most often first."""
    from eval.datasets.candidates import list_candidates

    partition = None if collection is None else Partition(tenant, collection)
    with opened(settings) as home:
        found = list_candidates(home, partition=partition, **options)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    columns = ["id", "documents of", "query", "document", "from", "times", "proposed", "evidence", "decided"]
    rows: list[list[object]] = [
        [
            *(one.id, one.partition, one.query, one.document_id or "", one.source, one.times),
            *(short_time(one.proposed_at), ", ".join(f"{name} {value}" for name, value in one.evidence.items())),
            f"{one.decided_by}: {one.reason}" if one.decided_by else "",
        ]
        for one in found
    ]
    print_table(f"candidates, {options['state']}", columns, rows)


@candidates.command("accept")
@click.argument("candidate", type=POSITIVE)
@click.option("--set", "name", required=True, help="The set that the judgment joins.")
@click.option("--grade", required=True, type=GRADE, help="How well the document answers: above 0 is relevant.")
@click.option("--document", help="The judged document, where the candidate names none or another answers.")
@by_option
@click.option("--reason", default="", help="Why; by default which candidate it was.")
@as_json
@click.pass_obj
def candidates_accept(settings: Settings, /, candidate: int, name: str, as_json: bool, **options: Any) -> None:
    """Make a judgment of a candidate."""
    from eval.datasets.candidates import accept_candidate

    with opened(settings) as home:
        change = accept_candidate(
            home,
            candidate,
            name,
            options["grade"],
            actor=options["by"],
            document_id=options["document"],
            reason=options["reason"],
        )
    print_change(change, as_json)


@candidates.command("reject")
@click.argument("candidate", type=POSITIVE)
@by_option
@reason_option
@click.pass_obj
def candidates_reject(settings: Settings, candidate: int, by: str, reason: str) -> None:
    """Decide that a candidate is not judged; it is not proposed again."""
    from eval.datasets.candidates import reject_candidate

    with opened(settings) as home:
        reject_candidate(home, candidate, actor=by, reason=reason)
    click.echo(f"candidate {candidate} is rejected")
