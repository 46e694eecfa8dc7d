"""Languages: their codes and names, and in which one a text is written. It alone imports py3langid."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Protocol

from indexing.indexes.analysers import DECIDABLE
from indexing.indexes.plain_english import is_plain_english

UNKNOWN = "und"
"""The code for a text of which no language can be told: too short, or no language at all. Source: ISO 639-2."""
_NO_LANGUAGE = "zxx"
"""What the detector calls numbers, markup and identifiers. Source: ISO 639-2."""
_MIN_CONFIDENCE = 0.5
"""Below this, 0..1, the detector's first guess counts for nothing. Source: our choice."""
_DETECTED_CHARS = 2_000
"""Characters of a text that are looked at. Source: our choice; more tell the detector nothing new."""
NAMES: Mapping[str, str] = {
    "af": "Afrikaans",
    "am": "Amharic",
    "ar": "Arabic",
    "az": "Azerbaijani",
    "be": "Belarusian",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "bs": "Bosnian",
    "ca": "Catalan",
    "cs": "Czech",
    "cy": "Welsh",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "eo": "Esperanto",
    "es": "Spanish",
    "et": "Estonian",
    "eu": "Basque",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "ga": "Irish",
    "gl": "Galician",
    "gu": "Gujarati",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "hy": "Armenian",
    "id": "Indonesian",
    "is": "Icelandic",
    "it": "Italian",
    "ja": "Japanese",
    "ka": "Georgian",
    "kk": "Kazakh",
    "km": "Khmer",
    "kn": "Kannada",
    "ko": "Korean",
    "lo": "Lao",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "mk": "Macedonian",
    "ml": "Malayalam",
    "mn": "Mongolian",
    "mr": "Marathi",
    "ms": "Malay",
    "my": "Burmese",
    "ne": "Nepali",
    "nl": "Dutch",
    "no": "Norwegian",
    "pa": "Punjabi",
    "pl": "Polish",
    "ps": "Pashto",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "si": "Sinhala",
    "sk": "Slovak",
    "sl": "Slovenian",
    "so": "Somali",
    "sq": "Albanian",
    "sr": "Serbian",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tl": "Tagalog",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "uz": "Uzbek",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
"""English names of the languages that are told apart, by ISO 639-1 code; the detector's other ones are rare, and
short texts of these would be taken for them. Source: our choice."""


class Detector(Protocol):
    """Tells the code of a text's language, and how sure it is, 0..1."""

    def classify(self, text: str) -> tuple[str, float]:
        """The code of the language of ``text``, or ``und``, and the confidence."""
        ...


def language_of(text: str, around: Callable[[], str] = str) -> str:
    """The code of the language that a text is written in, one of ``NAMES``, or ``UNKNOWN``. Threads may call it.

    ``around`` gives what stands around the text, and is asked where that alone does not tell, as of a table or of code:
    it is English then if that is.

    The detector is loaded for the first text that is not plainly English: two thirds of a second of a processor, and
    100 MB.
    """
    is_english = is_plain_english(text[:_DETECTED_CHARS])
    if is_english is None:
        is_english = is_plain_english(around()[:_DETECTED_CHARS])
    if is_english:
        return "en"
    found, _ = detector().classify(text[:_DETECTED_CHARS].encode("utf-8", "replace").decode())
    return found if found in NAMES else UNKNOWN


def language_name(code: str) -> str:
    """What people call a language; one that cannot be told is ``an unknown language``, a code without name stays."""
    return "an unknown language" if code == UNKNOWN else NAMES.get(code, code)


def analyser_language(code: str) -> str:
    """The language of the lexical leg for texts of a language; ``none`` where the analyser knows nothing of it."""
    name = NAMES.get(code, "").lower()
    return name if name in DECIDABLE else "none"


@lru_cache(maxsize=1)
def detector() -> Detector:
    """The detector of languages, loaded at the first call."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True, min_confidence=_MIN_CONFIDENCE)
    identifier.set_languages([*NAMES, _NO_LANGUAGE])
    found: Detector = identifier
    return found
