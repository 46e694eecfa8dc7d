"""Code in a web page keeps its lines, and the numbers beside them go with a reason."""

import pytest

from indexing.sources.html import read_webpage

PYGMENTS = (
    "<div class=highlight><table class=highlighttable><tr><td class=linenos><pre><span>1</span>\n<span>2</span></pre>"
    "</td><td class=code><div><pre><span></span><code>a = 1\n  b = 2\n</code></pre></div></td></tr></table></div>"
)
BLOB = (
    "<table class=js-file><tr><td class=blob-num data-line-number=1></td><td class=blob-code>a = 1</td></tr>"
    "<tr><td class=blob-num data-line-number=2></td><td class=blob-code>  b = 2</td></tr></table>"
)
HIGHLIGHT_JS = (
    "<pre><code class=hljs><table><tr><td class=hljs-ln-numbers>1</td><td class=hljs-ln-code>a = 1</td></tr>"
    "<tr><td class=hljs-ln-numbers>2</td><td class=hljs-ln-code>  b = 2</td></tr></table></code></pre>"
)
HEXO = (
    "<figure class=highlight><table><tr><td class=gutter><pre><span>1</span><br><span>2</span><br></pre></td>"
    "<td class=code><pre><span>a = 1</span><br><span>  b = 2</span><br></pre></td></tr></table></figure>"
)
CHROMA = (
    "<table class=lntable><tr><td class=lntd><pre><code><span class=lnt>1\n</span><span class=lnt>2\n</span></code>"
    "</pre></td><td class=lntd><pre><code><span>a = 1\n</span><span>  b = 2</span></code></pre></td></tr></table>"
)
ROUGE = (
    "<pre class=highlight><code><table class=rouge-table><tr><td class=gutter><pre class=lineno>1\n2\n</pre></td>"
    "<td class=code><pre>a = 1\n  b = 2\n</pre></td></tr></table></code></pre>"
)
SYNTAX_HIGHLIGHTER = (
    "<div class=syntaxhighlighter><table><tr><td class=gutter><div class=line>1</div><div class=line>2</div></td>"
    "<td class=code><div><div class=line><code>a = 1</code></div>"
    "<div class=line><code>  b = 2</code></div></div></td></tr></table></div>"
)
DOXYGEN = (
    "<div class=fragment><div class=line><span class=lineno>1</span>a = <a href=x>1</a></div><div class=foldopen>"
    "<div class=line><span class=lineno>2</span>  b = <a href=y>2</a></div></div><div class=ttc>a</div></div>"
)


@pytest.mark.parametrize(
    "code",
    [PYGMENTS, BLOB, HIGHLIGHT_JS, HEXO, CHROMA, ROUGE, SYNTAX_HIGHLIGHTER, DOXYGEN,
     "<pre><span class=linenos>1</span>a = 1\n<span class=linenos>2</span>  b = 2</pre>",
     "<pre><b class=a><span class=lineno><a class=ln>1</a></span></b>a = 1\n<span class=lineno>2</span>  b = 2</pre>",
     "<pre>1\n2</pre><pre>a = 1\n  b = 2</pre>",
     "<pre><ol class=linenums><li>a = 1</li><li>  b = 2</li></ol></pre>",
     "<pre><code><div>a = 1</div><div>  b = 2</div></code></pre>",
     "<pre><code><span>a = 1<br></span><span>  b = 2<br></span></code></pre>",
     "<pre><code><div class=ec-line><div class=gutter><div class=ln aria-hidden=true>1</div></div><div class=code>a = 1"
     "</div></div><div class=ec-line><div class=gutter><div class=ln aria-hidden=true>2</div></div>"
     "<div class=code>  b = 2</div></div></code></pre>",
     "<table><tr><td>1<td><pre>a = 1</pre></tr><tr><td>2<td><pre>  b = 2</pre></table>"],
)  # fmt: skip
@pytest.mark.parametrize("frame", ["<main><p>Run</p>{}</main>", "<p>Run</p><div>{}</div>"])
def test_lines_of_code_are_one_block_without_their_numbers(code: str, frame: str) -> None:
    extract = read_webpage(frame.format(code).encode())
    assert extract.text == "Run\n\n```\na = 1\n  b = 2\n```"
    assert extract.account is not None
    assert extract.account.unexplained == 0
    assert set(extract.account.left_out) <= {"line numbers", "hidden text"}


def test_an_empty_line_of_code_and_the_name_of_its_file_stay() -> None:
    rows = "<tr><th colspan=2>hello.py</th></tr>" + "".join(
        f"<tr><td class=lineno>{number}</td><td class=code>{line}</td></tr>"
        for number, line in ((1, "a"), (2, ""), (3, "b"))
    )
    assert read_webpage(f"<main><table>{rows}</table></main>".encode()).text == "hello.py\n\n```\na\n\nb\n```"


def test_a_table_of_numbers_and_commands_is_a_table_of_data() -> None:
    html = "<main><table><tr><td>1<td><code>ls</code></tr><tr><td>2<td><code>cd</code></table></main>"
    assert read_webpage(html.encode()).text == "| 1 | `ls` |\n| --- | --- |\n| 2 | `cd` |"


def test_a_block_of_numbers_beside_no_code_stays() -> None:
    assert read_webpage(b"<p>Ports</p><pre>80\n81</pre><p>open.</p>").text == "Ports\n\n```\n80\n81\n```\n\nopen."
