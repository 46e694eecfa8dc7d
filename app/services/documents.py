"""Documents as every door handles them: written, hidden, and found by filter."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from app.access.authentication import Caller
from app.retrieval.filters import matching
from app.schemas.documents import WrittenAnswer
from app.schemas.filters import FilterPart, filter_of
from app.services.matching_documents import matching_documents
from app.services.state import Services
from app.services.store_use import require_usable
from app.services.waiting_writes import warnings_about_builder
from app.serving.assignment import may_answer
from app.serving.release import ServingRelease
from indexing.catalogue.build_requests import request_build
from indexing.catalogue.document_writes import Written, write_documents
from indexing.catalogue.documents import StoredDocument, read_document
from indexing.errors import GroundworkError, NotFound, NotReady
from indexing.features.materialise import materialise_documents
from indexing.records import Document, Partition

logger = logging.getLogger(__name__)


def hide(services: Services, partition: Partition, deleted: int) -> None:
    """Let no search of this process find what was just deleted, and count it."""
    services.live.wrote(partition)
    services.metrics.writes.labels("delete").inc(deleted)
    logger.info("documents.deleted", extra={"fields": {"collection": partition.collection, "documents": deleted}})


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What became of each document of a write, and where some wait for a build, the one asked for and warnings.

    ``seq`` is the token of the last of them.
    """

    documents: list[WrittenAnswer]
    seq: str
    build_request: int | None = None
    warnings: list[str] = field(default_factory=list)


def write(
    services: Services,
    partition: Partition,
    documents: Sequence[Document],
    *,
    live: bool | None = None,
    with_them: Callable[[], None] = lambda: None,
    source: str = "",
    expected: Mapping[str, int | None] | None = None,
) -> WriteReport:
    """Store at least one document; those that no search can find before a build holds them have one asked for.

    Args:
        services: The process's state.
        partition: Where to.
        documents: What to store, all or none.
        live: Whether the live layer takes it, where that was asked already.
        with_them: Writes what is to be stored with them, first in the same transaction; what it raises undoes all.
        source: As ``write_documents``.
        expected: As ``write_documents``.

    Raises:
        PreconditionFailed: as ``write_documents``.
        InvalidInput: the collection is a vector store that has expired, so that no search would find them.
    """
    if services.reads.may_expire(partition):
        require_usable(services, partition)
    catalogue, token = services.home.catalogue, partial(services.sequence_tokens.of_write, partition.tenant)
    is_live = services.live.takes(partition, documents) if live is None else live
    with catalogue.write():
        with_them()
        written = write_documents(catalogue, partition, documents, live=is_live, source=source, expected=expected)
    changed = [one.id for one in written if one.outcome != "unchanged"]
    _materialise(services, partition, changed)
    services.live.wrote(partition, changed)
    services.metrics.writes.labels("put").inc(sum(one.outcome != "unchanged" for one in written))
    built = min((serving.release.seq for serving in _answering(services, partition.tenant)), default=-1)
    answers = [
        WrittenAnswer(id=one.id, seq=token(one.seq), result=one.outcome, searchable=one.is_live or one.seq <= built)
        for one in written
    ]
    seq = token(max(one.seq for one in written))
    if all(one.searchable for one in answers):
        report = WriteReport(answers, seq)
    else:
        request = request_build(catalogue, "a write that is too large for the live layer", tenant=partition.tenant)
        report = WriteReport(answers, seq, request.id, warnings_about_builder(services))
    _log(partition, written, report.build_request)
    return report


def _materialise(services: Services, partition: Partition, ids: Sequence[str]) -> None:
    """Compute what the boosts of open recipes use of what was just written; if it fails, the next build does."""
    try:
        releases = services.pool.now().releases.values() if ids else ()
        for view in {view for serving in releases for view in serving.recipe.document_views}:
            if view.transformation is not None:
                materialise_documents(services.home.catalogue, view, partition, ids)
    except GroundworkError as error:  # the write is stored and answered as such
        fields = {"collection": partition.collection, "reason": f"{type(error).__name__}: {error}"}
        logger.warning("features.not_materialised", extra={"fields": fields})


def _log(partition: Partition, written: Sequence[Written], request: int | None) -> None:
    outcomes = [one.outcome for one in written]
    fields: dict[str, object] = {name: outcomes.count(name) for name in ("created", "updated", "unchanged")}
    fields |= {"collection": partition.collection, "build_request": request}
    logger.info("documents.written", extra={"fields": fields})


def _answering(services: Services, tenant: str) -> list[ServingRelease]:
    """The releases that may answer a search of a tenant here; none while nothing is open."""
    try:
        now = services.pool.now()
    except NotReady:
        return []
    return [now.releases.get(recipe, now.releases[now.live]) for recipe in may_answer(now.plan, tenant)]


def _sees_all(caller: Caller, principals: Sequence[str] | None) -> bool:
    """Whether a caller, asking for ``principals`` or for no one, is the tenant's own backend."""
    return principals is None and "write" in caller.scopes


def visible_to(caller: Caller, principals: Sequence[str] | None) -> Callable[[Document], bool]:
    """Which documents a caller may read; without principals, one that may write is the tenant's own backend.

    Raises:
        Forbidden: they are not those that the caller's key is bound to.
    """
    principals = caller.asking_for(principals)
    if _sees_all(caller, principals):
        return lambda document: True
    names = frozenset(principals or ())
    return lambda document: document.allow is None or not names.isdisjoint(document.allow)


def read_visible(
    services: Services, caller: Caller, collection: str, document_id: str, principals: Sequence[str] | None
) -> StoredDocument:
    """A document of the caller's tenant that ``visible_to`` lets it read.

    Raises:
        NotFound: there is none of this id, or it is hidden from the caller, which cannot tell the two apart.
    """
    stored = read_document(services.home.catalogue, caller.partition(collection), document_id)
    if not visible_to(caller, principals)(stored.document):
        raise NotFound(f"No document {document_id!r} in collection {collection!r}.")
    return stored


def find_matching(
    services: Services,
    caller: Caller,
    collection: str,
    filters: FilterPart | None,
    principals: Sequence[str] | None,
    *,
    after: str = "",
) -> Iterator[StoredDocument]:
    """The documents by id, from the first behind ``after``, that fit and that ``visible_to`` lets the caller read.

    They are evaluated as a search does, and come without their texts.
    """
    principals = caller.asking_for(principals)
    pick = matching(None if filters is None else filter_of(filters), principals or ())
    catalogue, partition = services.home.catalogue, caller.partition(collection)
    return matching_documents(catalogue, partition, pick, sees_all=_sees_all(caller, principals), after=after)


def is_searchable(services: Services, partition: Partition, stored: StoredDocument) -> bool:
    """Whether searches of this process find a document as it was written last, whichever recipe answers them."""
    servings = _answering(services, partition.tenant)
    return bool(servings) and all(
        services.live.finds(serving, partition, stored.document.id, stored.seq, is_live=stored.is_live)
        for serving in servings
    )
