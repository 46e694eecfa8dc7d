"""The async client: the same methods as coroutines."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from types import TracebackType
from typing import Any, TypeVar

import httpx

from groundwork_client.calls import NOT_GIVEN, Call, FileInput
from groundwork_client.connection import DEFAULT_TIMEOUT, connection
from groundwork_client.exchange import Exchange
from groundwork_client.feedback import Action, attributes, now
from groundwork_client.generated import answers
from groundwork_client.generated.async_operations import AsyncOperations
from groundwork_client.retries import Retries
from groundwork_client.uploads import form_text, is_pending, polling_waits

T = TypeVar("T")


class AsyncGroundwork(AsyncOperations):
    """Groundwork's API, with one method for each of its operations, named as in its OpenAPI document.

    The coroutines of one event loop may share one.
    It holds connections open until it is closed, which ``async with`` does.

    Args:
        base_url: Where the API is; by default ``GROUNDWORK_URL``, or ``http://127.0.0.1:8080``.
        api_key: The key, which decides tenant and scopes; by default ``GROUNDWORK_API_KEY``.
        timeout: Seconds, or httpx's own kind of timeouts: 30 s, and 5 s to connect, by default.
        retries: How often what may be sent again is sent again.
        transport: Another transport of httpx, for proxies, certificates of one's own, and tests.
        sleep: What waits between tries; tests give a fake.
        clock: What deadlines go by, in seconds.

    Raises:
        ValueError: There is no key, or the URL is none of HTTP.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection(base_url, api_key)
        self._retries = Retries() if retries is None else retries
        self._sleep, self._clock = sleep, clock
        self._http = httpx.AsyncClient(headers=self._connection.headers, timeout=timeout, transport=transport)

    def __repr__(self) -> str:
        return f"AsyncGroundwork({self._connection.url!r})"

    async def __aenter__(self) -> "AsyncGroundwork":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def feedback(
        self,
        query_id: str,
        action: Action,
        document_id: str | int | None = None,
        *,
        position: int | None = None,
        rating: float | None = None,
        dwell_ms: float | None = None,
        comment: str | None = None,
        user: str | None = None,
        event_id: str | None = None,
        happened_at: datetime | None = None,
    ) -> answers.FeedbackAnswer:
        """Tell what a user did with an answer, or said about it. It counts once however often it is sent.

        Args:
            query_id: The ``query_id`` of the answer.
            action: What happened.
            document_id: The ``document_id`` of the hit that it is about; ``abandon``, for one, is about none.
            position: The rank as it was shown, from 1, where that is another than the hit's.
            rating: Of ``rate``, from 0 to 1: thumbs are 0 and 1.
            dwell_ms: Of ``dwell``: how long the user read.
            comment: Of ``comment``.
            user: The person, by the same id as the ``user`` of searches.
            event_id: Your id of the event; an event with the same id counts once also from another process.
            happened_at: When, with a time zone; by default now.
        """
        details = attributes(document_id, position, rating, dwell_ms)
        return await self.post_feedback(
            action_name=action,
            query_id=query_id,
            timestamp=now() if happened_at is None else happened_at,
            event_id=NOT_GIVEN if event_id is None else event_id,
            user_id=NOT_GIVEN if user is None else user,
            message=NOT_GIVEN if comment is None else comment,
            event_attributes=details if details else NOT_GIVEN,
        )

    async def upload_and_wait(
        self,
        collection: str,
        files: Iterable[FileInput],
        *,
        metadata: Mapping[str, Any] | None = None,
        allow: Sequence[str] | None = None,
        timeout_seconds: float = 600.0,
    ) -> list[answers.UploadAnswer]:
        """Upload files, and wait until searches find them or reading them failed: look at each ``state`` and ``error``.

        Args:
            collection: Where their documents go.
            files: Up to 100, each a path, or a name with bytes or an open file.
            metadata: For all of them.
            allow: Who may see them; None: everyone.
            timeout_seconds: How long to wait for all of them.

        Raises:
            TimedOut: Some are still read.
        """
        accepted = await self.upload_files(
            collection, file=list(files), metadata=form_text(metadata), allow=form_text(allow)
        )
        uploads = list(accepted.uploads)
        waits = polling_waits(timeout_seconds, self._clock)
        while any(is_pending(upload) for upload in uploads):
            await self._sleep(next(waits))
            uploads = [
                await self.get_upload(collection, upload.id) if is_pending(upload) else upload for upload in uploads
            ]
        return uploads

    async def _call(self, call: Call, read: Callable[[Any], T]) -> T:
        exchange = Exchange(call, self._retries, self._clock)
        return exchange.answer(await self._response(exchange), read)

    async def _json(self, call: Call) -> Any:
        exchange = Exchange(call, self._retries, self._clock)
        return exchange.json(await self._response(exchange))

    async def _bytes(self, call: Call) -> bytes:
        return (await self._response(Exchange(call, self._retries, self._clock))).content

    async def _response(self, exchange: Exchange) -> httpx.Response:
        while True:
            outcome = await self._outcome(exchange)
            wait = exchange.wait_after(outcome)
            if wait is None and isinstance(outcome, httpx.Response):
                return outcome
            await self._sleep(wait or 0.0)

    async def _outcome(self, exchange: Exchange) -> httpx.Response | httpx.TransportError:
        with ExitStack() as opened:
            request = exchange.next_request(self._http, self._connection.url, opened)
            try:
                return await self._http.send(request)
            except httpx.TransportError as failure:
                return failure
