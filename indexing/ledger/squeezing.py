"""Short JSON made shorter: deflated against the words that rows of the ledger share, a quarter of all they hold."""

import zlib
from json import JSONEncoder
from typing import Final

_DICTIONARY: Final = (
    b'"reranker","pool","prompt":,"turns":,"context_tokens":,"context_left_out":,"context_cut":,"http":,"rerank":,'
    b'{"characters":.0,"words":.0,"language":"en","terms":.0,"unknown_share":0.,"leg_overlap":0.,"term_share":0.,'
    b'"top_score":0.}{"encode":0.,"dense":0.,"lexical":0.,"fuse":0.,"filter":0.,"hydrate":0.,"total":.md","[["'
)
"""What is looked for in each text first; the most frequent last. It belongs to the file's format: never change it."""
_LEVEL, _WINDOW, _MEMORY = 1, -12, 5
"""Raw deflate with a window of 4 KiB, larger than most such texts. Source: our choice, 8 us a text."""


json_text = JSONEncoder(separators=(",", ":")).encode
"""A value as JSON without spaces, in ASCII: a lone surrogate, which a query may hold, cannot be stored as it is."""


def squeezed(text: bytes) -> bytes:
    """The text as fewer bytes, which never begin with ``[`` or ``{``; as it is where that saves nothing."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zdict=_DICTIONARY)
    packed = _MARK + packer.compress(text) + packer.flush()
    return packed if len(packed) < len(text) else text


_MARK = b"\x01"
"""The first byte of a squeezed text; JSON has no such byte."""


def plain(packed: bytes) -> bytes:
    """The text that ``squeezed`` was given, or that was never squeezed.

    Raises:
        ValueError: it is no whole squeezed text.
    """
    if not packed.startswith(_MARK):
        return packed
    unpacker = zlib.decompressobj(_WINDOW, zdict=_DICTIONARY)
    try:
        text = unpacker.decompress(packed[1:]) + unpacker.flush()
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacker.eof:
        raise ValueError("a squeezed text is cut off")
    return text
