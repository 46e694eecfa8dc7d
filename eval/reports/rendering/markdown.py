"""A report as Markdown: its words and tables; a chart is its table there."""

import re
from collections.abc import Iterator, Sequence
from functools import singledispatch

from eval.reports.cells import aligned_right, moment, said
from eval.reports.model import (
    Block,
    Chart,
    ChartGrid,
    Column,
    Facts,
    Prose,
    RankedQueries,
    RankedQuery,
    Report,
    Section,
    Table,
    Terms,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")
"""Every character that Markdown may take for markup."""
_NUMBERED = re.compile(r"^(\d+)([.)])")
"""How an entry of a numbered list begins."""
HIDDEN = "(its text is hidden by its tenant's policy)"
"""What stands for a query whose text may not be shown."""


def to_markdown(report: Report) -> str:
    """The report as Markdown with tables as GitHub writes them."""
    return "\n".join(_lines(report)).strip() + "\n"


def escaped(text: str) -> str:
    """A text that reads as it is, whatever it holds: one line, no markup."""
    return _NUMBERED.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", " ".join(text.split())))


def _lines(report: Report) -> Iterator[str]:
    yield from (f"# {escaped(report.title)}", "")
    yield escaped(
        f"Home {report.home}, release {report.release}; {moment(report.since)} to {moment(report.until)} UTC,"
        f" made {moment(report.made_at)} UTC."
    )
    yield ""
    for section in report.present:
        for headline in section.headlines:
            yield f"- {escaped(headline.text)}"
    for section in report.present:
        yield from _section(section)
    if report.absent:
        yield from ("", "## Left out", "")
        yield from (f"- **{escaped(one.title)}**: {escaped(one.absent)}" for one in report.absent)


def _section(section: Section) -> Iterator[str]:
    yield from ("", f"## {escaped(section.title)}")
    for block in section.blocks:
        yield ""
        yield from _block(block)


@singledispatch
def _block(block: Block) -> Iterator[str]:
    """The lines of one block."""
    raise TypeError(f"{type(block).__name__} is not a block of a report: give it its lines here.")


@_block.register
def _(block: Prose) -> Iterator[str]:
    for paragraph in block.paragraphs:
        yield from (f"> {escaped(paragraph)}" if block.is_caveat else escaped(paragraph), "")


@_block.register
def _(block: Terms) -> Iterator[str]:
    yield from (f"- **{escaped(name)}**: {escaped(text)}" for name, text in block.items)


@_block.register
def _(block: Facts) -> Iterator[str]:
    for fact in block.items:
        note = f" ({fact.note})" if fact.note else ""
        yield f"- **{escaped(fact.label)}**: {escaped(fact.value + note)}"


@_block.register
def _(block: ChartGrid) -> Iterator[str]:
    for chart in block.charts:
        yield from (*_chart(chart), "")


@_block.register
def _(block: RankedQueries) -> Iterator[str]:
    for query in block.queries:
        yield from (*_query(query), "")


@_block.register
def _chart(chart: Chart) -> Iterator[str]:
    yield from (f"### {escaped(chart.title)}", "", escaped(chart.summary), "")
    if chart.note:
        yield from (escaped(chart.note), "")
    yield from _table(chart.table)


@_block.register
def _table(table: Table) -> Iterator[str]:
    if table.caption:
        yield from (f"**{escaped(table.caption)}**", "")
    yield _row([escaped(column.name) for column in table.columns])
    yield _row(["---:" if aligned_right(column) else "---" for column in table.columns])
    for row in table.rows:
        yield _row([escaped(said(cell, column.form)) for cell, column in zip(row, table.columns, strict=True)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _query(query: RankedQuery) -> Iterator[str]:
    text = HIDDEN if query.text is None else query.text
    yield from (f"### {escaped(query.query_id)}: {escaped(text)}", "")
    if query.note:
        yield from (escaped(query.note), "")
    for ranking in query.rankings:
        columns = (Column("rank", "count"), Column("document", "code"), Column("judged", "count"))
        rows = [(one.rank, one.document_id, one.grade) for one in ranking.documents]
        caption = f"release {ranking.release}: {query.measure} {ranking.score:.3f}"
        yield from (*_table(Table(caption, columns, rows)), "")
