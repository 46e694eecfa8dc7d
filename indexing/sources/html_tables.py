"""Tells tables of data from tables that only place things on the page, and takes the latter apart."""

from selectolax.lexbor import LexborHTMLParser, LexborNode

from indexing.sources.html_tree import children, role_of, text_of

_PARTS = ("tbody", "thead", "tfoot", "tr", "td", "th")
_CELLS = ("td", "th")
_HEADINGS = "td h1, td h2, td h3, td h4"


def rows_of(table: LexborNode) -> list[list[LexborNode]]:
    """The cells of each row of a table, without those of tables inside it."""
    rows: list[list[LexborNode]] = []
    parts = [table]
    for node in parts:
        if node.tag == "tr":
            rows.append([child for child in children(node) if child.tag in _CELLS])
        else:
            parts.extend(child for child in children(node) if child.tag in ("tbody", "thead", "tfoot", "tr"))
    return rows


def is_layout(table: LexborNode) -> bool:
    """Whether a table only places things on the page.

    One with another table inside does, and one whose cells hold headings over other text. A heading that is all of its
    cell is the name of a row, and a table with header cells of its own is one of data.
    """
    if role_of(table) in ("presentation", "none"):
        return True
    if any(node.mem_id != table.mem_id for node in table.css("table")):
        return not _has_columns(table)
    if table.css_first("th") is not None:
        return False
    return any(_heads_more(heading) for heading in table.css(_HEADINGS))


def holds_data(table: LexborNode) -> bool:
    """Whether a table is one of data: more than a row of things beside each other, such as a menu."""
    if is_layout(table):
        return False
    return table.css_first("th") is not None or sum(len(cells) > 1 for cells in rows_of(table)) > 1


def _has_columns(table: LexborNode) -> bool:
    """Whether a table has a row of header cells over rows of as many cells."""
    rows = [len(cells) for cells in rows_of(table)]
    heads = [cells for cells in rows_of(table) if len(cells) > 1 and all(cell.tag == "th" for cell in cells)]
    return bool(heads) and all(count == len(heads[0]) for count in rows)


def _heads_more(heading: LexborNode) -> bool:
    cell = heading.parent
    while cell is not None and cell.tag != "td":
        cell = cell.parent
    if cell is None or cell.parent is None:
        return False
    is_alone = sum(child.tag in _CELLS for child in children(cell.parent)) == 1
    return is_alone or text_of(cell) != text_of(heading)


def unwrap_layout(page: LexborHTMLParser, root: LexborNode) -> None:
    """Makes each cell of a layout table a part of the page by itself, and keeps the cells of all other tables."""
    for link in root.css("td a"):
        link.unwrap()  # html-to-markdown would make a table of nothing but links a list
    tables = [table for table in root.css("table") if is_layout(table)]
    for table in tables:
        parts = [table]
        for node in parts:
            parts.extend(child for child in children(node) if child.tag in _PARTS)
        for node in reversed(parts):
            node.insert_before(page.create_node("div"))
            if node.mem_id == root.mem_id:
                continue
            node.unwrap()
