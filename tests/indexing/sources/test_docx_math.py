"""Equations of Word files come on one line, with every letter once."""

import pytest

from indexing.sources.docx import read_word
from tests.support import made_files


def run(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


def part(name: str, *parts: tuple[str, str]) -> str:
    return f"<m:{name}>" + "".join(f"<m:{tag}>{run(text)}</m:{tag}>" for tag, text in parts) + f"</m:{name}>"


EQUATIONS = [
    (run("A=π") + part("sSup", ("e", "r"), ("sup", "2")), "A=πr^2"),
    (part("sSup", ("e", "x"), ("sup", "n+1")), "x^(n+1)"),
    (part("sSub", ("e", "H"), ("sub", "2")) + run("O"), "H_2O"),
    (part("sSubSup", ("e", "x"), ("sub", "i"), ("sup", "2")), "x_i^2"),
    (part("f", ("num", "a+b"), ("den", "2")), "(a+b)/2"),
    (part("f", ("num", "1"), ("den", "x")), "1/x"),
    ('<m:f><m:fPr><m:type m:val="noBar"/></m:fPr>' + part("num", ("x", "n")) + part("den", ("x", "k")) + "</m:f>",
     "(n ¦ k)"),
    ("<m:rad><m:radPr><m:degHide m:val='1'/></m:radPr><m:deg/>" + part("e", ("x", "x+1")) + "</m:rad>", "√(x+1)"),
    (part("rad", ("deg", "3"), ("e", "x")), "√[3](x)"),
    ('<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr>' + part("sub", ("x", "i=1")) + part("sup", ("x", "n"))
     + part("e", ("x", "i")) + "</m:nary>", "∑_(i=1)^n i"),
    (part("nary", ("sub", "0"), ("sup", "1"), ("e", "f")), "∫_0^1 f"),
    (part("d", ("e", "a"), ("e", "b")), "(a|b)"),
    ('<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr>' + part("e", ("x", "a")) + "</m:d>", "[a]"),
    (part("func", ("fName", "sin"), ("e", "x")), "sin x"),
    ("<m:m><m:mr>" + part("e", ("x", "a")) + part("e", ("x", "b")) + "</m:mr><m:mr>" + part("e", ("x", "c"))
     + part("e", ("x", "d")) + "</m:mr></m:m>", "[a, b; c, d]"),
    (part("eqArr", ("e", "x&amp;=1"), ("e", "y&amp;=2")), "x=1; y=2"),
    (part("limLow", ("e", "lim"), ("lim", "x→0")), "lim_(x→0)"),
    (part("acc", ("e", "x")), "x̂"),
    (run("𝐸=𝑚") + part("sSup", ("e", "𝑐"), ("sup", "2")), "E=mc^2"),
    (part("box", ("e", "q")) + run("=1"), "q=1"),
]  # fmt: skip


@pytest.mark.parametrize(("equation", "text"), EQUATIONS)
def test_an_equation_stands_in_its_sentence_and_by_itself(equation: str, text: str) -> None:
    body = made_files.runs("so ", f"<m:oMath>{equation}</m:oMath>", " holds")
    body += made_files.runs(f"<m:oMathPara><m:oMath>{equation}</m:oMath></m:oMathPara>")
    extract = read_word(made_files.docx_of(body))
    assert extract.text == f"so {text} holds\n\n{text}"
    assert extract.account is not None
    assert (extract.account.unexplained, extract.account.left_out) == (0, {})
    assert extract.account.kept == extract.account.raw


def test_what_was_deleted_in_an_equation_is_left_out() -> None:
    equation = f"<m:oMath>{run('a')}<w:del>{run('bcd')}</w:del></m:oMath>"
    extract = read_word(made_files.docx_of(made_files.runs("is ", equation)))
    assert extract.text == "is a"
    assert extract.account is not None
    assert extract.account.left_out == {"deleted text": 3}
    assert extract.account.unexplained == 0
