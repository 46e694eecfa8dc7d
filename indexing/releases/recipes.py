"""Recipes: an immutable, numbered manifest of everything a person decides about a ranking."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache

from indexing.catalogue.database import Database
from indexing.catalogue.releases import number_recipe, recipe_numbers, recipe_row
from indexing.errors import ArtefactCorrupt, FormatUnknown, InvalidInput, NotFound
from indexing.features.boosts import Boost, Boosts
from indexing.features.feature_values import Feature, feature_of
from indexing.features.view_registry import conversation_view_from, document_view_from
from indexing.features.views import (
    ConversationView,
    DocumentView,
    EmbeddingView,
    FeatureViews,
    LexicalView,
    PassageView,
    definition,
)
from indexing.models.registry import ModelVersion
from indexing.records import Json, fingerprint
from indexing.releases.calibration_rule import CalibrationRule
from indexing.releases.leg_rule import LegRule

RERANK = "rerank"
"""The name of the second pass among the modes that scores are calibrated by."""
DEFAULT_SHARD_ROWS = 16_384
"""Passages above which a shard is split; bounds what one changed document makes a build write again. Our choice."""


CURVES = {
    "dense": (-2.909, 3.674, 0.0, 0.0, -0.704),
    "lexical": (-2.921, 2.498, 0.673, -3.823, -0.841),
    "hybrid": (-2.856, 3.37, 0.467, -2.808, -0.84),
}
"""The general curve of each mode: bias, and what evidence, the logarithm of the question's terms, the share of them
that is unknown, and the logarithm of the hit's place count. Source: benchmarks/results/calibration.json."""


@dataclass(frozen=True, slots=True)
class RetrievalConfig:
    """How hits are found, ordered and scored. Source of the constants: benchmarks/results/fusion.json.

    ``bm25_k1`` and ``bm25_b`` as in BM25; ``dense_weight`` in 0..1 is the dense leg's share in hybrid fusion;
    ``candidates`` is how many passages each leg contributes; ``calibration`` has the curve that maps each mode's
    evidence to a score in 0..1 (see ``indexing.indexes.fusion.calibrate``), which ``calibration_rule`` lets a build
    move for a collection; ``None`` is never. Each of ``boosts`` adds ``weight * x / (x + saturation)`` to the fused
    score of a candidate, ``x`` being a value of its document; see ``Boost`` for what and from where. ``leg_rule`` says
    when a leg loses its weight in a collection; ``None`` is never.
    """

    bm25_k1: float = 1.2
    bm25_b: float = 0.75
    dense_weight: float = 0.45
    candidates: int = 100
    calibration: dict[str, list[float]] = field(
        default_factory=lambda: {name: list(one) for name, one in CURVES.items()}
    )
    boosts: Boosts = ()
    leg_rule: LegRule | None = None
    calibration_rule: CalibrationRule | None = None

    @property
    def manifest(self) -> dict[str, Json]:
        """The config as plain JSON; without boosts or a rule as it was before there were any."""
        plain = asdict(self)
        boosts = plain.pop("boosts")
        rules = {name: plain.pop(name) for name in ("leg_rule", "calibration_rule")}
        given = {name: rule for name, rule in rules.items() if rule is not None}
        return {**plain, **({"boosts": list(boosts)} if boosts else {}), **given}


@dataclass(frozen=True, slots=True)
class Approximation:
    """From what size a partition is searched approximately, in which shards, and how well at least.

    ``above_rows`` is the passages up to which it is searched exactly; ``shard_rows`` bounds a shard of a larger one;
    ``min_recall`` is the recall@10, in 0..1, below which a build fails.
    Source: benchmarks/results/index_options.json.
    """

    above_rows: int = 32_768
    shard_rows: int = 524_288
    min_recall: float = 0.95


