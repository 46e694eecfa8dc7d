"""A fresh home with a query set about its documents, and evaluations that encode with the hashing embedder."""

from eval.datasets.query_sets import QuerySet
from eval.experiments.artefact_release import ArtefactOpener
from eval.experiments.evaluation_task import LocalEvaluationExecutor
from eval.experiments.evaluations import evaluate, judgments_of
from indexing.records import Document
from tests.support.fresh_home import OURS, Embedder, FreshHome

WORDS = ["apple", "bread", "cider", "dough", "elder", "flour"]
"""Each is what one document is about."""


def made_set(queries=None, qrels=None, **fields):
    """A query set; by default a query for each of ``WORDS``, in two slices, that the document of that name answers."""
    queries = queries or {f"q-{word}": f"the {word}" for word in WORDS}
    qrels = qrels or {f"q-{word}": {word: 1} for word in WORDS}
    slices = {query: {"kind": "early" if place < 3 else "late"} for place, query in enumerate(queries)}
    given = {"name": "made", "fingerprint": "", "slices": slices, "partition": OURS, "version": 1, **fields}
    made = QuerySet(queries=queries, qrels=qrels, **given)
    assert judgments_of(made)
    return made


def written(word, more="", **fields):
    """A document about a word."""
    return Document(word, "", f"the {word} is {word} {more}".strip() + ".", **fields)


class EvaluatedHome(FreshHome):
    """Its documents are those of ``WORDS``; ``loaded`` counts how often a model was loaded."""

    def __init__(self, path, **settings):
        super().__init__(path, **settings)
        self.put(*map(written, WORDS))
        self.loaded = 0

    def opener(self):
        return ArtefactOpener(self.home.storage, sessions=1, load=self._load)

    def _load(self, model, precision):
        self.loaded += 1
        return Embedder()

    def evaluate(self, release, query_set=None, **choices):
        executor = LocalEvaluationExecutor(self.opener())
        return evaluate(
            self.home, release, query_set or made_set(), **{"mode": "lexical", "executor": executor, **choices}
        )
