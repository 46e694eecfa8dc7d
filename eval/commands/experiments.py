"""``groundwork eval experiments``: the evaluations that are kept."""

from dataclasses import asdict

import click

from eval.commands.group import evaluation
from indexing.commands.numbers import POSITIVE
from indexing.commands.terminal import as_json, opened, print_json
from indexing.settings import Settings


@evaluation.group("experiments")
def experiments() -> None:
    """The evaluations of releases that are kept."""


@experiments.command("list")
@click.option("--set", "set_name", help="Of this query set alone.")
@click.option("--recipe", type=POSITIVE, help="Of this recipe alone.")
@click.option("--limit", default=50, show_default=True, type=POSITIVE, help="The newest so many.")
@as_json
@click.pass_obj
def experiments_list(settings: Settings, set_name: str | None, recipe: int | None, limit: int, as_json: bool) -> None:
    """Evaluations, oldest first: release, query set, means and latency."""
    from eval.reports.evaluation_tables import print_evaluations
    from indexing.catalogue.evaluations import list_evaluations

    with opened(settings) as home:
        rows = list_evaluations(home.catalogue, query_set=set_name, recipe=recipe, limit=limit)
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        print_evaluations(rows)


@experiments.command("show")
@click.argument("evaluation_id")
@as_json
@click.pass_obj
def experiments_show(settings: Settings, evaluation_id: str, as_json: bool) -> None:
    """The evaluation whose id begins with EVALUATION_ID: its means with intervals, and its worst queries."""
    from eval.experiments.evaluations import read_evaluation
    from eval.reports.evaluation_tables import print_evaluation

    with opened(settings) as home:
        found = read_evaluation(home, evaluation_id)
    if as_json:
        print_json({**asdict(found), "means": found.means})
    else:
        print_evaluation(found)