@dataclass(frozen=True, slots=True)
class Reranking:
    """How a reranker is used: the best ``depth`` hits, within ``budget_ms`` milliseconds or not at all.

    ``precision`` names the compiled form; ``calibration`` has bias and slope of the logistic curve that maps a logit to
    a score in 0..1, the mode ``rerank`` of the other calibrations. Source of the defaults: a passage takes a small
    encoder some 30 ms of a core (benchmarks/results/encode.json), so ten pairs take 300.
    """

    depth: int = 10
    budget_ms: int = 500
    precision: str = "int8"
    calibration: tuple[float, ...] = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Model version, feature views, analyser, retrieval config and indexes; ``number`` is 0 until it is recorded.

    Without an ``approximation`` every partition is searched exactly, whatever its size. Without a ``conversation`` a
    chat is searched by its last turn alone. A ``reranker`` is a model version; ``reranking`` says how it is used.
    ``document_views`` are those whose values boost, one version of each.
    """

    model: str
    passage: PassageView
    embedding: EmbeddingView
    lexical: LexicalView
    retrieval: RetrievalConfig
    shard_rows: int = DEFAULT_SHARD_ROWS
    reranker: str | None = None
    approximation: Approximation | None = None
    conversation: ConversationView | None = None
    reranking: Reranking | None = None
    document_views: tuple[DocumentView, ...] = ()
    number: int = 0

    @property
    def second_pass(self) -> Reranking:
        """How its reranker is used, by default where it does not say."""
        return self.reranking or Reranking()

    @property
    def manifest(self) -> dict[str, Json]:
        """The recipe as plain JSON, without its number."""
        manifest = {
            "model": self.model,
            "views": [definition(view) for view in (self.passage, self.embedding, self.lexical)],
            "retrieval": self.retrieval.manifest,
            "shard_rows": self.shard_rows,
            "reranker": self.reranker,
        }
        if self.approximation is not None:  # recipes from before there was one keep their fingerprint
            manifest["approximation"] = asdict(self.approximation)
        if self.conversation is not None:  # likewise
            manifest["conversation"] = definition(self.conversation)
        if self.reranking is not None:
            manifest["reranking"] = {**asdict(self.reranking), "calibration": list(self.reranking.calibration)}
        if self.document_views:
            manifest["document_views"] = [definition(view) for view in self.document_views]
        return manifest

    @property
    def boost_features(self) -> list[Feature]:
        """The features that its boosts use, in their order.

        Raises:
            InvalidInput: a boost uses a column that its view does not have.
            NotFound: a boost uses a view that the recipe does not name.
        """
        views = {view.name: view for view in self.document_views}
        found = []
        for boost in self.retrieval.boosts:
            name = boost.feature.partition(":")[0]
            if name not in views:
                raise NotFound(f"The boost by {boost.feature!r} uses a document view that the recipe does not name.")
            found.append(feature_of(views[name], boost.feature))
        return found

    @property
    def fingerprint(self) -> str:
        """Identifies the recipe: equal manifests are one recipe."""
        return fingerprint(self.manifest)

    def bind(self, model: ModelVersion) -> FeatureViews:
        """The recipe's views bound to its model's files."""
        return FeatureViews(self.passage, self.embedding, self.lexical, model.files)


def record_recipe(catalogue: Database, recipe: Recipe) -> Recipe:
    """Number a recipe at its first use; an equal one keeps its number."""
    manifest = json.dumps(recipe.manifest, sort_keys=True)
    return replace(recipe, number=number_recipe(catalogue, recipe.fingerprint, manifest))


def read_recipe(catalogue: Database, number: int) -> Recipe:
    """The recipe with this number, as it was recorded.

    Raises:
        NotFound: there is none.
        ArtefactCorrupt: its manifest was changed since, or is damaged.
    """
    row = recipe_row(catalogue, number)
    if row is None:
        raise NotFound(f"No recipe {number}. See 'groundwork releases list'.")
    return recipe_from_manifest(_recorded(number, row["fingerprint"], row["manifest"]), number)


def recipe_from_manifest(manifest: Mapping[str, Json], number: int = 0) -> Recipe:
    """The recipe that has this manifest, for what gets it in a message or a file instead of the catalogue.

    Raises:
        FormatUnknown: it says what this version does not know, or is none.
    """
    try:
        return _from_manifest(manifest, number)
    except (AttributeError, InvalidInput, KeyError, TypeError, ValueError) as error:
        raise FormatUnknown(
            f"Recipe {number or 'without a number'} says what this version does not read ({type(error).__name__}:"
            f" {error}): expected what it writes itself; use the version that made it, or deploy another recipe."
        ) from error


def _from_manifest(manifest: Mapping[str, Json], number: int) -> Recipe:
    passage, embedding, lexical = ({k: v for k, v in view.items() if k != "kind"} for view in manifest["views"])
    return Recipe(
        model=manifest["model"],
        passage=PassageView(**passage),
        embedding=EmbeddingView(**embedding),
        lexical=LexicalView(**lexical),
        retrieval=_retrieval(manifest["retrieval"]),
        shard_rows=manifest["shard_rows"],
        reranker=manifest["reranker"],
        approximation=Approximation(**manifest["approximation"]) if "approximation" in manifest else None,
        conversation=conversation_view_from(manifest["conversation"]) if "conversation" in manifest else None,
        reranking=_reranking(manifest["reranking"]) if "reranking" in manifest else None,
        document_views=tuple(map(document_view_from, manifest.get("document_views", ()))),
        number=number,
    )


def _recorded(number: int, promised: str, stored: str) -> dict[str, Json]:
    """A recipe's manifest, if it is the very one that its fingerprint was taken of."""
    try:
        manifest: dict[str, Json] = json.loads(stored)
        found = fingerprint(manifest)
    except ValueError as error:
        found = f"none, since it is no JSON ({error})"
    if found != promised:
        raise ArtefactCorrupt(
            f"Recipe {number} is not the one that was recorded: the fingerprint of its manifest in the catalogue is"
            f" {found[:12]}, promised {promised[:12]}. Restore the catalogue from a backup, or deploy another recipe."
        )
    return manifest


def boost_features_of(catalogue: Database) -> Callable[[str], Sequence[Feature]]:
    """Tells the features that the boosts of a release use, by its number such as ``12.3``; each recipe is read once."""
    read = lru_cache(maxsize=64)(lambda recipe: tuple(read_recipe(catalogue, recipe).boost_features))
    return lambda release: read(int(release.partition(".")[0]))


def recipes_of_model(catalogue: Database, model: str) -> list[int]:
    """The numbers of all recipes that there ever were with this model version as encoder or reranker, oldest first."""
    recipes = [(number, read_recipe(catalogue, number)) for number in recipe_numbers(catalogue)]
    return [number for number, recipe in recipes if model in (recipe.model, recipe.reranker)]


def _retrieval(value: dict[str, Json]) -> RetrievalConfig:
    boosts = tuple(Boost(**boost) for boost in value.get("boosts", ()))
    rule = LegRule.from_json(value["leg_rule"]) if "leg_rule" in value else None
    scores = CalibrationRule.from_json(value["calibration_rule"]) if "calibration_rule" in value else None
    return RetrievalConfig(**{**value, "boosts": boosts, "leg_rule": rule, "calibration_rule": scores})


def _reranking(value: dict[str, Json]) -> Reranking:
    return Reranking(value["depth"], value["budget_ms"], value["precision"], tuple(value["calibration"]))
