"""Keeps the lines of code in a web page: numbers of lines go, and each line of a table or list of code is one line."""

from selectolax.lexbor import LexborHTMLParser, LexborNode

from indexing.sources.extracted_text import letters_and_digits
from indexing.sources.html_tables import rows_of
from indexing.sources.html_tree import Cuts, children, class_words, names, outermost

_NUMBERS = "line numbers"
_NUMBER_WORDS = names("line lines lineno linenos linenumber linenumbers ln lnt num number numbers gutter")
_CODE_WORDS = names("blob code highlighttable rouge hljs lntable lntd chroma syntaxhighlighter")
"""Words of class names, by those who write code with numbers: Pygments, Rouge, Chroma, highlight.js, GitHub."""
_LINE_BLOCKS = names("li tr div p pre summary")
_IN_LINES = "pre li, pre tr, pre div, pre p, pre pre, pre summary"
_MARKED_NUMBERS = "pre span[class], pre a[class], pre a[data-nosnippet], pre span[id], pre td[class], pre div[class]"


def keep_code_lines(page: LexborHTMLParser, root: LexborNode, cuts: Cuts) -> None:
    """Makes tables of code one block of code, and takes the numbers of lines out of code."""
    for table in reversed(root.css("table")):
        lines = _numbered_code(table)
        if lines is not None and table.mem_id != root.mem_id:
            _replace_table(page, table, lines, cuts)
    for box in outermost(root.css("div:has(> div.line .lineno), div.fragment:has(div.line)")):
        _replace_lines(page, box, cuts)
    _drop_numbers(root, cuts)
    for pre in {node.mem_id: node for node in map(_outermost_pre, root.css(_IN_LINES)) if node is not None}.values():
        code = pre.css_first("code") or pre
        text = code_text(pre)
        for child in list(children(code if _is_all(code, pre) else pre)):
            child.decompose()
        (code if _is_all(code, pre) else pre).insert_child(text)


def code_text(node: LexborNode) -> str:
    """The text of an element of code, with an end of line behind each element that is a line."""
    parts: list[str] = []
    _write_lines(node, parts)
    return "".join(parts).strip("\n")


def _is_all(code: LexborNode, pre: LexborNode) -> bool:
    return code.text().strip() == pre.text().strip()


def _outermost_pre(node: LexborNode) -> LexborNode | None:
    found, above = None, node.parent
    while above is not None:
        found = above if above.tag == "pre" else found
        above = above.parent
    return found


def _write_lines(node: LexborNode, parts: list[str]) -> bool:
    """Appends the text of ``node`` to ``parts``; whether an element that is a line was in it."""
    has_lines = False
    for child in children(node):
        if child.is_text_node:
            parts.append(child.text() or "")
        elif child.tag == "br":
            parts.append("\n")
        elif child.is_element_node:
            is_line = child.tag in _LINE_BLOCKS and not _is_empty_gutter(child)
            if is_line and not has_lines and parts and not parts[-1].endswith("\n") and parts[-1].strip():
                parts.append("\n")
            start = len(parts)
            holds_lines = _write_lines(child, parts)
            if is_line and not holds_lines and not "".join(parts[start:]).endswith("\n"):
                parts.append("\n")
            has_lines |= is_line or holds_lines
    return has_lines


def _is_empty_gutter(node: LexborNode) -> bool:
    """Whether an element is what the numbers of lines were taken from, and no empty line."""
    return not node.text().strip() and not (_NUMBER_WORDS - {"line", "num"}).isdisjoint(class_words(node))


def _numbered_code(table: LexborNode) -> list[list[LexborNode]] | None:
    """The rows of a table of code, whose last cells are code and all others numbers of lines; else ``None``."""
    rows = [cells for cells in rows_of(table) if cells]
    coded = [cells for cells in rows if len(cells) > 1]
    if not coded or any(len(cells) != len(coded[0]) for cells in coded):
        return None
    numbers = [cell for cells in coded for cell in cells[:-1]]
    if not all(_is_numbers(cell) for cell in numbers):
        return None
    is_numbered = any(map(_has_number, numbers))
    is_code = all(_is_code(cells[-1]) or not cells[-1].text().strip() for cells in coded)
    is_marked = any(map(_is_marked, numbers)) or not _CODE_WORDS.isdisjoint(class_words(table))
    is_counted = all(cells[-1].css_first("pre") is not None for cells in coded) and _counts(numbers)
    return rows if is_code and is_numbered and (is_marked or is_counted) else None


