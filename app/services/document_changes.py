"""Changes of documents as their writers knew them: entity tags, conditions on them, and merge patches."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.access.authentication import Caller
from app.schemas.documents import PatchBody, checked_document
from app.services.documents import WriteReport, hide, write
from app.services.state import Services
from indexing.catalogue.document_readings import read_account
from indexing.catalogue.document_writes import remove_document
from indexing.catalogue.documents import StoredDocument, read_document
from indexing.errors import NotFound, PreconditionFailed
from indexing.records import Document, Json, Partition

ATTEMPTS = 5
"""Of a patch without a condition, where others write the same document at the same time. Our choice."""
ANY = "*"
"""The tag that fits whatever is there. Source: RFC 9110, section 13.1."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a document for a write to happen: the headers ``If-Match`` and ``If-None-Match``.

    ``match`` are tags of which the document must have one, or ``ANY``; ``is_new`` says that it must not be there.
    """

    match: tuple[str, ...] = ()
    is_new: bool = False


def etag_of(document: Document) -> str:
    """The entity tag of a document with its text: the same as long as all that is stored of it is the same."""
    return f'"{document.record_sha256[:32]}"'


def put(services: Services, caller: Caller, collection: str, document: Document, condition: Condition) -> WriteReport:
    """Insert or replace a document, if a condition holds.

    Raises:
        PreconditionFailed: it does not.
        QuotaExceeded, InvalidInput: as ``write_documents``.
    """
    partition = caller.partition(collection)
    expected = _expected(services, partition, document.id, condition)
    return write(services, partition, [document], expected=expected)


def patch(
    services: Services, caller: Caller, collection: str, document_id: str, body: PatchBody, condition: Condition
) -> tuple[Document, WriteReport]:
    """Change what a body names of a document, and leave all else of it as it is; gives it as it is then.

    Its metadata is merged as RFC 7396 has it, so that ``null`` takes a key away.

    Raises:
        NotFound: there is no such document.
        PreconditionFailed: the condition does not hold, or others changed the document ``ATTEMPTS`` times meanwhile.
        InvalidInput: what it would be then is not acceptable; the message names the field.
    """
    partition = caller.partition(collection)
    attempts_left = ATTEMPTS
    while True:
        stored = read_document(services.home.catalogue, partition, document_id)
        _require(condition, stored, document_id)
        account = read_account(services.home.catalogue, partition, document_id)
        document = replace(_patched(stored.document, body), account=account)
        try:
            expected = {document_id: stored.seq}
            return document, write(services, partition, [document], source=stored.source, expected=expected)
        except PreconditionFailed:
            attempts_left -= 1
            if condition.match or not attempts_left:
                raise


def delete(services: Services, caller: Caller, collection: str, document_id: str, condition: Condition) -> int:
    """Delete a document, if a condition holds, and let no search of this process find it; the sequence number of that.

    Raises:
        NotFound: there is no such document.
        PreconditionFailed: the condition does not hold.
    """
    partition, home = caller.partition(collection), services.home
    expected = _expected(services, partition, document_id, condition).get(document_id)
    seq = home.reserve.run(lambda: remove_document(home.catalogue, partition, document_id, expected=expected))
    hide(services, partition, 1)
    return seq


def _expected(
    services: Services, partition: Partition, document_id: str, condition: Condition
) -> Mapping[str, int | None]:
    """The sequence number that a document must have still when it is written, where a condition says anything."""
    if condition == Condition():
        return {}
    try:
        stored = read_document(services.home.catalogue, partition, document_id)
    except NotFound:
        stored = None
    _require(condition, stored, document_id)
    return {document_id: None if stored is None else stored.seq}


def _require(condition: Condition, stored: StoredDocument | None, document_id: str) -> None:
    if condition.is_new and stored is not None:
        raise PreconditionFailed(f"Document {document_id!r} is there already: leave If-None-Match out to replace it.")
    if not condition.match:
        return
    if stored is None:
        raise PreconditionFailed(f"Document {document_id!r} is not there: leave If-Match out to write it.")
    if ANY not in condition.match and etag_of(stored.document) not in condition.match:
        raise PreconditionFailed(
            f"Document {document_id!r} has the ETag {etag_of(stored.document)} now, and not"
            f" {', '.join(condition.match)[:200]}: read it again, and write with the ETag that it has then."
        )


def _patched(document: Document, body: PatchBody) -> Document:
    given = body.model_fields_set
    changed = replace(
        document,
        title=body.title if "title" in given else document.title,
        url=body.url if "url" in given else document.url,
        metadata=merge_patch(dict(document.metadata), body.metadata) if "metadata" in given else document.metadata,
        allow=(None if body.allow is None else tuple(body.allow)) if "allow" in given else document.allow,
    )
    return checked_document(changed)


def merge_patch(target: Json, patch_: Json) -> Json:
    """A JSON value after a merge patch. Source: RFC 7396, section 2."""
    if not isinstance(patch_, dict):
        return patch_
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch_.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged
