"""Characters that are not seen do not split words, and letters are counted as readers see them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.sources.extracted_text import letters_and_digits, tidied, tidied_title

PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"  # me-khaham, one word with a non-joiner in it
HINDI = "\u0915\u094d\u200d\u0937"
MALAYALAM = "\u0d28\u0d4d\u200d \u0d28"
FAMILY = "\U0001f469\u200d\U0001f467"
HEART = "\u2764\ufe0f\u200d\U0001f525"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("In\xadfek\xadti\xadon", "Infektion"),
        ("zero\u200bwidth\u2060 and\ufeff", "zerowidth and"),
        ("a\u200cb \u200d c\u200d", "ab  c"),
        ("10\u200d\u00d7", "10\u00d7"),
        ("\ufeffStart\r\nend", "Start\nend"),
        (PERSIAN, PERSIAN),
        (HINDI, HINDI),
        (MALAYALAM, MALAYALAM),
        (FAMILY, FAMILY),
        (HEART, HEART),
        (f"x\u200c{PERSIAN}\u200c.", f"x{PERSIAN}."),
    ],
)
def test_signs_of_no_width_go_where_they_join_nothing(text: str, clean: str) -> None:
    assert tidied(text) == clean
    assert tidied_title(text) == " ".join(clean.split())


@given(st.text())
def test_letters_are_counted_as_one_by_one(text: str) -> None:
    assert letters_and_digits(text) == sum(map(str.isalnum, text))


@given(st.text())
def test_no_letter_goes_with_the_signs_of_no_width(text: str) -> None:
    assert letters_and_digits(tidied(text)) == letters_and_digits(text)
    assert tidied(tidied(text)) == tidied(text)
