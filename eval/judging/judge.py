"""A model as a judge: its reply read as a record, asked for again where it is none, and kept so as to pay once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from eval.datasets.chat_client import ChatClient, Completion, Message
from eval.datasets.json_replies import json_of
from eval.judging.samples import Sample
from indexing.catalogue.database import utc_now
from indexing.catalogue.home_secrets import home_secret
from indexing.catalogue.judge_replies import keep_reply, read_reply, tell_reply
from indexing.errors import ServiceFailed
from indexing.home import Home
from indexing.ledger.hashes import LEDGER_SECRET, USER, keyed_hash
from indexing.records import fingerprint

TRIES = 3
"""How often a reply that is no record is asked for again, the first time included. Source: our choice."""
REPEATED_TEMPERATURE = 0.3
"""Temperature of a prompt that a metric asks again to get another reply. Source: ragas, ``get_temperature``."""
_VERDICTS = frozenset({"verdict", "noncommittal", "attributed"})
"""Fields of ragas's records that are 0 or 1, though their type is a whole number."""
_Record = TypeVar("_Record", bound=BaseModel)


class Replies(Protocol):
    """What was said already."""

    def find(self, key: str, sample: Sample) -> str | None:
        """A reply that is kept for a key."""
        ...

    def keep(self, key: str, sample: Sample, model: str, reply: str) -> None:
        """Keep a reply that a sample was judged by."""
        ...


class KeptReplies:
    """Replies in the catalogue of a home, where ``erase`` finds them by tenant, collection, document and user."""

    def __init__(self, home: Home) -> None:
        self._catalogue, self._secret = home.catalogue, home_secret(home.catalogue, LEDGER_SECRET)

    def find(self, key: str, sample: Sample) -> str | None:
        """See ``Replies``; the reply is from now on about this sample, too."""
        reply = read_reply(self._catalogue, key)
        if reply is not None:
            tell_reply(self._catalogue, key, sample.documents, self.user_hash(sample))
        return reply

    def keep(self, key: str, sample: Sample, model: str, reply: str) -> None:
        """See ``Replies``."""
        with self._catalogue.write():
            keep_reply(self._catalogue, key, sample.partition, model=model, reply=reply, at=utc_now())
            tell_reply(self._catalogue, key, sample.documents, self.user_hash(sample))

    def user_hash(self, sample: Sample) -> str | None:
        """The user of a sample as the ledger knows users."""
        return (
            sample.user_hash
            if sample.user is None
            else keyed_hash(self._secret, USER, sample.user.encode("utf-8", "surrogatepass"))
        )


@dataclass(slots=True)
class ReplyCounts:
    """How many replies were taken from those that are kept, and how many were no record when they came."""

    kept: int = 0
    malformed: int = 0


class Judge:
    """Asks a model for records. Belongs to one event loop."""

    def __init__(
        self, client: ChatClient, replies: Replies, on_call: Callable[[Sample, Completion], None] = lambda *_: None
    ) -> None:
        """A judge that asks through ``client`` what ``replies`` do not hold; ``on_call`` is told of what it asked."""
        self._client, self._replies, self.counts = client, replies, ReplyCounts()
        self._on_call = on_call

    async def ask(self, sample: Sample, prompt: str, record: type[_Record], draw: int = 0) -> _Record:
        """The model's reply to a prompt about a sample, as a record.

        Args:
            sample: Whose texts the prompt holds.
            prompt: What is asked; it says how the reply must look.
            record: What the reply must be.
            draw: 0, or which other reply to the same prompt is wanted.

        Raises:
            BudgetSpent: the client may not ask.
            ServiceFailed: no reply was a record; the message quotes nothing.
        """
        model = self._client.endpoint.model
        key = fingerprint([prompt, model, draw, sample.partition.tenant, sample.partition.collection])
        kept = self._replies.find(key, sample)
        if kept is not None:
            try:
                found = _read(kept, record)
            except ValueError:
                pass  # what counts as a record has changed since
            else:
                self.counts.kept += 1
                return found
        reply, found = await self._ask(sample, prompt, record, draw)
        self._replies.keep(key, sample, model, reply)
        return found

    async def _ask(self, sample: Sample, prompt: str, record: type[_Record], draw: int) -> tuple[str, _Record]:
        messages: list[Message] = [Message("user", prompt)]
        fault, told = "", partial(self._on_call, sample)
        for _ in range(TRIES):
            temperature = REPEATED_TEMPERATURE if draw else 0.0
            reply = await self._client.complete(messages, temperature=temperature, seed=draw, told=told)
            try:
                return reply, _read(reply, record)
            except ValueError as error:
                self.counts.malformed += 1
                fault = str(error)
                mend = f"That cannot be used: {fault}. Answer again, with the JSON object alone."
                messages = [messages[0], Message("assistant", reply), Message("user", mend)]
        raise ServiceFailed(f"{self._client.endpoint.model!r} gave no usable verdict in {TRIES} tries: {fault}.")


def _read(reply: str, record: type[_Record]) -> _Record:
    """A reply as a record.

    Raises:
        ValueError: it is none; the message says which field is wrong and quotes nothing.
    """
    value = json_of(reply, dict)
    try:
        found = record.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise ValueError(f"the field {'.'.join(map(str, first['loc']))!r} is wrong ({first['type']})") from error
    _check(found.model_dump())
    return found


def _check(value: object, name: str = "") -> None:
    """Refuse a record that is one by its types alone: a verdict of 7, or a question without a word.

    Raises:
        ValueError: it is.
    """
    if isinstance(value, dict):
        for key, one in value.items():
            _check(one, str(key))
    elif isinstance(value, list):
        for one in value:
            _check(one, name)
    elif name in _VERDICTS and value not in (0, 1):
        raise ValueError(f"the field {name!r} is neither 0 nor 1")
    elif name == "question" and not str(value).strip():
        raise ValueError("the field 'question' is empty")
