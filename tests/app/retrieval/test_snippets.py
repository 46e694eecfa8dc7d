"""Snippets: whole sentences in every script, those that hold what was looked for, as text and safe to put on a page."""

import html
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.retrieval.snippets import BETWEEN, best_pieces, sentences
from indexing.indexes.analysers import analyser_of

ENGLISH = analyser_of("english", 2)
HELP = (
    "Open the sign-in page, e.g. from the menu. 3. Choose Forgot password. A link arrives by e-mail. Version 2.1 is"
    " fine! Invoices list seats and taxes."
)


def snippet(text, query, most, analyser=ENGLISH):
    weights = analyser.query_weights(query)
    marks = analyser.marks(text, frozenset(weights))
    return best_pieces(text, weights, lambda part: analyser.passage_terms(part).terms, marks, most), marks


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (HELP, 5),
        ("パスワードを忘れた場合。「次へ」を押す！リンクが届きます。", 3),
        ("忘记密码？打开登录页面。链接会到。", 3),
        ("पासवर्ड भूल गए? पृष्ठ खोलें। लिंक आता है॥", 3),
        ("هل نسيت كلمة المرور؟ افتح الصفحة۔ الرابط يصل.", 3),
        ("Մոռացե՞լ եք։ Բացեք էջը։", 2),
        ("ตอนนี้", 1),
        ("የይለፍ ቃል። ገጹን ክፈት።", 2),
        ("ပေါ်လာသည်။ နှိပ်ပါ။", 2),
        ("He said “Go.” She went… And then? (Yes.) No", 5),
        ("# Head\n\ntext that\nwraps\n- one\n- two", 4),
        ("", 0),
        ("...", 1),
    ],
)
def test_sentences_end_where_their_script_ends_them(text, count):
    found = [text[start:end] for start, end in sentences(text)]
    assert len(found) == count, found


@given(st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("。.!? \n”)«ab"), max_size=200))
def test_sentences_cover_all_but_space_and_never_overlap(text):
    spans = sentences(text)
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())


def test_the_sentences_that_hold_most_are_taken_and_stand_in_their_order():
    pieces, marks = snippet(HELP, "invoices password", 62)
    assert pieces.text(HELP) == f"3. Choose Forgot password.{BETWEEN}Invoices list seats and taxes."
    assert pieces.html(HELP, marks).startswith("3. Choose Forgot <mark>password</mark>.")
    assert not pieces.is_cut


def test_where_nothing_of_it_is_there_it_is_the_beginning():
    assert snippet(HELP, "zugzwang", 50)[0].text(HELP) == "Open the sign-in page, e.g. from the menu."


def test_a_sentence_that_is_too_long_is_shown_in_part_around_what_was_looked_for():
    text = "word " * 100 + "the password is here " + "word " * 100 + "and ends."
    pieces, _ = snippet(text, "password", 60)
    shown = pieces.text(text)
    assert pieces.is_cut
    assert "password" in shown
    assert len(shown) <= 60
    assert shown.split() == text[slice(*pieces.spans[0])].split()
    assert all(word in {"word", "the", "password", "is", "here"} for word in shown.split())


class Text(HTMLParser):
    """What a page shows, and the tags in it."""

    def __init__(self):
        super().__init__()
        self.shown, self.tags = "", []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, attrs))

    def handle_data(self, data):
        self.shown += data


@pytest.mark.parametrize("attack", ["<script>alert('password')</script>", '"><img src=x onerror=1>', "&lt;b&gt; &amp;"])
def test_what_is_markup_in_a_text_is_none_in_its_snippet(attack):
    text = f"The password {attack} is here."
    pieces, marks = snippet(text, "password", 200)
    page = Text()
    page.feed(pieces.html(text, marks))
    page.close()
    assert page.shown == text
    assert page.tags == [("mark", [])] * len(marks)
    assert html.unescape(pieces.html(text, marks).replace("<mark>", "").replace("</mark>", "")) == text


@given(st.text(max_size=300), st.text(max_size=20), st.integers(40, 200))
def test_a_snippet_is_of_the_text_and_no_longer_than_it_may_be_and_the_same_again(text, query, most):
    pieces, marks = snippet(text, query, most)
    assert len(pieces.text(text)) <= most
    assert all(0 <= start < end <= len(text) for start, end in pieces.spans)
    assert list(pieces.spans) == sorted(pieces.spans)
    assert bool(pieces.spans) == bool(text.strip())
    assert snippet(text, query, most)[0] == pieces
    plain = pieces.html(text, marks).replace("<mark>", "").replace("</mark>", "")
    assert html.unescape(plain) == html.unescape(html.escape(pieces.text(text)))
