"""``groundwork eval calibrate``: the scores of a collection, fitted to its judgments."""

from typing import TYPE_CHECKING

import click

from eval.commands.group import evaluation
from indexing.commands.terminal import as_json as json_option
from indexing.commands.terminal import opened, print_json, print_table
from indexing.process_start import ENCODING, require_memory
from indexing.settings import Settings, current_user

if TYPE_CHECKING:
    from eval.experiments.judged_calibration import Calibrated


@evaluation.command("calibrate")
@click.option("--set", "set_name", required=True, help="The stored query set; the scores of its collection are fitted.")
@click.option("--release", help="RECIPE.BUILD, or RECIPE for its newest build; by default what is in service.")
@click.option("--dry-run", is_flag=True, help="Fit and measure, and keep nothing.")
@click.option("--remove", is_flag=True, help="Forget what was fitted before; the next build is without it.")
@json_option
@click.pass_obj
def calibrate_scores(
    settings: Settings, set_name: str, release: str | None, dry_run: bool, remove: bool, as_json: bool
) -> None:
    """Fit the scores of a collection to judgments, so that a score of 0.6 is right 6 times in 10. No ranking changes.

    It is fitted on the queries of the splits train and dev, and measured on those of test; a mode whose scores do not
    get better there stays as it is. Documents that are not judged count as not relevant. The next build of the recipe
    serves it: 'groundwork build'.
    """
    require_memory(ENCODING, "groundwork eval calibrate")
    from dataclasses import asdict

    from eval.experiments.judged_calibration import calibrate, forget_calibration

    with opened(settings) as home:
        if remove:
            was_there = forget_calibration(home, set_name, release=release)
            click.echo("forgotten: build to serve without it" if was_there else "nothing was fitted")
            return
        found = calibrate(home, set_name, release=release, actor=current_user(), is_dry=dry_run)
    if as_json:
        print_json(asdict(found))
    else:
        _tell(found, is_dry=dry_run)


def _tell(found: "Calibrated", *, is_dry: bool) -> None:
    first = found.tried[0].before if found.tried else None
    click.echo(
        f"{found.partition}, recipe {found.recipe}: fitted on {found.calibration.samples} queries of"
        f" {found.query_set}, measured on {0 if first is None else first.queries} others"
    )
    rows: list[list[object]] = [
        [
            one.mode,
            f"{one.before.brier:.4f} -> {one.after.brier:.4f}",
            f"{one.before.calibration_error:.3f} -> {one.after.calibration_error:.3f}",
            f"{one.before.first_score:.2f} -> {one.after.first_score:.2f}",
            f"{one.after.first_right:.2f}",
            "kept" if one.is_better else "no better: left as it is",
        ]
        for one in found.tried
    ]
    columns = ["mode", "Brier score", "calibration error", "first hits' score", "first hits right", ""]
    print_table("on queries that were not fitted on", columns, rows)
    if is_dry:
        click.echo("a dry run: nothing was kept")
    elif found.calibration.modes:
        click.echo("kept: 'groundwork build' serves it")
