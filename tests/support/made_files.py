"""PDF and Word files made from nothing, as small as they can be; loaded by the fixtures ``pdf_of`` and ``docx_of``."""

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_DRAWN = " ".join(
    f'xmlns:{prefix}="{space}"'
    for prefix, space in {
        "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
        "w14": "http://schemas.microsoft.com/office/word/2010/wordml",
        "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
        "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
        "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
        "dgm": "http://schemas.openxmlformats.org/drawingml/2006/diagram",
        "v": "urn:schemas-microsoft-com:vml",
        "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    }.items()
)
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'

Line = tuple[int, int, int, str]
"""x and y in points from the lower left corner, size, text."""


def stream_of(lines: Sequence[Line]) -> bytes:
    """A page's content stream that writes ``lines`` in their order."""
    shown = []
    for x, y, size, text in lines:
        data = text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        shown.append(b"/F1 %d Tf 1 0 0 1 %d %d Tm (%s) Tj" % (size, x, y, data))
    return b"BT\n" + b"\n".join(shown) + b"\nET"


def pdf_of(
    pages: Sequence[Sequence[Line] | bytes], *, title: str = "", stream_fields: bytes = b"", encrypt: bytes = b""
) -> bytes:
    """A PDF of pages that are lines or finished content streams, which ``stream_fields`` describe."""
    kids = b" ".join(b"%d 0 R" % (5 + 2 * i) for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Title (%s) >>" % title.encode("cp1252"),
    ]
    for i, page in enumerate(pages):
        stream = page if isinstance(page, bytes) else stream_of(page)
        resources = b"/Resources << /Font << /F1 3 0 R >> >>"
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] %s /Contents %d 0 R >>" % (resources, 6 + 2 * i)
        )
        objects.append(b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(stream), stream_fields, stream))
    info = b"/Info 4 0 R" if title else b""
    return pdf_file(objects, info + b" " + encrypt)


def pdf_file(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of finished objects, numbered from 1; the first is its catalogue."""
    data, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n" % (size, table)
    end += b"<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, len(data))
    return data + end


FormField = tuple[tuple[int, int, int, int], bytes]
"""A field's rectangle, and its entries as a PDF writes them, such as ``/FT /Tx /T (name) /V (value)``."""


def form_pdf_of(lines: Sequence[Line], fields: Sequence[FormField]) -> bytes:
    """A PDF of one page with a form."""
    stream = stream_of(lines)
    numbers = b" ".join(b"%d 0 R" % (6 + place) for place in range(len(fields)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [%s] >> >>" % numbers,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Annots [%s]"
        b" /Resources << /Font << /F1 4 0 R >> >> >>" % numbers,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    for box, entries in fields:
        objects.append(b"<< /Type /Annot /Subtype /Widget /Rect [%d %d %d %d] %s >>" % (*box, entries))
    return pdf_file(objects)


def encrypted_pdf_of(lines: Sequence[Line], password: str) -> bytes:
    """A PDF of one page that needs ``password``, encrypted as PDF 1.4 did it (RC4, 40 bits)."""
    padding = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
    user, rights, identity = (password.encode() + padding)[:32], b"\xfc\xff\xff\xff", b"0123456789abcdef"
    owner = _rc4(hashlib.md5(user).digest()[:5], user)
    key = hashlib.md5(user + owner + rights + identity).digest()[:5]
    fields = b"/Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P -4" % (
        owner.hex().encode(), _rc4(key, padding).hex().encode()
    )  # fmt: skip
    trailer = b"/Encrypt << %s >> /ID [<%s> <%s>]" % (fields, *[identity.hex().encode()] * 2)
    page_key = hashlib.md5(key + (6).to_bytes(3, "little") + b"\0\0").digest()[:10]
    return pdf_of([_rc4(page_key, stream_of(lines))], encrypt=trailer)


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j, made = list(range(256)), 0, bytearray()
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        made.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(made)


def paragraph(text: str, style: str = "", *, numbering: int = 0) -> str:
    """One paragraph of a Word file's body; ``style`` is a style's id, ``numbering`` a list (1 bullets, 2 numbers)."""
    about = f'<w:pStyle w:val="{style}"/>' if style else ""
    if numbering:
        about += f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{numbering}"/></w:numPr>'
    return f'<w:p><w:pPr>{about}</w:pPr><w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def runs(*texts: str | tuple[str, str]) -> str:
    """One paragraph of a Word file's body of runs: texts, or (properties, text), or XML that begins with ``<``."""
    made = ""
    for text in texts:
        properties, words = ("", text) if isinstance(text, str) else text
        is_xml = words.startswith("<")
        inner = words if is_xml else f'<w:t xml:space="preserve">{escape(words)}</w:t>'
        made += words if is_xml and not properties else f"<w:r><w:rPr>{properties}</w:rPr>{inner}</w:r>"
    return f"<w:p>{made}</w:p>"


def part(name: str, content: str) -> str:
    """A part of a Word file, such as ``styles``, with ``content`` inside its root."""
    return f"{_XML}<w:{name} {_WORD} {_DRAWN}>{content}</w:{name}>"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table of a Word file's body."""
    cells = ["".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows]
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def docx_of(body: str, *, title: str = "", parts: Mapping[str, str | bytes] | None = None) -> bytes:
    """A Word file with ``body`` between ``w:body``; ``parts`` add files to it, or replace them."""
    names = {"Title": "Title", "Heading1": "heading 1", "Heading2": "heading 2", "Heading3": "heading 3"}
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/></w:style>'
        for key, name in names.items()
    )
    levels = "".join(
        f'<w:abstractNum w:abstractNumId="{i}"><w:lvl w:ilvl="0"><w:numFmt w:val="{form}"/></w:lvl></w:abstractNum>'
        for i, form in ((1, "bullet"), (2, "decimal"))
    )
    numbers = "".join(f'<w:num w:numId="{i}"><w:abstractNumId w:val="{i}"/></w:num>' for i in (1, 2))
    core = '<cp:coreProperties xmlns:cp="urn:x" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    files: dict[str, str | bytes] = {
        "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1"'
        f' Type="{_OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1"'
        f' Type="{_OFFICE}/styles" Target="styles.xml"/><Relationship Id="r2" Type="{_OFFICE}/numbering"'
        ' Target="numbering.xml"/></Relationships>',
        "word/document.xml": f"{_XML}<w:document {_WORD} {_DRAWN}><w:body>{body}</w:body></w:document>",
        "word/styles.xml": f"{_XML}<w:styles {_WORD}>{styles}</w:styles>",
        "word/numbering.xml": f"{_XML}<w:numbering {_WORD}>{levels}{numbers}</w:numbering>",
        "docProps/core.xml": f"{_XML}{core}<dc:title>{escape(title)}</dc:title></cp:coreProperties>",
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (files | dict(parts or {})).items():
            archive.writestr(name, content)
    return made.getvalue()
