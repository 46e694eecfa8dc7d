"""What a part of a web page is decides whether it stays, not how its class is called."""

import pytest

from indexing.sources.html import read_webpage

PROSE = "The pump runs for as long as the tank is full, and it stops by itself when the last litre has left the tank. "


def text_of(html: str) -> str:
    return read_webpage(html.encode()).text


@pytest.mark.parametrize(
    "inner",
    [
        '<div class="article-content sticky-sidebar-relative"><p>Kept words.</p></div>',
        '<div class="search-results-explained"><p>Kept words.</p></div>',
        '<p class="related">Kept words.</p>',
        '<section class="comments"><p>Kept words.</p></section>',
        '<ul class="menu"><li>Kept words.</li><li>Soup of the day.</li></ul>',
        '<dl class="rating"><dt>Kept words.</dt><dd>16 A</dd></dl>',
        '<div id="toc"><p>Kept words.</p></div>',
        '<p>Kept <span class="vote">words.</span></p>',
        '<p>Kept <small class="copyright">words.</small></p>',
        '<table class="sidebar"><tr><th>Kept words.</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>',
        "<aside><p>Kept words.</p></aside>",
        '<aside class="sidebar"><h4>Danger</h4><p>Kept words.</p></aside>',
        '<div role="complementary"><p>Kept words.</p></div>',
        '<footer><ol class="footnotes"><li>Kept words.</li></ol></footer>',
        "<label>Kept words.</label>",
    ],
)
@pytest.mark.parametrize("frame", ["<main>{}</main>", "<article>{}</article>", '<div role="main">{}</div>'])
def test_nothing_inside_the_article_goes_by_its_name_alone(inner: str, frame: str) -> None:
    page = "<h1>Pumps</h1>" + inner + "<p>More.</p>"
    assert " ".join(text_of(frame.format(page) + f"<div>{PROSE * 20}</div>").split()).find("Kept words.") > 0


@pytest.mark.parametrize(
    "inner",
    [
        '<div class="share"><a href="x">Left out</a></div>',
        '<div class="feedback">Left out? <button>Yes</button> <button>No</button></div>',
        '<div class="toc"><b>Left out</b> <a href="#a">The first part</a> <a href="#b">The second part</a></div>',
        '<ul class="breadcrumbs"><li><a href="/">Left out</a></li><li><a href="/b">Docs</a></li></ul>',
        "<aside><ul><li><a href=a>Left out</a><li><a href=b>Tools</a><li><a href=c>News</a></ul></aside>",
        '<nav>Left out</nav><div role="navigation">Left out</div><footer>Left out</footer>',
    ],
)
def test_links_and_short_controls_inside_the_article_still_go(inner: str) -> None:
    assert text_of(f"<main><h1>Pumps</h1><p>Kept.</p>{inner}</main>") == "# Pumps\n\nKept."


@pytest.mark.parametrize(
    "inner",
    [
        '<p class="related">Kept <a href="u">words</a> before you change from 2.x to 3.x.</p>',
        '<div class="menu"><p>Kept words. Soup of the day.</p></div>',
        '<ul class="social-benefits"><li>Kept words.</li><li>Child care</li></ul>',
        '<table class="share-rating"><tr><td class="social">Kept words.</td><td>16 A</td></tr></table>',
        '<p class="breadcrumb">Kept words make the crumbs crisp.</p>',
        '<dl class="vote"><dt>Kept words.</dt><dd>One for each member.</dd></dl>',
        '<div id="toc"><p>Kept words.</p></div>',
    ],
)
def test_text_without_links_stays_on_a_page_that_marks_no_article_whatever_it_is_called(inner: str) -> None:
    text = text_of(f"<div><h1>Pumps</h1><p>{PROSE}</p>{inner}<p>{PROSE * 3}</p></div>")
    assert "Kept words" in text


