"""Of a web page comes its article and nothing else, as Markdown."""

from pathlib import Path

import pytest

from indexing.sources.extracted_text import Unreadable
from indexing.sources.html import read_webpage

HELP_CENTRE = Path(__file__).parent / "help_centre"
FOLDED = HELP_CENTRE.with_name("folded_pages")


def text_of(html: str) -> str:
    return read_webpage(html.encode()).text


def page(name: str) -> bytes:
    return (HELP_CENTRE / name).read_bytes()


# the help centre: four layouts and an index


def test_a_page_with_main_and_article_gives_its_article() -> None:
    extract = read_webpage(page("articles/refund-a-payment.html"))
    assert extract.title == "Refund a payment"
    assert extract.url == "https://help.harbour.example/articles/refund-a-payment"
    assert extract.facts == {"lang": "en-GB"}
    expected = """\
# Refund a payment

Anyone with the **Finance** role can refund a payment in full or in part. Money goes back to the card
it came from \N{EM DASH} never to another one.

## Before you start

You need:

- the Finance role,
- the payment\N{RIGHT SINGLE QUOTATION MARK}s number, which
  * stands on the receipt, and
  * begins with `PAY-`.

## Steps

1. Open *Payments* and choose the payment.

2. Choose `Refund`.

   ```console
   $ harbour refund PAY-1042 \\
       --amount 12.50   # in the payment's currency
   ```

3. Confirm.

A refund cannot be taken back.

## How long it takes

*Days until the money arrives*

| Method | Working days |
| --- | --- |
| Card | 5 to 10 |
| Bank transfer | 1 \\| 2, by bank |
| Wallet | At once |

The refund dialogue with the amount filled in

*The refund dialogue*

## Common questions

**Can I refund a payment twice?**

No: the sum of all refunds is at most the payment.

### Does the customer get an e-mail?

Yes, unless you clear "Tell the customer".  
The e-mail names the amount <and> the day."""
    assert extract.text == expected


def test_a_page_of_divisions_gives_its_article_by_what_they_are_called() -> None:
    extract = read_webpage(page("docs/webhooks.html"))
    assert (extract.title, extract.url) == ("Receive webhooks", "https://developers.harbour.example/webhooks")
    headings = [line for line in extract.text.splitlines() if line.startswith("#")]
    assert headings == [
        "# Receive webhooks", "## Verify the signature", "## Retries and order", "### What counts as a failure"
    ]  # fmt: skip
    assert '    made = hmac.new(secret, body, "sha256").hexdigest()\n    return' in extract.text
    assert "import hmac\n\ndef is_genuine" in extract.text
    assert "- no answer within ten seconds\n- a status of 300 or more" in extract.text
    assert "| `Harbour-Attempt` | 1 for the first try |" in extract.text
    for furniture in (
        "Guides", "Log in", "sandbox", "On all pages", "Error codes", "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}",
        "Updated", "In this article", "Copy", "useful", "helpful", "Chirper", "List of all", "Previous", "Quay Street",
        "Follow", "newsletter", "cookies",
    ):  # fmt: skip
        assert furniture not in extract.text, furniture


def test_an_old_page_of_layout_tables_gives_its_article_and_keeps_its_table() -> None:
    extract = read_webpage(page("legacy/0117.htm"))
    assert extract.title == "The card reader\N{RIGHT SINGLE QUOTATION MARK}s display stays dark"
    assert extract.url == "http://support.harbour.example/kb/0117.htm"
    assert extract.text.startswith(f"# {extract.title}\n\nThis happens when the battery is empty")
    assert "the price of a repair is \N{EURO SIGN}40." in extract.text
    assert "1. Hold the green key for ten seconds.\n2. Connect the charger" in extract.text
    assert "| **Model** | **Number on the parcel** |\n| --- | --- |\n| HR-2 | 7702 |" in extract.text
    assert extract.text.endswith("We repair readers within five working days.")
    for furniture in ("Harbour Support", "Downloads", "Knowledge base", "Pair", "See also", "Warranty", "Copyright"):
        assert furniture not in extract.text, furniture


def test_a_page_whose_class_names_say_nothing_gives_its_article_without_the_links_around_it() -> None:
    extract = read_webpage(page("docs/team-roles.html"))
    assert extract.text.startswith("# Team roles\n\nEvery member of a workspace has exactly one role. Owners can do")
    assert extract.text.endswith("Ask an owner to change your role.")
    for furniture in ("Careers", "Single sign-on", "Privacy", "Kiel", "never shown"):
        assert furniture not in extract.text, furniture


def test_an_index_page_gives_its_headings_and_the_texts_of_its_links() -> None:
    extract = read_webpage(page("index.html"))
    assert extract.title == "How can we help?"
    assert "## Card readers\n\n- The display stays dark" in extract.text
    assert "Pricing" not in extract.text