def _counts(numbers: list[LexborNode]) -> bool:
    if not all(map(_is_numbers, numbers)):
        return False
    found = [int(number) for cell in numbers for number in _number_words(cell)]
    return len(found) > 1 and found == list(range(found[0], found[0] + len(found)))


def _is_numbers(cell: LexborNode) -> bool:
    return all(word.isascii() and word.isdigit() for word in _number_words(cell))


def _number_words(cell: LexborNode) -> list[str]:
    return cell.text(separator=" ").replace("+", " ").replace("-", " ").split()


def _has_number(cell: LexborNode) -> bool:
    return "data-line-number" in cell.attributes or bool(cell.text().strip())


def _is_marked(cell: LexborNode) -> bool:
    return "data-line-number" in cell.attributes or not _NUMBER_WORDS.isdisjoint(class_words(cell))


def _is_code(cell: LexborNode) -> bool:
    if not _CODE_WORDS.isdisjoint(class_words(cell)):
        return True
    code = cell.css("pre, code")
    return len(code) > 0 and code[0].text().strip() == cell.text().strip()


def _replace_table(page: LexborHTMLParser, table: LexborNode, rows: list[list[LexborNode]], cuts: Cuts) -> None:
    lines: list[str] = []
    for cells in rows:
        if len(cells) > 1:
            lines.append(code_text(cells[-1]))
            for cell in cells[:-1]:
                cuts.count(cell.text(), _NUMBERS)
        elif cells[0].text().strip():  # the name of a file above its code
            name = page.create_node("p")
            name.insert_child(cells[0].text().strip())
            table.insert_before(name)
    for caption in table.css("caption"):
        table.insert_before(caption)
    code = page.create_node("pre")
    code.insert_child("\n".join(lines))
    table.insert_before(code)
    table.decompose()


def _replace_lines(page: LexborHTMLParser, box: LexborNode, cuts: Cuts) -> None:
    """Makes a box whose parts are lines of code, as Doxygen writes it, one block of code."""
    for hint in outermost(box.css("div.ttc")):
        cuts.cut(hint, "hidden text")
    for number in outermost(box.css(".lineno")):
        cuts.cut(number, _NUMBERS)
    lines = [line.text().strip("\n") for line in box.css("div.line")]
    if letters_and_digits("".join(lines)) == letters_and_digits(box.text()):
        code = page.create_node("pre")
        code.insert_child("\n".join(lines))
        box.insert_before(code)
        box.decompose()


def _drop_numbers(root: LexborNode, cuts: Cuts) -> None:
    """Takes away the numbers that stand in a block of code, or in a block of their own beside it."""
    for pre in root.css("pre + pre"):
        before = pre.prev
        while before is not None and not before.is_element_node:
            before = before.prev
        if before is not None and before.text().strip() and _counts([before]):
            cuts.cut(before, _NUMBERS)
    for node in outermost([node for node in root.css(_MARKED_NUMBERS) if _is_line_number(node)]):
        cuts.cut(node, _NUMBERS)


def _is_line_number(node: LexborNode) -> bool:
    text = node.text().strip()
    if not (text.isascii() and text.isdigit()):
        return False
    attributes = node.attributes
    if node.tag == "a" or (attributes.get("id") or "") == text:
        is_named = "data-nosnippet" in attributes or (attributes.get("id") or "") == text
        return is_named or not _NUMBER_WORDS.isdisjoint(class_words(node))
    return not (_NUMBER_WORDS - {"number", "num", "line"}).isdisjoint(class_words(node)) or _is_named_line_number(node)


def _is_named_line_number(node: LexborNode) -> bool:
    name = "-".join(class_words(node))
    return "line-num" in name or "line-no" in name
