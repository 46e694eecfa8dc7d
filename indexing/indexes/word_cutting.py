r"""A text to the tokens in it, and a token to its words, the forms of it as a whole, and the parts of a word.

A *token* is what stands without a space: ``getUserById``, ``Wi-Fi``, ``2.10.1``, ``/etc/acme/agent.conf``. Its *words*
are what stands between its separators, a number with separators being one; a *whole* is it without them; the *parts* of
a word are its humps and its digits. Scripts that set no spaces between words are cut into overlapping bigrams.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import regex

MAX_WHOLE = 96
"""Characters of a token above which it has no form as a whole: a line of packed code is looked for by its words.
Our choice."""
MAX_PARTS = 6
"""Of a word; one of more is a hash or packed data. Source: our choice."""

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\u30fc\p{Thai}\p{Khmer}\p{Lao}\p{Myanmar}"
_WORD = r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*"
# C++, C#, A+: after one or two letters they belong to the name; elsewhere only ++ does.
_SIGN = r"(?:\+\+(?!\p{L})|(?<=(?<![\p{L}\p{N}])\p{L}{1,2})\#(?!\p{L})|(?<=(?<![\p{L}\p{N}])\p{L})\+(?![\p{L}\p{N}+]))?"
_INNER = r"(?:[-\u2010.'\u2019\u200b\u200c]|_+|(?<=\p{Nd}),(?=\p{Nd}))"
_OUTER = r"(?:://|::|->|:?\\|/\.?|[@:=?&\#~+%])"
_EMOJI = r"(?:[\p{Extended_Pictographic}--[\u00a9\u00ae]]\p{Emoji_Modifier}?)"
_SPACED_NUMBER = r"(?<![\p{L}\p{N}.,])\p{Nd}{1,3}(?:\x20\p{Nd}{3})+(?![\p{L}\p{N}])"
_LEADING_DOT = r"(?:(?<![\p{L}\p{N}\p{M}.])\.(?=\p{L}))?"

_FLAGS = regex.VERSION1
_TOKEN = regex.compile(
    rf"{_SPACED_NUMBER}|{_LEADING_DOT}{_WORD}{_SIGN}(?:(?:{_INNER}|{_OUTER}){_WORD}{_SIGN})*"
    rf"|{_EMOJI}(?:\u200d{_EMOJI})*|\p{{RI}}\p{{RI}}",
    flags=_FLAGS,
)
_IS_EMOJI = regex.compile(r"[\p{Extended_Pictographic}\p{RI}]", flags=_FLAGS)
_ONE_EMOJI = regex.compile(r"\p{Extended_Pictographic}|\p{RI}\p{RI}", flags=_FLAGS)
_SEGMENT = regex.compile(rf"\.?{_WORD}{_SIGN}(?:{_INNER}{_WORD}{_SIGN})*", flags=_FLAGS)
_ONE_WORD = regex.compile(rf"{_WORD}{_SIGN}", flags=_FLAGS)
_NUMBER = regex.compile(r"(?<!\p{Nd})\p{Nd}+(?:[.,_'\u2019]\p{Nd}+)+", flags=_FLAGS)
_DIGITS, _NO_DIGITS = regex.compile(r"\p{Nd}+"), regex.compile(r"\P{Nd}+")
_GROUP = 3
"""Digits of a group of thousands."""
# What people also write without hyphens: ISBN, telephone and order numbers; shorter ones may be spans, such as 10-20.
_NUMBERED = regex.compile(r"(?=(?:\D*\d){7})\p{Nd}+(?:-\p{Nd}+)+", flags=_FLAGS)
_DROPPED = regex.compile(rf"(?<=\p{{Nd}})([-.])(?=\p{{Nd}})|{_INNER}", flags=_FLAGS)
_RUN = regex.compile(
    rf"(?P<unspaced>[{_UNSPACED}][{_UNSPACED}\p{{M}}]*)|(?P<hangul>\p{{Hangul}}[\p{{Hangul}}\p{{M}}]*)"
    rf"|[^{_UNSPACED}\p{{Hangul}}]+",
    flags=_FLAGS,
)
# A vowel sign belongs to its letter, and so does what Khmer and Burmese set below it.
_CLUSTER = regex.compile(r"[\p{L}\p{N}](?:\p{M}|(?<=[\u17d2\u1039])\p{L})*", flags=_FLAGS)
# What may be a word by itself: a Han character, a syllable of Khmer or Burmese; a Thai letter says little.
_SYLLABLE = regex.compile(r"[\p{Han}&&\p{Unified_Ideograph}]|[\p{Khmer}\p{Myanmar}]\X*", flags=_FLAGS)
_PART = regex.compile(
    r"\p{Lu}{2,}s(?!\p{L})|\p{Lu}+(?=\p{Lu}\p{Ll})|\p{Lu}?[\p{Ll}\p{Lo}\p{Lm}\p{M}]+|(?:[\p{Lu}\p{Lt}]\p{M}*)+|\p{N}+",
    flags=_FLAGS,
)
_SHORTENED = regex.compile(r"(\p{L}+?)(?:['\u2019](?:s|ll|re|ve|d|m)|n['\u2019]t)", flags=_FLAGS | regex.IGNORECASE)
_POSSESSIVE = regex.compile(r"(.+)['\u2019]s", flags=_FLAGS | regex.IGNORECASE)
_ELIDED = regex.compile(r"(\p{L}{1,2}|\p{L}*(?:qu|ll|un|st|gl))['\u2019](?=\p{L})", flags=_FLAGS | regex.IGNORECASE)
# Default ignorable but for what joins emoji, and for the two that stand between words.
_IGNORED = regex.compile(
    r"[\p{Default_Ignorable_Code_Point}--[\u200b-\u200d]]|(?<!\p{Extended_Pictographic}\p{Emoji_Modifier}?)\u200d",
    flags=_FLAGS,
)
_VARIATION = regex.compile(r"[\ufe00-\ufe0f]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a token, in the case it has there.

    ``others`` are forms of it beside itself that are as good, such as a number without its separators; ``parts`` are
    smaller. ``bigrams`` are those of a script without spaces, whose word itself is no term; ``is_elided`` says that it
    is an article or the like, cut off before a vowel.
    """

    text: str
    others: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    bigrams: tuple[str, ...] = ()
    letters: tuple[str, ...] = ()
    is_unspaced: bool = False
    is_elided: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """A token: its words in their order, and its forms as a whole, where it has more than one word."""

    words: tuple[Word, ...]
    wholes: tuple[str, ...] = ()