@pytest.mark.parametrize(
    "inner",
    [
        '<p class="breadcrumb">Left out &raquo; Pumps</p>',
        '<div class="menu"><p>Left out</p><a href="x">More</a></div>',
        '<div class="cookie-notice">Left out, or we bake cookies.</div>',
        '<div class="sidebar"><h4>Left out</h4><ul><li><a href="x">One</a></li><li><a href="y">Two</a></li></ul></div>',
        '<div class="search">Left out <input name="q"></div>',
    ],
)
def test_paths_menus_and_notices_go_from_a_page_that_marks_no_article(inner: str) -> None:
    assert "Left out" not in text_of(f"<div><h1>Pumps</h1><p>{PROSE}</p>{inner}<p>{PROSE * 3}</p></div>")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            '<div class="tabbed-set"><input type="radio"><div class="tabbed-labels"><label for="a">Linux</label>'
            '<label for="b">Windows</label></div><div class="tabbed-content"><div><p>Run apt.</p></div>'
            "<div><p>Run winget.</p></div></div></div>",
            "Linux\n\nRun apt.\n\nWindows\n\nRun winget.",
        ),
        ("<div><label>Linux</label><label>Windows</label></div><p>Run it.</p>", "Linux Windows\n\nRun it."),
        (
            "<div><label>npm</label><label>yarn</label></div><div><pre>npm i</pre><pre>yarn add</pre></div>",
            "npm\n\n```\nnpm i\n```\n\nyarn\n\n```\nyarn add\n```",
        ),
    ],
)
def test_labels_of_tabs_stand_at_what_they_show_and_are_no_one_word(html: str, text: str) -> None:
    extract = read_webpage(f"<main>{html}</main>".encode())
    assert extract.text == text
    assert extract.account is not None
    assert extract.account.unexplained == 0


def test_no_cell_and_no_row_goes_so_no_value_moves_under_another_heading() -> None:
    html = """<main><table><tr class="header"><th>Model</th><th class="rating">Rating</th><th>Price</th></tr>
    <tr class="nav"><td>BX-10</td><td class="share rating">16 A</td><td id="footer">12 EUR</td></tr>
    <tr class="footer"><td>BX-20</td><td class="hidden-menu">32 A</td><td>19 EUR</td></tr></table></main>"""
    expected = "| Model | Rating | Price |\n| --- | --- | --- |\n| BX-10 | 16 A | 12 EUR |\n| BX-20 | 32 A | 19 EUR |"
    assert text_of(html) == expected


def test_the_box_of_the_content_stays_whatever_it_is_called_beside_a_long_menu() -> None:
    menu = "".join(f"<li><a href=p{n}>A page of the site that has the number {n}</a>" for n in range(80))
    html = f'<div class="nav-list"><ul>{menu}</ul></div><div class="DocSearch-content"><h2>Pumps</h2><p>{PROSE * 3}</p>'
    assert text_of(html) == f"## Pumps\n\n{(PROSE * 3).strip()}"


@pytest.mark.parametrize(
    "tabs",
    [
        '<div role="tablist"><h4 role="tab"><a href="#c">Why?</a></h4><div id="c" role="tabpanel">Because.</div></div>',
        '<dl role="tablist"><dt role="tab">Why?</dt><dd>Because.</dd></dl>',
        '<div role="tablist"><div role="tab"><a href="#c1">Why?</a></div><div id="c1"><p>Because.</p></div></div>',
        '<div role="tablist"><h3 role="tab">Why?</h3><div style="display:none" role="tabpanel">Because.</div></div>',
    ],
)
def test_a_list_of_tabs_around_its_panels_stays(tabs: str) -> None:
    text = text_of(f"<main><h1>Questions</h1>{tabs}</main>")
    assert "Why?" in text
    assert "Because." in text


def test_a_list_of_tabs_alone_goes() -> None:
    html = (
        '<main><p>Run</p><ul role="tablist"><li role="tab">npm</li><li role="tab">yarn</li></ul><pre>npm i</pre></main>'
    )
    assert text_of(html) == "Run\n\n```\nnpm i\n```"


def test_of_several_main_parts_the_one_with_the_heading_is_taken() -> None:
    html = f"<main><p>{PROSE * 4}</p></main><main><h1>Guide</h1><p>{PROSE}</p></main>"
    assert text_of(html) == f"# Guide\n\n{PROSE.strip()}"
    hero = f"<main><h1>Hi</h1></main><main><p>{PROSE * 4}</p></main>"
    assert text_of(hero) == (PROSE * 4).strip()


def test_the_heading_right_above_an_article_belongs_to_it() -> None:
    html = f"<div>Shop</div><div><header><h1>Pumps</h1></header><article><p>{PROSE}</p></article></div>"
    assert text_of(html) == f"# Pumps\n\n{PROSE.strip()}"


@pytest.mark.parametrize(
    "table",
    [
        "<tr><th>Plan</th><th>Pro</th></tr><tr><td><h3>Seats</h3></td><td>50</td></tr>",
        "<tr><td>Plan</td><td>Pro</td></tr><tr><td><h3>Seats</h3></td><td>50</td></tr>",
        "<tr><th><h2>Plan</h2></th><th>Pro</th></tr><tr><td><h4>Seats</h4></td><td>50</td></tr>",
        "<thead><tr><th>Plan<th>Pro</thead><tbody><tr><td><h3><a href=s>Seats</a></h3><td><h3>50</h3></tbody>",
    ],
)
def test_a_heading_in_a_cell_makes_no_layout_of_a_table_of_data(table: str) -> None:
    assert text_of(f"<main><table>{table}</table></main>") == "| Plan | Pro |\n| --- | --- |\n| Seats | 50 |"


