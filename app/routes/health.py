"""Whether this process lives, whether it can serve, and its metrics."""

from dataclasses import asdict

from anyio import to_thread
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.schemas.health import OpenRecipe, Ready
from app.schemas.problems import OPEN_PROBLEMS
from app.services.open_recipes import open_recipes
from app.web.dependencies import ServicesDep
from indexing.errors import NotReady, public_text

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Is the process alive?", responses=OPEN_PROBLEMS)
async def livez() -> dict[str, str]:
    """Answers as long as the process can answer anything."""
    return {"status": "alive"}


@router.get(
    "/readyz",
    summary="Can it serve?",
    responses={**OPEN_PROBLEMS, 503: {"model": Ready, "description": "Nothing to serve yet, and why."}},
)
async def readyz(services: ServicesDep, response: Response) -> Ready:
    """Ready means: a snapshot is mapped, warmed, and has answered a query of its own.

    It is not ready while the catalogue's file or log is not the one that was opened: writes are refused then.
    Other recipes than the one in service make no difference to that: ``recipes`` says of each whether it is open.
    Corrupt shards are named here while the rest of the snapshot goes on serving; ``message`` says why a newer
    release could not take over, if one could not. No path of the server is told: the log has it.
    """
    home = services.home.path
    if services.is_stopping:
        response.status_code = 503
        return Ready(status="not ready", message="shutting down")
    if (refusal := services.home.catalogue.health()) is not None:
        response.status_code = 503
        return Ready(status="not ready", message=refusal)
    try:
        serving = services.pool.current()
    except NotReady as error:
        response.status_code = 503
        return Ready(status="not ready", message=public_text(str(error), home))
    return Ready(
        status="ready",
        release=serving.release.number,
        snapshot=serving.snapshot.id,
        passages=serving.snapshot.manifest.rows,
        recipe_fingerprint=serving.recipe.fingerprint,
        views=asdict(serving.snapshot.manifest.views),
        broken_shards={name: public_text(reason, home) for name, reason in dict(serving.snapshot.broken).items()},
        message=None if services.pool.failure is None else public_text(services.pool.failure, home),
        recipes=[
            OpenRecipe(
                recipe=one.recipe,
                role=one.role,
                release=None if one.serving is None else one.serving.release.number,
                snapshot=None if one.serving is None else one.serving.snapshot.id,
                own_bytes=one.own_bytes,
                live_bytes=one.live_bytes,
                message=None if one.failure is None else public_text(one.failure, home),
            )
            for one in open_recipes(services)
        ],
    )


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={**OPEN_PROBLEMS, 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(services: ServicesDep) -> Response:
    """Counters and histograms by stage and release, never by tenant; with several workers, of all of them."""
    text = await to_thread.run_sync(services.metrics.text, limiter=services.metrics.threads)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
