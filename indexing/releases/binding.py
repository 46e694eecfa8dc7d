"""A recipe bound to its model: the chunker and the feature views that builds and serving use alike."""

from indexing.features.views import FeatureViews
from indexing.home import Home
from indexing.models.registry import load_tokenizer
from indexing.passages.chunker import Chunker
from indexing.releases.recipes import Recipe


def bind_recipe(home: Home, recipe: Recipe) -> tuple[Chunker, FeatureViews]:
    """A recipe's chunker and its views, bound to its model as this home has it.

    The model's document prompt comes before every passage, so the chunker sets its room aside.

    Raises:
        NotFound: the model is not registered here.
        ArtefactMissing, ArtefactCorrupt: its files are not what the manifest promises.
    """
    model = home.models.get(recipe.model)
    tokenizer = load_tokenizer(home.storage, model)
    prompt = len(tokenizer.encode(model.files.document_prompt, add_special_tokens=False).ids)
    return Chunker(recipe.passage, tokenizer, model.files.max_tokens - prompt), recipe.bind(model)
