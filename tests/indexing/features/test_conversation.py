"""A conversation becomes one query, by weights that are written down; without earlier turns it is the question."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.errors import InvalidInput
from indexing.features.conversation import (
    Message,
    Turns,
    conversation_terms,
    conversation_vector,
    read_conversation,
    reference_share,
)
from indexing.features.views import DEFAULT_CONVERSATION, FIRST_CONVERSATION, ConversationView
from indexing.indexes.analyser import Analyser
from indexing.models.embedder import HashingEmbedder

VIEW = ConversationView("v", 1, ("user",), earlier_turns=2, dense_weight=0.25, lexical_weight=0.5)
EMBEDDER = HashingEmbedder(16)
TERMS = Analyser("none").query_weights
CHAT = [
    Message("system", "be brief"),
    Message("user", "one"),
    Message("assistant", "an answer"),
    Message("user", " two "),
    Message("user", "three"),
    Message("assistant", "another answer"),
    Message("user", "four"),
]
WORDS = st.lists(st.sampled_from(["apple", "pear", "plum", "fig"]), min_size=1, max_size=4).map(" ".join)


def test_the_last_message_of_the_user_is_the_question_and_so_many_before_it_count():
    assert read_conversation(VIEW, CHAT) == Turns("four", ("two", "three"))


def test_only_the_roles_of_the_view_count():
    both = dataclasses.replace(VIEW, roles=("user", "assistant"), earlier_turns=3)
    assert read_conversation(both, CHAT).earlier == ("two", "three", "another answer")


def test_what_stands_after_the_question_does_not_count():
    assert read_conversation(VIEW, [*CHAT[:3], Message("assistant", "Well")]) == Turns("one")


def test_blank_messages_do_not_count():
    messages = [Message("user", text) for text in ("  ", "one", "\n", "two", " ")]
    assert read_conversation(VIEW, messages) == Turns("two", ("one",))


@pytest.mark.parametrize("view", [None, dataclasses.replace(VIEW, earlier_turns=0)])
def test_without_a_view_the_question_stands_alone(view):
    assert read_conversation(view, CHAT) == Turns("four")


@pytest.mark.parametrize("messages", [[], [Message("assistant", "hello")], [Message("user", " ")]])
def test_a_chat_without_a_question_is_refused(messages):
    with pytest.raises(InvalidInput, match="role 'user'"):
        read_conversation(VIEW, messages)


@given(WORDS)
def test_a_chat_of_one_turn_has_the_vector_and_the_terms_of_its_question(text):
    alone = Turns(text)
    assert conversation_vector(VIEW, alone, EMBEDDER.encode_query).tobytes() == EMBEDDER.encode_query(text).tobytes()
    weights = conversation_terms(VIEW, alone, TERMS)
    assert weights == {term: text.split().count(term) for term in text.split()}
    assert list(weights) == list(dict.fromkeys(TERMS(text)))


def test_turns_that_weigh_nothing_are_not_encoded():
    asked = []

    def encode(text):
        asked.append(text)
        return EMBEDDER.encode_query(text)

    silent = dataclasses.replace(VIEW, dense_weight=0.0)
    vector = conversation_vector(silent, Turns("apple", ("pear",)), encode)
    assert asked == ["apple"]
    assert vector.tobytes() == EMBEDDER.encode_query("apple").tobytes()


def test_each_turn_is_encoded_by_itself_and_the_vector_is_their_weighted_sum():
    asked = []

    def encode(text):
        asked.append(text)
        return EMBEDDER.encode_query(text)

    vector = conversation_vector(VIEW, Turns("fig", ("apple", "pear")), encode)
    assert asked == ["fig", "apple", "pear"]
    one, two, own = (EMBEDDER.encode_query(text).astype(np.float64) for text in ("apple", "pear", "fig"))
    expected = 0.75 * own + 0.25 * (one + two) / 2
    np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-6)


@given(WORDS, st.lists(WORDS, max_size=5))
def test_a_query_vector_is_of_unit_norm_and_the_same_each_time(question, earlier):
    turns = Turns(question, tuple(earlier))
    first, second = (conversation_vector(VIEW, turns, EMBEDDER.encode_query) for _ in range(2))
    assert first.dtype == np.float32
    assert float(np.linalg.norm(first)) == pytest.approx(1.0, abs=1e-5)
    assert first.tobytes() == second.tobytes()


def test_turns_that_cancel_each_other_out_leave_the_question():
    vectors = {"yes": np.array([1, 0], np.float32), "no": np.array([-1, 0], np.float32)}
    half = dataclasses.replace(VIEW, dense_weight=0.5)
    assert conversation_vector(half, Turns("yes", ("no",)), vectors.__getitem__).tolist() == [1, 0]


def test_a_term_counts_by_where_it_stands():
    turns = Turns("apple apple fig", ("pear pear", "plum apple"))
    assert conversation_terms(VIEW, turns, TERMS) == {"apple": 2.5, "fig": 1.0, "plum": 0.5, "pear": 0.5}


def test_terms_of_later_turns_come_first_so_that_the_oldest_are_the_first_to_be_left_out():
    assert list(conversation_terms(VIEW, Turns("a", ("d e", "b c")), TERMS)) == ["a", "b", "c", "d", "e"]


def test_terms_that_weigh_nothing_are_left_out():
    silent = dataclasses.replace(VIEW, lexical_weight=0.0)
    assert conversation_terms(silent, Turns("a", ("b",)), TERMS) == {"a": 1.0}


def test_the_default_counts_what_was_measured():
    assert (DEFAULT_CONVERSATION.roles, DEFAULT_CONVERSATION.version) == (("user",), 2)


# Answers

ANSWERS = dataclasses.replace(VIEW, algorithm=2, answer_dense_weight=0.4, answer_lexical_weight=0.2)
ASKED = [Message("user", "pear"), Message("assistant", " plum fig "), Message("user", "what about those?")]


@pytest.mark.parametrize(
    ("question", "share"),
    [
        ("what about those?", 1.0),
        ("Can I change IT later on, or is that a fixed part of my plan?", 10 / 15),
        ("It\u2019s slow, why?", 1.0),
        ("How do I reset my password?", 0.0),
        ("Wie setze ich es zurück?", 0.0),
        ("Was kostet dieser?", 1.0),
        ("Können Sie das Passwort zurücksetzen?", 0.0),
        ("¿Cuánto cuesta eso?", 1.0),
        ("¿Cómo restablezco mi contraseña?", 0.0),
        ("Et celui-là, combien coûte-t-il ?", 1.0),
        ("Quanto custa isso?", 1.0),
        ("Сколько это стоит?", 1.0),
        ("كم سعر هذا؟", 1.0),
        ("ما هي سياسة الاسترداد؟", 0.0),
        ("它多少钱?", 1.0),
        ("如何重置密码?", 0.0),
        ("それはいくらですか", 1.0),
        ("パスワードをリセットするには", 0.0),
        ("그것은 얼마예요?", 1.0),
        ("PD-1 raises IL-10", 0.0),
        ("Quanto costa questo?", 1.0),
        ("Come cambio la password?", 0.0),
        ("Wat kost dat?", 1.0),
        ("Hoe wijzig ik mijn wachtwoord?", 0.0),
        ("Kan jag radera dessa?", 1.0),
        ("Hur byter jag lösenord?", 0.0),
        ("A jak usunąć ten inny?", 1.0),
        ("Jak zmienić hasło?", 0.0),
        ("Как изменить пароль?", 0.0),
        ("Bu ne kadar?", 1.0),
        ("Şifremi nasıl değiştiririm?", 0.0),
        ("비밀번호를 어떻게 바꾸나요?", 0.0),
        ("Quanto custa mudar a senha?", 0.0),
        ("Comment changer mon mot de passe ?", 0.0),
        ("42 ???", 0.0),
        ("", 0.0),
    ],
)
def test_a_question_refers_by_how_many_of_its_words_do(question, share):
    assert reference_share(question) == pytest.approx(share)


@pytest.mark.parametrize(
    "question",
    [
        "Quelle est la limite du forfait ?",  # Italian "those"
        "Qui peut supprimer un compte ?",  # Italian "here"
        "Was steht in dem Plan?",  # Swedish "them"
        "Wie geht das so?",
        "He olvidado mi contraseña",
        "Her kullanıcı şifresini değiştirebilir mi?",
        "Jak so přihlásím?",
        "Care este limita planului?",  # Spanish and Portuguese "this"
        "چگونه به حساب خود وارد شوم؟",  # Arabic "in it"
        "저 비밀번호를 잊었어요",  # "I", and "that"
        "इसकी कीमत क्या है?",  # of these languages no words are known
        "Cái đó giá bao nhiêu?",
        "มันราคาเท่าไหร่",
        "Kolik to stojí?",
        "Mitä se maksaa?",
    ],
)
def test_a_chat_is_searched_without_the_answer_where_no_word_of_its_language_refers(question):
    assert reference_share(question) == 0.0
    asked = [Message("user", "pear"), Message("assistant", "plum fig"), Message("user", question)]
    assert read_conversation(ANSWERS, asked) == read_conversation(FIRST_CONVERSATION, asked)


@pytest.mark.parametrize(
    "question",
    ["How so?", "So?", "What does her plan cost?", "Can he log in?", "¿Y este?", "Quanto custa este?", "Este?"],
)
def test_words_that_are_common_elsewhere_refer_beside_words_of_their_own_language(question):
    assert reference_share(question) > 0.0


def test_the_answer_before_a_question_that_refers_counts():
    assert read_conversation(ANSWERS, ASKED) == Turns("what about those?", ("pear",), "plum fig")
    called = [*ASKED[:2], Message("tool", "status 402"), Message("system", "be brief"), *ASKED[2:]]
    assert read_conversation(ANSWERS, called) == read_conversation(ANSWERS, ASKED)


@pytest.mark.parametrize(
    ("view", "messages"),
    [
        (VIEW, ASKED),
        (dataclasses.replace(ANSWERS, roles=("user", "assistant")), ASKED),
        (dataclasses.replace(ANSWERS, earlier_turns=0), ASKED),
        (ANSWERS, [*ASKED[:2], Message("user", "and a quince?")]),
        (ANSWERS, [*ASKED[:2], Message("user", "no"), ASKED[2]]),
        (ANSWERS, ASKED[2:]),
    ],
)
def test_no_answer_counts_where_the_question_does_not_refer_or_none_came_before_it_or_it_counts_already(view, messages):
    assert read_conversation(view, messages).answer == ""


def test_an_answer_is_encoded_last_and_mixed_with_what_the_other_turns_make():
    asked = []

    def encode(text):
        asked.append(text)
        return EMBEDDER.encode_query(text)

    turns = Turns("why those", ("pear",), "plum fig")
    vector = conversation_vector(ANSWERS, turns, encode)
    assert asked == ["why those", "pear", "plum fig"]
    before = conversation_vector(VIEW, Turns("why those", ("pear",)), EMBEDDER.encode_query)
    expected = 0.6 * before.astype(np.float64) + 0.4 * EMBEDDER.encode_query("plum fig")
    np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-6)


def test_a_term_of_an_answer_counts_by_how_much_the_question_refers_and_before_earlier_turns():
    turns = Turns("those figs of the whole year past", ("pear fig",), "plum plum fig")
    weights = conversation_terms(ANSWERS, turns, TERMS)
    share = 0.2 * 5 / 7
    assert weights["plum"] == pytest.approx(share)
    assert weights["fig"] == pytest.approx(share + 0.5)
    assert list(weights)[-3:] == ["plum", "fig", "pear"]


def test_an_answer_that_weighs_nothing_is_not_encoded():
    asked = []
    silent = dataclasses.replace(ANSWERS, answer_dense_weight=0.0)
    conversation_vector(silent, Turns("those", (), "plum"), lambda text: asked.append(text) or np.ones(1, np.float32))
    assert asked == ["those"]


def test_the_view_of_before_takes_no_answer():
    assert FIRST_CONVERSATION.algorithm == 1
    assert read_conversation(FIRST_CONVERSATION, ASKED).answer == ""
    assert read_conversation(DEFAULT_CONVERSATION, ASKED).answer == "plum fig"
