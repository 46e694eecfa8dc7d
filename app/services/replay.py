"""Replay: a request of the ledger is answered again as it was then, and compared to the bit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.retrieval.query import PartShown
from app.retrieval.reranking import Reranker, SecondPass
from app.retrieval.retriever import Retriever
from app.schemas.search import SearchBody
from app.services.queries import query_for
from app.services.request_rows import hits_of
from app.services.view_replay import Bind, VersionGone, ViewsOfThen
from app.serving.release import ServingRelease
from app.serving.release_opening import ReleaseOpener
from indexing.catalogue.erasures import list_erasures, list_rewrites
from indexing.errors import ArtefactCorrupt, GroundworkError, NotFound
from indexing.home import Home
from indexing.ledger.ids import moment_of
from indexing.ledger.interleaving import CANDIDATE_RELEASE, is_mixed
from indexing.ledger.records import RequestRow, ServedHit
from indexing.ledger.view_changes import LiveViewChange, ViewChangeMissing, changes_up_to, read_view_changes
from indexing.models.reranker import RerankerModel
from indexing.records import Partition, moment_text
from indexing.releases.recipes import read_recipe
from indexing.releases.release import Release, find_release

Reason = Literal[
    "not_a_search",
    "not_answered",
    "query_not_kept",
    "interleaved",
    "compared_otherwise",
    "erased",
    "view_change_missing",
    "release_freed",
    "release_unreadable",
    "version_freed",
    "shard_damaged",
    "other_arithmetic",
]
"""Why a request cannot be replayed."""
_PATIENCE_MS = 600_000.0
"""Milliseconds for a second pass that was in time then: it is to be done again, however busy this machine is.
Our choice."""
_MOST_DIFFERENCES = 10
"""Hits that are said to differ; a ranking that is another one throughout is not told hit by hit. Our choice."""
_NOT_SEARCHED = "not searched"
"""How the warning of a search begins that lacked a shard."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A request that was answered again: the hits of now, and where they differ from those that were served."""

    row: RequestRow
    hits: Sequence[ServedHit]
    differences: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_identical(self) -> bool:
        """Whether hits, order and every score are the same to the bit."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class NotReplayable:
    """A request that cannot be answered as then, and why."""

    row: RequestRow
    reason: Reason
    message: str


class CannotReplay(Exception):
    """A request cannot be answered again; ``reason`` says why in one word, the message in a sentence."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


class _PatientReranker(Reranker):
    """Takes the time it needs."""

    def score(self, reranker: RerankerModel, question: str, passages: Sequence[str], budget_ms: float) -> SecondPass:
        return super().score(reranker, question, passages, _PATIENCE_MS)


class _SkippingReranker(Reranker):
    """Does what one does that is late."""

    def score(self, reranker: RerankerModel, question: str, passages: Sequence[str], budget_ms: float) -> SecondPass:
        return SecondPass(None, "it was skipped then")


