"""Raised text keeps its meaning in plain text."""

import pytest

from indexing.sources.superscripts import footnote_mark, superscript


@pytest.mark.parametrize(
    ("raised", "written"),
    [
        ("6", "^6"),
        ("-3", "^-3"),
        ("−3", "^−3"),
        ("n", "^n"),
        ("n+1", "^(n+1)"),
        ("(n+1)", "^(n+1)"),
        ("(a)(b+1)", "^((a)(b+1))"),
        ("a  b", "^(a b)"),
        ("2+", "^2+"),
        ("+", "^+"),
        ("1/2", "^(1/2)"),
        ("th", "th"),
        ("ST", "ST"),
        ("™", "™"),
        (" 2 ", " ^2 "),
        ("", ""),
        (" ", " "),
    ],
)
def test_raised_text_follows_a_caret_and_ordinals_stay(raised: str, written: str) -> None:
    assert superscript(raised) == written


@pytest.mark.parametrize(
    ("mark", "written"),
    [("1", " [1]"), ("[12]", " [12]"), ("(a)", " [a]"), (" * ", " [*]"), ("†", " [†]"), ("", ""), ("[]", "")],
)
def test_a_footnote_mark_stands_apart_from_its_word(mark: str, written: str) -> None:
    assert footnote_mark(mark) == written
