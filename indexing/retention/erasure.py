"""Erasure: take documents out of everything a home retains, in an order in which they can never come back.

First the catalogue, so that no build reads them again; then new shards and snapshots beside the old ones, and the
releases pointed at them; then everything old is deleted; last the ledger, once no process can write of them any more.
What is to be done stands in the catalogue until it is done: an erasure that was killed is finished by doing it again.
"""

import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace

from indexing.builds.task_kinds import WORK
from indexing.builds.tasks import withdraw_tasks
from indexing.catalogue.calibrations import forget_calibrations
from indexing.catalogue.database import Database
from indexing.catalogue.document_features import forget_document_features
from indexing.catalogue.document_versions import erase_versions, ids_in_versions
from indexing.catalogue.document_writes import remove_documents
from indexing.catalogue.documents import LeaveOut, ids_in_documents
from indexing.catalogue.erasures import (
    Erasure,
    begin_erasure,
    finish_erasure,
    forget_deletions,
    forget_ids,
    ids_to_erase,
    list_rewrites,
    point_releases,
)
from indexing.catalogue.files import forget_files_of
from indexing.catalogue.jobs import shorten_errors
from indexing.catalogue.leg_samples import forget_leg_samples
from indexing.catalogue.passages import forget_unused_passages
from indexing.features.embedding_store import drop_vectors
from indexing.home import Home
from indexing.ledger.erasure import OfDocuments, count_rows, erase_rows
from indexing.retention.artefact_kinds import ARTEFACT_KINDS
from indexing.retention.document_locations import DocumentLocations, StaleBlock, find_stale_blocks, look
from indexing.retention.evaluation_files import evaluations_of, mark_evaluations, remove_scratch, scratch_homes
from indexing.retention.judgement_files import Concerns, about_documents, count_judged, erase_judged
from indexing.retention.quality_rows import count_quality_of_documents, erase_quality_of_documents
from indexing.retention.ranking_files import count_rankings, erase_from_rankings
from indexing.retention.shard_rewrite import rewrite_shard
from indexing.retention.stored_reports import remove_reports, reports_about
from indexing.snapshots.manifest import KIND as SNAPSHOTS
from indexing.snapshots.manifest import publish_snapshot, replace_shards
from indexing.snapshots.shard import KIND as SHARDS
from indexing.uploads.stored_files import sweep_files

NeededVectors = Callable[[LeaveOut], Mapping[str, Set[bytes]]]
"""Per kind of stored feature blocks, the keys of the vectors that all documents but some need."""
Step = Callable[[str], None]
"""Told what is done next."""
Wait = Callable[[float], None]
"""Lets so many seconds pass."""
FLUSH_SECONDS = 2.0
"""Until a process has written what it has recorded. Source: its recorders wait 0.2 s for a batch (``BATCH_SECONDS``);
ten times that, since a busy machine writes late. Our choice."""


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What an erasure rewrites or removes; ``erasure`` is 0 where it was only looked for."""

    erasure: int
    partition: str
    documents: int
    in_catalogue: int
    releases: tuple[str, ...]
    shards: int
    snapshots: int
    feature_blocks: int
    inputs: int
    scratch_homes: int
    evaluations: int
    reports: int
    ledger_rows: int
    quality_rows: int
    """Of query sets: queries made of the documents, judgments of them, candidates for judging; and judges' replies."""
    judged_samples: int


def foresee(home: Home, found: DocumentLocations, needed: NeededVectors) -> ErasureReport:
    """What erasing these documents will rewrite and remove; changes nothing."""
    return _report(home, 0, found, find_stale_blocks(home.storage, needed(found.covers)))


def _report(home: Home, erasure: int, found: DocumentLocations, stale: list[StaleBlock]) -> ErasureReport:
    return ErasureReport(
        erasure=erasure,
        partition=str(found.partition),
        documents=len(found.ids),
        in_catalogue=len(found.in_catalogue),
        releases=found.releases,
        shards=len(found.shards),
        snapshots=len(found.snapshots) + len(found.orphans),
        feature_blocks=len(stale),
        inputs=sum(len(home.storage.list(kind)) for kind in home.storage.kinds(WORK)),
        scratch_homes=len(scratch_homes(home.path)),
        reports=len(reports_about(home.path, found.partition.tenant)),
        evaluations=len(evaluations_of(home.path, {one.id for one in found.snapshots}))
        + count_rankings(home.path, found.partition, None if found.is_whole else found.ids),
        ledger_rows=count_rows(home.ledger, _in_ledger(found)),
        quality_rows=count_quality_of_documents(home.catalogue, found.partition, None if found.is_whole else found.ids),
        judged_samples=count_judged(home.path, _in_judgements(found)),
    )


def erase(
    home: Home,
    found: DocumentLocations,
    needed: NeededVectors,
    on_step: Step = lambda step: None,
    wait: Wait = time.sleep,
) -> ErasureReport:
    """Erase documents from everything the home retains. Call it with the locks of builds and registrations held.

    The service goes on answering: what it has mapped stays readable until it switches to the rewritten release. In a
    home that was ever served, the ledger is erased only after ``wait`` let the processes hide the documents, end the
    searches that found them and write what they recorded.

    Raises:
        GroundworkError: something is in the way. From the moment at which the documents have left the catalogue, the
            erasure stays unfinished until ``resume`` ends it.
    """
    stale = find_stale_blocks(home.storage, needed(found.covers))
    report = _report(home, 0, found, stale)
    on_step("catalogue")
    erasure = _leave_catalogue(home.catalogue, found)
    _rewrite(home, erasure, found, stale, on_step)
    _leave_ledger(home, erasure, found, on_step, wait)
    _compact(home.catalogue, erasure, on_step)
    return replace(report, erasure=erasure)


