"""The API process: its composition root. It never imports torch."""

import contextlib
import functools
import logging
import threading
from collections.abc import AsyncIterator

from anyio import to_thread
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from app.access.concurrency import ConcurrencyLimit
from app.access.rate_limit import limiter_for
from app.access.sequence_tokens import SECRET, SequenceTokens
from app.access.upload_limit import UploadLimit
from app.live.layer import LiveLayer
from app.metrics import Metrics
from app.retrieval.retriever import Retriever
from app.routes import (
    admin,
    alerts,
    build_requests,
    collections,
    context,
    dify,
    docs,
    documents,
    features,
    feedback,
    health,
    index,
    ledger,
    legs,
    lineage,
    mcp,
    openai_embeddings,
    openai_files,
    openai_search,
    openai_store_files,
    openai_vector_stores,
    preparations,
    recall,
    releases,
    replay,
    rerank,
    rollouts,
    search,
    uploads,
)
from app.schemas.server_problems import ServerProblem
from app.services.alerts import watch_alerts
from app.services.embedding_threads import EmbeddingThreads
from app.services.file_reader import FileReader
from app.services.interleaving import InterleavedSearches
from app.services.ledger_writing import feedback_recorder_for, request_records_for, view_recorder_for
from app.services.open_recipes import open_recipes
from app.services.plan_follower import PlanFollower, listen_to_plan
from app.services.search_executor import THREADS_A_SESSION, SearchExecutor
from app.services.shadow import ShadowSearches, busy_above
from app.services.state import Services
from app.services.traced_searches import TracedSearches
from app.services.waiting_writes import counted
from app.serving.query_cache import QueryCache, query_cache_for
from app.serving.release_pool import ReleasePool
from app.tracing.opening import Told, collector_for
from app.web.allowed_methods import AllowedMethods
from app.web.error_answers import ErrorAnswers, pass_errors_on
from app.web.fast_routes import FastRoutes
from app.web.openapi import Application
from app.web.problems import status_of
from app.web.request_middleware import RequestMiddleware
from app.web.trace_middleware import TraceMiddleware
from indexing.catalogue.build_requests import count_open_requests
from indexing.catalogue.cached_reads import CachedReads
from indexing.catalogue.home_secrets import home_secret, last_number_told
from indexing.errors import GroundworkError
from indexing.home import Home, default_key, open_home
from indexing.settings import Settings

logger = logging.getLogger(__name__)
OPENING_SECONDS = 60.0
"""How long one of several workers waits for the release to be open before it takes connections all the same.
Our choice."""
ROUTERS = (
    search.router,
    recall.router,
    context.router,
    mcp.router,
    feedback.router,
    openai_embeddings.batches,
    openai_embeddings.router,
    openai_search.router,
    openai_files.forms,
    openai_files.router,
    openai_vector_stores.router,
    openai_store_files.router,
    collections.router,
    documents.router,
    uploads.forms,
    uploads.router,
    features.router,
    build_requests.router,
    admin.router,
    ledger.router,
    replay.router,
    preparations.router,
    releases.router,
    legs.router,
    lineage.router,
    rollouts.router,
    alerts.router,
    rerank.router,
    dify.router,
    health.router,
    index.router,
    docs.router,
)
"""Every family of routes, in the order of the OpenAPI document."""