def test_collapsed_answers_stand_under_their_questions_and_real_hidden_parts_are_left_out() -> None:
    extract = read_webpage((FOLDED / "accordion.html").read_bytes())
    expected = """\
# Questions about cards

Choose a question to read its answer. Ask another,

## Why was a card declined?

The bank refused it. The code on the receipt says why:

- `D-05`: too little money
- `D-51`: the card is blocked

## How long is a card kept?

For thirteen months after its last payment.

### How do I remove a card?

Open *Customers* and choose the bin beside the card.

May two customers share a card?

Yes, each keeps it by itself.

Remove all cards"""
    assert extract.text == expected


def test_the_tabs_behind_the_first_are_part_of_the_article() -> None:
    text = read_webpage((FOLDED / "tabs.html").read_bytes()).text
    assert "Run `reader-setup.exe`.\n\nOpen `Reader.dmg`." in text
    assert text.endswith("The light is green.\n\nThe light blinks twice a second.")


# what is kept and what is not


@pytest.mark.parametrize("tag", ["main", "article", "div", "body"])
def test_an_article_is_not_lost_because_of_a_class_on_the_frame_around_it(tag: str) -> None:
    html = f'<{tag} class="has-sidebar menu-page"><p>{"It is a long story. " * 20}</p></{tag}>'
    assert text_of(html).startswith("It is a long story.")


def test_a_page_that_is_one_form_keeps_its_text_and_loses_its_controls() -> None:
    html = "<form><h1>Old</h1><p>Some text.</p><input value=x><select><option>One</select><button>Go</button></form>"
    assert text_of(html) == "# Old\n\nSome text."


def test_notes_in_an_article_are_kept_whatever_element_they_are() -> None:
    html = '<main><h1>A</h1><aside class="note">Mind the gap.</aside><div class="alert info">And this.</div>'
    html += "<aside>Beside.</aside></main><aside>Elsewhere</aside>"
    assert text_of(html) == "# A\n\nMind the gap.\n\nAnd this.\n\nBeside."


def test_sections_named_like_furniture_in_an_article_are_kept() -> None:
    html = '<main><h1>Guide</h1><section id="navigation"><h2 id="search">Search</h2><p>Press F.</p></section></main>'
    assert text_of(html) == "# Guide\n\n## Search\n\nPress F."


def test_a_list_of_links_inside_a_marked_article_is_part_of_it() -> None:
    html = "<article><p>Choose:</p><ul><li><a href=a>One</a><li><a href=b>Two</a></ul></article>"
    assert text_of(html) == "Choose:\n\n- One\n- Two"


def test_links_are_their_texts_and_pictures_at_most_their_descriptions() -> None:
    html = '<p>See <a href="https://x.example/?a=b">the <b>plan</b></a> <img src=i.png alt="a map"><img src=j.png></p>'
    assert text_of(html) == "See the **plan** a map"


def test_code_stays_as_it_is() -> None:
    code = "if a &lt; b:\n\tx  =  `1`\n\n\n    # done   \n```\n"
    text = text_of(f"<p>Run</p><pre>{code}</pre>")
    assert "if a < b:\n\tx  =  `1`\n\n\n    # done   \n```\n" in text


def test_text_that_looks_like_markdown_is_no_heading_or_list() -> None:
    assert text_of("<p># one</p><p>1. two</p><p>- three</p>") == "\\# one\n\n1\\. two\n\n\\- three"


def test_questions_that_unfold_their_answers_are_headings() -> None:
    html = "<main><details><summary>Why <h3>How?</h3></summary><p>So.</p></details>"
    html += '<h3><button aria-expanded="false">Who?</button></h3><p>You.</p>'
    html += "<h3>What? <button>Copy</button></h3><button>Send</button></main>"
    assert text_of(html) == "Why\n\n### How?\n\nSo.\n\n### Who?\n\nYou.\n\n### What?"


def test_several_articles_on_one_page_all_come() -> None:
    assert text_of("<body><article><p>One.</p></article><article><p>Two.</p></article>") == "One.\n\nTwo."


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>x</p>",
        '<p style="color:red; DISPLAY : none">x</p>',
        '<p aria-hidden="true">x</p>',
        '<div style="visibility:hidden">x</div>',
        "<script>x</script>",
        "<style>x</style>",
        "<template>x</template>",
        "<noscript>x</noscript>",
        "<!-- x -->",
        "<svg><text>x</text></svg>",
        "<textarea>x</textarea>",
        "<dialog open>x</dialog>",
    ],
)
def test_what_a_reader_does_not_see_is_left_out(hidden: str) -> None:
    assert text_of(f"<p>before</p>{hidden}<p>after</p>") == "before\n\nafter"


