"""Words are found by what people type: as they stand, in parts, folded, as bigrams; and the exact one wins."""

import threading
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.errors import InvalidInput
from indexing.indexes.analyser import SNOWBALL
from indexing.indexes.analysers import AUTO, DECIDABLE, LANGUAGES, analyser_of
from indexing.indexes.bm25 import Bm25
from indexing.indexes.forms_analyser import FormsAnalyser
from indexing.indexes.postings import LexicalSegment, build_postings
from indexing.indexes.stop_words import stop_words
from indexing.records import Partition

ENGLISH = FormsAnalyser("english")
FILLING = "The service reads its settings at the start and writes a log."


def found(query: str, *texts: str, language: str = "english") -> list[int]:
    """The texts that a query finds, best first, beside some that are about other things."""
    analyser = FormsAnalyser(language)
    passages = [analyser.passage_terms(text) for text in (*texts, FILLING, "Apples and pears", "Nothing at all")]
    arrays, ranges = build_postings([passages])
    segment = LexicalSegment(arrays, ranges[0], 0, len(passages))
    scores, _ = Bm25(1.2, 0.75).scores([segment], analyser.query_weights(query) or analyser.stop_weights(query))
    return [int(row) for row in np.argsort(-scores, kind="stable") if scores[row] > 0]


@pytest.mark.parametrize(
    ("query", "exact", "other"),
    [
        ("getUserById", "Call getUserById first.", "Get the user by id."),
        ("get user by id", "Get the user by its id.", "We call getUserById first, then closeHttpConnection()."),
        ("http connection", "The http connection is closed.", "closeHttpConnection()"),
        ("HTTPServer", "The class HTTPServer", "An HTTP server"),
        ("max_retry_count", "Set max_retry_count to 5.", "Set the max count of each retry."),
        ("retry count", "The retry count is 5.", "max_retry_count = 5"),
        ("HL-4290", "Error HL-4290 was seen", "HL and 4290"),
        ("HL4290", "Error HL-4290 was seen", "HL and 4290"),
        ("9783161484100", "ISBN 978-3-16-148410-0", "ISBN 978-3-16-148410-9"),
        ("978-3-16-148410-0", "ISBN 9783161484100", "ISBN 9780306406157"),
        ("4711-0815", "Order 4711-0815", "Orders 4711 and 0815"),
        ("0301234567", "Call 030-1234567", "Call 030-7654321"),
        ("RFC 2616", "See RFC 2616", "See RFC2616"),
        ("2.10.1", "Version 2.10.1 is out", "Version 2.1.10 is out"),
        ("2.10.1", "Version v2.10.1 is out", "Version v2.1.10 is out"),
        ("10.0.12.7", "The gateway is 10.0.12.7", "The gateway is 10.0.7.12"),
        ("agent.conf", "Edit /etc/acme/agent.conf now", "The conf of an agent"),
        ("support-team@example.org", "Write to support-team@example.org", "example.org has a support team"),
        ("std::vector", "Use std::vector here", "A vector of std"),
        ("C++", "C++ rules", "C rules"),
        ("C#", "In C# there is await", "In C++ there is no await"),
        (".NET", "Upgrade of .NET now", "A net of pipes"),
        ("wifi", "The wifi is slow", "The wi fi is slow"),
        ("Wi-Fi", "The Wi-Fi is slow", "Fi and wi"),
        ("Café", "Das Café ist zu", "The cafe is closed"),
        ("cafe", "The cafe is closed", "Das Café ist zu"),
        ("1250000", "It costs 1250000", "It costs 1,250,000"),
        ("1,250,000", "It costs 1,250,000", "It costs 1 and 250 and 000"),
        ("Søren Łukasz", "Søren and Łukasz came", "Soren and Lukasz came"),
        ("👍🏽", "Yes 👍🏽", "Yes 👍"),
    ],
)  # fmt: skip
def test_both_ways_are_found_and_the_exact_one_is_no_worse(query: str, exact: str, other: str) -> None:
    first, *rest = found(query, exact, other)
    assert first == 0
    assert set(rest) <= {1}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("email", "Your e-mail address"),
        ("e-mail", "Your email address"),
        ("wi fi", "Wi-Fi setup"),
        ("office file", "The o\ufb03ce \ufb01le"),
        ("istanbul", "İSTANBUL şubesi"),
        ("creme brulee", "Crème brûlée"),
        ("Infektionsketten", "Infek\xadtions\xadketten"),
        ("zerowidth", "zero\u200bwidth"),
        ("zero width", "zero\u200bwidth"),
        ("hidden", "hid\u2060d\ufe0fe\u180en"),
        ("1250000", "1\u202f250\u202f000 EUR"),
        ("1250000", "1.250.000 EUR"),
        ("1250000", "1'250'000 CHF"),
        ("1000000", "x = 1_000_000"),
        ("12.5", "12,5 %"),
        ("30", "٣٠"),
        ("обьем еще", "обьём ещё"),
        ("οδος", "ΟΔΌΣ"),
        ("שלום", "שָׁלוֹם"),
        ("🚀", "🚀🔥 out"),
        ("💻", "👩\u200d💻 at work"),
        ("customer", "The customer’s order"),
        ("C++", "C++17 is here"),
        ("APIs", "An API"),
    ],
)
def test_what_is_written_in_another_way_is_found(query: str, text: str) -> None:
    assert found(query, text) == [0]


