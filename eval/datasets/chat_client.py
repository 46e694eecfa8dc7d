"""A client for any endpoint that speaks the OpenAI protocol of chat completions: bounded, patient and paid for."""

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpx

from indexing.backoff import Backoff
from indexing.errors import BudgetSpent, InvalidInput, ServiceFailed
from indexing.records import MAX_INTEGER, Json
from indexing.settings import Settings

CONCURRENCY = 4
"""Requests in progress at once: what a small hosted judge takes without a 429. Source: our choice."""
ATTEMPTS = 5
"""How often one request is sent at most, the first time included. Source: our choice."""
TIMEOUT_SECONDS = 120.0
"""How long one answer may take as a whole, however slowly it trickles. Source: our choice."""
MOST_WAIT_SECONDS = 300.0
"""A ``Retry-After`` beyond it is not waited for: the run ends and is resumed later. Source: our choice."""
_PAUSES = Backoff(1.0, 30.0)
"""Pauses in seconds where the endpoint does not say how long to wait. Source: our choice."""
_TRANSIENT = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses after which the same request may be answered. Source: RFC 9110, RFC 8470; 529 is some vendors' overload."""
_OPTIONAL = ("temperature", "seed")
"""Fields that some models refuse, by what the error names as ``param``; the request is then sent without them."""
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{1,60}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is asked: ``url`` ends before ``/chat/completions``; the key is never shown."""

    url: str
    model: str
    key: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class Usage:
    """What was asked of an endpoint: requests, repeated ones included and 429 left out, and tokens that it counted."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat; ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Completion:
    """How asking for one completion went: what was asked, what it cost, and the name of the error where none came."""

    messages: Sequence[Message]
    milliseconds: float
    usage: Usage
    error: str | None


def _untold(completion: Completion) -> None:
    """Tell no one."""


def endpoint_of(settings: Settings) -> Endpoint:
    """The endpoint that the settings name.

    Raises:
        InvalidInput: they name none, or no model.
    """
    if not settings.judge_url or not settings.judge_model:
        raise InvalidInput(
            "No model is configured that can be asked: set GROUNDWORK_JUDGE_URL to the address of an endpoint that"
            " speaks the OpenAI protocol, such as http://127.0.0.1:8000/v1, and GROUNDWORK_JUDGE_MODEL to a model of it"
            " (GROUNDWORK_JUDGE_KEY where it wants a key)."
        )
    return Endpoint(settings.judge_url, settings.judge_model, settings.judge_key)


