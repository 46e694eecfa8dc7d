"""The API process: composition root, middleware and error answers. It never imports torch."""

import contextlib
import logging
import threading
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.deps import Services
from app.doorman import Doorman
from app.errors import headers_of, problem_answer, status_of
from app.retrieval.retriever import Retriever
from app.retrieval.snapshot_pool import SnapshotPool
from app.routes import health, search
from indexing.errors import GroundworkError
from indexing.home import Home, default_key, open_home
from indexing.settings import Settings
from indexing.telemetry import configure_logging

logger = logging.getLogger(__name__)

_DESCRIPTION = """
Hybrid retrieval over versioned snapshots.

Send your API key as `Authorization: Bearer KEY`; it decides whose documents are searched. Every answer names its
request id
(also in the header `x-request-id`), the **release** that ranked it and the **snapshot** that held the documents.

Problems come as `{error, message, request_id}`; the message says which value was wrong, what was expected, and what
to do. With 503, come back after `Retry-After` seconds.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; the home is opened when the server starts, not before."""
    settings = settings or Settings()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        home = open_home(settings)
        default_key(home)
        services = app.state.services = make_services(home)
        stop = threading.Event()
        follower = threading.Thread(target=_follow_releases, args=(services, stop), name="follow-releases", daemon=True)
        follower.start()
        try:
            yield
        finally:
            stop.set()
            follower.join(timeout=10)
            home.close()

    app = FastAPI(title="Groundwork", version="0.1.0", description=_DESCRIPTION, lifespan=lifespan)
    app.include_router(search.router)
    app.include_router(health.router)
    app.add_middleware(Doorman)
    app.add_exception_handler(GroundworkError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_malformed)
    app.add_exception_handler(HTTPException, _answer_http)
    return app


def make_services(home: Home) -> Services:
    """The state of a process over an open home; nothing is opened for serving yet."""
    return Services(home, SnapshotPool(home), Retriever())


def _follow_releases(services: Services, stop: threading.Event) -> None:
    """Open the deployed release, and every later one, until told to stop; nothing may end this thread before."""
    while True:
        try:
            refresh(services)
        except Exception as error:  # an unforeseen failure must not freeze the process on an old release
            logger.exception("pool.refresh_failed")
            services.pool.failure = f"{type(error).__name__}: {error}"
        if stop.wait(services.home.settings.poll_seconds):
            return


def refresh(services: Services) -> None:
    """Bring the process to the release that is deployed now; a failure is logged and shown by ``/readyz``."""
    pool, metrics = services.pool, services.metrics
    try:
        serving = pool.refresh()
    except GroundworkError as error:
        if str(error) != pool.failure:
            logger.error("pool.refresh_failed", extra={"fields": {"reason": str(error)}})
        pool.failure = str(error)
        return
    metrics.release.clear()
    metrics.release.labels(serving.release.number, serving.snapshot.id).set(1)
    metrics.passages.set(serving.snapshot.manifest.rows)
    metrics.broken.set(len(serving.snapshot.broken))


def _answer_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, GroundworkError)  # noqa: S101 (registered for this class only)
    return problem_answer(status_of(error), type(error).__name__, str(error), headers_of(error))


def _answer_malformed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 (registered for this class only)
    faults = [f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()]
    return problem_answer(422, "MalformedRequest", "; ".join(faults), {})


def _answer_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for this class only)
    return problem_answer(error.status_code, "Refused", str(error.detail), dict(error.headers or {}))


def run(settings: Settings) -> None:
    """Serve until told to stop; requests in progress are finished."""
    import uvicorn

    configure_logging(settings.log_level)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=30,
    )