@pytest.mark.parametrize(
    ("language", "query", "text"),
    [
        ("chinese", "退款", "客户可以在三十天内申请退款。"),
        ("chinese", "退", "客户可以在三十天内申请退款。"),
        ("chinese", "iPhone手机", "买了iPhone手机"),
        ("japanese", "返金", "お客様は三十日以内に返金を申請できます。"),
        ("japanese", "コンピューター", "新しいｺﾝﾋﾟｭｰﾀｰを買う"),
        ("thai", "คืนเงิน", "ลูกค้าสามารถขอคืนเงินได้ภายในสามสิบวัน"),
        ("none", "សងប្រាក់", "អតិថិជនអាចសុំសងប្រាក់បាន"),
        ("none", "ເງິນຄືນ", "ລູກຄ້າສາມາດຂໍເງິນຄືນໄດ້"),
        ("none", "ငွေပြန်", "ဖောက်သည်များငွေပြန်အမ်းရန်"),
        ("none", "ငွေ", "ပြန်အမ်းငွေကို"),
        ("none", "ရေ", "သောက်ရေသန့်"),
        ("none", "ដី", "ការលក់ដីធ្លី"),
        ("none", "ត្រី", "ស៊ុបត្រីស្រស់"),
        ("korean", "환불", "고객은 환불을 신청할 수 있습니다."),
        ("korean", "물", "물이 없다"),
        ("english", "退款", "客户可以在三十天内申请退款。"),
    ],
)
def test_scripts_without_spaces_are_found_by_their_words(language: str, query: str, text: str) -> None:
    assert found(query, "全然別な文 其他 아무것도 ไม่มี", text, language=language)[0] == 1


def test_a_korean_word_is_found_best_by_itself() -> None:
    assert found("환불을", "환불을 신청", "환불이 있다", language="korean") == [0, 1]


def test_a_query_of_stop_words_alone_is_searched_with_them() -> None:
    texts = ("To be, or not to be, that is the question.", "The Who are a band.", "IT is responsible for it all.")
    assert found("to be or not to be", *texts)[0] == 0
    assert found("the who", *texts)[0] == 1
    assert found("IT", *texts)[0] == 2
    assert ENGLISH.query_weights("what is the question") == {"question": 1.0}
    assert found("wie ist das", "Wie ist das?", language="german") == [0]


def test_a_stop_word_in_capitals_among_small_letters_is_a_name() -> None:
    assert found("IT department", "The IT department", "The department and it")[0] == 0
    assert "IT" not in ENGLISH.passage_terms("RESTART IT").terms


