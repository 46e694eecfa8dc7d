"""Groundwork's client: every operation of the API, typed, sync and async."""

from groundwork_client.answer import Answer, HttpFacts
from groundwork_client.async_client import AsyncGroundwork
from groundwork_client.calls import NOT_GIVEN, FileInput, NotGiven
from groundwork_client.errors import (
    Conflict,
    ConnectionFailed,
    DeadlineExceeded,
    Forbidden,
    GroundworkError,
    InvalidRequest,
    MalformedRequest,
    NotFound,
    PayloadTooLarge,
    PreconditionFailed,
    ServerError,
    StatusError,
    TimedOut,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnreadableAnswer,
)
from groundwork_client.generated import answers, bodies
from groundwork_client.retries import Retries
from groundwork_client.sync_client import Groundwork

__all__ = [
    "NOT_GIVEN",
    "Answer",
    "AsyncGroundwork",
    "Conflict",
    "ConnectionFailed",
    "DeadlineExceeded",
    "FileInput",
    "Forbidden",
    "Groundwork",
    "GroundworkError",
    "HttpFacts",
    "InvalidRequest",
    "MalformedRequest",
    "NotFound",
    "NotGiven",
    "PayloadTooLarge",
    "PreconditionFailed",
    "Retries",
    "ServerError",
    "StatusError",
    "TimedOut",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "UnreadableAnswer",
    "answers",
    "bodies",
]
