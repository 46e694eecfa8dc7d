"""Boxes, tables and the parts beside the text of Word files: each text comes once, in order, or is left out by name."""

import pytest

from indexing.sources.docx import read_word
from indexing.sources.extracted_text import Extract
from tests.support import made_files

RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def read(body: str, parts: dict[str, str] | None = None) -> Extract:
    extract = read_word(made_files.docx_of(body, parts=parts))
    assert extract.account is not None
    assert extract.account.raw == extract.account.kept + sum(extract.account.left_out.values())
    return extract


def left_out(extract: Extract) -> dict[str, int]:
    assert extract.account is not None
    return dict(extract.account.left_out)


def boxed(text: str) -> str:
    return f"<w:txbxContent>{made_files.paragraph(text)}</w:txbxContent>"


def drawing(text: str) -> str:
    return f"<w:drawing><a:graphic><wps:wsp><wps:txbx>{boxed(text)}</wps:txbx></wps:wsp></a:graphic></w:drawing>"


def vector(text: str) -> str:
    return f"<w:pict><v:shape><v:textbox>{boxed(text)}</v:textbox></v:shape></w:pict>"


def either(choice: str, fallback: str = "") -> str:
    other = f"<mc:Fallback>{fallback}</mc:Fallback>" if fallback else ""
    return f'<mc:AlternateContent><mc:Choice Requires="wps">{choice}</mc:Choice>{other}</mc:AlternateContent>'


@pytest.mark.parametrize(
    "content",
    [
        drawing("valve 7 bar"),
        vector("valve 7 bar"),
        either(drawing("valve 7 bar")),
        either(drawing("valve 7 bar"), vector("valve 7 bar")),
        either("", vector("valve 7 bar")),
        either("<w:drawing/>", vector("valve 7 bar")),
    ],
)
def test_the_text_of_a_box_comes_once_behind_its_paragraph(content: str) -> None:
    body = made_files.runs("Before", f"<w:r>{content}</w:r>") + made_files.paragraph("After")
    assert read(body).text == "Before\n\nvalve 7 bar\n\nAfter"


def test_a_box_in_a_box_and_a_box_in_a_cell_come_once() -> None:
    outer = made_files.runs("outer", "<w:r>" + drawing("inner") + "</w:r>")
    inner = f"<w:txbxContent>{outer}</w:txbxContent>"
    assert read(made_files.runs(f"<w:r><w:drawing>{inner}</w:drawing></w:r>")).text == "outer\n\ninner"
    cell = "<w:tc>" + made_files.runs("cell", "<w:r>" + drawing("box") + "</w:r>") + "</w:tc>"
    assert (
        "| cell box | b |" in read(f"<w:tbl><w:tr>{cell}<w:tc>{made_files.paragraph('b')}</w:tc></w:tr></w:tbl>").text
    )


def test_lettering_and_text_of_shapes_are_read() -> None:
    lettering = '<w:r><w:pict><v:shape><v:textpath string="DRAFT"/></v:shape></w:pict></w:r>'
    shape = "<w:r><w:drawing><a:p><a:r><a:t>in a </a:t></a:r><a:r><a:t>shape</a:t></a:r></a:p></w:drawing></w:r>"
    assert read(made_files.runs("text", lettering, shape)).text == "text\n\nDRAFT\n\nin a shape"


def test_diagrams_and_names_in_charts_are_read() -> None:
    point = "<dgm:pt><a:p><a:r><a:t>{}</a:t></a:r></a:p></dgm:pt>"
    spaces = 'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
    spaces += ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    diagram = f"<dgm:dataModel {spaces}>{point.format('Plan')}{point.format('Act')}</dgm:dataModel>"
    relations = "".join(
        f'<Relationship Id="{name}" Type="{RELATION}/{kind}" Target="{target}"/>'
        for name, kind, target in [("d", "diagramData", "diagrams/data1.xml"), ("s", "styles", "styles.xml")]
    )
    parts = {
        "word/diagrams/data1.xml": diagram,
        "word/_rels/document.xml.rels": f"<Relationships>{relations}</Relationships>",
    }
    extract = read(made_files.runs("see", '<w:r><w:drawing><dgm:relIds r:dm="d"/></w:drawing></w:r>'), parts)
    assert extract.text == "see\n\nPlan\n\nAct"


def row(*cells: str) -> str:
    return "<w:tr>" + "".join(f"<w:tc>{cell}</w:tc>" for cell in cells) + "</w:tr>"


