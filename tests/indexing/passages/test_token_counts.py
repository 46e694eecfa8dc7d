"""What a tokenizer does not know is counted, whatever kind of tokenizer it is."""

import pytest
from tokenizers import Tokenizer, models
from tokenizers.pre_tokenizers import WhitespaceSplit

from indexing.passages.token_counts import TokenCounter

KINDS = {
    "words": models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"),
    "pieces": models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"),
    "unigram": models.Unigram([("<unk>", 0.0), ("a", -1.0)], unk_id=0),
    "all known": models.BPE({"a": 0, "b": 1}, []),
}


@pytest.mark.parametrize(("kind", "unknown"), [("words", 1), ("pieces", 1), ("unigram", 1), ("all known", 0)])
def test_unknown_tokens_are_counted(kind, unknown):
    tokenizer = Tokenizer(KINDS[kind])
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokens, found = TokenCounter(tokenizer).count("a b a")
    assert (tokens, found) == (3, unknown)
    assert TokenCounter(tokenizer).count("") == (0, 0)
