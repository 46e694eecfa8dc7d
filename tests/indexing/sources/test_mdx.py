"""MDX comes as Markdown: the text inside components stays, programs go by name, and nothing else does."""

import pytest

from indexing.sources.extracted_text import Extract
from indexing.sources.mdx import read_mdx
from indexing.sources.refusals import Refused


def read(source: str) -> Extract:
    extract = read_mdx(source)
    assert extract.account is not None
    assert extract.account.raw == extract.account.kept + sum(extract.account.left_out.values())
    return extract


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("# Title\n\n<Note>Some **text**.</Note>", "# Title\n\nSome **text**."),
        ("<Tabs>\n  <Tab label='Linux'>\n\n    Use apt.\n\n  </Tab>\n</Tabs>", "Linux\n\nUse apt."),
        ('<Card title="Start" icon={<Icon a="b" />}>Here.</Card>', "Start\n\nHere."),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("un<b>believ</b>able and 10<sup>6</sup>", "unbelievable and 10^6"),
        ("a < b and b > c", "a < b and b > c"),
        ("<>in a fragment</>", "in a fragment"),
        ("Hello {\"literal\"} {'x'}{' '}end", "Hello literal x end"),
        ("It isn't {props.name}'s, don't worry", "It isn't 's, don't worry"),
        ("$\\frac{a}{b}$ and $$\n\\sum_{i}\n$$", "$\\frac{a}{b}$ and $$\n\\sum_{i}\n$$"),
        ("`<code> {x}` and ``{`y`}``", "`<code> {x}` and ``{`y`}``"),
        ("```jsx\n<Foo bar={1}>\nimport x from 'y'\n```", "```jsx\n<Foo bar={1}>\nimport x from 'y'\n```"),
        ("\\<escaped\\> \\{too\\}", "\\<escaped\\> \\{too\\}"),
        ("import the data first\n\nexport it then", "import the data first\n\nexport it then"),
        ("an open { brace stays", "an open { brace stays"),
        ("<Steps>\n    - one\n      - two\n    - three\n</Steps>\nend", "- one\n  - two\n- three\n\nend"),
        ("<A>\n    ```js\n    x()\n    ```\n</A>", "```js\nx()\n```"),
        ('<img src="x.png" alt="a map" />', "a map"),
        ("{isNew && <p>Since May.</p>}", "Since May."),
        ("{[1, 2].map((n) => <li key={n}>Step {n} of it</li>)}", "Step  of it"),
        ("{a ? <A title='Here'>one</A> : <B>two</B>}", "Here\n\none two"),
        ("{<>whole <b>fragment</b></>}", "whole fragment"),
        ("{c && (\n  <Note>\n    Line.\n    {d ? <b>deep</b> : null}\n  </Note>\n)}", "Line.\ndeep"),
        ('{list.map((x) => <Card key={x} title="Card" />)}', "Card"),
        ("It costs {`$10`} and {`a ${b}`}now", "It costs $10 and now"),
    ],
)
def test_text_inside_components_stays(source: str, text: str) -> None:
    assert read(source).text == text


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import Tabs from '@theme/Tabs';", "import and export statements"),
        ("import {\n  A,\n  B,\n} from 'x'", "import and export statements"),
        ("import './style.css'", "import and export statements"),
        ("export const meta = {\n  title: 'x',\n\n  tags: ['y'],\n}", "import and export statements"),
        ("export default ({ children }) => <div>{children}</div>", "import and export statements"),
        ("{/* a remark */}", "comments"),
        ("<!-- a remark -->", "comments"),
        ("{items.map((item) => <li>{item}</li>)}", "expressions"),
        ("{f<string>(x) as Array<Foo>}", "expressions"),
        ("{'<b>' + x + '</b>'}", "expressions"),
        ("{a < b && c > d}", "expressions"),
        ("<style>{`.a { color: red }`}</style>", "scripts and styles"),
    ],
)
def test_programs_are_left_out_by_name(program: str, reason: str) -> None:
    extract = read(f"{program}\n\nText after.")
    assert extract.text == "Text after."
    assert extract.account is not None
    assert reason in extract.account.left_out


def test_anchors_of_headings_go() -> None:
    assert read("## Title {#the-anchor}").text == "## Title"


def test_elements_in_expressions_nested_very_deep_end_in_little_time() -> None:
    text = read("{<a>" * 2_000 + "deep" + "</a>}" * 2_000).text
    assert text in ("", "deep")


def test_a_file_of_open_braces_is_refused_in_little_time() -> None:
    with pytest.raises(Refused, match="braces or tags without an end"):
        read("{ " * 5_000)