@pytest.mark.parametrize(
    "hidden",
    [
        '<div hidden role="tabpanel">x</div>',
        '<div aria-hidden="true" style="display:none" role="region">x</div>',
        '<a data-toggle="collapse" data-target="#x"></a><div hidden id="x">x</div>',
        '<i data-bs-target="#x"></i><div hidden id="x">x</div>',
        '<i aria-controls="y x"></i><section hidden id="x">x</section>',
        '<a href="#x"></a><div hidden id="x">x</div>',
        '<div hidden="until-found">x</div>',
    ],
)
def test_what_a_reader_can_unfold_is_kept(hidden: str) -> None:
    assert text_of(f"<p>before</p>{hidden}<p>after</p>") == "before\n\nx\n\nafter"


@pytest.mark.parametrize(
    "hidden",
    [
        '<i aria-controls="x"></i><dialog id="x">x</dialog>',
        '<i aria-controls="x"></i><div hidden id="x" aria-modal="true">x</div>',
        '<i aria-controls="x"></i><div hidden id="x" role="alertdialog">x</div>',
        '<i aria-controls="x"></i><nav hidden id="x">x</nav>',
        '<i aria-controls="x"></i><ul hidden id="x" class="dropdown-menu"><li>x</ul>',
        '<i aria-controls="x"></i><div hidden id="x"><a href=a>x</a> <a href=b>y</a> <a href=c>z</a></div>',
        '<i aria-controls="x" aria-haspopup="true"></i><div hidden id="x">x</div>',
        '<a data-bs-toggle="modal" data-bs-target="#x"></a><div hidden id="x">x</div>',
        '<div hidden role="region" class="cookie-banner">x</div>',
        "<h2>Q</h2><div hidden>x</div>",
    ],
)
def test_menus_dialogs_and_what_nothing_unfolds_stay_left_out(hidden: str) -> None:
    assert "x" not in text_of(f"<p>before</p>{hidden}<p>now</p>")


# title, address, language


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>Site</title><h1>One</h1>", "One"),
        ('<title>Site</title><meta property="og:title" content="Given"><h1>One</h1><h1>Two</h1>', "Given"),
        ("<title>\n The  page &amp; more </title><p>x", "The page & more"),
        ("<p>nothing", ""),
        (f"<title>{'long ' * 400}</title><p>x", ("long " * 60).strip()),
    ],
)
def test_the_title_is_the_only_heading_then_what_the_page_calls_itself(html: str, title: str) -> None:
    assert read_webpage((html + "<p>text").encode()).title == title


@pytest.mark.parametrize(
    ("html", "url"),
    [
        ('<link rel="canonical" href="https://a.example/x"><meta property="og:url" content="https://b.example">',
         "https://a.example/x"),
        ('<link rel="canonical" href="/x"><meta property="og:url" content="https://b.example/y">', "https://b.example/y"),
        ("<!-- saved from url=(0021)https://c.example/page -->", "https://c.example/page"),
        ('<link rel="canonical" href="javascript:alert(1)">', ""),
        ('<link rel="canonical" href="file:///etc/passwd">', ""),
        (f'<link rel="canonical" href="https://a.example/{"x" * 3000}">', ""),
    ],
)  # fmt: skip
def test_the_address_is_an_absolute_one_that_the_page_gives_of_itself(html: str, url: str) -> None:
    assert read_webpage(f"{html}<p>text".encode()).url == url


def test_a_language_that_is_none_is_left_out() -> None:
    assert read_webpage(b'<html lang="de-AT"><p>x').facts == {"lang": "de-AT"}
    assert read_webpage(b'<html lang="; drop"><p>x').facts == {}


# what cannot be read


@pytest.mark.parametrize(
    "html",
    ["", "<html></html>", "<script>document.write('x')</script>", "<nav><a href=x>Home</a></nav>", "<p> &nbsp; - </p>",
     "<frameset><frame src=x></frameset>", '<meta http-equiv=refresh content="0; url=x">'],
)  # fmt: skip
def test_a_page_without_words_is_refused_by_that_name(html: str) -> None:
    with pytest.raises(Unreadable, match="no readable text: the page has no"):
        read_webpage(html.encode())


def test_a_page_nested_too_deep_is_refused_by_that_name() -> None:
    assert text_of("<div>" * 300 + "x") == "x"
    with pytest.raises(Unreadable, match="nested more than 400 deep"):
        text_of("<div>" * 3000 + "x")


def test_the_same_page_gives_the_same_text() -> None:
    for name in ("articles/refund-a-payment.html", "docs/webhooks.html", "legacy/0117.htm", "index.html"):
        assert read_webpage(page(name)) == read_webpage(page(name))


@pytest.mark.parametrize("cut", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_page_that_breaks_off_gives_what_is_there(cut: float) -> None:
    data = page("articles/refund-a-payment.html")
    try:
        text = read_webpage(data[: int(cut * len(data))]).text
    except Unreadable as refusal:
        text = str(refusal)
    assert text
