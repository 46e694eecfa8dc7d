"""Numbered paragraphs of Word files have the numbers that Word shows."""

from indexing.sources.docx import read_word
from tests.support import made_files


def level(place: int, form: str, text: str, more: str = "") -> str:
    return f'<w:lvl w:ilvl="{place}">{more}<w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/></w:lvl>'


def numbered(number: int, place: int, text: str, style: str = "") -> str:
    about = f'<w:pStyle w:val="{style}"/>' if style else ""
    about += f'<w:numPr><w:ilvl w:val="{place}"/><w:numId w:val="{number}"/></w:numPr>'
    return f"<w:p><w:pPr>{about}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def text_of(body: str, levels: str, numbers: str = "") -> str:
    usual = '<w:num w:numId="1"><w:abstractNumId w:val="9"/></w:num>'
    content = f'<w:abstractNum w:abstractNumId="9">{levels}</w:abstractNum>{usual}{numbers}'
    extract = read_word(made_files.docx_of(body, parts={"word/numbering.xml": made_files.part("numbering", content)}))
    assert extract.account is not None
    assert extract.account.kept == extract.account.raw
    return extract.text


def test_a_list_resumes_after_a_paragraph() -> None:
    body = numbered(1, 0, "one") + numbered(1, 0, "two") + made_files.paragraph("Between.") + numbered(1, 0, "three")
    assert text_of(body, level(0, "decimal", "%1.")) == "1. one\n2. two\n\nBetween.\n\n3. three"


def test_a_list_that_begins_anew_counts_anew_and_one_of_the_same_kind_goes_on() -> None:
    anew = '<w:num w:numId="2"><w:abstractNumId w:val="9"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/>'
    anew += '</w:lvlOverride></w:num><w:num w:numId="3"><w:abstractNumId w:val="9"/></w:num>'
    body = "".join(numbered(number, 0, word) for number, word in [(1, "a"), (1, "b"), (2, "c"), (2, "d"), (3, "e")])
    assert text_of(body, level(0, "decimal", "%1)"), anew) == "1) a\n2) b\n1) c\n2) d\n3) e"


def test_levels_are_indented_and_count_anew_under_each_item() -> None:
    levels = level(0, "decimal", "%1.") + level(1, "lowerLetter", "%2)") + level(2, "bullet", "\uf0b7")
    places = [0, 1, 1, 2, 0, 1]
    body = "".join(numbered(1, place, word) for place, word in zip(places, "abcdef", strict=True))
    assert text_of(body, levels) == "1. a\n   - a) b\n   - b) c\n     - d\n2. e\n   - a) f"


def test_headings_have_their_numbers_and_text_between_does_not_stop_the_count() -> None:
    levels = level(0, "decimal", "%1") + level(1, "decimal", "%1.%2")
    body = numbered(1, 0, "Safety", "Heading1") + numbered(1, 1, "Gloves", "Heading2") + made_files.paragraph("Wear.")
    body += numbered(1, 1, "Masks", "Heading2") + numbered(1, 0, "Use", "Heading1") + numbered(1, 1, "On", "Heading2")
    assert text_of(body, levels) == ("# 1 Safety\n\n## 1.1 Gloves\n\nWear.\n\n## 1.2 Masks\n\n# 2 Use\n\n## 2.1 On")


def test_the_number_of_a_heading_may_come_from_its_style() -> None:
    numbering = '<w:numPr><w:numId w:val="1"/></w:numPr>'
    styles = "".join(
        f'<w:style w:styleId="H{i}"><w:name w:val="heading {i}"/><w:pPr>{numbering}</w:pPr></w:style>' for i in (1, 2)
    )
    linked = '<w:pStyle w:val="H{}"/>'
    levels = level(0, "upperRoman", "Part %1", linked.format(1)) + level(1, "decimal", "%1.%2", linked.format(2))
    content = f'<w:abstractNum w:abstractNumId="9">{levels}</w:abstractNum>'
    content += '<w:num w:numId="1"><w:abstractNumId w:val="9"/></w:num>'
    body = made_files.paragraph("Rules", "H1") + made_files.paragraph("Scope", "H2") + made_files.paragraph("End", "H1")
    parts = {"word/numbering.xml": made_files.part("numbering", content),
             "word/styles.xml": made_files.part("styles", styles)}  # fmt: skip
    assert read_word(made_files.docx_of(body, parts=parts)).text == "# Part I Rules\n\n## I.1 Scope\n\n# Part II End"


def test_numbers_come_in_every_form_of_the_usual_ones() -> None:
    forms = {"upperLetter": "- A. ", "lowerRoman": "- iv. ", "decimalZero": "04. ", "upperRoman": "- IV. ", "none": ""}
    for form, shown in forms.items():
        start = '<w:start w:val="4"/>' if form != "upperLetter" else ""
        label = "" if form == "none" else "%1."
        text = text_of(numbered(1, 0, "word"), level(0, form, label, start))
        assert text == f"{shown}word"


def test_a_number_of_nought_takes_a_paragraph_out_of_its_list() -> None:
    assert text_of(numbered(1, 0, "in") + numbered(0, 0, "out"), level(0, "decimal", "%1.")) == "1. in\n\nout"


def test_empty_numbered_paragraphs_count_as_they_do_in_word() -> None:
    body = numbered(1, 0, "one") + numbered(1, 0, "") + numbered(1, 0, "three")
    assert text_of(body, level(0, "decimal", "%1.")) == "1. one\n3. three"
