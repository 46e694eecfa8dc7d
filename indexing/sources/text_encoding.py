"""Decodes the bytes of a text file: UTF-8, or UTF-16 and UTF-32 where a byte order mark says so."""

import codecs

from indexing.sources.field_checks import decoded
from indexing.sources.refusals import Refused

_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),  # before UTF-16, with whose mark it begins
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_DECODERS = {name: codecs.lookup(name).decode for name in ("UTF-16", "UTF-32")}
"""Found once, since the parser process opens no file after its start; ``utf-8-sig`` is loaded for it, too."""
codecs.lookup("utf-8-sig")
_LOOKED_AT = 4_096
"""Bytes at the head of a file that are searched for zeros. Our choice."""


def file_text(data: bytes) -> str:
    """The text of a whole file, without its byte order mark.

    Raises:
        Refused: The bytes are not of the encoding that the mark says, or of UTF-8 where there is no mark.
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    if encoding:
        try:
            return _DECODERS[encoding](data, "strict")[0]
        except UnicodeDecodeError as error:
            raise Refused(
                f"its byte order mark says {encoding}, but it is not ({error.reason} at byte {error.start}): save it as"
                " UTF-8"
            ) from error
    head = data[:_LOOKED_AT]
    if head.count(0) * 4 > len(head):
        raise Refused("every other byte of it is zero, as in UTF-16, but it has no byte order mark: save it as UTF-8")
    return decoded(data)
