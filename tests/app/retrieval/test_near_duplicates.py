"""Near-duplicates: the same text but for a few words; found without comparing all, never what differs in a number."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.retrieval.near_duplicates import LEAST_SHARE, Fingerprint, NearDuplicates

TEXT = (
    "Open the sign-in page and choose Forgot password, then wait for the message with the link that lets you choose"
    " another one; it is good for an hour and for one use, and after that you may ask for the next as often as you like"
    " until it works, unless your administrator has turned off the change of passwords for all members of the account."
)


def is_near(one, other):
    return Fingerprint.of(one).is_near(Fingerprint.of(other))


@pytest.mark.parametrize(
    "other",
    [
        TEXT.upper(),
        TEXT.replace(" ", "\n").replace(",", ""),
        TEXT.replace("good", "valid"),
        f"{TEXT} Was this helpful?",
        TEXT.replace("e", "\uff45"),
    ],
)
def test_case_spacing_punctuation_and_a_few_words_do_not_make_another_text(other):
    assert is_near(TEXT, other)


@pytest.mark.parametrize(
    "other",
    [
        TEXT.replace("an hour", "1 hour"),
        TEXT.replace("good", "valid").replace("message", "mail").replace("turned", "switched"),
        TEXT[: len(TEXT) // 2],
        f"{TEXT} {TEXT[::-1]}",
        "",
    ],
)
def test_a_number_or_more_words_do(other):
    assert not is_near(TEXT, other)


def test_short_texts_must_be_the_same():
    assert is_near("Reset it.", "reset it")
    assert not is_near("Reset it now.", "Reset it not.")
    assert not is_near("Error HL-8001 means a mismatch.", "Error HL-7001 means a mismatch.")


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("忘记密码时请打开登录页面并选择忘记密码，然后等待邮件中的链接，它在一小时内有效。", "密码"),
        ("ลืมรหัสผ่านให้เปิดหน้าเข้าสู่ระบบแล้วเลือกลืมรหัสผ่านจากนั้นรอลิงก์ในอีเมล", "รหัส"),
    ],
)
def test_scripts_without_spaces_are_compared_by_their_letters(text, other):
    long = text * 3 + "".join(reversed(text))
    assert is_near(long, long + other)
    assert not is_near(long, long[: len(long) // 2])


WORD = st.sampled_from(["pump", "valve", "seal", "hose", "leaks", "x1", "x2"])
RUN = st.lists(WORD, min_size=20, max_size=45)


@settings(max_examples=25)
@given(st.lists(st.tuples(RUN, st.integers(0, 44), WORD), min_size=1, max_size=8), st.data())
def test_the_index_finds_what_comparing_with_each_finds(runs, data):
    texts = [" ".join(run) for run, _, _ in runs]
    texts += [" ".join([*run[:at], word, *run[at + 1 :]]) for run, at, word in runs]
    texts = data.draw(st.permutations(texts))
    seen, first = NearDuplicates(), []
    for text in texts:
        expected = next((place for place, one in enumerate(first) if is_near(text, one)), len(first))
        assert seen.place(text) == expected
        if expected == len(first):
            first.append(text)


def test_a_share_of_one_word_in_sixty_is_what_is_allowed():
    words = [f"{one}{other}" for one in "abcdefgh" for other in "abcdefgh"]
    for length, is_same in ((58, False), (59, True)):
        other = [*words[:20], "zz", *words[21:length]]
        assert is_near(" ".join(words[:length]), " ".join(other)) is is_same
    assert LEAST_SHARE == 0.9
