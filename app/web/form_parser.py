"""Forms with files are read strictly: in UTF-8, since other bytes could make two names one, and to their end."""

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser


class FormParser(MultiPartParser):
    """Starlette's parser, which takes bytes that are not UTF-8 for Latin-1, and leaves out a part that is cut off."""

    def __init__(self, request: Request, *, max_files: int, max_fields: int, max_field_bytes: int) -> None:
        """Read the form of a request, with as many files and fields of text, and bytes in one field, at most."""
        super().__init__(
            request.headers,
            request.stream(),
            max_files=max_files,
            max_fields=max_fields,
            max_part_size=max_field_bytes,
        )
        self._is_whole = False

    async def parse(self) -> FormData:
        """The form, whose files are its reader's to close.

        Raises:
            MultiPartException: it is malformed, not in UTF-8, cut off, or larger than it may be.
            ClientDisconnect: the client has gone.
        """
        charset = parse_options_header(self.headers.get("content-type"))[1].get(b"charset", b"utf-8")
        if charset.lower() not in (b"utf-8", b"utf8", b"us-ascii"):
            raise MultiPartException(f"The form says that it is in {charset[:40]!r}: expected UTF-8.")
        form = await super().parse()
        if not self._is_whole:
            for file in self._files_to_close_on_error:
                file.close()
            raise MultiPartException("The form is cut off: expected its last boundary, with '--' behind it.")
        return form

    def on_header_end(self) -> None:
        """A header of a part is there, such as the one with its name."""
        _require_utf8(self._current_partial_header_value, "header of a part")
        super().on_header_end()

    def on_part_end(self) -> None:
        """A part is there."""
        if self._current_part.file is None:
            _require_utf8(self._current_part.data, "field of text")
        super().on_part_end()

    def on_end(self) -> None:
        """The last boundary is there."""
        self._is_whole = True
        super().on_end()


def _require_utf8(value: bytes | bytearray, what: str) -> None:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        raise MultiPartException(
            f"The form holds a {what} with the byte 0x{value[error.start]:02x}, which is not UTF-8: encode names and"
            " texts as UTF-8."
        ) from error
