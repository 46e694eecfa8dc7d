"""Every letter of a web page is in its text or left out for a reason, whatever shape the page has."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.sources.extracted_text import TextAccount, letters_and_digits
from indexing.sources.html import READER, read_webpage
from indexing.sources.html_to_markdown import written_letters

HELP_CENTRE = Path(__file__).parent / "help_centre"
PAGES = sorted([*HELP_CENTRE.rglob("*.htm*"), *HELP_CENTRE.with_name("folded_pages").glob("*.html")])


def account_of(data: bytes) -> TextAccount:
    account = read_webpage(data).account
    assert account is not None
    return account


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_of_the_pages_of_the_help_centre_nothing_is_unexplained(path: Path) -> None:
    account = account_of(path.read_bytes())
    assert account.reader == READER
    assert account.raw == account.kept + sum(account.left_out.values())
    assert account.kept > 0


@pytest.mark.parametrize(
    ("html", "reason", "letters"),
    [
        ("<script>abc</script>", "scripts and styles", 3),
        ("<style>abc</style>", "scripts and styles", 3),
        ("<p hidden>abc</p>", "hidden text", 3),
        ('<p style="display:none">abc</p>', "hidden text", 3),
        ("<dialog>abc</dialog>", "hidden text", 3),
        ("<button>abc</button>", "form controls", 3),
        ("<form><label>abc</label></form>", "form controls", 3),
        ("<svg><text>abc</text></svg>", "pictures and media", 3),
        ("<nav>abc</nav>", "navigation", 3),
        ('<div role="search">abc</div>', "navigation", 3),
        ("<footer>abc</footer>", "parts around the article", 3),
        ("<h2>abcd<a class=headerlink href='#x'>Permalink</a></h2>", "heading anchors", 9),
        ("<pre><span class=lineno>12</span>x</pre>", "line numbers", 2),
    ],
)
def test_what_is_left_out_has_its_reason(html: str, reason: str, letters: int) -> None:
    account = account_of(f"<title>Kept apart</title><main><p>Kept</p>{html}</main>".encode())
    assert account.left_out == {reason: letters}
    assert account.unexplained == 0


def test_what_lies_around_the_main_part_is_counted() -> None:
    account = account_of(b"<div>Around it</div><main><p>Kept</p></main>")
    assert (account.raw, account.kept, dict(account.left_out)) == (12, 4, {"parts around the article": 8})


def test_a_title_outside_the_head_is_text_that_is_left_out() -> None:
    account = account_of(b"<main><p>Kept</p><svg><title>A drawing</title></svg></main>")
    assert (account.raw, account.kept, dict(account.left_out)) == (12, 4, {"pictures and media": 8})


def test_what_the_reader_adds_is_not_counted_as_kept() -> None:
    html = "<main><ol start=10><li>one<li>two</ol><pre><code class=language-py>x</code></pre><p><img src=i alt=map>"
    html += "<blockquote cite=https://a.example>q</blockquote><ul><li><input type=checkbox checked>t</ul></main>"
    account = account_of(html.encode())
    assert (account.raw, account.kept, dict(account.left_out)) == (9, 9, {})


def test_a_loss_that_has_no_reason_shows() -> None:
    lost = TextAccount(READER, 100, written_letters("1. only these\n\n```py\n1. code\n```"), {})
    assert lost.unexplained == 100 - letters_and_digits("only these 1 code")


WORD = st.text("abcdefghijklmnopqrstuvwxyz\u00e4\u00f6\u00e9", min_size=2, max_size=9)
SENTENCE = st.lists(WORD, min_size=3, max_size=8).map(" ".join)
NAMES = [
    "sidebar-relative",
    "DocSearch-content",
    "rating",
    "share",
    "comments",
    "toc-text",
    "x1",
    "note",
    "footer-like",
]
SHAPES = [
    "<p>{}</p>", "<div class='{name}'><p>{}</p></div>", "<section class='{name}'>{}</section>", "<ul><li>{}</li></ul>",
    "<ol class='{name}'><li>{}</li></ol>", "<blockquote><p>{}</p></blockquote>", "<pre>{}</pre>", "<h3>{}</h3>",
    "<aside class='{name}'>{}</aside>", "<details><summary>{}</summary></details>", "<dl><dt>{}</dt></dl>",
    "<table class='{name}'><tr><th>{}</th></tr></table>",
    "<table><tr class='{name}'><td class='{name}'>{}</td></tr></table>",
    "<p>{}<sup>2</sup></p>", "<p><b>{}</b></p>", "<figure><figcaption>{}</figcaption></figure>",
    "<span class='{name}'>{}</span>",
    "<div role='tablist'><div role='tabpanel'>{}</div></div>", "<pre><ol><li>{}</li></ol></pre>", "<label>{}</label>",
    "<div hidden>gone</div><p>{}</p>", "<nav>gone</nav><p>{}</p>", "<script>gone()</script><p>{}</p>",
]  # fmt: skip
FRAMES = [
    "<main>{}</main>", "<article>{}</article>", "<div role='main'>{}</div>", "<main><article>{}</article></main>",
    "<main class='has-sidebar'><div class='search-page'>{}</div></main>",
    "<header><a href='/'>Home</a></header><main>{}</main><footer>Contact</footer>",
]  # fmt: skip
UNMARKED = ["<div>{}</div>", "<table role='presentation'><tr><td>{}</td></tr></table>", "<form>{}</form>", "<center>{}"]
"""Pages that mark no main part: there names and elements say what belongs to the site."""
PARTS = st.lists(st.tuples(SENTENCE, st.sampled_from(SHAPES), st.sampled_from(NAMES)), min_size=1, max_size=8)


@settings(max_examples=80)
@given(PARTS, st.sampled_from(FRAMES + UNMARKED))
def test_sentences_put_into_pages_of_many_shapes_come_out_once_and_in_order(
    parts: list[tuple[str, str, str]], frame: str
) -> None:
    if frame in UNMARKED:
        parts = [(said, shape, "plain") for said, shape, _ in parts if not shape.startswith(("<aside", "<label"))]
    sentences = [f"begin{number} {sentence} end{number}" for number, (sentence, _, _) in enumerate(parts)]
    inner = [shape.format(said, name=name) for said, (_, shape, name) in zip(sentences, parts, strict=True)]
    inner.append("<p>The end of the page.</p>")
    extract = read_webpage(f"<title>Page</title><body>{frame.format(' '.join(inner))}".encode())
    text, place = " ".join(extract.text.split()), 0
    for sentence in sentences:
        assert text.count(sentence) == 1, (sentence, text)
        assert text.index(sentence) >= place
        place = text.index(sentence)
    assert "gone" not in text
    assert extract.account is not None
    assert extract.account.raw == extract.account.kept + sum(extract.account.left_out.values())
