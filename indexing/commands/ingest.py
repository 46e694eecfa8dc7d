"""The command `ingest`, and what it says of a source: what was skipped, and where the text of its files went."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexing.commands.terminal import (
    as_json,
    collection_option,
    opened,
    print_json,
    print_table,
    screen,
    tenant_option,
)
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.sources.ingest import IngestReport
    from indexing.sources.text_losses import FileLoss, TextLosses

_SHOWN = 20
"""Files, rejects and documents that are listed one by one; `--json` has all. Source: our choice."""


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@collection_option
@tenant_option
@click.option("--kind", type=click.Choice(["auto", "beir", "jsonl", "tree"]), default="auto", show_default=True)
@click.option(
    "--include", multiple=True, metavar="GLOB", help="Read only such files of a folder, as in .gitignore (repeatable)."
)
@click.option(
    "--exclude", multiple=True, metavar="GLOB", help="Leave out such files and folders, as in .gitignore (repeatable)."
)
@click.option(
    "--all-files", is_flag=True, help="Read hidden files, node_modules, _sources and what .gitignore files name, too."
)
@click.option("--prune", is_flag=True, help="Delete documents that came from this source and are not in it any more.")
@as_json
@click.pass_obj
def ingest(
    settings: Settings,
    /,
    path: Path,
    collection: str,
    tenant: str,
    kind: Any,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    all_files: bool,
    prune: bool,
    as_json: bool,
) -> None:
    """Read documents from PATH: a BEIR folder, a JSONL file, or a folder of texts, pages, PDF, Word and other files.

    Broken files and lines are reported by name and skipped, and so is what else was left out, with the reason. The same
    source again changes nothing.
    """
    from indexing.catalogue.tenants import require_open
    from indexing.records import Partition
    from indexing.sources.ingest import ingest as run
    from indexing.sources.readers import open_source
    from indexing.sources.tree_walk import FileChoice

    source = open_source(path, kind, choice=FileChoice(include, exclude, all_files))
    with opened(settings, create=True) as home, screen.status("reading") as status:
        require_open(home.catalogue, tenant)
        report = run(
            home.catalogue,
            source,
            Partition(tenant, collection),
            prune=prune,
            on_progress=lambda done: status.update(f"{done} documents"),
        )
    _say_skipped(report)
    if as_json:
        print_json(_report_json(report))
        return
    _say_losses(report.losses)
    click.echo(
        f"{collection}: {report.added} added, {report.changed} changed, {report.unchanged} unchanged,"
        f" {report.removed} removed, {len(report.rejects)} skipped"
        + (f", {report.losses.warned} with warnings" if report.losses.warned else "")
    )


def _say(text: str, *, style: str = "") -> None:
    screen.print(text, markup=False, highlight=False, style=style, soft_wrap=True)


def _say_skipped(report: "IngestReport") -> None:
    from indexing.sources.skipped import in_words

    for reject in report.rejects[:_SHOWN]:
        _say(f"skipped {reject.name}: {reject.reason}", style="yellow")
    if len(report.rejects) > _SHOWN:
        _say(f"skipped {len(report.rejects) - _SHOWN} more, which --json names.", style="yellow")
    if report.skipped.endings or report.skipped.rules:
        _say("left out: " + "; ".join(in_words(report.skipped)))
    if report.prune_skipped:
        _say("Nothing was pruned, since a skipped entry may be a document: mend it and ingest again.")
    if report.now_left_out:
        names = ", ".join(report.now_left_out[:_SHOWN])
        more = len(report.now_left_out) - _SHOWN
        _say(
            f"{len(report.now_left_out)} documents were not pruned, since their files are there and only left out now:"
            f" {names}{f' and {more} more, which --json names' if more > 0 else ''}. The next --prune deletes them;"
            " --all-files, or other --include and --exclude, read them.",
            style="yellow",
        )


def _say_losses(losses: "TextLosses") -> None:
    from indexing.sources.account_rules import is_loss_of_text

    told = [file for file in losses.files if file.warnings or is_loss_of_text(file.account)]
    if told:
        rows = [_row(file) for file in told[:_SHOWN]]
        more = f" (the first {_SHOWN} of {len(told)}; --json has all)" if len(told) > _SHOWN else ""
        columns = ["document", "kept", "left out, in letters and digits", "lost", "warnings"]
        print_table(f"text that was left out{more}", columns, rows)
    if losses.left_out or losses.unexplained:
        lost = f"; {losses.unexplained} lost without a reason" if losses.unexplained else ""
        click.echo(
            f"text: {losses.kept} of {losses.raw} letters and digits kept; left out as"
            f" {_reasons(losses.left_out) or 'nothing'}{lost}"
        )


def _row(file: "FileLoss") -> list[object]:
    account = file.account
    share = f"{account.kept / account.raw:.0%}" if account.raw else "-"
    return [file.name, share, _reasons(account.left_out), account.unexplained or "", " ".join(file.warnings)]


def _reasons(left_out: Any) -> str:
    return ", ".join(f"{reason} {letters}" for reason, letters in left_out.items())


def _report_json(report: "IngestReport") -> dict[str, Any]:
    from dataclasses import asdict

    from indexing.catalogue.document_readings import account_json

    losses = report.losses
    names = ("added", "changed", "unchanged", "removed", "prune_skipped", "seq")
    return {
        **{name: getattr(report, name) for name in names},
        "rejects": [{"name": reject.name, "reason": reject.reason} for reject in report.rejects],
        "skipped": asdict(report.skipped),
        "now_left_out": report.now_left_out,
        "text": {
            **{name: getattr(losses, name) for name in ("raw", "kept", "left_out", "unexplained", "warned")},
            "documents": [
                {"id": file.name, "warnings": file.warnings, **account_json(file.account)} for file in losses.files
            ],
        },
    }
