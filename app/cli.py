"""The online half's commands: ``groundwork search`` and ``groundwork serve``."""

from typing import Any

import click

from app.retrieval.retriever import MODES, Result
from indexing.cli import cli as root
from indexing.settings import Settings
from indexing.terminal import as_json as json_option
from indexing.terminal import collection_option, opened, print_json

__all__ = ["commands"]


@root.command()
@click.argument("query")
@collection_option
@click.option("-k", default=5, show_default=True, type=click.IntRange(1, 1000), help="How many hits.")
@click.option("--mode", type=click.Choice(MODES), default="hybrid", show_default=True)
@json_option
@click.pass_obj
def search(settings: Settings, query: str, collection: str, k: int, mode: str, as_json: bool) -> None:
    """Search a collection of the release in service, in this process."""
    from app.retrieval.retriever import Retriever
    from app.retrieval.snapshot_pool import SnapshotPool
    from indexing.catalogue import DEFAULT_TENANT
    from indexing.errors import InvalidInput, NotFound
    from indexing.records import Partition

    if not query.strip():
        raise InvalidInput("The query is empty: say what to look for.")
    with opened(settings) as home:
        serving = SnapshotPool(home).refresh()
        if collection not in home.catalogue.collections(DEFAULT_TENANT):
            known = ", ".join(home.catalogue.collections(DEFAULT_TENANT)) or "none"
            raise NotFound(f"No collection {collection!r}; there are: {known}.")
        result = Retriever().search(serving, Partition(DEFAULT_TENANT, collection), query, k=k, mode=mode)
    if as_json:
        print_json(_as_json(result, serving.release.number, serving.snapshot.id))
        return
    for hit in result.hits:
        path = " > ".join([hit.passage.title, *hit.passage.headings[-1:]])
        click.echo(f"{hit.rank}. {hit.score:.3f}  {path}  [{hit.passage.document_id}]")
        click.echo(f"   {' '.join(hit.passage.text.split())[:160]}")
    for warning in result.warnings:
        click.echo(warning, err=True)
    click.echo(f"release {serving.release.number}, {result.timings_ms['total']:.1f} ms", err=True)


def _as_json(result: Result, release: str, snapshot: str) -> dict[str, Any]:
    hits = [
        {
            "rank": hit.rank,
            "score": hit.score,
            "scores": {"dense": hit.dense, "lexical": hit.lexical},
            "document_id": hit.passage.document_id,
            "title": hit.passage.title,
            "text": hit.passage.text,
            "start": hit.passage.start,
            "end": hit.passage.end,
            "url": hit.passage.url,
            "metadata": hit.passage.metadata,
        }
        for hit in result.hits
    ]
    return {
        "release": release,
        "snapshot": snapshot,
        "hits": hits,
        "timings_ms": result.timings_ms,
        "warnings": result.warnings,
    }


@root.command()
@click.option("--host", help="Address to listen on (GROUNDWORK_HOST).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on (GROUNDWORK_PORT).")
@click.pass_obj
def serve(settings: Settings, host: str | None, port: int | None) -> None:
    """Serve the HTTP API. The API key of the default tenant is in HOME/api-key unless GROUNDWORK_API_KEY sets it."""
    from app.main import run
    from indexing.home import KEY_FILE, default_key

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = settings.model_copy(update=given)
    with opened(settings) as home:
        default_key(home)
    where = "from GROUNDWORK_API_KEY" if settings.api_key else f"in {settings.home / KEY_FILE}"
    click.echo(f"http://{settings.host}:{settings.port}/docs (API key {where})", err=True)
    run(settings)


commands = (search, serve)