def tokens_of(text: str) -> list[str]:
    """The tokens of a text, in their order, in compatible form and without characters that are not seen."""
    found: list[str] = _TOKEN.findall(plain(text))
    return found


def placed_tokens(compatible: str) -> Iterator[tuple[int, str]]:
    """The tokens of a text that ``plain`` gave, each with where it begins."""
    return ((found.start(), found[0]) for found in _TOKEN.finditer(compatible))


def plain(text: str) -> str:
    """A text in compatible form, without characters that are not seen."""
    if text.isascii():
        return text
    text = _IGNORED.sub("", _VARIATION.sub("", text))
    return unicodedata.normalize("NFKC", text)


def cut(token: str, *, elides: bool = False) -> Token:
    """What is in a token that ``tokens_of`` gave; ``elides`` where the language cuts articles off before a vowel."""
    if _IS_EMOJI.match(token):
        return _emoji(token)
    if " " in token:
        return Token(tuple(Word(group) for group in token.split(" ")), (token.replace(" ", ""),))
    segments = _SEGMENT.findall(token)
    words: list[Word] = []
    wholes = [token] if len(segments) > 1 and len(token) <= MAX_WHOLE else []
    for segment in segments:
        found, joined = _cut_segment(segment, elides=elides)
        words += found
        wholes += [whole for whole in joined if len(whole) <= MAX_WHOLE]
    return Token(tuple(words), tuple(wholes))


def _emoji(token: str) -> Token:
    """A picture by itself; several that are joined, and one of a colour of skin, also by what they are made of."""
    simple = tuple(_ONE_EMOJI.findall(token))
    return Token((Word(token, parts=() if simple == (token,) else simple),))


