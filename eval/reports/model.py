"""What a report is made of, whatever format it is written in: sections of prose, figures, tables and charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from eval.reports.charts.data import Drawing

Tone = Literal["neutral", "good", "caution", "bad"]
"""How a statement is meant: it colours a badge, whose word says the same."""
Form = Literal["text", "code", "count", "score", "signed", "share", "ms", "p", "number", "moment"]
"""How the values of a column read; every format but JSON writes them so."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value with the ends of its interval, ``None`` where it has none."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """The ends as a drawing needs them: the value itself where there is no interval."""
        low, high = (self.value if end is None else end for end in (self.low, self.high))
        return low, high


@dataclass(frozen=True, slots=True)
class Badge:
    """A word that judges, such as PROMOTE."""

    word: str
    tone: Tone = "neutral"


Cell: TypeAlias = str | int | float | Estimate | Badge | datetime | None
"""One value of a table; ``None`` reads as a dash."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, and how its values read."""

    name: str
    form: Form = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of values; each row has a cell for each column. ``caption`` says what the rows are."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a chart's legend: the name of a series, and the role of its colour (``charts.theme.ROLES``)."""

    name: str
    role: str
    mark: Literal["line", "area", "dot", "bar"] = "line"


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with what it says in words and the table of its values.

    ``id`` is unique in a report: lower-case letters, digits and hyphens. ``summary`` is read to who cannot see it.
    """

    id: str
    title: str
    summary: str
    drawing: Drawing
    table: Table
    legend: Sequence[Key] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class ChartGrid:
    """Small charts side by side, as many in a row as there is room for."""

    charts: Sequence[Chart]


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs in plain words, without markup."""

    paragraphs: Sequence[str]
    is_caveat: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """Names, each with what is to be said of it."""

    items: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to know at a glance."""

    label: str
    value: str
    note: str = ""
    tone: Tone = "neutral"


@dataclass(frozen=True, slots=True)
class Facts:
    """A row of facts."""

    items: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """A document in a ranking, from rank 1; ``grade`` is its judgment, ``None`` where it has none."""

    rank: int
    document_id: str
    grade: int | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one release answered to a query, best first, and what that scored."""

    release: str
    score: float
    documents: Sequence[RankedDocument]


@dataclass(frozen=True, slots=True)
class RankedQuery:
    """A query with one ranking or two. ``text`` is ``None`` where the policy of its tenant hides it."""

    query_id: str
    text: str | None
    measure: str
    rankings: Sequence[Ranking]
    note: str = ""


@dataclass(frozen=True, slots=True)
class RankedQueries:
    """Queries with their rankings, one below the other."""

    queries: Sequence[RankedQuery]


Block: TypeAlias = Prose | Terms | Facts | Table | Chart | ChartGrid | RankedQueries


@dataclass(frozen=True, slots=True)
class Headline:
    """What a section comes to, in a sentence that stands at the head of the report."""

    text: str
    tone: Tone = "neutral"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report; one without blocks is left out, and ``absent`` says why.

    ``tenants`` are those whose documents, queries or comments it names: erasing one of them removes the report.
    """

    id: str
    title: str
    blocks: Sequence[Block] = ()
    headlines: Sequence[Headline] = ()
    absent: str = ""
    tenants: frozenset[str] = frozenset()

    @property
    def is_present(self) -> bool:
        """Whether it has anything to show."""
        return bool(self.blocks)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one report says; ``since`` and ``until`` bound the period it is about (UTC)."""

    title: str
    home: str
    release: str
    made_at: datetime
    since: datetime
    until: datetime
    sections: Sequence[Section]

    @property
    def present(self) -> list[Section]:
        """The sections that have anything to show."""
        return [section for section in self.sections if section.is_present]

    @property
    def absent(self) -> list[Section]:
        """The sections that were left out."""
        return [section for section in self.sections if not section.is_present]

    @property
    def tenants(self) -> frozenset[str]:
        """Every tenant of whom any section names something."""
        return frozenset[str]().union(*(section.tenants for section in self.sections))
