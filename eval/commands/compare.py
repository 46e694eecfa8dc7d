"""``groundwork eval compare``: two releases on one query set, query by query."""

from functools import partial
from typing import Any

import click

from eval.commands.group import evaluation
from indexing.commands.numbers import POSITIVE, WHOLE
from indexing.commands.terminal import as_json, opened, print_json, progress_bar, screen
from indexing.process_start import ENCODING, require_memory
from indexing.records import MODES
from indexing.settings import Settings


@evaluation.command("compare")
@click.argument("before")
@click.argument("after")
@click.option("--set", "set_name", required=True, help="The stored query set.")
@click.option("--version", type=POSITIVE, help="Version of the set; by default the newest.")
@click.option("--split", default="test", show_default=True, help="train, dev, test, or all of it.")
@click.option("--mode", type=click.Choice(MODES), default="hybrid", show_default=True, help="Which legs rank.")
@click.option("--measure", default="nDCG@10", show_default=True, help="What is compared.")
@click.option("--k", default=100, show_default=True, type=click.IntRange(1, 1000), help="Documents to ask for.")
@click.option("--seed", default=0, show_default=True, type=WHOLE, help="Of the resampling.")
@click.option("--on-workers", is_flag=True, help="Have workers of the queue 'evaluation' search; needs Redis.")
@click.option("--propose", is_flag=True, help="Put what to judge among the candidates for judging.")
@as_json
@click.pass_obj
def compare_releases(settings: Settings, /, before: str, after: str, as_json: bool, **options: Any) -> None:
    """Say whether release AFTER is better than release BEFORE on a query set: better, worse, no difference shown, hold.

    Each is RECIPE.BUILD, or RECIPE for its newest build. What was measured before is not measured again. ``hold`` says
    that the judgments cannot tell, and lists what to judge; releases of other documents are not comparable.
    """
    require_memory(ENCODING, "groundwork eval compare")
    from eval.datasets.candidates import propose_candidates
    from eval.datasets.stored_sets import read_query_set
    from eval.experiments.changed_queries import proposals_to_judge
    from eval.experiments.comparison import compare
    from eval.experiments.evaluations import evaluate
    from eval.jobs.executors import workers_of
    from eval.reports.comparison_tables import comparison_json, print_comparison

    split = None if options["split"] == "all" else options["split"]
    with opened(settings) as home, progress_bar(quiet=as_json) as progress:
        query_set = read_query_set(home, options["set_name"], split=split, version=options["version"])
        executor = workers_of(home, on_wait=screen.print) if options["on_workers"] else None
        first, second = (
            evaluate(
                home,
                release,
                query_set,
                mode=options["mode"],
                k=options["k"],
                executor=executor,
                on_progress=partial(progress, f"queries of {release}"),
            )
            for release in (before, after)
        )
        found = compare(first, second, query_set, measure=options["measure"], seed=options["seed"])
        if options["propose"]:
            releases = (found.release_a, found.release_b)
            proposals = proposals_to_judge(query_set, first.partition, found.to_judge, releases)
            click.echo(f"{propose_candidates(home, proposals)} new candidates for judging", err=True)
    if as_json:
        print_json(comparison_json(found))
    else:
        print_comparison(found, first, second)
