"""What stands inside the paragraphs of Word files keeps its meaning, and what is left out has a reason."""

import pytest

from indexing.sources.docx import read_word
from indexing.sources.extracted_text import Extract
from tests.support import made_files

UP = '<w:position w:val="8"/><w:sz w:val="14"/>'
SUPER, SUB, HIDE = '<w:vertAlign w:val="superscript"/>', '<w:vertAlign w:val="subscript"/>', "<w:vanish/>"


def read(body: str, **parts: str) -> Extract:
    made = {f"word/{name}.xml": made_files.part(name, content) for name, content in parts.items()}
    extract = read_word(made_files.docx_of(body, parts=made))
    assert extract.account is not None
    assert extract.account.unexplained == 0
    assert extract.account.raw == extract.account.kept + sum(extract.account.left_out.values())
    return extract


def left_out(extract: Extract) -> dict[str, int]:
    assert extract.account is not None
    return dict(extract.account.left_out)


def field(code: str, result: str) -> str:
    marks = {kind: f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "separate", "end")}
    shown = f"<w:r><w:t>{result}</w:t></w:r>"
    return f"{marks['begin']}<w:r><w:instrText>{code}</w:instrText></w:r>{marks['separate']}{shown}{marks['end']}"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("10", (SUPER, "6"), " cells"), "10^6 cells"),
        (("10", (SUPER, "\u2212"), (SUPER, "3"), " mol"), "10^\u22123 mol"),
        (("25 m", (SUPER, "2"), ", H", (SUB, "2"), "O"), "25 m^2, H2O"),
        (("x", (SUPER, "n+1")), "x^(n+1)"),
        (("10", (UP, "-3"), " mol"), "10^-3 mol"),
        (("4 m", (UP, "2")), "4 m^2"),
        (("even", ('<w:position w:val="2"/><w:sz w:val="20"/>', "ed")), "evened"),
        (("low", ('<w:position w:val="-6"/><w:sz w:val="14"/>', "2")), "low2"),
        (("\u2610 Normal \u2611 Urgent \u2612 Late",), "[ ] Normal [x] Urgent [x] Late"),
        (("Pump\u2611",), "Pump[x]"),
        (("\u2611 seen", (HIDE, "\u2612 not")), "[x] seen"),
        (("the 1", (SUPER, "st"), " of May"), "the 1st of May"),
        (("a", (SUPER, " "), "b"), "a b"),
        (("un", ("<w:b/>", "believ"), "able"), "unbelievable"),
        (("a ", ("<w:b/>", "bold"), " word"), "a **bold** word"),
        (("a ", ("<w:i/>", "slanted "), "word"), "a *slanted* word"),
        ((("<w:b w:val='0'/>", "plain"),), "plain"),
        (("AB", ("<w:b/>", "<w:noBreakHyphen/>"), "12, soft", "<w:r><w:softHyphen/></w:r>", "hyphen"),
         "AB-12, softhyphen"),
        (("a", "<w:r><w:tab/></w:r>", "b", "<w:r><w:br/></w:r>", "c"), "a b\nc"),
        (("5 ", '<w:r><w:sym w:font="Symbol" w:char="F06D"/></w:r>', "m"), "5 μm"),
        (('<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r>', " done"), "[x] done"),
        ((("<w:rFonts w:ascii='Symbol'/>", "\uf0b3"), " 5"), "≥ 5"),
    ],
)  # fmt: skip
def test_runs_become_the_text_that_a_reader_means(texts: tuple[str | tuple[str, str], ...], expected: str) -> None:
    assert read(made_files.runs(*texts)).text == expected


def test_raised_text_may_come_from_a_style() -> None:
    styles = f'<w:style w:type="character" w:styleId="Up"><w:name w:val="Up"/><w:rPr>{SUPER}</w:rPr></w:style>'
    styles += '<w:style w:type="character" w:styleId="Down"><w:basedOn w:val="Up"/></w:style>'
    for name in ("Up", "Down"):
        body = made_files.runs("10", (f'<w:rStyle w:val="{name}"/>', "6"))
        assert read(body, styles=styles).text == "10^6"


