"""What an experiment searches: a corpus built in a scratch home, a collection in service, or an API over HTTP."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import httpx

from app.retrieval.hits import RankedPassage
from app.retrieval.retriever import Retriever
from app.serving.release import ServingRelease
from app.serving.release_opening import ReleaseOpener, open_in_service
from eval.datasets.chats import Chat, messages_of
from indexing.builds.build import build
from indexing.builds.context import Progress, prepare_build
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.errors import GroundworkError, InvalidInput, NotFound, NotReady
from indexing.features.conversation import Turns, read_conversation
from indexing.home import Home, open_home
from indexing.records import Json, Partition
from indexing.releases.recipe_choices import change_recipe, default_recipe
from indexing.sources.ingest import ingest
from indexing.sources.readers import open_source

_LIBRARIES = ("groundwork", "faiss-cpu", "numpy", "onnxruntime", "tokenizers", "ir-measures")


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose of the recipe to measure; ``None`` is the default."""

    model: str | None = None
    view: str | None = None
    precision: str | None = None
    language: str | None = None
    conversation: str | None = None


def scratch_path(home: Home, corpus: Path) -> Path:
    """Where the scratch home of a corpus is: by its name and place."""
    place = hashlib.sha256(str(corpus.resolve()).encode()).hexdigest()[:8]
    return home.path / "scratch" / f"{corpus.resolve().name}-{place}"


def library_versions() -> dict[str, str]:
    """The versions of the libraries that decide a ranking and its scores."""
    return {name: version(name) for name in _LIBRARIES}


@contextmanager
def scratch_collection(
    home: Home, corpus: Path, choices: Choices, *, on_progress: Progress
) -> Iterator[tuple[ServingRelease, Partition]]:
    """Build ``corpus`` in a home of its own, below ``home``, and open it for search.

    The scratch home is kept, so that measuring the same corpus again, or another recipe on it, computes only what is
    new.

    Raises:
        SourceInvalid: the corpus cannot be read, or some of it cannot (a measurement must not leave documents out).
        GroundworkError: as ``build``.
    """
    scratch = open_home(home.settings, scratch_path(home, corpus))
    partition = Partition(DEFAULT_TENANT, corpus.resolve().name)
    try:
        scratch.models.copy_from(home.models)
        report = ingest(scratch.catalogue, open_source(corpus, "auto"), partition, prune=True)
        if report.rejects:
            reject = report.rejects[0]
            raise InvalidInput(
                f"{len(report.rejects)} entries of {corpus} are unreadable; {reject.name}: {reject.reason}"
            )
        recipe = change_recipe(home, default_recipe(home), **asdict(choices))
        built = build(prepare_build(scratch, recipe, on_progress=on_progress))
        yield ReleaseOpener(scratch).open(built.release), partition
    finally:
        scratch.close()


@contextmanager
def served_collection(
    home: Home, collection: str, tenant: str = DEFAULT_TENANT, *, conversation: str | None = None
) -> Iterator[tuple[ServingRelease, Partition]]:
    """Open a collection of the release in service; chats count by its recipe's view unless ``conversation`` names one.

    Raises:
        NotReady: nothing is released.
        NotFound: the release holds no such collection, or there is no such conversation view.
    """
    partition = Partition(tenant, collection)
    serving = open_in_service(home)
    if serving.snapshot.view(partition) is None:
        raise NotFound(
            f"Release {serving.release.number} holds no collection {collection!r}: ingest and build it first."
        )
    if conversation is not None:
        serving = replace(serving, recipe=change_recipe(home, serving.recipe, conversation=conversation))
    yield serving, partition


@dataclass(frozen=True, slots=True)
class LocalSearcher:
    """Searches in this process, through the very retriever of the API: one, with its threads, for all queries."""

    serving: ServingRelease
    partition: Partition
    retriever: Retriever = field(default_factory=Retriever)

    def __call__(self, query: str, *, k: int, mode: str, chat: Chat = ()) -> Sequence[str]:
        """Ids of at most ``k`` documents, best first; of a chat, as its recipe's conversation view counts the turns."""
        return [hit.passage.document_id for hit in self.hits(query, k=k, mode=mode, chat=chat)]

    def hits(self, query: str, *, k: int, mode: str, chat: Chat = ()) -> Sequence[RankedPassage]:
        """The hits themselves.

        Raises:
            NotReady: a shard cannot be searched, or the second pass was skipped.
        """
        turns = read_conversation(self.serving.recipe.conversation, chat) if chat else Turns(query)
        result = self.retriever.search(
            self.serving,
            self.partition,
            turns.question,
            k=k,
            mode=mode,
            earlier=turns.earlier,
            answer=turns.answer,
        )
        if result.warnings:
            raise NotReady(f"A measurement needs every shard: {result.warnings[0]}")
        return result.hits

    def inputs(self) -> dict[str, Json]:
        """Fingerprints and versions of all that decides a ranking."""
        return {
            "release": self.serving.release.number,
            "snapshot": self.serving.snapshot.id,
            "views": asdict(self.serving.snapshot.manifest.views),
            "recipe": self.serving.recipe.manifest,
            "recipe_fingerprint": self.serving.recipe.fingerprint,
            "passages": self.serving.snapshot.manifest.rows,
            "collection": self.partition.collection,
            "libraries": library_versions(),
        }


class HttpSearcher:
    """Searches through ``POST /v1/search`` of a running API, and holds it to the release it had at the beginning.

    Raises (at construction):
        NotReady: the API cannot be reached, or serves nothing.
    """

    def __init__(self, url: str, api_key: str, collection: str) -> None:
        self._client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {api_key}"}, timeout=30.0)
        self._url = url
        self._collection = collection
        self._ready = self._send("GET", "/readyz")

    def __call__(self, query: str, *, k: int, mode: str, chat: Chat = ()) -> Sequence[str]:
        """Ids of at most ``k`` documents, best first.

        Raises:
            NotReady: the API cannot be reached, or lacks a shard.
            GroundworkError: it answers with a problem, or the release changed in the middle of the measurement.
        """
        asked = {"messages": messages_of(chat)} if chat else {"query": query}
        body = {**asked, "collection": self._collection, "k": k, "mode": mode}
        answer = self._send("POST", "/v1/search", body)
        before, now = ((one["release"], one["snapshot"]) for one in (self._ready, answer))
        if before != now:  # an erasure changes the snapshot alone
            raise GroundworkError(
                f"The release changed during the measurement, from {' '.join(before)} to {' '.join(now)}."
            )
        if answer["warnings"]:
            raise NotReady(f"A measurement needs every shard: {answer['warnings'][0]}")
        return [hit["document_id"] for hit in answer["hits"]]

    def _send(self, method: str, path: str, body: Json = None) -> Json:
        try:
            response = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise NotReady(f"{self._url} does not answer: {error}. Start it with 'groundwork serve'.") from error
        if response.status_code != 200:
            raise GroundworkError(f"{self._url}{path} answered {response.status_code}: {response.text[:500]}")
        return response.json()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def inputs(self) -> dict[str, Json]:
        """Fingerprints and versions of what decided the ranking, as the API says them."""
        names = ("release", "snapshot", "passages", "recipe_fingerprint", "views")
        return {
            "url": self._url,
            **{name: self._ready[name] for name in names},
            "collection": self._collection,
            "libraries": library_versions(),
        }