class Replayer:
    """Replays requests of one home; what several need is opened once. For one thread at a time.

    ``retriever`` gives a second pass the time it needs.
    """

    def __init__(self, home: Home, *, opener: ReleaseOpener | None = None, bind: Bind | None = None) -> None:
        """Replay requests of ``home``; ``opener`` opens releases, ``bind`` gives a recipe's chunker and views."""
        self._home = home
        self._opener = opener or ReleaseOpener(home)
        self._views = ViewsOfThen(home, bind)
        self._opened: dict[tuple[str, str], ServingRelease] = {}
        self._changes: dict[str, dict[int, LiveViewChange]] = {}
        self._models: dict[int, str] = {}
        self.retriever, self._skipping = Retriever(_PatientReranker(1)), Retriever(_SkippingReranker(1))

    def replay(self, row: RequestRow) -> Replayed | NotReplayable:
        """Answer a request again over the very documents that it saw, and compare.

        Hits that differ although nothing stands in the way are a fault of ours: ``differences`` says which.
        """
        try:
            return self._replay(row)
        except CannotReplay as error:
            return NotReplayable(row, error.reason, str(error))

    def _replay(self, row: RequestRow) -> Replayed | NotReplayable:
        body = body_of(row)
        if row.is_erased:
            raise CannotReplay("erased", "documents that it was answered with were erased, and their hits with them.")
        partition = Partition(row.tenant, row.collection)
        changes = self._changes_seen(row, partition)
        serving = self._open(row, changes[0])
        try:
            seen = self._views.over(serving, partition, changes[1:])
            retriever = self.retriever if row.is_reranked else self._skipping
            query = query_for(body, seen.recipe, moment_of(row.id), part_of(row))
            result = retriever.begin(seen, partition, query).result()
        except VersionGone as error:
            self._refuse_erased(row, partition)
            raise CannotReplay(
                "version_freed",
                f"{error} is not kept: it was replaced while GROUNDWORK_LOG_QUERIES, GROUNDWORK_LEDGER or the tenant's"
                " log_queries allowed no replay, it was forgotten (by 'groundwork gc', or GROUNDWORK_LEDGER_DAYS after"
                " it was replaced), or it was never a live write.",
            ) from error
        except ArtefactCorrupt as error:
            raise CannotReplay("shard_damaged", str(error)) from error
        self._refuse_damaged(row, serving, partition)
        hits = hits_of(result)
        differences = differences_of(row.hits, hits)
        notes = []
        if serving.reranker is not None and not row.is_reranked and row.hits:
            notes.append("the second pass was skipped then, and so it is here")
        if changes[0].arithmetic != serving.arithmetic:
            if differences:
                raise CannotReplay(
                    "other_arithmetic",
                    "the model or this machine's arithmetic gives other bits for the same input than the process that"
                    f" answered: replay it on such a machine. {differences[0]}",
                )
            notes.append("this machine's arithmetic is not that of the process that answered; the hits are the same")
        return Replayed(row, hits, differences, tuple(notes))

    def _changes_seen(self, row: RequestRow, partition: Partition) -> list[LiveViewChange]:
        """What made the view that a request saw, from the takeover of its release on."""
        if row.view == 0:
            raise CannotReplay("view_change_missing", "its process kept no record of what its searches could see.")
        if row.view not in self._changes.get(row.process, {}):
            self._changes[row.process] = read_view_changes(self._home.ledger, row.process)
        try:
            return changes_up_to(self._changes[row.process], row.view)
        except ViewChangeMissing as error:
            self._refuse_erased(row, partition)
            raise CannotReplay(
                "view_change_missing",
                f"change {error.number} of the view that it saw is not in the ledger: it was dropped or lost in a kill,"
                " or its day is no longer kept.",
            ) from error

    def _refuse_erased(self, row: RequestRow, partition: Partition) -> None:
        """Name an erasure of the collection, where there was one since."""
        asked_at = moment_text(moment_of(row.id))
        for erasure in list_erasures(self._home.catalogue):
            if erasure.partition == partition and erasure.created_at >= asked_at:
                raise CannotReplay("erased", f"erasure {erasure.id} of {erasure.created_at} took what it saw.")

    def _open(self, row: RequestRow, takeover: LiveViewChange) -> ServingRelease:
        """The release that answered, with the snapshot that it had then."""
        try:
            release = find_release(self._home.catalogue, row.release)
        except NotFound as error:
            raise CannotReplay("release_freed", f"release {row.release} was freed by 'groundwork gc'.") from error
        if release.snapshot != takeover.snapshot:
            rewrites = [one for one in list_rewrites(self._home.catalogue) if one.old_snapshot == takeover.snapshot]
            if rewrites:
                raise CannotReplay(
                    "erased", f"erasure {rewrites[0].erasure} rewrote the snapshot of release {row.release}."
                )
            raise CannotReplay("release_freed", f"release {row.release} no longer has the snapshot that it had then.")
        try:
            return self.opened(release)
        except GroundworkError as error:
            raise CannotReplay("release_unreadable", f"release {row.release} cannot be opened: {error}") from error

    def opened(self, release: Release) -> ServingRelease:
        """A release as it was built, opened once.

        Raises:
            GroundworkError: it cannot be.
        """
        key = release.number, release.snapshot
        if key not in self._opened:
            self._opened[key] = self._opener.open(release)
        return self._opened[key]

    def model_of(self, row: RequestRow) -> str:
        """The model of the recipe that answered a request."""
        recipe = int(row.release.partition(".")[0])
        if recipe not in self._models:
            self._models[recipe] = read_recipe(self._home.catalogue, recipe).model
        return self._models[recipe]

    def _refuse_damaged(self, row: RequestRow, serving: ServingRelease, partition: Partition) -> None:
        broken = serving.snapshot.broken_shards(partition)
        if broken:
            raise CannotReplay("shard_damaged", next(iter(broken.values())))
        then = [warning for warning in row.warnings if warning.startswith(_NOT_SEARCHED)]
        if then:
            raise CannotReplay("shard_damaged", f"it was answered without a shard: {then[0]}")