@pytest.mark.parametrize(
    ("properties", "is_hidden"),
    [
        (HIDE, True),
        ('<w:vanish w:val="1"/>', True),
        ('<w:vanish w:val="0"/>', False),
        ('<w:rStyle w:val="Secret"/>', True),
        ('<w:rStyle w:val="Below"/>', True),
        ('<w:rStyle w:val="Secret"/><w:vanish w:val="false"/>', False),
        ("<w:webHidden/>", False),
    ],
)
def test_hidden_text_is_left_out_and_counted(properties: str, is_hidden: bool) -> None:
    styles = f'<w:style w:type="character" w:styleId="Secret"><w:rPr>{HIDE}</w:rPr></w:style>'
    styles += '<w:style w:type="character" w:styleId="Below"><w:basedOn w:val="Secret"/></w:style>'
    extract = read(made_files.runs("Seen ", (properties, "secret"), " end"), styles=styles)
    assert extract.text == ("Seen end" if is_hidden else "Seen secret end")
    assert left_out(extract) == ({"hidden text": 6} if is_hidden else {})


def test_hidden_paragraphs_by_style_are_left_out() -> None:
    styles = f'<w:style w:type="paragraph" w:styleId="Note"><w:rPr>{HIDE}</w:rPr></w:style>'
    extract = read(made_files.paragraph("gone", "Note") + made_files.paragraph("here"), styles=styles)
    assert (extract.text, left_out(extract)) == ("here", {"hidden text": 4})


def box(is_ticked: bool, content: str) -> str:
    state = f'<w14:checkbox><w14:checked w14:val="{int(is_ticked)}"/></w14:checkbox>'
    return f"<w:sdt><w:sdtPr>{state}</w:sdtPr><w:sdtContent>{content}</w:sdtContent></w:sdt>"


def test_ticks_come_from_content_controls() -> None:
    ticked, empty = "<w:r><w:t>\u2612</w:t></w:r>", "<w:r><w:sym w:font='Wingdings' w:char='F0A8'/></w:r>"
    body = made_files.runs(box(True, ticked), " agree ", box(False, empty), " refuse ", box(True, ""), " know")
    assert read(body).text == "[x] agree [ ] refuse [x] know"
    assert read(box(True, f"<w:p>{ticked}</w:p>") + made_files.paragraph("alone")).text == "[x]\n\nalone"
    inside = f"<w:tbl><w:tr><w:tc>{made_files.runs(box(False, ticked), ' no')}</w:tc>"
    inside += f"<w:tc>{made_files.runs(box(True, ticked), ' yes')}</w:tc></w:tr></w:tbl>"
    assert "| [ ] no | [x] yes |" in read(inside).text
    assert left_out(read(made_files.runs(box(True, "<w:r><w:t>X</w:t></w:r>"), " agree"))) == {"form controls": 1}


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ('<w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox>', "[x]"),
        ('<w:checkBox><w:default w:val="1"/></w:checkBox>', "[x]"),
        ('<w:checkBox><w:default w:val="1"/><w:checked w:val="0"/></w:checkBox>', "[ ]"),
        ('<w:ddList><w:result w:val="1"/><w:listEntry w:val="red"/><w:listEntry w:val="blue"/></w:ddList>', "blue"),
        ('<w:ddList><w:listEntry w:val="red"/><w:listEntry w:val="blue"/></w:ddList>', "red"),
    ],
)
def test_fields_of_old_forms_show_what_is_ticked_and_chosen(data: str, shown: str) -> None:
    begin = f'<w:r><w:fldChar w:fldCharType="begin"><w:ffData>{data}</w:ffData></w:fldChar></w:r>'
    code = "<w:r><w:instrText>FORM</w:instrText></w:r>"
    end = '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    assert read(made_files.runs(begin, code, end, " choice")).text == f"{shown} choice"


