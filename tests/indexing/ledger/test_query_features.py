"""What is kept of a query whose text is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.ledger.query_features import guess_language, hit_features, text_features


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("why was my card declined?", "en"),
        ("Wie kann ich mein Passwort zurücksetzen", "de"),
        ("comment puis-je exporter mes données dans le compte", "fr"),
        ("¿Cómo puedo cambiar mi contraseña?", "es"),
        ("come posso cambiare la mia password del conto", "it"),
        ("como posso mudar a minha senha", "pt"),
        ("hoe kan ik mijn wachtwoord wijzigen", "nl"),
        ("как экспортировать данные", "cyrillic"),
        ("πώς αλλάζω τον κωδικό", "greek"),
        ("請求書をダウンロードする方法", "ja"),
        ("如何下载发票", "zh"),
        ("비밀번호를 재설정하는 방법", "ko"),
        ("pgvector HNSW index", "latin"),
        ("naïve façade", "latin"),
        ("404", "none"),
        ("", "none"),
        ("→ ✓", "none"),
    ],
)
def test_a_language_is_guessed_by_script_and_function_words(text, language):
    assert guess_language(text) == language


def test_a_text_leaves_lengths_and_a_language():
    assert text_features("why was  my card declined", turns=3) == {
        "characters": 25.0,
        "words": 5.0,
        "turns": 3.0,
        "language": "en",
    }


@given(st.text(max_size=600))
def test_every_text_has_features_and_none_of_them_tells_a_word_of_it(text):
    found = text_features(text)
    assert found["characters"] == len(text)
    assert [name for name, value in found.items() if isinstance(value, str)] == ["language"]


def test_hits_leave_the_best_score_and_how_many_hold_a_term():
    assert hit_features([0.75, 0.5], [2.0, 0.0]) == {"top_score": 0.75, "term_share": 0.5}
    assert hit_features([0.75], [None]) == {"top_score": 0.75}
    assert hit_features([], []) == {"top_score": 0.0}
