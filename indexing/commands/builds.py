"""The command `build`."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from indexing.commands.jobs import executor_for
from indexing.commands.models import ensure_model
from indexing.commands.recipe_options import recipe_options
from indexing.commands.terminal import as_json, opened, print_json, progress_bar, screen
from indexing.home import Home
from indexing.process_start import ENCODING, require_memory
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.builds.build import BuildReport
    from indexing.builds.context import BuildContext, Progress
    from indexing.builds.dry_run import DryRun
    from indexing.releases.recipes import Recipe


def chosen_recipe(home: Home, choices: Mapping[str, Any], *, defaults: bool) -> "Recipe":
    """The recipe that a person chose.

    Args:
        home: Where it is to be built; without a model it gets the default one.
        choices: What ``recipe_options`` gave.
        defaults: Start from this version's default recipe, not from the one in service.

    Raises:
        InvalidInput: there is no document.
        GroundworkError: as ``change_recipe``.
    """
    from indexing.builds.build import require_documents
    from indexing.releases.recipe_choices import change_recipe, default_recipe, recipe_in_service

    require_documents(home.catalogue)
    ensure_model(home)
    return change_recipe(home, default_recipe(home) if defaults else recipe_in_service(home), **choices)


def context_of(home: Home, recipe: "Recipe", on_progress: "Progress") -> "BuildContext":
    """What builds a recipe: on workers where Redis is configured, else in this process."""
    from indexing.builds.context import prepare_build

    return prepare_build(home, recipe, on_progress=on_progress, executor_for=executor_for(home))


@click.command()
@recipe_options
@click.option("--defaults", is_flag=True, help="Start from this version's default recipe, not the one in service.")
@click.option("--dry-run", is_flag=True, help="Say how many embeddings would be computed and how long that takes.")
@as_json
@click.pass_obj
def build(settings: Settings, /, defaults: bool, dry_run: bool, as_json: bool, **choices: Any) -> None:
    """Build everything that changed into a snapshot and release it.

    The first recipe is deployed at once, and so is every new build of the recipe in service; after it every other
    recipe that is open (a candidate, those on standby) or proposed is built. Another recipe (another view, model,
    precision, language, index, reranker or boost) is built beside it and waits for 'releases promote'.
    """
    require_memory(ENCODING, "groundwork build")  # before the libraries that need it
    from indexing.builds import build as builder
    from indexing.builds.open_recipes import build_each, recipes_to_build
    from indexing.catalogue.database import utc_now

    with opened(settings, create=True) as home, progress_bar(quiet=as_json) as progress:
        recipe = chosen_recipe(home, choices, defaults=defaults)
        recipes = recipes_to_build(home.catalogue, utc_now())
        if not recipes or recipes[0].fingerprint != recipe.fingerprint:
            recipes = [recipe]

        def build_one(one: "Recipe") -> "BuildReport":
            report = builder.build(context_of(home, one, progress))
            if not as_json:
                click.echo(_in_words(report, is_open=one.number > 0 and not report.is_deployed))
                for sentence in report.weight_changes:
                    click.echo(sentence)
                for sentence in report.warnings:
                    screen.print(f"warning: {sentence}", markup=False, highlight=False, style="yellow")
            return report

        if dry_run:
            from indexing.builds.dry_run import dry_run as cost

            _say_dry_run(cost(context_of(home, recipe, progress)), as_json=as_json)
            return
        first, *others = build_each(recipes, build_one)
    if as_json:
        print_json({**builder.report_json(first), "others": [builder.report_json(one) for one in others]})


def _say_dry_run(report: "DryRun", *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(report))
        return
    click.echo(
        f"{report.documents} documents, {report.passages} passages: {report.embeddings} embeddings to compute in"
        f" about {report.seconds:.0f} s, {report.shards} shards to write"
    )


def _in_words(report: "BuildReport", *, is_open: bool) -> str:
    """What a build did, on one line; ``is_open`` says that its recipe is open beside the one in service."""
    state = f"built; promote it with 'releases promote {report.release.number}'"
    if report.is_deployed:
        state = "in service"
    elif is_open:
        state = "built for an open recipe that is not in service"
    return (
        f"release {report.release.number} (snapshot {report.release.snapshot}) {state}:"
        f" {report.documents} documents, {report.passages} passages; computed {report.embeddings_computed}"
        f" embeddings, wrote {report.shards_written} shards, kept {report.shards_kept}, in {report.seconds:.1f} s"
        + ("" if report.recall_at_10 is None else f"; recall@10 of its approximate indexes {report.recall_at_10}")
    )