def test_a_cell_with_a_heading_over_text_is_a_part_of_the_page() -> None:
    html = f"<table><tr><td>Kept aside</td><td><h2>Pumps</h2><p>{PROSE}</p></td></tr></table>"
    assert text_of(html) == f"Kept aside\n\n## Pumps\n\n{PROSE.strip()}"


@pytest.mark.parametrize(
    "block",
    [
        "<table><tr><th>a</th><th>b</th></tr><tr><td><a href=1>Kept</a></td><td><a href=2>words</a></td></tr></table>",
        "<table><tr><td><a href=1>Kept</a><td><a href=2>words</a></tr><tr><td><a href=3>c</a><td>d</table>",
        "<dl><dt><a href=1>Kept</a></dt><dd><a href=2>words</a></dd></dl>",
        "<ul><li><code><a href=1>Kept</a></code> <a href=2>words</a><li><code>n</code> <a href=3>int</a></ul>",
        "<h4>See also</h4><ul><li><a href=1>Kept</a></li><li><a href=2>words</a></li></ul>",
    ],
)
def test_tables_and_lists_of_parameters_stay_on_a_page_that_marks_no_main_part(block: str) -> None:
    html = f"<div><h2>f()</h2><p>{PROSE}</p><div>{block}</div></div>" if "h4" not in block else (
        f"<div><h2>f()</h2><p>{PROSE}</p>{block}</div>"
    )  # fmt: skip
    text = text_of(html + "<div><a href=x>Home</a> <a href=y>Index</a></div>")
    assert "Kept" in text
    assert "words" in text
    assert "Index" not in text


def test_the_boxes_of_tasks_are_ticked_or_not() -> None:
    html = (
        "<main><ul><li><input type=checkbox checked> Done<li><label><input type=checkbox> Not yet</label></ul></main>"
    )
    assert text_of(html) == "- [x] Done\n- [ ] Not yet"


@pytest.mark.parametrize(
    "tasks",
    [
        '<ul class="inline-task-list"><li class="checked"><span>Done</span></li><li><span>Not yet</span></li></ul>',
        '<ul class="to-do-list"><li><div class="checkbox checkbox-on"></div> <span>Done</span></li></ul>'
        '<ul class="to-do-list"><li><div class="checkbox checkbox-off"></div> <span>Not yet</span></li></ul>',
        '<ul><li><span role="checkbox" aria-checked="true"></span>Done</li>'
        '<li><span role="checkbox" aria-checked="false"></span>Not yet</li></ul>',
    ],
)
def test_boxes_of_tasks_that_other_programs_draw_are_ticked_or_not(tasks: str) -> None:
    extract = read_webpage(f"<main>{tasks}</main>".encode())
    assert [" ".join(line.split()) for line in extract.text.splitlines() if line] == ["- [x] Done", "- [ ] Not yet"]
    assert extract.account is not None
    assert extract.account.unexplained == 0


NAMES = ("Bounce", "Client", "Template", "Webhook")


def reference_page(*sections: str) -> str:
    """A page of an API reference that marks no main part, beside a menu."""
    menu = "".join(f"<li><a href=../classes/{name}.html>{name} of the menu</a></li>" for name in NAMES)
    column = f"<div><div><h1>Module mail</h1></div><section><p>{PROSE}</p></section>{''.join(sections)}</div>"
    return f'<div class="container">{column}<div><div><ul>{menu}</ul></div></div></div>'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<section><h3>Classes</h3><div>", "</div></section>"),
        ("<section><h2>All there is to be found in this module</h2><h3>Classes</h3><ul>", "</ul></section>"),
        ("<section><h2>Index</h2><section><h3>Classes</h3><ul>", "</ul></section></section>"),
        (
            "<section><details><summary><h5>Index</h5></summary><section><h3>Classes</h3><div>",
            "</div></section></details></section>",
        ),
    ],
)
def test_a_section_that_lists_pages_is_content_and_the_menu_beside_it_is_not(before: str, after: str) -> None:
    links = " ".join(f"<a href={name}.html><span>{name}</span></a>" for name in NAMES)
    text = text_of(reference_page(before + links + after))
    assert "### Classes\n\n" + " ".join(NAMES) in text.replace("\n- ", " ").replace("- ", "")
    assert "of the menu" not in text


