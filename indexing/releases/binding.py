"""A recipe bound to its model: the chunker and the feature views that builds and serving use alike."""

from indexing.home import Home
from indexing.models.registry import ModelVersion, load_tokenizer
from indexing.passages.chunker import Chunker
from indexing.releases.recipes import Recipe


def _chunker(home: Home, recipe: Recipe, model: ModelVersion) -> Chunker:
    """The recipe's chunker; the model's document prompt, which comes before every passage, has its room set aside."""
    tokenizer = load_tokenizer(home.storage, model)
    prompt = len(tokenizer.encode(model.files.document_prompt, add_special_tokens=False).ids)
    return Chunker(recipe.passage, tokenizer, model.files.max_tokens - prompt)
