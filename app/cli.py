"""The online half's commands together, and ``groundwork serve``."""

import click

from app.commands.documents import documents
from app.commands.replay import replay
from app.commands.search import search
from indexing.commands.root import cli as root
from indexing.commands.terminal import opened
from indexing.process_start import ENCODING, require_memory
from indexing.settings import Settings

__all__ = ["commands"]


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


commands = (search, serve, replay, documents)
