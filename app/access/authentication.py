"""Authentication: an API key to its tenant and what it may do. The tenant comes from the key and from nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from indexing.catalogue.api_keys import OPERATOR, SCOPES
from indexing.catalogue.cached_reads import CachedReads
from indexing.errors import Forbidden, Unauthorized
from indexing.records import Partition

MAX_SHOWN = 128
"""Characters of a name that a refusal repeats. Our choice."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request. ``key_id`` is public; the secret is not kept."""

    tenant: str
    scopes: frozenset[str]
    key_id: str
    expires_at: str | None = None
    requests_per_minute: int | None = None
    log_queries: bool = False
    collections: frozenset[str] | None = None
    """Those that its key opens; ``None``: all of its tenant."""
    principals: tuple[str, ...] | None = None
    """Whom its key asks for; ``None``: whom each request names."""

    def partition(self, collection: str) -> Partition:
        """A collection of the caller's tenant. Every door that takes the name of one asks here.

        Raises:
            Forbidden: the key is bound to others; the answer is the same whether there is such a collection or not.
        """
        if self.collections is not None and collection not in self.collections:
            raise Forbidden(
                f"Key {self.key_id} is bound to the collections {', '.join(map(repr, sorted(self.collections)))}:"
                f" {collection[:MAX_SHOWN]!r} is not one of them."
            )
        return Partition(self.tenant, collection)

    def require_unbound(self, what: str) -> None:
        """Refuse what belongs to the whole tenant to a key that is bound to some of its collections.

        Raises:
            Forbidden: it is.
        """
        if self.collections is not None:
            raise Forbidden(f"Key {self.key_id} is bound to some collections, and {what}: use a key that is not.")

    def asking_for(self, principals: Sequence[str] | None) -> Sequence[str] | None:
        """For whom a request asks that names ``principals``, or no one: a bound key never asks for more than its own.

        Raises:
            Forbidden: it names one that its key is not bound to.
        """
        if self.principals is None:
            return principals
        if not principals:
            return self.principals
        if beyond := [name for name in principals if name not in self.principals]:
            raise Forbidden(f"Key {self.key_id} does not ask for the principal {beyond[0][:MAX_SHOWN]!r}.")
        return principals

    @property
    def is_operator(self) -> bool:
        """Whether it looks after all tenants."""
        return OPERATOR in self.scopes

    def require(self, scope: str) -> None:
        """Let a caller on that has ``scope``; an operator may also do what ``admin`` may.

        Raises:
            Forbidden: it has not.
        """
        if scope not in self.scopes and not (scope == "admin" and self.is_operator):
            raise Forbidden(
                f"This needs the scope {scope!r}; key {self.key_id} has {', '.join(sorted(self.scopes))}. Use a key"
                " that has it, or ask the administrator of your keys for one."
            )

    def require_may_give(self, scopes: frozenset[str], expires_at: str | None) -> None:
        """Let a caller make a key that can do no more than its own, and not for longer.

        An operator may give each of the public scopes; ``operator`` itself is given by the command line alone.

        Raises:
            Forbidden: the new key would be worth more.
        """
        beyond = scopes - (frozenset(SCOPES) if self.is_operator else self.scopes & frozenset(SCOPES))
        if beyond:
            raise Forbidden(
                f"Key {self.key_id} may not give the scope {', '.join(sorted(beyond))!r}: it has"
                f" {', '.join(sorted(self.scopes))}."
            )
        is_longer = self.expires_at is not None and (expires_at is None or expires_at > self.expires_at)
        if is_longer and not self.is_operator:
            raise Forbidden(
                f"Key {self.key_id} expires at {self.expires_at}, and so must every key that is made with it, at the"
                " latest."
            )


def authenticate(reads: CachedReads, authorization: str | None) -> Caller:
    """Who sends an ``Authorization: Bearer KEY`` header.

    The catalogue is asked each time whether anything was committed, so a key that is revoked or expires opens nothing
    from the next request on, in every process.

    Raises:
        Unauthorized: the header is missing or malformed, or the key is unknown, expired or revoked.
    """
    if not authorization:
        raise Unauthorized("No API key: send the header 'Authorization: Bearer KEY'.")
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthorized("The Authorization header is not 'Bearer KEY'.")
    admission = reads.admit(secret.strip())
    if admission is None:
        raise Unauthorized("This API key is unknown, expired or revoked.")
    key = admission.key
    return Caller(
        key.tenant,
        frozenset(key.scopes),
        key.id,
        key.expires_at,
        admission.requests_per_minute,
        admission.log_queries,
        None if key.collections is None else frozenset(key.collections),
        key.principals,
    )