def test_what_a_class_is_made_of_stays_though_most_of_it_is_links() -> None:
    tree = "<ul><li><a href=Error.html>Error</a><ul><li><b>MailError</b></li></ul></li></ul>"
    users = "<ul><li><a href=A.html>SendError</a></li><li><a href=B.html>ReadError</a></li></ul>"
    text = text_of(
        reference_page(f"<section><h4>Hierarchy</h4>{tree}</section><section><h4>Used by</h4>{users}</section>")
    )
    assert all(name in text for name in ("Hierarchy", "Error", "MailError", "Used by", "SendError", "ReadError"))


OWN_ADDRESS = '<link rel="canonical" href="https://example.org/api/classes/Bounce.html">'


@pytest.mark.parametrize("address", ["#{}", "Bounce.html#{}", "../classes/Bounce.html#{}"])
@pytest.mark.parametrize("place", ['<a id="{}"></a>', '<a name="{}"></a>', '<span id="{}"></span>'])
def test_a_table_of_contents_in_a_section_goes_and_what_it_names_stands_there_once(address: str, place: str) -> None:
    links = "".join(f"<a href='{address.format(name)}'>{name}</a> " for name in NAMES)
    members = "".join(
        f"<section>{place.format(name)}<h3>{name}</h3><div>{name}: <a href=Type.html>{name}Type</a></div>"
        f"<aside><ul><li>Defined in <a href=https://example.org/{name}.ts>{name}.ts</a></li></ul></aside></section>"
        for name in NAMES
    )
    page = reference_page(f"<section><h3>Properties</h3><div>{links}</div></section>", members)
    text = text_of(OWN_ADDRESS + page)
    assert " ".join(NAMES) not in text
    for name in NAMES:
        assert text.count(f"### {name}\n\n{name}: {name}Type\n\n- Defined in {name}.ts") == 1


@pytest.mark.parametrize("head", ["", OWN_ADDRESS])
@pytest.mark.parametrize("address", ["{}", "{}.html", "Other.html#{}", "/{}", "http://[#{}", "https://example.org/#{}"])
def test_a_list_of_pages_stays_though_this_page_calls_places_the_same(address: str, head: str) -> None:
    links = "".join(f"<a href='{address.format(name)}'>{name}</a> " for name in NAMES)
    members = "".join(f"<section><h3 id={name}>{name}</h3><p>The {name} does that.</p></section>" for name in NAMES)
    text = text_of(head + reference_page(f"<section><h3>See also</h3><div>{links}</div></section>", members))
    assert f"### See also\n\n{' '.join(NAMES)}" in text


def test_of_an_index_the_part_that_names_places_of_the_page_goes_alone() -> None:
    pages = "".join(f"<a href={name}.html>{name}</a> " for name in NAMES)
    here = "<a href=#send>send</a> <a href=#read>read</a>"
    functions = "".join(
        f"<section><h3 id={name}>{name}</h3><p>It does that.</p></section>" for name in ("send", "read")
    )
    index = (
        f"<section><h2>Index</h2><section><h3>Classes</h3><div>{pages}</div></section>"
        f"<section><h3>Functions</h3><div>{here}</div></section></section>"
    )
    extract = read_webpage(reference_page(index, functions).encode())
    assert " ".join(NAMES) in extract.text
    assert "send read" not in extract.text
    assert "### send\n\nIt does that." in extract.text
    assert extract.account is not None
    assert extract.account.unexplained == 0
    assert extract.account.left_out["navigation"] > 0


@pytest.mark.parametrize(
    "button",
    [
        '<button class="btn btn-link" data-toggle="collapse" data-target="#one">How do I pay?</button>',
        '<button data-bs-toggle="collapse" data-bs-target="#one" aria-expanded="true">How do I pay?</button>',
        '<h2><button type="button">How do I pay?</button></h2>',
    ],
)
@pytest.mark.parametrize("frame", ["<main>{}</main>", "<div>{}</div>"])
def test_a_button_that_unfolds_a_part_of_the_page_is_its_heading(button: str, frame: str) -> None:
    card = (
        f'<div class="card"><div class="card-header">{button}</div><div id="one" class="collapse">By card.</div></div>'
    )
    text = text_of(frame.format(f'<h1>Questions</h1><div class="accordion">{card}</div><p>{PROSE}</p>'))
    assert text.index("How do I pay?") < text.index("By card.")


def test_a_button_that_opens_a_dialog_or_unfolds_nothing_is_a_control() -> None:
    buttons = (
        '<button data-toggle="modal" data-target="#one">Left out</button><button>Left out</button>'
        '<button data-toggle="collapse" data-target="#none">Left out</button>'
    )
    assert "Left out" not in text_of(f"<main><h1>Questions</h1>{buttons}<div id=one>{PROSE}</div></main>")