_DESCRIPTION = """
Hybrid retrieval over versioned snapshots.

Send your API key as `Authorization: Bearer KEY`; it decides whose documents are searched, and what you may do: its
scopes are some of `search`, `write` and `admin`. Every answer names its request id
(also in the header `x-request-id`), the **release** that ranked it and the **snapshot** that held the documents.

Problems come as `{error, message, request_id}`; the message says which value was wrong, what was expected, and what
to do. With 429 and 503, come back after `Retry-After` seconds.

Bodies are JSON in UTF-8, not compressed; one without a `Content-Type` is taken for JSON. Each path that takes `GET`
takes `HEAD`; each answers `OPTIONS` with the methods that it takes (`Allow`), and any other method with 405.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; the home is opened when the server starts, not before."""
    settings = settings or Settings()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        collector = collector_for(settings)
        home = open_home(settings)
        default_key(home)
        queries = query_cache_for(settings)
        services = app.state.services = make_services(home, queries)
        if collector is not None:
            trace_requests(services, collector)
        stop, has_tried, is_wanted = threading.Event(), threading.Event(), threading.Event()
        reader, follower = FileReader(services), PlanFollower(services.pool, settings.live_poll_seconds, is_wanted)
        threads = [
            threading.Thread(target=job, args=(*arguments, stop), name=name, daemon=True)
            for name, job, *arguments in (
                ("follow-releases", _follow_releases, services, has_tried, is_wanted),
                ("follow-plan", follower.run, reader.tick),
                ("ready-writes", services.live.run),
                ("follow-writes", services.live.follow),
            )
        ]
        if settings.redis_url is not None:
            listen = functools.partial(listen_to_plan, settings.redis_url, home.storage, follower.wake)
            threads.append(threading.Thread(target=listen, args=(stop,), name="hear-plan", daemon=True))
        for thread in threads:
            thread.start()
        try:
            if settings.workers > 1:  # the others serve meanwhile
                await to_thread.run_sync(has_tried.wait, OPENING_SECONDS)
            yield
        finally:
            stop.set()
            services.live.wake()
            is_wanted.set()
            follower.wake()
            reader.close()
            services.shadows.close()
            services.interleaving.close()
            for thread in threads:
                thread.join(timeout=10)
            services.executor.close()
            services.records.close()
            if services.views is not None:
                services.views.close()
            services.feedback.close()
            if services.collector is not None:
                await to_thread.run_sync(services.collector.close)
            await services.limiter.close()
            queries.close()
            home.close()

    app = Application(
        title="Groundwork",
        version="0.1.0",
        docs_url=None,  # ours need no internet
        redoc_url=None,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,  # a path has one spelling, and no answer repeats the header Host
        strict_content_type=False,  # a body without a Content-Type is JSON
        generate_unique_id_function=_operation_id,
        routes=_routes(),
    )
    answers = ErrorAnswers(AllowedMethods([*app.routes, *(route for router in ROUTERS for route in router.routes)]))
    pass_errors_on(app)
    app.add_middleware(FastRoutes, routers=ROUTERS)
    app.add_middleware(RequestMiddleware, answer_error=answers.answer)  # the outermost but for the next
    if settings.otel_endpoint is not None:
        app.add_middleware(TraceMiddleware)
    return app


@functools.cache
def _routes() -> list[BaseRoute]:
    """The routes of every application of this process: what FastAPI works out at the first request, it does once.

    That takes 0.23 s of CPU, and tests make a thousand applications.
    """
    whole = APIRouter(strict_content_type=False, generate_unique_id_function=_operation_id)
    for router in ROUTERS:
        whole.include_router(router)
    return whole.routes


def _operation_id(route: APIRoute) -> str:
    return route.name


def make_services(home: Home, queries: QueryCache) -> Services:
    """The state of a process over an open home; nothing is opened for serving yet."""
    reads, metrics, most = CachedReads(home.catalogue), Metrics(), home.settings.max_concurrency
    records = home.reserve.run(lambda: request_records_for(home, metrics, status_of))
    views = view_recorder_for(home, metrics, records.recorder.process)
    live = LiveLayer(home, reads=reads) if views is None else LiveLayer(home, reads=reads, on_change=views.record)
    searches = ConcurrencyLimit(
        most,
        f"{most} searches are in progress here already: try again in a second.",
        gauge=metrics.in_progress,
        on_refusal=metrics.refused.inc,
    )
    measured = "A measurement is being made here already: try again when it is done."
    metrics.watch(metrics.live_passages, lambda: live.passages)
    metrics.watch(metrics.live_bytes, lambda: live.size_bytes)
    metrics.watch(metrics.live_lag, lambda: live.lag_seconds)
    metrics.watch(metrics.documents_waiting, lambda: counted(live.count_waiting))
    metrics.watch(metrics.build_requests, lambda: counted(lambda: count_open_requests(home.catalogue)))
    watch_alerts(home, metrics)
    queries.on_lookup = lambda outcome: metrics.query_cache.labels(outcome).inc()
    pool, retriever = ReleasePool(home, live, queries), Retriever()
    tokens, busy = home.reserve.run(lambda: _sequence_tokens(home)), busy_above(most, home.settings.sessions)
    return Services(
        home=home,
        reads=reads,
        sequence_tokens=tokens,
        records=records,
        views=views,
        feedback=feedback_recorder_for(home, metrics),
        pool=pool,
        retriever=retriever,
        live=live,
        shadows=ShadowSearches(
            pool,
            live,
            retriever,
            records,
            searches,
            lambda outcome: metrics.shadows.labels(outcome).inc(),
            busy_above=busy,
        ),
        interleaving=InterleavedSearches(
            pool,
            live,
            retriever,
            tokens,
            searches,
            lambda outcome: metrics.interleaved.labels(outcome).inc(),
            threads=THREADS_A_SESSION * home.settings.sessions,
            busy_above=busy,
        ),
        metrics=metrics,
        limiter=limiter_for(home.settings.redis_url, home.storage.identity()),
        executor=SearchExecutor(home.settings.sessions, searches),
        embeddings=EmbeddingThreads(
            home.settings.sessions,
            ConcurrencyLimit(
                most, f"{most} requests for embeddings are in progress here already: try again in a second."
            ),
        ),
        searches=searches,
        threaded_requests=ConcurrencyLimit(
            most, f"{most} requests are in progress here already: try again in a second."
        ),
        write_waits=ConcurrencyLimit(most, f"{most} searches wait for writes here already: try again in a second."),
        measurements=ConcurrencyLimit(1, measured, retry_after_seconds=5),
        uploads=UploadLimit(),
    )


