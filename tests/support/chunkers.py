"""Chunkers with a tokenizer of few words, and what they cut."""

from typing import Literal

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing

from indexing.features.views import PassageView
from indexing.passages.chunker import Chunker
from indexing.records import MARKDOWN, Document, Passage


def small_tokenizer() -> Tokenizer:
    """Every ASCII character and some others are a token; a few words are one."""
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "word", "the", "##ing", *map(chr, range(33, 127)), *"äé世界ㄱㅏ。"]
    names += [f"##{name}" for name in names[7:]]
    model = WordPiece({name: i for i, name in enumerate(dict.fromkeys(names))}, unk_token="[UNK]")
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


TOKENIZER = small_tokenizer()
Strategy = Literal["headings", "head"]


def chunker(
    limit: int | None = 64,
    *,
    overlap: int = 8,
    context: int = 16,
    strategy: Strategy = "headings",
    model: int = 512,
    algorithm: int = 2,
) -> Chunker:
    return Chunker(PassageView("test", 1, strategy, limit, overlap, context, algorithm), TOKENIZER, model)


def cut(text: str, by: Chunker, *, title: str = "", kind: str = MARKDOWN) -> list[Passage]:
    document = Document("d", title, text, content_type=kind)
    return by.passages(document, by.spans(document))
