"""What every answer of the API is: a record with the facts of its HTTP response."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, PrivateAttr


@dataclass(frozen=True, slots=True)
class HttpFacts:
    """What the body of an answer does not say."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    """By names in small letters, such as ``etag``, ``x-request-id`` and ``x-ratelimit-remaining-requests``."""
    tries: int = 1
    """How often the request was sent."""

    @property
    def request_id(self) -> str:
        """The request's id in the API's log."""
        return self.headers.get("x-request-id", "")

    @property
    def etag(self) -> str | None:
        """The version of a document, for ``if_match`` of the next write."""
        return self.headers.get("etag")


class Answer(BaseModel):
    """An answer, or a part of one.

    Fields that a later version of the API adds are kept as attributes, and break nothing.
    """

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=(), defer_build=True)

    _http: HttpFacts = PrivateAttr(default_factory=HttpFacts)

    @property
    def http(self) -> HttpFacts:
        """Status, headers and tries of the response; of a part of an answer nothing."""
        return self._http

    def keep_http(self, facts: HttpFacts) -> None:
        """Note what the response said, once."""
        self._http = facts
