"""The command ``groundwork releases prepare``: another recipe built beside what serves, and proposed."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.filesize import decimal

from indexing.commands.builds import chosen_recipe, context_of
from indexing.commands.decisions import reason_option
from indexing.commands.recipe_options import recipe_options
from indexing.commands.terminal import as_json as json_option
from indexing.commands.terminal import opened, print_json, progress_bar, screen
from indexing.process_start import ENCODING, require_memory
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.builds.preparation import Cost, Prepared
    from indexing.releases.preparable import Change


@click.command()
@recipe_options
@click.option("--tenant", "tenants", multiple=True, help="Only this tenant's requests try it; may be given again.")
@click.option("--dry-run", is_flag=True, help="Say what it would cost, and end.")
@click.option("--yes", is_flag=True, help="Do not ask before it begins.")
@reason_option
@json_option
@click.pass_obj
def prepare(
    settings: Settings,
    /,
    tenants: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    reason: str,
    as_json: bool,
    **choices: Any,
) -> None:
    """Build the recipe in service with changes beside it, and propose it as a rollout.

    Says first what it will cost, and asks. Searches and writes go on meanwhile. It gets no traffic: go on with
    'groundwork rollouts shadow' or 'canary'. To stop it, press Ctrl-C, or run 'groundwork jobs cancel': there is no
    release and no rollout then, and what was computed stays for the next time until 'groundwork gc'.
    """
    require_memory(ENCODING, "groundwork releases prepare")
    from indexing.builds.preparation import estimate
    from indexing.builds.preparation import prepare as run
    from indexing.releases.preparable import require_preparable

    with opened(settings) as home:
        recipe = chosen_recipe(home, choices, defaults=False)
        change = require_preparable(home.catalogue, recipe, tenants)
        with progress_bar(quiet=as_json) as progress:
            cost = estimate(home, context_of(home, recipe, progress))
        if dry_run and as_json:
            print_json({"changes": change.sentences, **cost.to_json()})
            return
        if not as_json:
            _say_cost(cost, change, tenants)
        if dry_run:
            return
        if not yes:
            click.confirm("Build it?", abort=True, err=True)
        with progress_bar(quiet=as_json) as progress:
            done = run(context_of(home, recipe, progress), reason=reason, tenants=tenants)
    if as_json:
        print_json(_prepared_json(cost, change, done))
    else:
        _say_prepared(done)


def _say_cost(cost: "Cost", change: "Change", tenants: Sequence[str]) -> None:
    click.echo(f"against recipe {change.live}, which is in service:")
    for sentence in change.sentences:
        click.echo(f"  {sentence}")
    work = cost.work
    bytes_of = f"{decimal(cost.vector_bytes)} of vectors, about {decimal(cost.shard_bytes)} of shards"
    click.echo(
        f"It costs {work.embeddings:,} embeddings in about {work.seconds:.0f} s, measured on a sample here, and"
        f" {_shards(work.shards)}: {bytes_of};"
        f" for {work.documents:,} documents, {work.passages:,} passages."
    )
    if tenants:
        click.echo(
            f"It is built for all tenants, since a snapshot holds all; only requests of {', '.join(tenants)} try it."
        )


def _say_prepared(done: "Prepared") -> None:
    from indexing.releases.overview import sentence

    report, rollout = done.report, done.rollout
    click.echo(
        f"release {report.release.number} (snapshot {report.release.snapshot}) is built:"
        f" {report.documents:,} documents, {report.passages:,} passages;"
        f" computed {report.embeddings_computed:,} embeddings, wrote {_shards(report.shards_written)},"
        f" kept {report.shards_kept}, in {report.seconds:.1f} s"
    )
    click.echo(sentence(rollout, is_watched=True))
    screen.print(
        f"Try it: groundwork rollouts shadow {rollout.id} --queries 1000 --decides '...', or groundwork rollouts canary"
        f" {rollout.id} --share 0.05. What differs: groundwork releases diff {rollout.baseline} {rollout.candidate}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _shards(count: int) -> str:
    return "1 shard" if count == 1 else f"{count:,} shards"


def _prepared_json(cost: "Cost", change: "Change", done: "Prepared") -> dict[str, Any]:
    from indexing.builds.build import report_json

    report = report_json(done.report)
    return {"changes": change.sentences, "cost": cost.to_json(), "build": report, "rollout": asdict(done.rollout)}
