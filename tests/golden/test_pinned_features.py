"""What a fixed text becomes, for ever: passages, encoder inputs and terms.

Stored features are found by a fingerprint of their definition, not of this code. If a change of the code makes a test
here fail, old and new features would be mixed under one name: undo it, or raise ``features.ALGORITHM`` (passages) or
``LexicalView.algorithm`` (terms) and write the new values down here.
"""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import BertPreTokenizer

from indexing.features.views import ALGORITHM, FIRST_256, FIRST_PASSAGES, PassageView, lexical_view
from indexing.indexes.analyser import Analyser
from indexing.indexes.forms_analyser import FormsAnalyser
from indexing.passages.chunker import Chunker
from indexing.records import MARKDOWN, Document

PINNED = Path(__file__).with_name("pinned_features.json")
MARKDOWN_TEXT = """\
Before the first heading. It has two sentences!

# Reset a password

Open the sign-in page and choose *Forgot password*. A link arrives by e-mail, e.g. within a minute; it is valid for
1.5 hours. Dr. Who cannot help. "Really?" Yes. 密码可以重置。请打开登录页。 Größe, naïve café \N{WOMAN}\u200d\N{GIRL}.

- one item of a list
- another item,
  which goes on

## When no link arrives

```python
# no heading, but code
print("HL-4290")
```

| error | meaning |
|---|---|
| HL-4290 | too many requests |

> Quoted words. And more of them.

Setext heading
--------------

Last words without an end
"""
SENTENCE = (
    "The users' cafés weren't RESETTING user_id=42, HL-4290 v1.5.2 at https://help.example/a?b=c for running Größen;"
    " 密码重置 ﬁne e\u0301t\u00e9 \N{WOMAN}\u200d\N{GIRL} don’t x\N{SUPERSCRIPT TWO}"
)
VIEWS = {
    "default": FIRST_PASSAGES,
    "small": PassageView("small", 1, "headings", 32, 6, 8),
    "head": FIRST_256,
}
LANGUAGES = ("english", "german", "none")


def word_tokenizer():
    """A token a word or punctuation mark; all of them are unknown, which is enough to count."""
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return tokenizer


def passages(view, tokenizer, content_type=MARKDOWN):
    document = Document("d", "How to get back in", MARKDOWN_TEXT, content_type=content_type)
    by = Chunker(view, tokenizer, 64)
    return [[p.start, p.end, list(p.headings), p.encoder_input] for p in by.passages(document, by.spans(document))]


def forms(language):
    """What algorithm 2 makes of the sentence, as a passage and as a query."""
    analyser = FormsAnalyser(language)
    passage = analyser.passage_terms(SENTENCE)
    return {"terms": list(passage.terms), "length": passage.length, "weights": analyser.query_weights(SENTENCE)}


def computed():
    """Everything that is pinned, as the code computes it now."""
    return {
        "algorithm": ALGORITHM,
        "passages": {name: passages(view, word_tokenizer()) for name, view in VIEWS.items()},
        "plain": passages(VIEWS["small"], word_tokenizer(), "text/plain"),
        "lexical_algorithm": lexical_view("english", 1).algorithm,
        "terms": {language: Analyser(language).terms(SENTENCE) for language in LANGUAGES},
        "forms": {language: forms(language) for language in (*LANGUAGES, "japanese")},
    }


EXPECTED = json.loads(PINNED.read_text(encoding="utf-8")) if PINNED.exists() else {}


@pytest.mark.parametrize("name", VIEWS)
def test_a_fixed_markdown_text_has_the_pinned_passages(name):
    assert passages(VIEWS[name], word_tokenizer()) == EXPECTED["passages"][name]


def test_a_fixed_plain_text_has_the_pinned_passages():
    assert passages(VIEWS["small"], word_tokenizer(), "text/plain") == EXPECTED["plain"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fixed_sentence_has_the_pinned_terms(language):
    assert Analyser(language).terms(SENTENCE) == EXPECTED["terms"][language]


@pytest.mark.parametrize("language", (*LANGUAGES, "japanese"))
def test_a_fixed_sentence_has_the_pinned_forms_under_algorithm_2(language):
    assert forms(language) == EXPECTED["forms"][language]


def test_the_pinned_values_are_those_of_this_algorithm():
    assert (EXPECTED["algorithm"], EXPECTED["lexical_algorithm"]) == (ALGORITHM, lexical_view("english", 1).algorithm)


def test_the_pinned_values_tell_something():
    spans = EXPECTED["passages"]["small"]
    assert len(spans) >= 5
    assert any(len(headings) == 2 for _, _, headings, _ in spans)
    assert [(start, end) for start, end, _, _ in spans] != [(start, end) for start, end, _, _ in EXPECTED["plain"]]
    assert len(EXPECTED["terms"]["english"]) > 15
    assert EXPECTED["terms"]["english"] != EXPECTED["terms"]["none"]
