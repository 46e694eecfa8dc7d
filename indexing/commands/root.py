"""The ``groundwork`` command: its root, and the commands of the offline half. The other halves join by entry points."""

from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from indexing.commands import lineage as lineage_commands
from indexing.commands import tenants as tenant_commands
from indexing.commands.backups import backup, restore
from indexing.commands.builds import build
from indexing.commands.collections import collections
from indexing.commands.documents import documents
from indexing.commands.erasure import erase, erasures
from indexing.commands.features import features
from indexing.commands.garbage import disk, gc
from indexing.commands.ingest import ingest
from indexing.commands.jobs import beat, builder, jobs, worker
from indexing.commands.ledger import ledger
from indexing.commands.models import models, views
from indexing.commands.prepare import prepare
from indexing.commands.releases import releases
from indexing.commands.rollouts import rollouts
from indexing.commands.snapshots import snapshots
from indexing.errors import GroundworkError
from indexing.process_start import is_out_of_memory, uncollected
from indexing.settings import Settings

_EXTRAS = {
    **dict.fromkeys(("fastapi", "uvicorn", "prometheus_client", "anyio", "starlette"), "serve"),
    "onnx": "default-model",
    **dict.fromkeys(("torch", "sentence_transformers"), "models"),
    **dict.fromkeys(("celery", "redis", "kombu"), "worker"),
    **dict.fromkeys(("httpx", "ir_measures", "jinja2", "matplotlib", "scipy"), "measures"),
    **dict.fromkeys(("ragas", "instructor", "openai"), "eval"),
}
"""Which extra brings a package that a command may find missing."""


class _Commands(click.Group):
    """A group whose commands fail with a sentence instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of ours becomes a message and exit status 1."""
        try:
            return super().invoke(ctx)
        except GroundworkError as error:
            raise click.ClickException(str(error)) from error
        except (MemoryError, OSError, ImportError, RuntimeError) as error:
            if is_out_of_memory(error):
                message = f"There is not enough memory for this ({error or 'MemoryError'}): raise the process's limit."
                raise click.ClickException(" ".join(message.split())) from error
            extra = (
                _EXTRAS.get((error.name or "").partition(".")[0]) if isinstance(error, ModuleNotFoundError) else None
            )
            if extra is None:
                raise
            message = (
                f"This needs {getattr(error, 'name', '')}, which is not installed: pip install 'groundwork[{extra}]'."
            )
            raise click.ClickException(message) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Folder of all state (GROUNDWORK_HOME).")
@click.version_option(package_name="groundwork")
@click.pass_context
def cli(context: click.Context, home: Path | None) -> None:
    """Groundwork: documents in, versioned snapshots out, measured answers over HTTP."""
    try:
        settings = Settings()
    except ValidationError as error:
        # Values are left out of the message: one of them is a key.
        faults = [
            f"GROUNDWORK_{str(fault['loc'][0]).upper()}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        ]
        raise click.ClickException("; ".join(faults)) from None
    context.obj = settings.model_copy(update={"home": home}) if home else settings


cli.add_command(ingest)
cli.add_command(documents)
cli.add_command(collections)
cli.add_command(build)
cli.add_command(snapshots)
cli.add_command(releases)
cli.add_command(rollouts)
cli.add_command(models)
cli.add_command(jobs)
cli.add_command(worker)
cli.add_command(builder)
cli.add_command(beat)
cli.add_command(views)
cli.add_command(features)
cli.add_command(gc)
cli.add_command(disk)
cli.add_command(backup)
cli.add_command(restore)
cli.add_command(erase)
cli.add_command(erasures)
cli.add_command(ledger)
cli.add_command(lineage_commands.lineage)
documents.add_command(lineage_commands.explain)
for _command in (prepare, lineage_commands.show, lineage_commands.diff):
    releases.add_command(_command)
cli.add_command(tenant_commands.tenants)
cli.add_command(tenant_commands.keys)


@cache
def whole_command() -> click.Group:
    """The command with those of all three packages, joined to it once: a look at what is installed takes 12 ms."""
    for entry in entry_points(group="groundwork.commands"):
        for command in entry.load():
            cli.add_command(command)
    return cli


def main() -> None:
    """Join the commands of all three packages and run."""
    with uncollected():
        command = whole_command()
    command()
