"""Words that mean something that was named before, such as "it", "davon", 它们: by them a question refers back."""

import re
from collections.abc import Sequence

_ENGLISH = """it its itself this that these those it's that's they them their theirs he him his she her hers one ones
there here such same other another both either former latter so then"""
_GERMAN = """ihn ihm dies diese dieser dieses diesen diesem jene jener jenes davon damit dafür
dazu daran darin darauf darüber dabei daraus dagegen dahin dort hier andere anderen anderer anderes beide beiden solche
solchen dasselbe derselbe dieselbe letztere ersteres erstere"""
_FRENCH = """cela ça ceci celui celle ceux celles elle ils elles lui eux autre autres même mêmes
ici là ces cet cette telle"""
_SPANISH = """eso esto ese esa esos esas este estos estas aquel aquella aquello él ella ellos ellas otro otra otros
otras mismo misma ambos ambas ahí allí aquí"""
_PORTUGUESE = """isso isto esse essa esses essas este esta estes estas aquele aquela aquilo ele ela eles elas dele dela
deles delas nisso disso outro outra outros outras mesmo mesma ambos ambas ali aqui"""
_ITALIAN = """questo questa questi queste quello quella quelli ciò esso essa essi esse lui loro altro altra
altri altre stesso stessa entrambi lì"""
_DUTCH = """dit dat deze hij zij haar hun ervan ermee ervoor erop erin daarmee daarvan daarvoor daar hier andere
beide zelfde dezelfde hetzelfde"""
_SWEDISH = """detta denna dessa deras hans hennes där här andra båda samma sådan"""
_POLISH = """tego temu tym tymi tej tych ona ono oni jego jej tam tutaj inny inna inne innych oba taki taka takie"""
_RUSSIAN = """это этот эта эти этого этой этому этим этих этом он она оно они его её ее ему ей их им них нём нем ней там
тут тот та те того той тому тех другой другая другое другие оба такой такая такие"""
_TURKISH = """bu bunu bunun buna bunlar bunları şu şunu onu onun ona onlar onları diğer diğeri orada burada aynı"""
_ARABIC = """هذا هذه ذلك تلك هؤلاء هنا منه منها عنه عنها فيه فيها بها له لها"""
_KOREAN = """그것 그것은 그것을 그것이 이것 이것은 이것을 이것이 저것 그거 이거 저거 그 이 거기 여기 그들 다른"""
_WORDS = frozenset(
    f"""{_ENGLISH} {_GERMAN} {_FRENCH} {_SPANISH} {_PORTUGUESE} {_ITALIAN} {_DUTCH}
    {_SWEDISH} {_POLISH} {_RUSSIAN} {_TURKISH} {_ARABIC} {_KOREAN}""".split()
)
"""Our choice. Left out is what is something else as well: an article ("das"), how people are addressed ("Sie"), a word
that stands for nothing ("es gibt", "ما هو"), another word elsewhere ("die", "on", "en", "qui" and "quelle", which are
Italian and ask in French, "dem", "به") or a name ("IL-10")."""
_OF_ENGLISH = """about and any but can can't could did didn't does doesn't don't for from get have how if is isn't it
much not of should than that the then they this was wasn't what when where which who why will with would you your"""
_OF_SPAIN_AND_PORTUGAL = """para por com con como cómo que qué cual cuál cuánto quanto quando cuándo onde dónde el en es
é y puedo posso tengo tenho sobre del los os las não no"""
_ONLY_BESIDE = {
    **dict.fromkeys(("he", "her", "so"), frozenset(_OF_ENGLISH.split())),
    "este": frozenset(_OF_SPAIN_AND_PORTUGAL.split()),
}
"""Words that are common ones elsewhere, and words of their own language, beside one of which they refer: Spanish has
"he olvidado", Turkish "her", German and Czech "so", Romanian "este". Source: our choice."""
_UNSPACED = re.compile("它们|它|他们|他|她们|她|这个|这些|这样|这里|那个|那些|那样|那里|这|那|其中|其它|其他|"
                       "それら|それ|これら|これ|あれ|その|この|あの|そこ|ここ|彼ら|彼女|彼")  # fmt: skip
"""The same of Chinese and Japanese, which set no spaces."""
_WORD = re.compile(r"(?:[^\W\d_]|')+")
_UNSPACED_LETTERS = re.compile("[\u3040-\u30ff\u3400-\u9fff]+")
_LETTERS_A_WORD = 2
"""Of a text without spaces. Source: our choice: most Chinese words have two."""


def referring_and_all(text: str) -> tuple[int, int]:
    """How many words of a text refer to what was named before, and how many words it has.

    Letters of Chinese and Japanese count as words of two.
    """
    plain = text.casefold().replace("\u2019", "'")
    runs = _UNSPACED_LETTERS.findall(plain)
    words = _WORD.findall(_UNSPACED_LETTERS.sub(" ", plain))
    referring = sum(_refers(word, words) for word in words) + sum(len(_UNSPACED.findall(run)) for run in runs)
    return referring, len(words) + -(-sum(map(len, runs)) // _LETTERS_A_WORD)


def _refers(word: str, words: Sequence[str]) -> bool:
    """Whether a word refers among the words of its text; one by itself does."""
    beside = _ONLY_BESIDE.get(word)
    return word in _WORDS and (beside is None or not beside.isdisjoint(words) or _WORDS.issuperset(words))
