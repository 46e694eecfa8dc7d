"""The models of open releases: each is loaded once, and recipes with the same model and precision share it."""

from collections.abc import Callable, Collection

from indexing.models.embedder import Embedder
from indexing.models.reranker import RerankerModel
from indexing.releases.recipes import Recipe


class LoadedModels:
    """Embedders and rerankers by model and precision. For one thread at a time."""

    def __init__(
        self, load_embedder: Callable[[Recipe], Embedder], load_reranker: Callable[[str, str], RerankerModel]
    ) -> None:
        """Load a recipe's embedder, and a reranker of a model version and precision, with these."""
        self._load_embedder, self._load_reranker = load_embedder, load_reranker
        self._embedders: dict[tuple[str, str], Embedder] = {}
        self._rerankers: dict[tuple[str, str], RerankerModel] = {}

    @property
    def embedders(self) -> int:
        """How many embedders are loaded."""
        return len(self._embedders)

    def embedder(self, recipe: Recipe) -> Embedder:
        """The recipe's embedder."""
        key = _embedder_key(recipe)
        if key not in self._embedders:
            self._embedders[key] = self._load_embedder(recipe)
        return self._embedders[key]

    def reranker(self, recipe: Recipe) -> RerankerModel | None:
        """The recipe's reranker, if it has one."""
        key = _reranker_key(recipe)
        if key is not None and key not in self._rerankers:
            self._rerankers[key] = self._load_reranker(*key)
        return None if key is None else self._rerankers[key]

    def keep(self, recipes: Collection[Recipe]) -> None:
        """Let go of the models that none of these recipes has."""
        embedders, rerankers = {_embedder_key(one) for one in recipes}, {_reranker_key(one) for one in recipes}
        self._embedders = {key: model for key, model in self._embedders.items() if key in embedders}
        self._rerankers = {key: model for key, model in self._rerankers.items() if key in rerankers}


def _embedder_key(recipe: Recipe) -> tuple[str, str]:
    return recipe.model, recipe.embedding.precision


def _reranker_key(recipe: Recipe) -> tuple[str, str] | None:
    return None if recipe.reranker is None else (recipe.reranker, recipe.second_pass.precision)
