"""The command ``groundwork eval interleaving``: what users preferred of two recipes that answered together."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from eval.commands.group import evaluation
from indexing.commands.ledger_tables import tell_unread
from indexing.commands.numbers import POSITIVE
from indexing.commands.terminal import as_json, opened, print_json, print_table
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.ledger.day_sources import DayFault


@evaluation.command("interleaving")
@click.argument("rollout", type=POSITIVE)
@as_json
@click.pass_obj
def interleaving(settings: Settings, /, rollout: int, as_json: bool) -> None:
    """What users preferred in ROLLOUT, an interleaving: better, worse, equivalent or inconclusive.

    By all feedback that is there now. Before its end it says less than it seems to: a test that is looked at again and
    again finds something sooner or later.
    """
    from eval.feedback.interleaving import interleaving_report

    faults: list[DayFault] = []
    with opened(settings) as home:
        found = interleaving_report(home, rollout, on_fault=faults.append)
    if as_json:
        print_json({**asdict(found), "unread": [asdict(fault) for fault in faults]})
        return
    tell_unread(faults)
    click.echo(
        f"Rollout {found.rollout}, recipe {found.candidate_recipe} against {found.live_recipe}, is"
        f" {found.result.conclusion}: {found.result.reason}"
    )
    click.echo(f"Stated beforehand: {found.unit}s vote, margin {found.margin:g}, level {found.level:g}")
    if found.share.low is not None and found.share.high is not None and found.share.value is not None:
        click.echo(f"share of wins {found.share.value:.3f} (95 % {found.share.low:.3f} to {found.share.high:.3f})")
    sides = [("candidate", found.candidate), ("in service", found.live)]
    print_table(
        "what users chose",
        ["list", "credits", "answers won", f"{found.unit}s won"],
        [[name, f"{side.credits:,}", f"{side.answers:,}", f"{side.units:,}"] for name, side in sides],
    )
    competitive = "" if found.competitive is None else f", {found.competitive:.1f} ranks differ on average"
    click.echo(f"{found.result.answers:,} answers interleaved{competitive}; {found.voted:,} with a credit")
    for why, count in sorted(found.alone.items()):
        click.echo(f"{count:,} answered by the release in service alone: {why.replace('_', ' ')}")
    if found.left_out:
        click.echo(f"{found.left_out:,} left out: outside a share, or without all their hits")