class ChatClient:
    """Asks an endpoint for completions, a few at a time. Belongs to one event loop.

    A 429 pauses every request of the client for as long as its ``Retry-After`` says. What may be mended by asking
    again is asked again; the budget counts each request that is not turned away by a 429. Once the endpoint cannot be
    reached or refuses the key, every later request fails at once.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        budget: int | None = None,
        concurrency: int = CONCURRENCY,
        attempts: int = ATTEMPTS,
        timeout_seconds: float = TIMEOUT_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A client that sends at most ``budget`` requests, any number for ``None``."""
        self.endpoint, self.usage = endpoint, Usage()
        self._budget, self._attempts, self._timeout_seconds = budget, attempts, timeout_seconds
        self._slots = asyncio.Semaphore(concurrency)
        self._sleep, self._clock, self._resumes_at = sleep, clock, -math.inf
        self._down: ServiceFailed | None = None
        self._refused: set[str] = set()
        headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        self._http = httpx.AsyncClient(headers=headers, timeout=timeout_seconds, follow_redirects=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        temperature: float = 0.0,
        seed: int = 0,
        told: Callable[[Completion], None] = _untold,
    ) -> str:
        """The text with which the model goes on.

        Args:
            messages: The chat so far.
            temperature: How freely words are drawn; 0 draws the likeliest.
            seed: Which draw, where the endpoint heeds it.
            told: Told how it went, unless nothing was sent.

        Raises:
            BudgetSpent: no further request may be sent.
            ServiceFailed: no usable answer came, after all attempts; the message holds nothing of key or texts.
        """
        # Half a surrogate pair, which a document may hold, cannot be sent.
        texts = [message.content.encode("utf-8", "replace").decode("utf-8") for message in messages]
        chat = [{"role": message.role, "content": text} for message, text in zip(messages, texts, strict=True)]
        body: dict[str, Json] = {
            "model": self.endpoint.model,
            "messages": chat,
            "temperature": temperature,
            "seed": seed,
        }
        async with self._slots:
            began, cost, fault = self._clock(), Usage(), None
            try:
                return await self._complete(body, cost)
            except BaseException as error:  # a call that is cancelled was sent and is told, too
                fault = type(error).__name__
                raise
            finally:
                if cost.requests:
                    told(Completion(messages, (self._clock() - began) * 1000.0, cost, fault))

    async def _complete(self, body: Mapping[str, Json], cost: Usage) -> str:
        for attempt in range(1, self._attempts + 1):
            await self._wait_for_turn()
            cost.requests += 1
            answer = await self._send({name: value for name, value in body.items() if name not in self._refused})
            if isinstance(answer, httpx.Response) and answer.status_code == httpx.codes.OK:
                return self._text_of(answer, cost)
            if not self._mends(answer, attempt) or attempt == self._attempts:
                break
        failure = self._failure(answer)
        self._down = failure if failure.is_down else self._down
        raise failure

    async def _wait_for_turn(self) -> None:
        while self._down is None and (wait_seconds := self._resumes_at - self._clock()) > 0:
            await self._sleep(wait_seconds)
        if self._down is not None:
            raise self._down
        if self._budget is not None and self.usage.requests >= self._budget:
            raise BudgetSpent(
                f"The budget of {self._budget} requests is spent: give a larger one and run it again; what is answered"
                " is kept and costs nothing."
            )
        self.usage.requests += 1

    async def _send(self, body: Json) -> httpx.Response | Exception:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._http.post(f"{self.endpoint.url}/chat/completions", json=body)
        except (httpx.HTTPError, TimeoutError) as error:
            return error

    def _mends(self, answer: httpx.Response | Exception, attempt: int) -> bool:
        """Whether to send the request again, and from when on any request may be sent."""
        if isinstance(answer, httpx.Response):
            refused = _error_of(answer).get("param")
            if answer.status_code == httpx.codes.BAD_REQUEST and refused in _OPTIONAL and refused not in self._refused:
                self._refused.add(refused)
                return True
            if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                self.usage.requests -= 1
            if answer.status_code not in _TRANSIENT:
                return False
            wait_seconds = _retry_after(answer.headers)
        else:
            wait_seconds = None
        if wait_seconds is None:
            wait_seconds = _PAUSES.pause_seconds(attempt)
        if wait_seconds > MOST_WAIT_SECONDS:
            return False
        self._resumes_at = max(self._resumes_at, self._clock() + wait_seconds)
        return True

    def _failure(self, answer: httpx.Response | Exception) -> ServiceFailed:
        url = self.endpoint.url
        if isinstance(answer, TimeoutError | httpx.TimeoutException):
            return ServiceFailed(f"{url} gave no answer within {self._timeout_seconds:g} s: is it overloaded?")
        if isinstance(answer, Exception):
            return ServiceFailed(
                f"{url} cannot be reached ({type(answer).__name__}): check GROUNDWORK_JUDGE_URL and that it runs.",
                is_down=True,
            )
        status, code = answer.status_code, _error_of(answer).get("code")
        said = f" ({code})" if isinstance(code, str) and _IDENTIFIER.fullmatch(code) else ""
        if status in (401, 403):
            return ServiceFailed(
                f"{url} refused the key with {status}{said}: check GROUNDWORK_JUDGE_KEY.", is_down=True
            )
        if status == httpx.codes.NOT_FOUND:
            return ServiceFailed(
                f"{url}/chat/completions answered 404{said}: check GROUNDWORK_JUDGE_URL, which ends before"
                f" /chat/completions, and GROUNDWORK_JUDGE_MODEL, {self.endpoint.model!r}.",
                is_down=True,
            )
        waits = _retry_after(answer.headers)
        later = f"; it asks to come back in {waits:.0f} s" if waits is not None else ""
        return ServiceFailed(f"{url} answered {status}{said}{later}.", is_down=(waits or 0) > MOST_WAIT_SECONDS)

    def _text_of(self, answer: httpx.Response, cost: Usage) -> str:
        """The text of a completion.

        Raises:
            ServiceFailed: the answer is none, or was cut off.
        """
        try:
            value = answer.json()
            choice = value["choices"][0]
            text, reason = choice["message"]["content"], choice.get("finish_reason")
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise ServiceFailed(
                f"{self.endpoint.url} answered 200 with {len(answer.content)} bytes that are not a chat completion:"
                " expected choices[0].message.content."
            ) from error
        self._count(value.get("usage"), cost)
        if reason == "length":
            raise ServiceFailed(
                f"{self.endpoint.url} cut its answer off (finish_reason 'length'): allow longer answers."
            )
        if not isinstance(text, str) or not text.strip():
            raise ServiceFailed(f"{self.endpoint.url} answered without text (finish_reason {str(reason)[:20]!r}).")
        return text

    def _count(self, usage: Json, cost: Usage) -> None:
        if not isinstance(usage, Mapping):
            return
        for name in ("prompt_tokens", "completion_tokens"):
            tokens = usage.get(name)
            if isinstance(tokens, int) and not isinstance(tokens, bool) and 0 <= tokens <= MAX_INTEGER:
                for counted in (self.usage, cost):
                    setattr(counted, name, getattr(counted, name) + tokens)


def complete_all(
    endpoint: Endpoint,
    prompts: Sequence[str],
    *,
    budget: int | None = None,
    concurrency: int = CONCURRENCY,
    timeout_seconds: float = TIMEOUT_SECONDS,
    told: Callable[[Completion], None] = _untold,
) -> tuple[list[str | ServiceFailed | BudgetSpent], Usage]:
    """Ask one question each, for a caller without an event loop: answers, or why there is none, in the order asked."""

    async def ask(client: ChatClient, prompt: str) -> str | ServiceFailed | BudgetSpent:
        try:
            return await client.complete([Message("user", prompt)], told=told)
        except (ServiceFailed, BudgetSpent) as error:
            return error

    async def ask_all() -> tuple[list[str | ServiceFailed | BudgetSpent], Usage]:
        client = ChatClient(endpoint, budget=budget, concurrency=concurrency, timeout_seconds=timeout_seconds)
        async with client:
            return list(await asyncio.gather(*(ask(client, prompt) for prompt in prompts))), client.usage

    return asyncio.run(ask_all())


def _error_of(answer: httpx.Response) -> Mapping[str, Json]:
    """The object in which the protocol describes an error; empty where the answer has none."""
    with suppress(ValueError, TypeError, KeyError):
        error = answer.json()["error"]
        if isinstance(error, Mapping):
            return error
    return {}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that ``Retry-After`` asks to wait, as a number or as a date; ``None`` where it does not say."""
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
