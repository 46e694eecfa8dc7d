"""Answers of the catalogue that are asked for with every request, kept until the next commit of any process.

An answer is kept for as long as ``Database.version`` gives the same number, and a key no longer than until it expires,
so that revoking takes effect with the next request in every process. With a catalogue on another machine that number
would be asked for once a second, and revoking would take effect within that second.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from indexing.catalogue.api_keys import Admission, admit, hash_key
from indexing.catalogue.collections import list_collections, require_collection
from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.documents import waits_for_build
from indexing.catalogue.files import has_files
from indexing.catalogue.vector_stores import may_expire
from indexing.lru_cache import LruCache
from indexing.records import Partition

KEYS_BYTES = 8 * 1024 * 1024
"""Memory for keys, a process: some 6,000. Our choice."""
ANSWERS_BYTES = 4 * 1024 * 1024
"""Memory for what else is kept, a process; apart from keys, since clients choose how many questions there are.
Our choice."""
_KEY_BYTES = 900
"""What an ``Admission`` takes, measured with ``sys.getsizeof`` over its fields, rounded up."""
_ANSWER_BYTES = 300
"""What a question with two names and a number takes. An estimate."""
_NAME_BYTES = 200
"""What the name of a collection takes, twice where a key is bound to it. An estimate."""
_Question: TypeAlias = tuple[str, Partition | None, int]
_Names: TypeAlias = tuple[str, frozenset[str] | None, int]


@dataclass(frozen=True, slots=True)
class _Generation:
    """What was read at one version of the catalogue, or later."""

    version: int
    keys: LruCache[str, Admission] = field(default_factory=lambda: LruCache(KEYS_BYTES))
    answers: LruCache[_Question, int] = field(default_factory=lambda: LruCache(ANSWERS_BYTES))
    names: LruCache[_Names, tuple[str, ...]] = field(default_factory=lambda: LruCache(ANSWERS_BYTES))


class CachedReads:
    """Reads a catalogue through a bounded cache. Safe to share between threads.

    Keys that are not valid and collections that are not there are looked up each time: what strangers send takes no
    room.
    """

    def __init__(self, database: Database, now: Callable[[], str] = utc_now) -> None:
        """Read ``database``; ``now`` is the moment as ``utc_now`` gives it."""
        self._database = database
        self._now = now
        self._kept = _Generation(-1)

    def _current(self) -> _Generation | None:
        """What may be used now; it was read after the version that is asked for here. ``None``: ask the catalogue."""
        version = self._database.version()
        if version is None:
            return None
        kept = self._kept
        if kept.version != version:
            kept = self._kept = _Generation(version)
        return kept

    @property
    def kept_keys(self) -> int:
        """How many keys are kept at this moment, within ``KEYS_BYTES``."""
        return len(self._kept.keys)

    @property
    def kept_keys_bytes(self) -> int:
        """The memory that they take."""
        return self._kept.keys.size_bytes

    def admit(self, secret: str) -> Admission | None:
        """What a secret opens now; ``None`` if it or its tenant is unknown, expired or revoked."""
        kept = self._current()
        if kept is None:
            return admit(self._database, secret)
        hashed = hash_key(secret)
        found = kept.keys.get(hashed)
        if found is None:
            found = admit(self._database, secret)
            if found is not None:
                kept.keys.put(hashed, found, _KEY_BYTES)
        elif found.key.expires_at is not None and found.key.expires_at <= self._now():
            return None
        return found

    def require_collection(self, partition: Partition) -> None:
        """Refuse a collection that the tenant does not have.

        Raises:
            NotFound: it has not.
        """
        kept = self._current()
        question = ("has", partition, 0)
        if kept is None or kept.answers.get(question) is None:
            require_collection(self._database, partition)
            if kept is not None:
                kept.answers.put(question, True, _ANSWER_BYTES)

    def collection_names(self, tenant: str, among: frozenset[str] | None, limit: int) -> Sequence[str]:
        """The names of a tenant's first collections by name, at most ``limit``; of those ``among``, if given, alone."""
        kept, question = self._current(), (tenant, among, limit)
        found = None if kept is None else kept.names.get(question)
        if found is None:
            found = tuple(name for name, _ in list_collections(self._database, tenant, limit=limit, among=among))
            if kept is not None:
                kept.names.put(question, found, _ANSWER_BYTES + _NAME_BYTES * (len(found) + len(among or ())))
        return found

    def sequence(self) -> int:
        """The sequence number of the last write."""
        return self._answer(("sequence", None, 0), self._database.sequence)

    def waits_for_build(self, partition: Partition, seq: int) -> bool:
        """Whether the write ``seq`` of a partition is one that only a build makes searchable."""
        return bool(self._answer(("waits", partition, seq), lambda: waits_for_build(self._database, partition, seq)))

    def has_files(self, partition: Partition) -> bool:
        """Whether any document of a collection that is there came from a file that a client brought."""
        return bool(self._answer(("files", partition, 0), lambda: has_files(self._database, partition)))

    def may_expire(self, partition: Partition) -> bool:
        """Whether a collection that is there may expire, as a vector store."""
        return bool(self._answer(("expires", partition, 0), lambda: may_expire(self._database, partition)))

    def _answer(self, question: _Question, find: Callable[[], int]) -> int:
        kept = self._current()
        found = None if kept is None else kept.answers.get(question)
        if found is None:
            found = find()
            if kept is not None:
                kept.answers.put(question, found, _ANSWER_BYTES)
        return found
