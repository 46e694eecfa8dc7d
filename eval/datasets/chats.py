"""Queries that are chats: a line of a file of queries may hold ``messages``, as clients send them, for a text."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from pydantic import TypeAdapter, ValidationError

from app.schemas.chats import ChatMessage, spoken
from eval.datasets.trec import query_records, text_field
from indexing.errors import InvalidInput, SourceInvalid
from indexing.features.conversation import Message, read_conversation
from indexing.records import Json

Chat: TypeAlias = tuple[Message, ...]
"""What was said, oldest first, each message as one text."""
_MESSAGES = TypeAdapter(list[ChatMessage])


def read_questions(path: Path) -> tuple[dict[str, str], dict[str, Chat]]:
    """The queries of a file by id, in the file's order, and the chats of those that are one.

    Each line is an object with ``_id`` and ``text``, as BEIR's, or with ``_id`` and ``messages``, as
    ``POST /v1/search`` takes them; ``text`` may stand for ``content`` in them, as in MTRAG's files. Messages count
    where a line has both.

    Returns:
        Id -> text, of a chat its question (the last message of the user); and id -> chat.

    Raises:
        SourceInvalid: The file cannot be read, holds no query, or a line is malformed: no JSON object, ``_id`` or
            ``text`` missing, no string or blank, messages that the API would refuse, an id given two queries. The
            message starts with ``file:line``.
    """
    texts: dict[str, str] = {}
    chats: dict[str, Chat] = {}
    for where, record in query_records(path):
        query_id = text_field(record, "_id", where)
        chat = _chat(record["messages"], where) if record.get("messages") is not None else None
        text = text_field(record, "text", where) if chat is None else read_conversation(None, chat).question
        if query_id in texts and (texts[query_id], chats.get(query_id)) != (text, chat):
            raise SourceInvalid(
                f"{where}: query id {query_id!r} has another text above; expected one text for each id; rename one"
            )
        texts[query_id] = text
        if chat is not None:
            chats[query_id] = chat
    if not texts:
        raise SourceInvalid(f"{path}: the file holds no query; expected at least one")
    return texts, chats


def messages_of(chat: Sequence[Message]) -> list[dict[str, Json]]:
    """A chat as JSON, as ``POST /v1/search`` takes it."""
    return [{"role": message.role, "content": message.content} for message in chat]


def _chat(messages: Json, where: str) -> Chat:
    try:
        chat = tuple(spoken(_MESSAGES.validate_python(_with_contents(messages))))
        read_conversation(None, chat)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, ("messages", *first["loc"])))
        raise SourceInvalid(f"{where}: {place}: {first['msg']}; expected messages as /v1/search takes them") from error
    except InvalidInput as error:
        raise SourceInvalid(f"{where}: {error}") from error
    return chat


def _with_contents(messages: Json) -> Json:
    """Messages with what some files call ``text`` as ``content``."""
    if not isinstance(messages, list):
        return messages
    return [
        {**one, "content": one["text"]} if isinstance(one, dict) and "text" in one and "content" not in one else one
        for one in messages
    ]
