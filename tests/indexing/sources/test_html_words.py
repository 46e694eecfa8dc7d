"""A word of a web page is a word of its text: raised text, emphasis and anchors neither split it nor stick to it."""

from pathlib import Path

import pytest

from indexing.indexes.analyser import Analyser
from indexing.sources.html import read_webpage


def text_of(html: str) -> str:
    return read_webpage(html.encode()).text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("5 &times; 10<sup>6</sup> kg", "5 \u00d7 10^6 kg"),
        ("10<sup>-3</sup> bar", "10^-3 bar"),
        ("e<sup><i>x</i> + 1</sup>", "e^(x + 1)"),
        ("<b>4 m<sup>2</sup></b>", "**4 m^2**"),
        ("the 1<sup>st</sup> of May", "the 1st of May"),
        ("H<sub>2</sub>O", "H2O"),
        ("2<sup>x<sup>2</sup></sup>", "2^(x^2)"),
        ("<code>2<sup>8</sup></code>", "`2^8`"),
        ('Refunds<sup><a href="#n1">1</a></sup> are slow', "Refunds [1] are slow"),
        ('Refunds <sup><a href="#n1">[1]</a></sup> are slow', "Refunds [1] are slow"),
        ('Refunds<a href="#n1"><sup>1</sup></a>.', "Refunds [1]."),
        ('Refunds<a class="footnote-reference brackets" href="#id2" role="doc-noteref">3</a>.', "Refunds [3]."),
        ('Refunds<sup class="reference">[a]</sup>.', "Refunds [a]."),
        ("Refunds<sup>[2]</sup> are slow", "Refunds [2] are slow"),
        ("So it is<sup>[<a href=cn>citation needed</a>]</sup>.", "So it is [citation needed]."),
        ('10<span style="vertical-align:super;font-size:60%">6</span> cells', "10^6 cells"),
        ('4 m<font style="VERTICAL-ALIGN: Super">2</font>', "4 m^2"),
        (
            '<style>.c7{font-size:6pt;vertical-align:super}.c8{color:red}</style>10<span class="c7">-3</span> bar',
            "10^-3 bar",
        ),
        ('<span class="c8">plain</span> 5', "plain 5"),
        ("x<sub>i+1</sub> and CO<sub>2</sub>", "x_(i+1) and CO2"),
        ("<math><msqrt><mn>3</mn></msqrt><msub><mi>a</mi><mn>1</mn></msub></math>", "\u221a3a_1"),
        ("<math><mroot><mi>x</mi><mn>3</mn></mroot></math>", "x^(1/3)"),
        (
            "<math><munderover><mo>\u2211</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover></math>",
            "\u2211_(i=1)^n",
        ),
        ("<math><msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup></math>", "x_i^2"),
        ("<math><msup><mi>r</mi><mn>2</mn></msup></math>", "r^2"),
        ("<math><mfrac><mn>1</mn><mi>n</mi></mfrac></math>", "1/n"),
        ('<math><mi>x</mi><annotation encoding="application/x-tex">x^{2}</annotation></math>', "$x^{2}$"),
        ('<script type="math/tex">a^2</script>', "$a^2$"),
    ],
)
def test_raised_text_keeps_its_meaning(html: str, text: str) -> None:
    assert text_of(f"<p>{html}</p>") == text


@pytest.mark.parametrize(
    ("html", "word"),
    [
        ("<b>H</b>ello", "hello"),
        ("<i>pre</i>fix", "prefix"),
        ("un<u>believ</u>able", "unbelievable"),
        ("un<em>believ</em>able", "unbelievable"),
        ("data<strong>base</strong>", "database"),
        ("<b><i>E</i></b>mergency", "emergency"),
        ("<span><b>N</b></span>ovember", "november"),
        ("<a href=x><strong>L</strong></a>ink", "link"),
        ("<b>long</b><wbr>word", "longword"),
        ("wa<i>ter</i><b>fall</b>", "waterfall"),
        ("In&shy;fek&shy;ti&shy;on", "infektion"),
        ("zero&#8203;width", "zerowidth"),
        ("word&#8288;joiner", "wordjoiner"),
    ],
)
def test_a_word_is_found_whatever_stands_inside_it(html: str, word: str) -> None:
    text = text_of(f"<p>A {html} stands here.</p>")
    assert word in text.casefold().split()
    assert set(Analyser("english").terms(text)) >= set(Analyser("english").terms(word))


def test_emphasis_of_whole_words_stays() -> None:
    assert text_of("<p>a (<b>bold</b>), <i>word</i>.</p>") == "a (**bold**), *word*."


@pytest.mark.parametrize(
    "heading",
    [
        "Set up { #set-up }", "Set up {#set-up}", "Set up {: #set-up .wide }", "Set up {#a .b}",
        'Set up<a class="headerlink" href="#a" title="Link to this heading">\u00b6</a>',
        'Set up <a href="#a">#</a>', 'Set up<a class="hash-link" href="#a">\u200b</a>',
        'Set up<a class="headerlink" href="#a">Link to this heading</a>', 
        '<a class="anchor" href="#a">Permalink</a> Set up',
        'Set up<span class="mw-editsection">[<a href="e">edit</a>]</span>',
        '<a href="#a">Set up</a>', '<a name="a"></a>Set up', "Set up { #set-up } <a href='#a'>\u00a7</a>",
    ],
)  # fmt: skip
def test_the_anchors_of_headings_go(heading: str) -> None:
    assert text_of(f'<h2 id="a">{heading}</h2><p>Text.</p>') == "## Set up\n\nText."


def test_braces_and_names_in_headings_that_are_no_anchors_stay() -> None:
    html = '<h2>Sets {a, b}</h2><h3>fn <a href="#exp" id="exp">exp</a>(x)</h3><p>Text.</p>'
    assert text_of(html) == "## Sets {a, b}\n\n### fn exp(x)\n\nText."


CASES = Path(__file__).parents[4] / "shared" / "cases"


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases that people reported are not beside this checkout")
def test_the_words_of_the_reported_case_are_found() -> None:
    terms = set(
        Analyser("english").terms(read_webpage((CASES / "html-bold-inside-word/midbold.html").read_bytes()).text)
    )
    for word in ("Hello", "Emergency", "prefix", "unbelievable"):
        assert set(Analyser("english").terms(word)) <= terms, word
