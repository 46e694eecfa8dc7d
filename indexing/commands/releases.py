"""The commands about releases: list and deploy."""

from typing import Any

import click

from indexing.commands.terminal import as_json, opened, print_json, print_table, short_time
from indexing.settings import Settings, current_user


@click.group()
def releases() -> None:
    """List and deploy releases."""


@releases.command("list")
@as_json
@click.pass_obj
def releases_list(settings: Settings, as_json: bool) -> None:
    """All releases; the one in service is marked."""
    from indexing.catalogue.erasures import list_rewrites
    from indexing.errors import NotReady
    from indexing.releases.deployments import stable_release
    from indexing.releases.recipes import read_recipe
    from indexing.releases.release import list_releases

    with opened(settings) as home:
        found = list_releases(home.catalogue)
        rewrites = list(list_rewrites(home.catalogue))
        recipes = {release.recipe: read_recipe(home.catalogue, release.recipe) for release in found}
        try:
            serving = stable_release(home.catalogue).number
        except NotReady:
            serving = ""
    rows: list[dict[str, Any]] = [
        {
            "release": release.number,
            "in_service": release.number == serving,
            "snapshot": release.snapshot,
            "model": recipes[release.recipe].model,
            "views": f"{recipes[release.recipe].passage.name} {recipes[release.recipe].embedding.name}"
            f" {recipes[release.recipe].lexical.name}",
            "created_at": release.created_at,
            "created_by": release.created_by,
            "erasures": [one.erasure for one in rewrites if one.release == release.number],
        }
        for release in found
    ]
    if as_json:
        print_json(rows)
    else:
        shown: list[list[object]] = [
            [
                f"{row['release']} *" if row["in_service"] else row["release"],
                row["model"],
                row["views"],
                short_time(str(row["created_at"])),
                ", ".join(map(str, row["erasures"])),
            ]
            for row in rows
        ]
        print_table("releases (* in service)", ["release", "model", "views", "created", "erasures"], shown)


@releases.command("deploy")
@click.argument("release")
@click.option("--reason", default="by hand", show_default=True, help="Why; kept for ever.")
@click.pass_obj
def releases_deploy(settings: Settings, release: str, reason: str) -> None:
    """Serve the recipe of RELEASE from now on; deploying an earlier one is rolling back."""
    from indexing.releases.deployments import deploy
    from indexing.releases.release import find_release

    with opened(settings) as home:
        recipe = find_release(home.catalogue, release).recipe
        # Rolling back is one row, and must not wait for room.
        found = home.reserve.run(lambda: deploy(home.catalogue, recipe, reason=reason, actor=current_user()))
    click.echo(f"release {found.number} is in service")