def test_plain_words_weigh_one_and_a_token_counts_once_for_each_of_its_words() -> None:
    assert ENGLISH.query_weights("reset passwords reset") == {"reset": 2.0, "password": 1.0}
    assert ENGLISH.passage_terms("Reset the passwords over Wi-Fi").length == 4
    assert ENGLISH.passage_terms("getUserById").length == 4
    assert sum(ENGLISH.query_weights("Café").values()) == pytest.approx(1.0)
    assert sorted(ENGLISH.passage_terms("Wi-Fi").terms) == ["fi", "wi", "wifi"]


def test_turkish_has_two_letters_i() -> None:
    turkish = FormsAnalyser("turkish")
    assert set(turkish.query_weights("ISPARTA")) == set(turkish.query_weights("ısparta"))
    assert found("istanbul", "İSTANBUL şubesi", language="turkish") == [0]


@pytest.mark.parametrize("language", sorted(SNOWBALL - {"none"}))
def test_every_snowball_language_has_stop_words(language: str) -> None:
    words = stop_words(language)
    assert len(words) >= 40
    analyser = FormsAnalyser(language)
    text = " ".join(sorted(words))
    assert analyser.query_weights(f"{text} qxzv") == FormsAnalyser(language).query_weights("qxzv")
    assert analyser.passage_terms(text).length == 0


def test_french_articles_before_a_vowel_are_stop_words() -> None:
    assert found("avion", "L’avion est là", language="french") == [0]
    assert len(FormsAnalyser("french").query_weights("l'avion")) == 1


def test_each_language_is_offered_once() -> None:
    assert DECIDABLE | {AUTO} == LANGUAGES
    assert {"chinese", "japanese", "thai", "korean", "none", "english"} < DECIDABLE
    assert not {"porter", "dutch_porter"} & LANGUAGES


@pytest.mark.parametrize(("language", "algorithm"), [("klingon", 2), ("chinese", 1), ("english", 3)])
def test_what_no_analyser_knows_is_refused(language: str, algorithm: int) -> None:
    with pytest.raises(InvalidInput, match=r"is unknown: expected"):
        analyser_of(language, algorithm)


def test_under_auto_each_collection_has_its_own_language() -> None:
    german, other = Partition("t", "german"), Partition("t", "other")
    analyser = analyser_of(AUTO, 2, {german: "german"})
    assert analyser.of(german).query_weights("die Häuser") == FormsAnalyser("german").query_weights("die Häuser")
    assert analyser.of(other).query_weights("the cats") == {"the": 1.0, "cats": 1.0}
    assert analyser.query_weights("the cats") == analyser.of(other).query_weights("the cats")


ANY_TEXT = st.text(st.characters(), max_size=40)


@given(text=ANY_TEXT, other=ANY_TEXT, language=st.sampled_from(sorted(DECIDABLE)))
def test_any_text_has_terms_that_its_own_query_finds(text: str, other: str, language: str) -> None:
    analyser = FormsAnalyser(language)
    mine = analyser.passage_terms(text)
    assert all(isinstance(term, str) and term for term in mine.terms)
    asked: Mapping[str, float] = analyser.query_weights(text) or analyser.stop_weights(text)
    assert set(asked) <= set(mine.terms) | {term for term in asked if term.isupper()}
    assert bool(asked) == bool(mine.terms)
    assert all(weight > 0 for weight in asked.values())


def test_threads_share_an_analyser() -> None:
    text, same = "running getUserById cafés " * 20, []
    expected = ENGLISH.passage_terms(text)

    def run() -> None:
        same.append(ENGLISH.passage_terms(text) == expected)

    threads: Sequence[threading.Thread] = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 4


@pytest.mark.parametrize(
    "text", ["a." * 20_000, "a-" * 20_000, "1," * 20_000, "A" * 50_000, "中" * 50_000, "+#" * 9_000]
)
def test_a_long_token_takes_no_more_than_its_length(text: str) -> None:
    assert len(ENGLISH.passage_terms(text).terms) <= len(text) + 1
