"""Takes the article out of a web page, as Markdown, and says where the rest of its text went.

Navigation, banners, forms, hidden parts and the like are found by element, role and name; in a page that marks no
main part also by what is nothing but links. Everything else is kept: a page that fits no rule loses nothing.
"""

import re
from collections.abc import Mapping

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from indexing.sources.extracted_text import Extract, TextAccount, Unreadable, letters_and_digits, tidied_title
from indexing.sources.html_code import keep_code_lines
from indexing.sources.html_encoding import page_text
from indexing.sources.html_facts import address_of, language_of, refuse_lost_permission, titles_of
from indexing.sources.html_furniture import drop_by_name, drop_by_role
from indexing.sources.html_main_part import drop_link_blocks, main_part
from indexing.sources.html_tables import unwrap_layout
from indexing.sources.html_tabs import name_panels
from indexing.sources.html_to_markdown import markdown_of, written_letters
from indexing.sources.html_tree import AROUND, Cuts, text_of
from indexing.sources.html_unseen import drop_unseen
from indexing.sources.html_words import keep_words, raised_classes

READER = "html 3"
"""This reader and the number of its rules, as accounts name it."""


def read_webpage(data: bytes) -> Extract:
    """The article of an HTML page, with its title, address (``canonical``, ``og:url``, "saved from") and language.

    A page of nothing but links, such as an index, gives its headings and the links' texts. The account counts all text
    nodes of the page but its title, which is kept apart.

    Raises:
        Unreadable: It has no words outside navigation, scripts and hidden parts, is nested too deep, or says who may
            read it.
    """
    source = page_text(data)
    try:
        page = LexborHTMLParser(source)
    except SelectolaxError as error:  # every text is some HTML, so nothing but memory was wanting
        raise MemoryError from error
    body = page.body
    if body is None or page.root is None:
        raise Unreadable("no readable text: the page has no body; export it again, or remove it")
    refuse_lost_permission(page)
    named, title = titles_of(page)
    facts, url = language_of(page), address_of(page, source)
    in_head = text_of(page.head.css_first("title")) if page.head is not None else ""  # else it is left out as any text
    raw = letters_and_digits(page.root.text()) - letters_and_digits(in_head)
    headings, text, left_out, described = _article(page, body, url)
    if not re.search(r"\w", text):
        raise Unreadable(
            "no readable text: the page has no words outside navigation, scripts and hidden parts; if a script writes"
            " its text, save the page from a browser, else remove it"
        )
    account = TextAccount(READER, raw, written_letters(text) - described, left_out)
    return Extract(text, tidied_title(headings[0] if len(headings) == 1 else named or title), url, facts, account)


def _article(page: LexborHTMLParser, body: LexborNode, url: str) -> tuple[list[str], str, Mapping[str, int], int]:
    """The main headings of the article, its Markdown, what was left out, and the letters that were put in besides."""
    cuts, raised = Cuts(), raised_classes(page)
    if page.head is not None:
        in_title = letters_and_digits(text_of(page.head.css_first("title")))
        cuts.left_out["scripts and styles"] = letters_and_digits(page.head.text()) - in_title
    name_panels(page, body)
    described = drop_unseen(body, cuts)
    drop_by_role(body, cuts)
    root = main_part(body)
    is_article = root.mem_id != body.mem_id
    if is_article:
        cuts.count_around(body, root, AROUND)
    keep_code_lines(page, root, cuts)  # before lines of code with links in them are taken for menus
    drop_by_name(root, cuts, is_article=is_article)
    if not is_article:
        drop_link_blocks(body, cuts, url)
    keep_words(root, cuts, raised)
    unwrap_layout(page, root)
    for summary in root.css("summary:has(h1, h2, h3, h4, h5, h6)"):
        summary.unwrap()  # else the heading would be inside bold type, and no heading
    headings = [heading for node in root.css("h1") if (heading := text_of(node))]
    return headings, markdown_of(root.html or ""), cuts.counts(), described