def test_a_table_in_a_cell_stands_in_the_cell_with_its_rows_apart() -> None:
    inner = made_files.table([["Size", "Price"], ["S", "5"], ["L", "9"]])
    texts = [made_files.paragraph(text) for text in ("Item", "Detail", "Shirt", "in stock")]
    body = f"<w:tbl>{row(texts[0], texts[1])}{row(texts[2], inner + texts[3])}</w:tbl>"
    expected = "| Item | Detail |\n| --- | --- |\n| Shirt | Size, Price; S, 5; L, 9 in stock |"
    assert read(body).text == expected


def test_a_table_that_only_places_things_is_no_table() -> None:
    inner = made_files.table([["Size", "Price"], ["S", "5"]])
    shown = "| Size | Price |\n| --- | --- |\n| S | 5 |"
    assert read(f"<w:tbl>{row(inner)}</w:tbl>").text == shown
    beside = f"<w:tbl>{row(made_files.paragraph('Left.'), inner)}</w:tbl>"
    assert read(beside).text == f"Left.\n\n{shown}"
    alone = f"<w:tbl>{row(made_files.paragraph('Note', 'Heading1') + made_files.paragraph('Boxed.'))}</w:tbl>"
    assert read(alone).text == "# Note\n\nBoxed."


def test_cells_that_span_columns_keep_the_columns_in_line() -> None:
    wide = f'<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>{made_files.paragraph("both")}</w:tc>'
    body = f"<w:tbl>{row(made_files.paragraph('a'), made_files.paragraph('b'))}<w:tr>{wide}</w:tr></w:tbl>"
    assert read(body).text == "| a | b |\n| --- | --- |\n| both |  |"


def test_rows_and_cells_in_controls_are_read_and_deleted_rows_are_not() -> None:
    first = row(made_files.paragraph("a"), made_files.paragraph("b"))
    held = f"<w:sdt><w:sdtContent>{row(made_files.paragraph('c'), made_files.paragraph('d'))}</w:sdtContent></w:sdt>"
    gone = row(made_files.paragraph("old"), made_files.paragraph("row")).replace(
        "<w:tr>", "<w:tr><w:trPr><w:del/></w:trPr>"
    )
    extract = read(f"<w:tbl>{first}{held}{gone}</w:tbl>")
    assert extract.text == "| a | b |\n| --- | --- |\n| c | d |"
    assert left_out(extract) == {"deleted text": 6}


def test_headers_and_comments_are_left_out_by_name() -> None:
    kinds = [("h", "header", "header1.xml"), ("c", "comments", "comments.xml")]
    relations = "".join(f'<Relationship Id="{i}" Type="{RELATION}/{kind}" Target="{to}"/>' for i, kind, to in kinds)
    parts = {
        "word/header1.xml": made_files.part("hdr", made_files.paragraph("Secret page")),
        "word/comments.xml": made_files.part("comments", made_files.paragraph("really?")),
        "word/_rels/document.xml.rels": f"<Relationships>{relations}</Relationships>",
    }
    extract = read(made_files.paragraph("text"), parts)
    assert (extract.text, left_out(extract)) == ("text", {"running lines": 10, "comments": 6})


def test_lines_of_code_stay_as_they_are() -> None:
    styles = '<w:style w:type="paragraph" w:styleId="Code"><w:name w:val="Source Code"/></w:style>'
    body = "".join(made_files.paragraph(line, "Code") for line in ("def f():", "    return 1"))
    text = read(body, {"word/styles.xml": made_files.part("styles", styles)}).text
    assert text == "```\ndef f():\n    return 1\n```"


def test_headings_are_known_by_outline_by_style_and_by_what_a_style_is_based_on() -> None:
    styles = '<w:style w:type="paragraph" w:styleId="U2"><w:name w:val="heading 2"/></w:style>'
    styles += '<w:style w:type="paragraph" w:styleId="Mine"><w:name w:val="Mine"/><w:basedOn w:val="U2"/></w:style>'
    outlined = '<w:p><w:pPr><w:outlineLvl w:val="2"/></w:pPr><w:r><w:t>Outlined</w:t></w:r></w:p>'
    body = made_files.paragraph("Styled", "U2") + made_files.paragraph("Based", "Mine") + outlined
    text = read(body, {"word/styles.xml": made_files.part("styles", styles)}).text
    assert text == "## Styled\n\n## Based\n\n### Outlined"


def test_files_of_the_strict_standard_are_read() -> None:
    whole = made_files.part("document", f"<w:body>{made_files.paragraph('strict words')}</w:body>")
    strict = whole.replace(
        "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "http://purl.oclc.org/ooxml/wordprocessingml/main",
    )
    assert read("", {"word/document.xml": strict}).text == "strict words"


def test_pictures_without_much_text_are_said() -> None:
    picture = "<w:r><w:drawing><a:blip/></w:drawing></w:r>"
    extract = read(made_files.runs("Scan", picture))
    assert extract.account is not None
    assert extract.account.notes == ("It holds pictures (1), whose text is not read.",)