def test_fields_show_their_results_and_not_their_codes() -> None:
    assert read(made_files.runs("see ", field('HYPERLINK "http://a"', "the page"))).text == "see the page"
    inner = field("MERGEFIELD x", "inner")
    nested = f'<w:r><w:fldChar w:fldCharType="begin"/></w:r>{inner}<w:r><w:fldChar w:fldCharType="separate"/></w:r>'
    nested += '<w:r><w:t>shown</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>'
    extract = read(made_files.runs("it is ", nested))
    assert (extract.text, left_out(extract)) == ("it is shown", {"field codes": 5})


def test_a_field_that_never_ends_hides_nothing() -> None:
    begin = '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
    assert read(made_files.runs(begin, "all of it") + made_files.paragraph("and this")).text == "all of it\n\nand this"


def test_a_table_of_contents_is_left_out_as_navigation() -> None:
    contents = made_files.runs(field('TOC \\o "1-3"', "Refunds 4"))
    extract = read(contents + made_files.paragraph("Refunds", "Heading1"))
    assert (extract.text, left_out(extract)) == ("# Refunds", {"navigation": 8})
    gallery = '<w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj>'
    control = (
        f"<w:sdt><w:sdtPr>{gallery}</w:sdtPr><w:sdtContent>{made_files.paragraph('Refunds 4')}</w:sdtContent></w:sdt>"
    )
    assert read(control + made_files.paragraph("Refunds", "Heading1")).text == "# Refunds"


def test_moved_and_deleted_text_is_left_out_and_inserted_text_is_kept() -> None:
    moved = (
        "<w:moveFrom><w:r><w:t>old place</w:t></w:r></w:moveFrom><w:moveTo><w:r><w:t>new place</w:t></w:r></w:moveTo>"
    )
    gone = "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins><w:r><w:t> added</w:t></w:r></w:ins>"
    extract = read(made_files.runs(moved, gone))
    assert (extract.text, left_out(extract)) == ("new place added", {"deleted text": 12})


def test_a_paragraph_whose_end_was_deleted_goes_on_in_the_next() -> None:
    first = "<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>half a </w:t></w:r></w:p>"
    assert read(first + made_files.paragraph("sentence")).text.split() == ["half", "a", "sentence"]


def test_a_large_first_letter_belongs_to_its_word() -> None:
    letter = '<w:p><w:pPr><w:framePr w:dropCap="drop"/></w:pPr><w:r><w:t>O</w:t></w:r></w:p>'
    assert read(letter + made_files.paragraph("nce upon a time")).text == "Once upon a time"


def test_notes_have_marks_apart_from_words_and_follow_in_their_order() -> None:
    def note(identity: int, text: str) -> str:
        return f'<w:footnote w:id="{identity}">{made_files.runs("<w:r><w:footnoteRef/></w:r>", text)}</w:footnote>'

    def mark(identity: int) -> str:
        return f'<w:r><w:rPr>{SUPER}</w:rPr><w:footnoteReference w:id="{identity}"/></w:r>'

    body = made_files.runs("degrees", mark(7), " and metres", mark(3), ".")
    extract = read(body, footnotes=note(3, " Three.") + note(7, " Seven.") + note(9, " Never."))
    assert extract.text == "degrees [1] and metres [2].\n\n[1] Seven.\n\n[2] Three."
    assert left_out(extract) == {"notes without a mark": 5}


def test_readings_of_a_word_stand_in_brackets() -> None:
    ruby = "<w:r><w:ruby><w:rt><w:r><w:t>かんじ</w:t></w:r></w:rt>"
    ruby += "<w:rubyBase><w:r><w:t>漢字</w:t></w:r></w:rubyBase></w:ruby></w:r>"
    assert read(made_files.runs(ruby, "です")).text == "漢字(かんじ)です"


def test_text_that_looks_like_markdown_makes_no_headings_or_rules() -> None:
    assert (
        read(made_files.paragraph("# 5 is the key") + made_files.paragraph("---")).text == "\\# 5 is the key\n\n\\---"
    )