def trace_requests(services: Services, collector: Told) -> None:
    """Have a collector told of requests."""

    def version_of(rollout: int) -> int | None:
        found = services.pool.now().plan.rollout
        return found.version if found is not None and found.id == rollout else None

    services.collector = collector
    services.traced = TracedSearches(services.home.settings.otel_texts, version_of)
    services.records.on_end = services.traced.ended


def _sequence_tokens(home: Home) -> SequenceTokens:
    """What makes the tokens of writes; its secret is written at the first start of a home."""
    return SequenceTokens(home_secret(home.catalogue, SECRET), last_number_told(home.catalogue))


def say_stopping(app: FastAPI) -> None:
    """Let the process say that it is about to end; requests are answered as before."""
    services: Services | None = getattr(app.state, "services", None)
    if services is not None:
        services.is_stopping = True


def count_refusal(app: FastAPI, problem: ServerProblem, times: int = 1) -> None:
    """Count requests or connections that the server refused before the application saw them."""
    services: Services | None = getattr(app.state, "services", None)
    if services is not None:
        services.metrics.server_refusals.labels(problem.error).inc(times)


def _follow_releases(
    services: Services, has_tried: threading.Event, is_wanted: threading.Event, stop: threading.Event
) -> None:
    """Open the releases that are to be open, and every later one, until told to stop; no failure ends it.

    It looks as often as the settings say, and when ``is_wanted``.
    """
    while True:
        try:
            refresh(services)
        except Exception as error:  # an unforeseen failure must not freeze the process on an old release
            logger.exception("pool.refresh_failed")
            services.pool.failure = f"{type(error).__name__}: {error}"
        services.metrics.sample()
        has_tried.set()
        is_wanted.wait(services.home.settings.poll_seconds)
        is_wanted.clear()
        if stop.is_set():
            return


def refresh(services: Services) -> None:
    """Bring the process to the releases that are to be open now; a failure is logged and shown by ``/readyz``.

    The reserve of a full disk is made again here where it was given up, as soon as there is room for it.
    """
    pool, metrics = services.pool, services.metrics
    services.home.reserve.make()
    try:
        serving = pool.refresh()
    except GroundworkError as error:
        if str(error) != pool.failure:
            logger.error("pool.refresh_failed", extra={"fields": {"reason": str(error)}})
        pool.failure = str(error)
        show_open_recipes(services)
        return
    show_open_recipes(services)
    metrics.passages.set(serving.snapshot.manifest.rows)
    metrics.shards.set(len(serving.snapshot.manifest.shards))
    metrics.open_shards.set(sum(one.snapshot.open_shards for one in pool.now().releases.values()))
    metrics.broken.set(len(serving.snapshot.broken))


def show_open_recipes(services: Services) -> None:
    """Let the metrics name every open release, what it is for and what it takes, and the recipes that are not open."""
    metrics = services.metrics
    rows = open_recipes(services)
    opened = [(str(row.recipe), row.serving.release, row.role) for row in rows if row.serving is not None]
    metrics.show(metrics.release, {(name, one.number, one.snapshot, role): 1.0 for name, one, role in opened})
    metrics.show(metrics.recipe_open, {(str(row.recipe),): float(row.serving is not None) for row in rows})
    metrics.show(metrics.recipe_bytes, {(str(row.recipe),): float(row.own_bytes + row.live_bytes) for row in rows})
