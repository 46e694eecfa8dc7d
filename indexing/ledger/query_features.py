"""Features of a query for watching drift, computed while its text is at hand: pure functions of text and hits.

What is kept says nothing of what was asked: lengths, a guess at the language, shares. (A sketch of its vector, which a
sample of the rows has beside it, tells a little: see ``query_sketches``.)
"""

from collections.abc import Sequence

LANGUAGE_CHARACTERS = 400
"""Characters of a text that its language is guessed from. Our choice: a question is shorter, and a paste no clearer."""
NO_LANGUAGE = "none"
"""Of a text without letters."""
_FUNCTION_WORDS = {
    "en": "the of and to in is are for how do does what my can with not a i on why it this that be you from when where",
    "de": "der die das und ist ich nicht ein eine wie zu den mit für auf wird kann mein meine sie es von dem warum wo",
    "fr": "le la les de des et est un une je ne pas pour comment mon ma dans que sur avec du au qui vous ce pourquoi",
    "es": "el la los las de y en un una es no mi por para cómo como qué con se del al está puedo dónde quiero su",
    "it": "il lo la gli di e un una è non mi per come che con del della nel sono posso dove perché si mio alla al",
    "pt": "o a os as de e um uma é não meu minha por para como que com do da no na posso onde em está eu se ao",
    "nl": "de het een en van ik is niet mijn voor hoe op met dat kan te zijn wat waar naar je deze om bij waarom aan",
}
"""Words that a sentence of a language is rarely without; their spelling is kept, their case is not. Our choice."""
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {
    word: tuple(language for language, words in _FUNCTION_WORDS.items() if word in words.split())
    for words in _FUNCTION_WORDS.values()
    for word in words.split()
}
_SCRIPTS = (
    (0x0370, 0x03FF, "greek"),
    (0x0400, 0x052F, "cyrillic"),
    (0x0590, 0x05FF, "hebrew"),
    (0x0600, 0x06FF, "arabic"),
    (0x0900, 0x097F, "devanagari"),
    (0x0E00, 0x0E7F, "thai"),
    (0x3040, 0x30FF, "ja"),
    (0x3400, 0x9FFF, "zh"),
    (0xAC00, 0xD7AF, "ko"),
)
"""Blocks of Unicode, first and last code point, and what a text that is mostly of them is called."""
_KANA = "ja"
_NOT_LATIN = chr(_SCRIPTS[0][0])
"""No letter below it is of another script."""


def text_features(text: str, *, turns: int = 1) -> dict[str, float | str]:
    """What is kept of a text where the text itself is not.

    Args:
        text: The query, or the question of a conversation.
        turns: Messages of the conversation, 1 for a query alone.

    Returns:
        ``characters``, ``words`` (between spaces), ``turns`` and ``language``, see ``guess_language``.
    """
    return {
        "characters": float(len(text)),
        "words": float(len(text.split())),
        "turns": float(turns),
        "language": guess_language(text),
    }


def guess_language(text: str) -> str:
    """The language of a text by its function words, else its script; cheap, and wrong now and then.

    Returns:
        ``en``, ``de``, ``fr``, ``es``, ``it``, ``pt`` or ``nl`` where most function words are of one; ``latin`` where
        no one is ahead; ``ja``, ``zh``, ``ko`` or a script's name; ``none`` without letters.
    """
    head = text[:LANGUAGE_CHARACTERS]
    if not head.isascii() and max(head) >= _NOT_LATIN and (script := _script(head)) is not None:
        return script
    counts: dict[str, int] = {}
    for word in head.lower().split():
        for language in _LANGUAGES_OF.get(word.strip(".,;:!?\"'()¿¡"), ()):
            counts[language] = counts.get(language, 0) + 1
    if not counts and not any(map(str.isalpha, head)):
        return NO_LANGUAGE
    ranked = sorted(counts.items(), key=lambda found: -found[1])
    if not ranked or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
        return "latin"
    return ranked[0][0]


def _script(text: str) -> str | None:
    """The script that most letters are of; ``None`` where that is Latin, or there are no letters."""
    counts: dict[str, int] = {}
    for character in text:
        if character.isalpha():
            point = ord(character)
            name = next((name for first, last, name in _SCRIPTS if first <= point <= last), "latin")
            counts[name] = counts.get(name, 0) + 1
    if not counts:
        return None
    most = _KANA if counts.get(_KANA) else max(counts, key=lambda name: counts[name])  # Japanese has Chinese signs, too
    return None if most == "latin" else most


def hit_features(scores: Sequence[float], lexical: Sequence[float | None]) -> dict[str, float]:
    """What is kept of the hits as a whole, from their scores, best first, and their lexical ones.

    Returns:
        ``top_score``, 0 without hits, and where terms counted ``term_share``: the share of hits with any of them.
    """
    found = {"top_score": scores[0] if scores else 0.0}
    scored = [one for one in lexical if one is not None]
    if scored:
        found["term_share"] = sum(one > 0.0 for one in scored) / len(scored)
    return found