def body_of(row: RequestRow) -> SearchBody:
    """What a request asked.

    Raises:
        CannotReplay: it was no search, it was not answered, or the ledger does not say what it asked.
    """
    if row.kind == "model_call":
        raise CannotReplay("not_a_search", "it is a call of a language model.")
    if row.error is not None:
        raise CannotReplay("not_answered", f"it was not answered: {row.error} ({row.status}).")
    if is_mixed(row.comparison):
        raise CannotReplay(
            "interleaved",
            f"it was answered with hits of two releases, {row.release} and {(row.comparison or {})[CANDIDATE_RELEASE]},"
            " and the ledger does not say what the second one saw; the row says whose each hit was.",
        )
    if not row.is_whole or row.query is None:
        raise CannotReplay(
            "query_not_kept",
            "the ledger holds no text of it: GROUNDWORK_LOG_QUERIES and the tenant's log_queries allow that, for"
            " requests that come afterwards.",
        )
    return SearchBody.model_validate(
        {
            **{name: value for name, value in row.query.items() if name != "part"},
            "collection": row.collection,
            "k": row.k,
            "mode": row.mode,
            "group_by_document": row.grouped,
            "filters": row.filters,
            "principals": list(row.principals or ()),
        }
    )


def part_of(row: RequestRow) -> PartShown | None:
    """Which places of its collection's ranking were shown, where it was one of several that were searched at once."""
    part = None if row.query is None else row.query.get("part")
    if part is None:
        return None
    if "ranks" not in part:
        raise CannotReplay(
            "compared_otherwise",
            "hits of several collections were compared by other scores when it was answered: a version before this one"
            " wrote the row.",
        )
    places, ranks = (tuple(map(int, part[name])) for name in ("places", "ranks"))
    return PartShown(places, ranks, float(part["max_score"]), float(part["unknown_share"]))


def differences_of(then: Sequence[ServedHit], now: Sequence[ServedHit]) -> tuple[str, ...]:
    """In words, the first hits that are not the same to the bit; none where all are."""
    found = [
        f"hit {rank} was {_told(one)}, and is {_told(other)}."
        for rank, (one, other) in enumerate(zip(then, now, strict=False), 1)
        if _bits(one) != _bits(other)
    ]
    if len(then) != len(now):
        found.append(f"there were {len(then)} hits, and are {len(now)}.")
    return tuple(found[:_MOST_DIFFERENCES])


def _bits(hit: ServedHit) -> tuple[object, ...]:
    return hit.document_id, hit.start, hit.end, hit.score, hit.dense, hit.lexical, hit.rerank


def _told(hit: ServedHit) -> str:
    legs = (("dense", hit.dense), ("lexical", hit.lexical), ("rerank", hit.rerank))
    scores = ", ".join(f"{name} {value!r}" for name, value in legs if value is not None)
    return f"{hit.document_id}[{hit.start}:{hit.end}] with {hit.score!r} ({scores})"
