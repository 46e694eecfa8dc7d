"""The online half's commands: ``groundwork search`` and ``groundwork serve``."""

import click

from app.replay_command import replay
from indexing.catalogue.collections import collection_sizes
from indexing.commands.root import cli as root
from indexing.commands.terminal import as_json as json_option
from indexing.commands.terminal import collection_option, opened, print_json, tenant_option
from indexing.process_start import ENCODING, require_memory
from indexing.records import MODES
from indexing.settings import Settings

__all__ = ["commands"]


@root.command()
@click.argument("query")
@collection_option
@tenant_option
@click.option("-k", default=5, show_default=True, type=click.IntRange(1, 1000), help="How many hits.")
@click.option("--mode", type=click.Choice(MODES), default="hybrid", show_default=True)
@click.option("--passages", is_flag=True, help="List every passage that matches, not only the best of each document.")
@json_option
@click.pass_obj
def search(
    settings: Settings, query: str, collection: str, tenant: str, k: int, mode: str, passages: bool, as_json: bool
) -> None:
    """Search a collection of the release in service, in this process."""
    require_memory(ENCODING, "groundwork search")
    from app.retrieval.retriever import Retriever
    from app.schemas.search import answer_of
    from app.serving.release_opening import open_in_service
    from indexing.catalogue.tenants import read_tenant
    from indexing.errors import InvalidInput, NotFound
    from indexing.records import Partition

    if not query.strip():
        raise InvalidInput("The query is empty: say what to look for.")
    with opened(settings) as home:
        serving = open_in_service(home)
        read_tenant(home.catalogue, tenant)
        if collection not in collection_sizes(home.catalogue, tenant):
            known = ", ".join(collection_sizes(home.catalogue, tenant)) or "none"
            raise NotFound(f"Collection {collection!r} does not exist; this tenant has: {known}.")
        partition = Partition(tenant, collection)
        result = Retriever().search(serving, partition, query, k=k, mode=mode, group_by_document=not passages)
    if as_json:
        answer = answer_of(
            result, serving.release.number, serving.snapshot.id, "", query_id="", seq=serving.release.seq
        )
        del answer["request_id"], answer["query_id"]  # no request, and nothing of it in the ledger
        print_json(answer)
        return
    for hit in result.hits:
        path = " > ".join([hit.passage.title, *hit.passage.headings[-1:]])
        click.echo(f"{hit.rank}. {hit.score:.3f}  {path}  [{hit.passage.document_id}]")
        click.echo(f"   {' '.join([*hit.passage.table_heading.split(), *hit.passage.text.split()])[:160]}")
    for warning in result.warnings:
        click.echo(warning, err=True)
    click.echo(f"release {serving.release.number}, {result.timings_ms['total']:.1f} ms", err=True)


@root.command()
@click.option("--host", help="Address to listen on (GROUNDWORK_HOST).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on (GROUNDWORK_PORT).")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that share the port (GROUNDWORK_WORKERS).")
@click.pass_obj
def serve(settings: Settings, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the HTTP API. The API key of the default tenant is in HOME/api-key unless GROUNDWORK_API_KEY sets it."""
    from indexing.home import KEY_FILE, default_key

    require_memory(ENCODING, "groundwork serve")
    options = {"host": host, "port": port, "workers": workers}
    settings = settings.model_copy(update={name: value for name, value in options.items() if value is not None})
    with opened(settings, create=True) as home:
        default_key(home)
    where = "from GROUNDWORK_API_KEY" if settings.api_key else f"in {settings.home / KEY_FILE}"
    click.echo(f"http://{settings.host}:{settings.port}/docs (API key {where})", err=True)
    _look_for_redis(settings)
    if settings.workers == 1:
        from app.server.worker import serve as serve_alone

        serve_alone(settings)
    else:
        from app.server.supervisor import supervise

        supervise(settings)


def _look_for_redis(settings: Settings) -> None:
    """Say once if Redis does not answer: the API serves without it, and each process counts for itself."""
    if settings.redis_url is None:
        return
    from indexing.builds.redis_check import require_redis
    from indexing.errors import NotReady

    try:
        require_redis(settings, seconds=0)
    except NotReady as error:
        click.echo(f"Warning: {error} Until it answers, each process counts rate limits for itself.", err=True)


commands = (search, serve, replay)
