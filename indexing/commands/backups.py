"""The commands `backup` and `restore`."""

import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.filesize import decimal

from indexing.commands.terminal import as_json, opened, print_json, progress_bar
from indexing.settings import Settings


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--no-features", is_flag=True, help="Leave out stored vectors: smaller, and later builds encode more.")
@click.option("--verify", is_flag=True, help="Also read again and check what DIR holds already.")
@as_json
@click.pass_obj
def backup(settings: Settings, folder: Path, no_features: bool, verify: bool, as_json: bool) -> None:
    """Copy this home to DIR as it is at one moment; the service and builds go on meanwhile.

    The same DIR again gets only what is new, and loses what was removed from the home. DIR holds texts and keys:
    guard it like the home. Exit status 1 if the home itself does not hold something whole, which is named, with
    whether DIR still holds it.
    """
    from indexing.backups.backup import back_up

    with opened(settings) as home, progress_bar(quiet=as_json) as progress:
        report = back_up(home, folder, with_features=not no_features, is_thorough=verify, on_progress=progress)
    if as_json:
        print_json(asdict(report))
    else:
        click.echo(
            f"{folder}: {report.documents} documents, {report.releases} releases, {report.artefacts} artefacts as of"
            f" {report.made_at} (write {report.sequence}), {decimal(report.size_bytes)}; copied {report.copied}"
            f" artefacts ({decimal(report.copied_bytes)}), removed {report.removed}"
        )
    _name(report.kept, "This home does not hold it whole; the backup still has it")
    _name(report.damaged, "This home does not hold it whole, so the backup lacks it")
    _fail_if(report.kept or report.damaged)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--home", type=click.Path(path_type=Path), help="The new home; by default --home before the command.")
@as_json
@click.pass_obj
def restore(settings: Settings, folder: Path, home: Path | None, as_json: bool) -> None:
    """Make a new home of the backup in DIR. Every byte is verified; a home that is not empty is refused.

    Exit status 1 if the backup lacks something, because the home that it was made of did not hold it whole.
    """
    from indexing.backups.restore import restore as run

    if home is not None:
        settings = settings.model_copy(update={"home": home})
    with progress_bar(quiet=as_json) as progress:
        report = run(folder, settings, on_progress=progress)
    if as_json:
        print_json(asdict(report))
    else:
        click.echo(
            f"{report.home}: {report.documents} documents, {report.releases} releases, {report.artefacts} artefacts as"
            f" of {report.made_at} (write {report.sequence}), {decimal(report.size_bytes)}, verified"
        )
    click.echo(
        f"Keys and tenants are as of {report.made_at}: what was revoked or removed later is valid again, and what was"
        " made later is not known. Before serving this home, see 'groundwork keys list' and 'groundwork tenants list'.",
        err=True,
    )
    _name(report.damaged, "The backup lacks it")
    _fail_if(report.damaged)


def _name(lacking: dict[str, str], what: str) -> None:
    for name, reason in lacking.items():
        click.echo(f"{name}: {what}: {reason}", err=True)


def _fail_if(lacking: dict[str, str]) -> None:
    if lacking:
        sys.exit(1)