def _cut_segment(segment: str, *, elides: bool) -> tuple[list[Word], tuple[str, ...]]:
    """The words of what stands between outer separators, and its forms as a whole; none where it is one word."""
    if (shortened := _SHORTENED.fullmatch(segment)) is not None:
        return _cut_runs("can" if shortened[1].lower() == "ca" else shortened[1]), ()
    if (possessive := _POSSESSIVE.fullmatch(segment)) is not None:
        segment = possessive[1]
    if elides and (elided := _ELIDED.match(segment)) is not None:
        words, wholes = _cut_segment(segment[elided.end() :], elides=True)
        return [Word(elided[1], is_elided=True), *words], wholes
    is_dotted = segment.startswith(".")
    words = list(_words_between(segment.removeprefix(".")))
    if is_dotted and len(words) == 1:
        one = words[0]
        return [Word(segment, parts=(one.text, *one.parts))], ()
    if len(words) == 1 or any(word.is_unspaced for word in words):
        return words, ()
    if _NUMBERED.fullmatch(segment):
        return words, (segment, segment.replace("-", ""))
    return words, (_joined(segment),)


def _words_between(segment: str) -> Iterator[Word]:
    """The words of a segment, a number with separators being one."""
    end = 0
    for found in _NUMBER.finditer(segment):
        yield from _words(segment[end : found.start()])
        yield _number(found[0])
        end = found.end()
    yield from _words(segment[end:])


def _words(text: str) -> Iterator[Word]:
    for found in _ONE_WORD.finditer(text):
        yield from _cut_runs(found[0])


def _joined(segment: str) -> str:
    """A segment without its separators, but those between digits: 2.1 and 21 are not the same."""
    numbers = _NUMBER.sub(lambda found: _number(found[0]).text, segment)
    return str(_DROPPED.sub(lambda found: found[1] or "", numbers))


def _number(text: str) -> Word:
    """A number with separators, such as a version: a comma for a dot, thousands also without what groups them."""
    digits, signs = _DIGITS.findall(text), _NO_DIGITS.findall(text)
    dotted = ".".join(digits)
    if len(signs) > 1 and len({*signs[:-1]}) == 1 and signs[-1] != signs[0] and _is_grouped(digits[:-1]):
        return Word("".join(digits[:-1]) + "." + digits[-1], parts=tuple(digits))
    if len(set(signs)) > 1 or not _is_grouped(digits):
        return Word(dotted, parts=tuple(digits))
    joined = "".join(digits)
    if len(signs) > 1 and signs[0] != ".":
        return Word(joined, parts=tuple(digits))
    return Word(dotted, others=(joined,), parts=tuple(digits))


def _is_grouped(digits: list[str]) -> bool:
    """Whether digits stand in threes, or, as in India, in twos before the last three."""
    middle = {len(group) for group in digits[1:-1]}
    return len(digits[0]) <= _GROUP and len(digits[-1]) == _GROUP and middle in ({_GROUP}, {_GROUP - 1}, set())


def _cut_runs(word: str) -> list[Word]:
    """A word where its script changes to one without spaces, or from it."""
    return [_run(found) for found in _RUN.finditer(word)]


def _run(found: "regex.Match[str]") -> Word:
    text = found[0]
    if found["unspaced"]:
        clusters = _CLUSTER.findall(text)
        single = tuple(one for one in clusters if _SYLLABLE.fullmatch(one))
        return Word(text, bigrams=_bigrams(clusters), letters=single, is_unspaced=True)
    if found["hangul"]:
        return Word(text, bigrams=_bigrams(text) if len(text) > 2 else (), letters=(text[0],) if len(text) == 2 else ())
    base = text.rstrip("+#")
    if base != text:
        return Word(text, parts=(base,) if len(base) > 2 else ())
    parts = tuple(_PART.findall(text)) if len(text) <= MAX_WHOLE else ()
    return Word(text, parts=parts if 1 < len(parts) <= MAX_PARTS else ())


def _bigrams(letters: list[str] | str) -> tuple[str, ...]:
    """Each two letters that stand side by side; a single one is all there is."""
    return tuple(one + other for one, other in pairwise(letters)) or tuple(letters)