def foresee_rest(home: Home, erasure: Erasure, needed: NeededVectors) -> ErasureReport:
    """What ``resume`` will do; changes nothing."""
    return _report(home, erasure.id, *_rest(home, erasure, needed))


def resume(
    home: Home,
    erasure: Erasure,
    needed: NeededVectors,
    on_step: Step = lambda step: None,
    wait: Wait = time.sleep,
) -> ErasureReport:
    """Finish an erasure that was interrupted; the report says what was left to do. Locks and errors as in ``erase``.

    Documents of the same ids that were written to the catalogue since stay there: the next build brings them.
    """
    found, stale = _rest(home, erasure, needed)
    report = _report(home, erasure.id, found, stale)
    if erasure.state == "running":
        _rewrite(home, erasure.id, found, stale, on_step)
        _leave_ledger(home, erasure.id, found, on_step, wait)
    _compact(home.catalogue, erasure.id, on_step)
    return report


def _rest(home: Home, erasure: Erasure, needed: NeededVectors) -> tuple[DocumentLocations, list[StaleBlock]]:
    if erasure.state == "compacting":
        return DocumentLocations(erasure.partition, frozenset(), frozenset()), []
    found = look(home, erasure.partition, ids_to_erase(home.catalogue, erasure.id))
    return found, find_stale_blocks(home.storage, needed(lambda key: False))


def _leave_catalogue(catalogue: Database, found: DocumentLocations) -> int:
    """Delete what the catalogue has of the documents and write down that the rest is to follow, all or nothing."""
    with catalogue.write() as db:
        ids = found.ids
        if found.is_whole:  # also those that were written since
            ids |= ids_in_documents(catalogue, found.partition) | ids_in_versions(catalogue, found.partition)
        erasure = begin_erasure(catalogue, found.partition, ids)
        remove_documents(catalogue, found.partition, ids)
        erase_versions(db, found.partition, ids)
        forget_leg_samples(catalogue, found.partition)
        if found.is_whole:
            forget_calibrations(catalogue, found.partition)
        forget_document_features(db, found.partition, None if found.is_whole else ids)
        erase_quality_of_documents(catalogue, found.partition, None if found.is_whole else ids)
        forget_files_of(catalogue, found.partition, None if found.is_whole else ids)
        # Passage spans hold headings, and the message of an error may quote a text.
        forget_unused_passages(db)
        shorten_errors(db)
    return erasure


def _rewrite(home: Home, erasure: int, found: DocumentLocations, stale: list[StaleBlock], on_step: Step) -> None:
    """Every file that may hold the text: first what replaces it, then the releases, then the old files."""
    storage = home.storage
    on_step("shards")
    wanted = {shard.name for manifest in found.snapshots for shard in manifest.shards} & found.shards.keys()
    new_shards = {
        name: rewrite_shard(storage, storage.open(SHARDS, name), found.partition, found.shards[name])
        for name in sorted(wanted)
    }
    on_step("snapshots")
    new_ids = {}
    for manifest in found.snapshots:
        rewritten = replace_shards(manifest, new_shards)
        publish_snapshot(storage, rewritten)
        new_ids[manifest.id] = rewritten.id
    point_releases(home.catalogue, erasure, new_ids)
    on_step("old files")
    for name in (*new_ids, *found.orphans):
        storage.delete(SNAPSHOTS, name)
    for name in found.shards:
        storage.delete(SHARDS, name)
    on_step("feature store")
    for block in stale:
        drop_vectors(storage, block.kind, block.name, block.kept)
    withdraw_tasks(storage)
    storage.sweep(ARTEFACT_KINDS)
    sweep_files(home)
    remove_scratch(home.path)
    rewrites = [one for one in list_rewrites(home.catalogue) if one.erasure == erasure]
    mark_evaluations(home.path, {one.old_snapshot: one.new_snapshot for one in rewrites}, erasure)
    # As in the ledger: of a whole collection also documents that are long gone, and after a kill those written down.
    ids = None if found.is_whole else found.ids | ids_to_erase(home.catalogue, erasure)
    erase_from_rankings(home.path, found.partition, ids)
    erase_judged(home.path, _in_judgements(found, ids_to_erase(home.catalogue, erasure)))
    remove_reports(home.path, found.partition.tenant)


def _leave_ledger(home: Home, erasure: int, found: DocumentLocations, on_step: Step, wait: Wait) -> None:
    """Take the documents out of the ledger, when no process can write an answer or a view that names them any more."""
    is_served = home.ledger.folder.is_dir()  # each process makes it when it starts
    if is_served:
        on_step("waiting until processes have hidden the documents")
        settings = home.settings
        wait(settings.live_poll_seconds + settings.deadline_ms / 1000 + FLUSH_SECONDS)
    # A release that takes over hides what was deleted, and the ledger's view changes say so by id.
    forget_deletions(home.catalogue, erasure)
    if is_served:
        wait(FLUSH_SECONDS)
    on_step("ledger")
    erase_rows(home.ledger, _in_ledger(found, ids_to_erase(home.catalogue, erasure)))
    forget_ids(home.catalogue, erasure)


def _in_ledger(found: DocumentLocations, written_down: Set[str] = frozenset()) -> OfDocuments:
    """The hits that name the documents; of a whole collection also those of documents that are long gone."""
    ids = None if found.is_whole else found.ids | written_down
    return OfDocuments(found.partition.tenant, found.partition.collection, ids)


def _in_judgements(found: DocumentLocations, written_down: Set[str] = frozenset()) -> Concerns:
    return about_documents(found.partition, None if found.is_whole else found.ids | written_down)


def _compact(catalogue: Database, erasure: int, on_step: Step) -> None:
    on_step("compacting the catalogue")
    catalogue.compact()
    finish_erasure(catalogue, erasure)
