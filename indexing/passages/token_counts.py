"""How many tokens of a text a model's tokenizer knows."""

import json

from tokenizers import Tokenizer


class TokenCounter:
    """Counts tokens, and those that stand for what the tokenizer does not know."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Count by a tokenizer that neither truncates nor pads; it is not changed."""
        self._tokenizer = tokenizer
        self._unknown: int | None = None
        self._is_looked_up = False

    def count(self, text: str) -> tuple[int, int]:
        """The tokens of a text, without special ones, and how many of them are unknown.

        A word that is not known may be a single token, however long it is.
        """
        if not self._is_looked_up:
            self._unknown, self._is_looked_up = _unknown_id(self._tokenizer), True
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return len(ids), 0 if self._unknown is None else ids.count(self._unknown)


def _unknown_id(tokenizer: Tokenizer) -> int | None:
    """The id of the token for what is unknown; ``None`` where every text can be written in known ones."""
    token = getattr(tokenizer.model, "unk_token", None)
    if token is not None:
        found: int | None = tokenizer.token_to_id(token)
        return found
    stored = json.loads(tokenizer.to_str())["model"].get("unk_id")  # Unigram tells it nowhere else
    return stored if isinstance(stored, int) else None
