"""``groundwork demo``: the whole of Groundwork once."""

from pathlib import Path

import click

from indexing.commands.models import ensure_model
from indexing.commands.terminal import collection_option, opened
from indexing.process_start import ENCODING, require_memory
from indexing.settings import Settings


@click.command()
@click.option("--corpus", type=click.Path(path_type=Path), default=Path("corpora/helpdesk"), show_default=True)
@collection_option
@click.pass_obj
def demo(settings: Settings, corpus: Path, collection: str) -> None:
    """The whole of Groundwork once: model, ingest, build, API, three questions over HTTP, evaluation, gate, report."""
    require_memory(ENCODING, "groundwork demo")
    from eval.demo import run_demo

    with opened(settings, create=True) as home:
        ensure_model(home)
        run_demo(home, corpus, "helpdesk" if collection == "default" else collection)
